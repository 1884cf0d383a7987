// The pool on threads of the operating system; tests/flush has it in simulated time.
#include "sluice/flush_worker_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/back_off.h"
#include "io/thread_runtime.h"

namespace sluice::landing {
namespace {

constexpr size_t kWriters = 64;

/// Counts of what is pending and flushed, of partitions by number.
class CountingLog {
 public:
  explicit CountingLog(const FlushWorkerPoolOptions& options)
      : pool_(*FlushWorkerPool::start(*runtime_, options, [this](const std::string& partition) {
          return flush(std::stoul(partition));
        })) {}

  FlushWorkerPool& pool() { return *pool_; }
  Status write(size_t partition) {
    ++pending_[partition];
    const Status told = pool_->wrote(std::to_string(partition), 1);
    if (told.ok()) ++accepted_;
    return told;
  }
  uint64_t accepted() const { return accepted_; }
  uint64_t flushed() const { return flushed_; }
  bool overlapped() const { return overlapped_; }

 private:
  Result<uint64_t> flush(size_t partition) {
    if (running_[partition].exchange(true)) overlapped_ = true;
    const uint64_t records = pending_[partition].exchange(0);
    flushed_ += records;
    running_[partition] = false;
    return records;
  }

  std::array<std::atomic<uint64_t>, 10'000> pending_{};
  std::array<std::atomic<bool>, 10'000> running_{};
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> flushed_{0};
  std::atomic<bool> overlapped_{false};
  const std::unique_ptr<Runtime> runtime_ = io::make_thread_runtime();
  const std::unique_ptr<FlushWorkerPool> pool_;
};

TEST(FlushWorkerPool, WhatSixtyFourWritersWereToldIsAcceptedIsFlushedAlthoughItCloses) {
  for (int round = 0; round < 5; ++round) {
    CountingLog log({.threads = 4, .max_records = 10});
    std::atomic<uint64_t> refused{0};
    std::vector<std::thread> writers;
    for (size_t writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, writer] {
        for (size_t i = 0; i < 2'000; ++i) {
          const Status told = log.write((writer + i) % 100);
          if (told.ok()) continue;
          EXPECT_EQ(told.error().reason(), Reason::kClosed);
          ++refused;
          return;
        }
      });
    }
    while (log.accepted() < 1'000) std::this_thread::yield();
    EXPECT_TRUE(log.pool().close().ok());
    const uint64_t flushed = log.flushed();
    for (std::thread& writer : writers) writer.join();
    EXPECT_GE(flushed, log.accepted()) << "what was refused may be flushed too";
    EXPECT_LE(flushed, log.accepted() + refused);
    EXPECT_FALSE(log.overlapped());
    EXPECT_EQ(log.pool().status().workers, 0u);
  }
}

TEST(FlushWorkerPool, WritesThatRaceWithWorkersOnTheirWayOutAreAllFlushed) {
  CountingLog log({.threads = 4, .max_records = 1, .interval = 3600 * kSecond});
  std::vector<std::thread> writers;
  for (size_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(log.write(0).ok());
    });
  }
  for (std::thread& writer : writers) writer.join();
  // Nobody asks for it, and the interval is long.
  while (log.pool().status().workers > 0) std::this_thread::yield();
  EXPECT_EQ(log.flushed(), 40'000u);
  EXPECT_FALSE(log.overlapped());
}

TEST(FlushWorkerPool, TenThousandPartitionsAreFlushedTogetherByFourThreads) {
  CountingLog log({.threads = 4});
  for (size_t partition = 0; partition < 10'000; ++partition) {
    ASSERT_TRUE(log.write(partition).ok());
  }
  const auto flushed = log.pool().flush_all();
  ASSERT_TRUE(flushed.ok());
  EXPECT_EQ(flushed->partitions, 10'000u);
  EXPECT_EQ(flushed->records, 10'000u);
  EXPECT_EQ(log.flushed(), 10'000u);
}

TEST(BackOff, PausesDoubleFromTheShortestToTheLongest) {
  std::vector<Nanos> pauses = {0};
  for (int i = 0; i < 6; ++i) pauses.push_back(next_pause(pauses.back(), 3, 30));
  EXPECT_EQ(pauses, (std::vector<Nanos>{0, 3, 6, 12, 24, 30, 30}));
  EXPECT_EQ(next_pause(kForever / 2, 1, kForever), kForever);
  EXPECT_EQ(next_pause(0, 5, 1), 5) << "the shortest is above the longest";
}

}  // namespace
}  // namespace sluice::landing
