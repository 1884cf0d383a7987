#include "wal/spare_maker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "io/thread_runtime.h"
#include "wal/crash_disk.h"

namespace sluice::wal {
namespace {

constexpr uint64_t kBytes = 5 << 20;

/// A disk that counts, for threads that wait for it.
class CountingDisk final : public CrashDisk {
 public:
  CountingDisk() {
    after_operation = [this] { count(operations); };
  }
  Result<uint64_t> free_bytes() override {
    count(questions);
    return free;
  }
  static void wait_for(const std::atomic<int>& counter, int least) {
    for (int seen = counter; seen < least; seen = counter) counter.wait(seen);
  }

  std::atomic<int> operations = 0;
  std::atomic<int> questions = 0;
  std::atomic<uint64_t> free = 1 << 30;

 private:
  static void count(std::atomic<int>& counter) {
    ++counter;
    counter.notify_all();
  }
};

class SpareMakerTest : public testing::Test {
 protected:
  std::string take_when_ready() {
    for (;;) {
      maker_.want();
      std::string name = maker_.take();
      if (!name.empty()) return name;
      std::this_thread::yield();
    }
  }
  /// All that there is: of so many zeros, on the device.
  void expect_zeros(const std::string& name) {
    ASSERT_EQ(disk_.image().names().size(), 1u);
    const DiskImage::Inode& inode = disk_.image().inodes.at(disk_.image().names().at(name));
    EXPECT_TRUE(inode.dirty.empty());
    EXPECT_TRUE(inode.stored == std::vector<std::byte>(kBytes));
  }
  bool is_empty() const { return disk_.image().names().empty(); }

  const std::unique_ptr<Runtime> runtime_ = io::make_thread_runtime();
  CountingDisk disk_;
  SpareMaker maker_{*runtime_, disk_, kBytes};
};

TEST_F(SpareMakerTest, AFileIsDurableZerosBeforeItIsTaken) {
  const std::string name = take_when_ready();
  expect_zeros(name);
  EXPECT_EQ(maker_.take(), "") << "there is one at a time";
  EXPECT_FALSE(maker_.give_back()) << "it is the taker's";
  expect_zeros(name);
}

TEST_F(SpareMakerTest, NothingIsMadeThatNobodyWants) {
  EXPECT_EQ(maker_.take(), "");
  EXPECT_FALSE(maker_.give_back());
  maker_.stop();
  maker_.want();
  maker_.stop();
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(disk_.questions, 0);
}

TEST_F(SpareMakerTest, WhatIsGivenBackIsGoneAndMayBeWantedAgain) {
  maker_.want();
  CountingDisk::wait_for(disk_.operations, 3);
  EXPECT_TRUE(maker_.give_back());
  EXPECT_EQ(maker_.take(), "");
  EXPECT_TRUE(is_empty());
  expect_zeros(take_when_ready());
}

TEST_F(SpareMakerTest, AStopInTheMiddleLeavesNothing) {
  maker_.want();
  CountingDisk::wait_for(disk_.operations, 2);
  maker_.stop();
  EXPECT_TRUE(is_empty());
}

TEST_F(SpareMakerTest, AFailureAnywhereIsMadeGoodByTheNextTry) {
  for (const DiskOp op : {DiskOp::kCreate, DiskOp::kAllocate, DiskOp::kSync}) {
    disk_.fail(op, Code::kFull);
    const std::string name = take_when_ready();
    expect_zeros(name);
    ASSERT_TRUE(disk_.remove(name).ok());
  }
}

TEST_F(SpareMakerTest, TheRoomOfTwoSegmentsIsLeftToThoseWhoAppend) {
  disk_.free = 2 * kBytes - 1;
  maker_.want();
  CountingDisk::wait_for(disk_.questions, 1);
  maker_.stop();
  EXPECT_EQ(disk_.operations, 0);
}

}  // namespace
}  // namespace sluice::wal
