// Segments in files of trimmed ones: failures on the way, rot at their end, and readers that run
// meanwhile.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "wal/log_fixture.h"
#include "wal/verify.h"

namespace sluice::wal {
namespace {

/// A log whose newest segment, which starts at LSN 4, lies in the file of its first one.
void recycle(Log& log) {
  ASSERT_OK(append(log, {std::string(11'000, 'o'), std::string(11'000, 'o')}));
  ASSERT_OK(log.roll({}));
  ASSERT_OK(append(log, {"two"}));
  ASSERT_OK(log.trim(2, {}));
  ASSERT_OK(log.roll({}));
}

/// Flips a byte of every sector of [offset, offset + bytes).
void rot(CrashDisk& disk, const std::string& name, uint64_t offset, uint64_t bytes) {
  for (uint64_t at = offset; at < offset + bytes; at += kSectorBytes) {
    disk.bytes(name).at(at) ^= std::byte{0x40};
  }
  disk.settle(name);
}

// W18: a failure at each step of a trim in turn; the next trim takes the segment along.
TEST(LogRecycled, ATrimThatFailedIsMadeGoodByTheNext) {
  for (const DiskOp op : {DiskOp::kRename, DiskOp::kSyncDir}) {
    for (const uint64_t seed : {1, 2, 3, 4}) {  // a rename that fails has happened or not
      CrashDisk disk({}, seed);
      const OpenLog log = open_log(disk).value();
      ASSERT_OK(append(*log, {"one"}));
      ASSERT_OK(log->roll({}));
      disk.fail(op, Code::kIo);
      static_cast<void>(log->trim(1, {}));
      ASSERT_OK(append(*log, {"two"}));
      ASSERT_OK(log->roll({}));
      ASSERT_OK(log->trim(2, {}));
      EXPECT_EQ(log->stats().segments, 1u);
      EXPECT_FALSE(disk.has(segment_name(1)));
      EXPECT_FALSE(disk.has(segment_name(2)));
      ASSERT_OK(append(*log, {"three"}));
      ASSERT_OK(log->roll({}));
      ASSERT_OK(log->trim(3, {}));
    }
  }
}

TEST(LogRecycled, ASpareThatCannotBeRemovedLeavesAFullDiskThatMayBeRetried) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(append(*log, {"two"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(log->trim(2, {}));
  disk.fail(DiskOp::kWrite, Code::kFull, 1);
  disk.fail(DiskOp::kWrite, Code::kFull, 2);  // the second try, behind what is erased
  disk.fail(DiskOp::kRemove, Code::kIo, 1);
  ASSERT_OK(append(*log, {"three"}));
  const auto refused = append(*log, {"four"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kFull);
  EXPECT_EQ(log->durable_lsn(), 3u) << "by the sync of what was erased";
  // No spare that is gone is reached for.
  ASSERT_OK(log->roll({}));
  ASSERT_OK(append(*log, {"four"}));
  ASSERT_OK(log->roll({}));
}

// W13: rot above the last mark is cut, but never without a word.
TEST(LogRecycled, RotOfTheFirstFramesIsCutIntoQuarantine) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    recycle(*log);
    ASSERT_OK(append(*log, {"acknowledged"}));
    ASSERT_OK(log->sync());
  }
  const std::string name = segment_name(4);
  const uint64_t cut = read_segment_header(disk, name).value().birth_end;
  rot(disk, name, cut, kBlockBytes);
  const OpenLog log = open_log(disk, 2).value();
  EXPECT_GT(log->recovered().repair.torn_bytes, 0u);
  EXPECT_TRUE(disk.has(quarantine_name(4, cut)));
}

// W13
TEST(LogRecycled, RotOfFramesBehindTheMarkOfAPauseIsCutIntoQuarantine) {
  for (const bool whole_block : {false, true}) {
    CrashDisk disk;
    {
      const OpenLog log = open_log(disk).value();
      recycle(*log);
      ASSERT_OK(append(*log, {"first"}));
      ASSERT_OK(log->sync());
      ASSERT_OK(log->idle());
      ASSERT_OK(append(*log, {std::string(600, 'a')}));
      ASSERT_OK(log->sync());
    }
    const std::string name = segment_name(4);
    const uint64_t mark = read_segment_header(disk, name).value().birth_end + kBlockBytes;
    const uint64_t cut = mark + (whole_block ? 0 : kMarkFrameBytes);
    rot(disk, name, cut, whole_block ? kBlockBytes : kSectorBytes);
    const OpenLog log = open_log(disk, 2).value();
    EXPECT_EQ(frames(*log).value().back().second, "first");
    EXPECT_GT(log->recovered().repair.torn_bytes, 0u);
    EXPECT_TRUE(disk.has(quarantine_name(4, cut)));
  }
}

TEST(LogRecycled, WhatWasNeverEncryptedGoesWhenTheLogIs) {
  CrashDisk disk;
  const auto everything = [&] {
    std::string all;
    for (const DiskEntry& entry : disk.list().value()) all += as_text(disk.bytes(entry.name));
    return all;
  };
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"secret one"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(append(*log, {"secret two"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(log->trim(1, {}));
  ASSERT_OK(log->use_keys(test_ring(1, 0x11)));
  EXPECT_EQ(everything().find("secret one"), std::string::npos);
  ASSERT_OK(append(*log, {"secret three"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(log->trim(3, {}));
  EXPECT_EQ(everything().find("secret"), std::string::npos);
  for (Lsn lsn = 4; lsn < 7; ++lsn) {
    ASSERT_OK(append(*log, {"sealed"}));
    ASSERT_OK(log->roll({}));
    ASSERT_OK(log->trim(lsn, {}));
  }
  EXPECT_GT(read_segment_header(disk, segment_name(7)).value().recycled_bytes, 0u)
      << "plain files keep no place from those that fit";
}

/// Opens files of another disk, and lets the world go on between an open and the first read.
class RacingDisk : public CrashDisk {
 public:
  explicit RacingDisk(CrashDisk& disk) : disk_(disk) {}
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    auto file = disk_.open(name, mode);
    if (file.ok() && after_open) after_open(name);
    return file;
  }
  Result<std::vector<DiskEntry>> list() override { return disk_.list(); }

  std::function<void(std::string_view name)> after_open;

 private:
  CrashDisk& disk_;
};

/// Segments 1 and 3, and the next roll is born in the file of whichever is trimmed.
OpenLog three_segments(CrashDisk& disk) {
  OpenLog log = open_log(disk).value();
  for (const char* text : {"one", "two"}) {
    EXPECT_TRUE(append(*log, {text}).ok() && log->roll({}).ok());
  }
  EXPECT_TRUE(append(*log, {"three"}).ok() && log->sync().ok());
  return log;
}

// While verification has the n-th file open, the log trims all that it can and uses its file again.
TEST(LogRecycled, VerificationBesideARunningLogFindsNothingWhateverMomentATrimTakes) {
  for (const bool half_written : {false, true}) {
    for (int moment = 0; moment < 9; ++moment) {
      CrashDisk disk;
      const OpenLog log = three_segments(disk);
      RacingDisk racing(disk);
      int opened = 0;
      racing.after_open = [&](std::string_view name) {
        if (opened++ != moment) return;
        ASSERT_OK(log->trim(2, {}));
        const auto roll = [&] { ASSERT_OK(log->roll({})); };
        roll();
        ASSERT_OK(append(*log, {"four"}));
        roll();
        // A header that is being written while it is read.
        if (!half_written || disk.has(std::string(name))) return;
        for (const Lsn base : {4, 5}) rot(disk, segment_name(base), 0, kSectorBytes);
      };
      const LogReport report = verify_log(racing).value();
      if (half_written && opened > moment && !disk.has(segment_name(1))) {
        for (const Lsn base : {4, 5}) rot(disk, segment_name(base), 0, kSectorBytes);
      }
      EXPECT_FALSE(report.segments.empty());
      for (const Finding& finding : report.findings) {
        ADD_FAILURE() << moment << ": " << finding.error.to_string();
      }
      if (opened <= moment) break;
    }
  }
}

// The sign that nothing was torn, a mark of its own offset and a pad, does not outlive a full disk.
TEST(LogRecycled, WhatIsTornBehindAFullDiskIsReported) {
  CrashDisk disk;
  std::string name;
  {
    const OpenLog log = open_log(disk, 1).value();
    ASSERT_NO_FATAL_FAILURE(recycle(*log));
    ASSERT_OK(append(*log, {"kept"}));
    ASSERT_OK(log->sync());
    ASSERT_OK(log->idle());
    disk.fail(DiskOp::kWrite, Code::kFull);
    ASSERT_EQ(append(*log, {"refused"}).error().code(), Code::kFull);
    ASSERT_OK(append(*log, {"torn!"}));
    ASSERT_OK(log->sync());
    name = segment_name(log->active_base());
    ASSERT_GT(read_segment_header(disk, name)->recycled_bytes, 0u);
  }
  disk.bytes(name).at(as_text(disk.bytes(name)).find("torn!")) ^= std::byte{1};
  disk.settle(name);
  const OpenLog log = open_log(disk, 9).value();
  EXPECT_GT(log->recovered().repair.torn_bytes, 0u);
}

}  // namespace
}  // namespace sluice::wal
