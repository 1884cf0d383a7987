// Exchanging names, and what becomes of them when a call fails. The calls of this program are ours,
// so that one can be refused; the others go to the system.
#include "io/posix.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

struct Refusals {
  int exchange = 0;        ///< the error of every renameat2(2); 0: none
  int rename = 0;          ///< the error of one rename(2)
  int renames_before = 0;  ///< that pass until then
  int sync = 0;            ///< the error of every fsync(2)
};
Refusals refusals;

int refuse(int error) {
  errno = error;
  return -1;
}

}  // namespace

extern "C" {
int renameat2(int from_place, const char* from, int to_place, const char* to,
              unsigned int flags) noexcept {
  if (refusals.exchange != 0) return refuse(refusals.exchange);
  return static_cast<int>(::syscall(SYS_renameat2, from_place, from, to_place, to, flags));
}
int rename(const char* from, const char* to) noexcept {
  if (refusals.rename != 0 && refusals.renames_before-- == 0) {
    return refuse(std::exchange(refusals.rename, 0));
  }
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int fsync(int file) {
  if (refusals.sync != 0) return refuse(refusals.sync);
  return static_cast<int>(::syscall(SYS_fsync, file));
}
}

namespace sluice::io {
namespace {

namespace fs = std::filesystem;

class ReplaceKeeping : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(place_);
    fs::create_directories(place_);
    make("old", "old text");
    make("new", "new text");
  }
  void TearDown() override {
    refusals = {};
    fs::remove_all(place_);
  }
  /// A directory with one file in it.
  void make(const std::string& name, const std::string& text) const {
    fs::create_directory(place_ / name);
    std::ofstream(place_ / name / "file") << text;
  }
  /// The text in the directory of that name; empty: there is none.
  std::string text_in(const std::string& name) const {
    std::string text;
    std::getline(std::ifstream(place_ / name / "file"), text);
    return text;
  }
  Status replace() const { return replace_keeping(place_.string(), {"new", "old", "kept"}); }
  void expect_replaced() const {
    EXPECT_EQ(text_in("old"), "new text");
    EXPECT_EQ(text_in("kept"), "old text");
    EXPECT_FALSE(fs::exists(place_ / "new"));
  }
  void expect_as_before() const {
    EXPECT_EQ(text_in("old"), "old text");
    EXPECT_EQ(text_in("new"), "new text");
    EXPECT_FALSE(fs::exists(place_ / "kept"));
  }

  const fs::path place_ = fs::path(testing::TempDir()) /
                          (std::string("replace_keeping_") +
                           testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ReplaceKeeping, ADirectoryTakesTheNameOfAnotherWhichIsKept) {
  ASSERT_TRUE(replace().ok());
  expect_replaced();
}

TEST_F(ReplaceKeeping, AFileTakesTheNameOfAnotherToo) {
  fs::remove_all(place_);
  fs::create_directories(place_);
  std::ofstream(place_ / "old") << "old text";
  std::ofstream(place_ / "new") << "new text";
  ASSERT_TRUE(replace().ok());
  EXPECT_EQ(fs::file_size(place_ / "old"), 8u);
  EXPECT_TRUE(fs::is_regular_file(place_ / "kept"));
  EXPECT_FALSE(fs::exists(place_ / "new"));
}

TEST_F(ReplaceKeeping, WhereNamesCannotBeExchangedTheyAreChangedOneByOne) {
  for (const int error : {EINVAL, ENOSYS}) {
    SetUp();
    refusals.exchange = error;
    ASSERT_TRUE(replace().ok());
    expect_replaced();
  }
}

TEST_F(ReplaceKeeping, WhatIsReplacedKeepsItsNameIfWhatReplacesItIsMissing) {
  fs::remove_all(place_ / "new");
  EXPECT_EQ(replace().error().code(), Code::kNotFound);
  EXPECT_EQ(text_in("old"), "old text");
  refusals.exchange = EINVAL;
  EXPECT_EQ(replace().error().code(), Code::kNotFound);
  EXPECT_EQ(text_in("old"), "old text");
}

TEST_F(ReplaceKeeping, AnExchangeThatIsForbiddenIsNoReasonToTryTheNamesOneByOne) {
  for (const int error : {EACCES, EIO, EBUSY}) {
    refusals.exchange = error;
    EXPECT_EQ(replace().error().code(), Code::kIo);
    expect_as_before();
  }
}

TEST_F(ReplaceKeeping, WhatIsReplacedGetsItsNameBackIfTheOtherCannotTakeIt) {
  refusals.exchange = EINVAL;
  for (const int renames_before : {0, 1}) {
    refusals.rename = EACCES;
    refusals.renames_before = renames_before;
    EXPECT_EQ(replace().error().code(), Code::kIo);
    expect_as_before();
  }
}

TEST_F(ReplaceKeeping, NothingIsLostIfTheOldOneCannotTakeItsNewName) {
  refusals.rename = EACCES;
  EXPECT_EQ(replace().error().code(), Code::kIo);
  EXPECT_EQ(text_in("old"), "new text");
  EXPECT_EQ(text_in("new"), "old text");
}

TEST_F(ReplaceKeeping, AFailedSyncOfTheDirectoryIsToldAndNothingIsLost) {
  for (const int exchange : {0, EINVAL}) {
    SetUp();
    refusals = {.exchange = exchange, .sync = EIO};
    EXPECT_EQ(replace().error().code(), Code::kIo);
    EXPECT_EQ(text_in("old"), "new text");
    EXPECT_EQ(text_in("kept") + text_in("new"), "old text");
  }
}

}  // namespace
}  // namespace sluice::io
