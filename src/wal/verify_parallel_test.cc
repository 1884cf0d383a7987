// Segments that are checked by several threads at once.
#include <gtest/gtest.h>

#include <algorithm>

#include "io/thread_runtime.h"
#include "wal/log_fixture.h"
#include "wal/verify.h"

namespace sluice::wal {
namespace {

/// CrashDisk serves one thread.
class LockedDisk : public Disk {
 public:
  LockedDisk(Runtime& runtime, Disk& inner) : inner_(inner), monitor_(runtime.monitor()) {}
  Result<std::unique_ptr<File>> create(std::string_view) override { return refused(); }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Status rename(std::string_view, std::string_view) override { return refused(); }
  Status remove(std::string_view) override { return refused(); }
  Result<std::vector<DiskEntry>> list() override { return inner_.list(); }
  Status sync_dir() override { return refused(); }
  Result<std::unique_ptr<DiskLock>> lock(std::string_view) override { return refused(); }
  Result<uint64_t> free_bytes() override { return refused(); }

  Error refused() const { return Error(Code::kInvalid, "only reading"); }
  Monitor& monitor() { return *monitor_; }
  /// Files that are open at once, beyond those that only their headers were read of.
  int open_files = 0;
  int open_files_max = 0;

 private:
  Disk& inner_;
  std::unique_ptr<Monitor> monitor_;
};

class LockedFile : public File {
 public:
  LockedFile(LockedDisk& disk, std::unique_ptr<File> inner)
      : disk_(disk), inner_(std::move(inner)) {
    disk_.open_files_max = std::max(disk_.open_files_max, ++disk_.open_files);
  }
  ~LockedFile() override {
    const MonitorLock lock(disk_.monitor());
    --disk_.open_files;
    inner_.reset();
  }
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    const MonitorLock lock(disk_.monitor());
    return inner_->read_at(offset, out);
  }
  Result<uint64_t> size() override {
    const MonitorLock lock(disk_.monitor());
    return inner_->size();
  }
  Status pwrite_at(uint64_t, ByteView) override { return disk_.refused(); }
  Status sync() override { return disk_.refused(); }
  Status truncate(uint64_t) override { return disk_.refused(); }
  Status allocate(uint64_t, uint64_t) override { return disk_.refused(); }

 private:
  LockedDisk& disk_;
  std::unique_ptr<File> inner_;
};

Result<std::unique_ptr<File>> LockedDisk::open(std::string_view name, OpenMode mode) {
  const MonitorLock lock(*monitor_);
  std::unique_ptr<File> file = TRY(inner_.open(name, mode));
  return std::make_unique<LockedFile>(*this, std::move(file));
}

std::string in_words(const LogReport& report) {
  std::string words;
  for (const SegmentReport& segment : report.segments) {
    const SegmentContent& content = segment.content;
    words += segment.name + " " + std::to_string(content.user_frames) + " frames, " +
             std::to_string(content.marks) + " marks, to " + std::to_string(content.accepted.end) +
             (segment.damage ? ", " + segment.damage->to_string() : "") + "\n";
  }
  for (const Finding& finding : report.findings) {
    words += finding.object + " " + std::to_string(finding.offset) + " " +
             finding.error.to_string() + "\n";
  }
  return words;
}

class ParallelVerification : public ::testing::Test {
 protected:
  ParallelVerification() {
    const OpenLog log = open_log(disk_).value();
    for (int i = 0; i < 60; ++i) {
      EXPECT_TRUE(i % 4 != 3 || log->roll(as_bytes("state")).ok());
      EXPECT_TRUE(append(*log, {"frame " + std::to_string(i), std::string(700, 'y')}).ok());
      EXPECT_TRUE(log->sync().ok());
    }
    EXPECT_TRUE(log->close().ok());
  }
  LogReport in_parallel(uint32_t threads) {
    LockedDisk locked(*runtime_, disk_);
    LogReport report = verify_segments_in_parallel(*runtime_, locked, threads).value();
    open_files_max_ = locked.open_files_max;
    return report;
  }
  void flip(const std::string& name, uint64_t offset) {
    disk_.bytes(name).at(offset) ^= std::byte{0x40};
    disk_.settle(name);
  }

  const std::unique_ptr<Runtime> runtime_ = io::make_thread_runtime();
  CrashDisk disk_;
  int open_files_max_ = 0;
};

TEST_F(ParallelVerification, ReportsOfASoundLogWhatOneThreadReports) {
  const std::string alone = in_words(verify_log(disk_).value());
  EXPECT_NE(alone.find("frames"), std::string::npos);
  for (const uint32_t threads : {1u, 2u, 5u, 64u}) EXPECT_EQ(in_words(in_parallel(threads)), alone);
}

TEST_F(ParallelVerification, ReportsDamageAndHolesInTheOrderOfTheSegments) {
  const std::vector<std::string> names = list_segments(disk_).value();
  ASSERT_GE(names.size(), 12u);
  flip(names[1], 5000);
  flip(names[4], 20);
  flip(names[9], 6000);
  ASSERT_OK(disk_.remove(names[6]));
  const LogReport alone = verify_log(disk_).value();
  ASSERT_GE(alone.findings.size(), 4u);
  for (const uint32_t threads : {1u, 3u, 8u}) {
    EXPECT_EQ(in_words(in_parallel(threads)), in_words(alone));
  }
}

TEST_F(ParallelVerification, OpensNoMoreFilesAtOnceThanThereAreThreads) {
  in_parallel(3);
  EXPECT_LE(open_files_max_, 3);
  EXPECT_GE(open_files_max_, 1);
}

TEST_F(ParallelVerification, OfAnEmptyDirectoryIsEmpty) {
  CrashDisk empty;
  EXPECT_TRUE(verify_segments_in_parallel(*runtime_, empty, 4).value().segments.empty());
}

}  // namespace
}  // namespace sluice::wal
