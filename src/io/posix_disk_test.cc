#include "io/posix_disk.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.h"

namespace sluice::io {
namespace {

namespace fs = std::filesystem;

class PosixDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(dir_);
    fs::create_directory(dir_);
    disk_ = open_posix_disk(dir_.string()).value();
  }
  void TearDown() override { fs::remove_all(dir_); }

  const fs::path dir_ =
      fs::path(testing::TempDir()) /
      (std::string("posix_disk_") + testing::UnitTest::GetInstance()->current_test_info()->name());
  std::unique_ptr<Disk> disk_;
};

TEST_F(PosixDiskTest, NeedsAnExistingDirectory) {
  EXPECT_EQ(open_posix_disk((dir_ / "absent").string()).error().code(), Code::kNotFound);
  std::ofstream(dir_ / "file") << "x";
  EXPECT_EQ(open_posix_disk((dir_ / "file").string()).error().code(), Code::kInvalid);
}

TEST_F(PosixDiskTest, ErrorsNameThePathAndTheCause) {
  const Error error = disk_->open("absent", OpenMode::kRead).error();
  EXPECT_EQ(error.where(), fs::canonical(dir_).string() + "/absent");
  EXPECT_EQ(error.message(), "cannot open: No such file or directory");
}

TEST_F(PosixDiskTest, ErrorsNameAFileAsItIsCalledByThen) {
  std::ofstream(dir_ / "old") << "x";
  const auto file = disk_->open("old", OpenMode::kRead).value();
  ASSERT_TRUE(disk_->rename("old", "new").ok());
  const Error error = file->pwrite_at(0, as_bytes("x")).error();
  EXPECT_EQ(error.where(), fs::canonical(dir_).string() + "/new");
  EXPECT_EQ(error.message(), "cannot write: Bad file descriptor");
}

TEST_F(PosixDiskTest, StaysInItsDirectoryWhenTheProcessMoves) {
  const fs::path before = fs::current_path();
  fs::current_path(dir_.parent_path());
  const auto relative = open_posix_disk(dir_.filename().string()).value();
  fs::current_path("/");
  EXPECT_TRUE(relative->create("a").ok());
  EXPECT_TRUE(relative->sync_dir().ok());
  fs::current_path(before);
  EXPECT_TRUE(fs::exists(dir_ / "a"));
}

TEST_F(PosixDiskTest, ListLeavesOutWhatIsNoFileOfOurs) {
  fs::create_directory(dir_ / "directory");
  std::ofstream(dir_ / ".hidden") << "x";
  std::ofstream(dir_ / "with space") << "x";
  fs::create_symlink("nowhere", dir_ / "dangling");
  std::ofstream(dir_ / "ours") << "x";
  const std::vector<DiskEntry> entries = disk_->list().value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "ours");
}

TEST_F(PosixDiskTest, AFullDeviceIsFull) {
  fs::create_symlink("/dev/full", dir_ / "full");
  const auto file = disk_->open("full", OpenMode::kReadWrite).value();
  const Error error = file->pwrite_at(0, as_bytes("x")).error();
  EXPECT_EQ(error.code(), Code::kFull);
  EXPECT_EQ(error.message(), "cannot write: No space left on device; free some space");
  EXPECT_EQ(file->allocate(0, 1).error().code(), Code::kFull);
}

TEST_F(PosixDiskTest, ALockExcludesOtherProcessesAndEndsWithItsOwn) {
  auto lock = disk_->lock("LOCK");
  ASSERT_TRUE(lock.ok());
  const auto child_gets_lock = [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      // A forked copy shares the parent's lock, so the child asks through an opening of its own and
      // leaves without releasing.
      const auto mine = open_posix_disk(dir_.string()).value()->lock("LOCK");
      ::_exit(mine.ok() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 1;
  };
  EXPECT_FALSE(child_gets_lock());
  lock->reset();
  EXPECT_TRUE(child_gets_lock());
  EXPECT_TRUE(disk_->lock("LOCK").ok());
}

TEST_F(PosixDiskTest, ARefusedLockNamesTheProcessThatHoldsIt) {
  const auto lock = disk_->lock("LOCK");
  const Error error = disk_->lock("LOCK").error();
  EXPECT_EQ(error.reason(), Reason::kLocked);
  EXPECT_EQ(error.message(), "process " + std::to_string(::getpid()) + " holds this directory");
  std::ofstream(dir_ / "LOCK") << "what is this";
  EXPECT_EQ(disk_->lock("LOCK").error().message(), "another opening holds this directory");
}

// tmpfs may refuse O_DIRECT, a disk accepts it; both have to give the same bytes.
TEST(PosixDiskOnTmpfs, ReadsFromTheDevice) {
  std::string directory = "/dev/shm/posix_disk.XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const auto disk = open_posix_disk(directory).value();
  const std::string text(10'000, 'x');
  EXPECT_TRUE(disk->create("a").value()->pwrite_at(0, as_bytes(text)).ok());
  const auto device = disk->open("a", OpenMode::kReadDevice).value();
  std::string got(20'000, '?');
  got.resize(device->read_at(1, std::as_writable_bytes(std::span(got))).value());
  EXPECT_EQ(got, text.substr(1));
  fs::remove_all(directory);
}

}  // namespace
}  // namespace sluice::io
