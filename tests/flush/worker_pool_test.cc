// The pool of flush workers in simulated time: hours take no longer than what happens in them.
#include "sluice/flush_worker_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "sim/runtime.h"

namespace sluice::flushing {
namespace {

constexpr Nanos kMinute = 60 * kSecond;
constexpr Nanos kHour = 60 * kMinute;
using Options = FlushWorkerPoolOptions;

/// A log of counts, and the pool that flushes it. Lives within a run.
class World {
 public:
  World(sim::SimRuntime& runtime, const Options& options)
      : runtime_(runtime), pool_(make_pool(options)) {}

  FlushWorkerPool& pool() { return *pool_; }
  Status write(const std::string& partition, uint64_t records = 1) {
    pending[partition] += records;
    return pool_->wrote(partition, records);
  }
  void sleep(Nanos span) { runtime_.sleep_until(runtime_.now() + span); }
  uint64_t workers() { return pool_->status().workers; }

  std::map<std::string, uint64_t> pending;
  std::map<std::string, uint64_t> flushed;
  std::map<std::string, std::vector<Nanos>> flushes;  ///< when each try began
  std::set<std::string> failing;
  Nanos takes = 0;          ///< each flush
  std::string slow;         ///< this partition takes an hour
  size_t running_most = 0;  ///< flushes at a time

 private:
  std::unique_ptr<FlushWorkerPool> make_pool(const Options& options) {
    auto pool = FlushWorkerPool::start(
        runtime_, options, [this](const std::string& partition) { return flush(partition); });
    EXPECT_TRUE(pool.ok());
    return *std::move(pool);
  }

  Result<uint64_t> flush(const std::string& partition) {
    EXPECT_TRUE(running_.insert(partition).second) << "one at a time";
    running_most = std::max(running_most, running_.size());
    flushes[partition].push_back(runtime_.now());
    const uint64_t records = std::exchange(pending[partition], 0);
    sleep(partition == slow ? kHour : takes);
    running_.erase(partition);
    if (failing.contains(partition)) {
      pending[partition] += records;
      return Error(Code::kIo, "the store is away");
    }
    flushed[partition] += records;
    return records;
  }

  sim::SimRuntime& runtime_;
  std::set<std::string> running_;
  const std::unique_ptr<FlushWorkerPool> pool_;
};

/// Under several schedules.
void run(const Options& options, const std::function<void(World&, sim::SimRuntime&)>& test) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::RuntimeOptions schedule;
    schedule.seed = seed;
    sim::SimRuntime runtime(schedule);
    const sim::RunReport report = runtime.run([&] {
      World world(runtime, options);
      test(world, runtime);
    });
    ASSERT_TRUE(report.ok()) << report.to_string();
  }
}

TEST(FlushWorkerPool, ARecordIsFlushedWhenItIsOldEnoughAndNothingIsForNothing) {
  run({}, [](World& world, sim::SimRuntime& runtime) {
    world.sleep(10 * kMinute);
    EXPECT_TRUE(world.flushes.empty());
    const Nanos written = runtime.now();
    ASSERT_TRUE(world.write("a").ok());
    world.sleep(2 * kMinute);
    ASSERT_TRUE(world.write("a").ok());
    EXPECT_EQ(world.pool().status().pending_records, 2u);
    EXPECT_GE(world.pool().status().oldest_age, 2 * kMinute);
    world.sleep(10 * kMinute);
    ASSERT_EQ(world.flushes["a"].size(), 1u);
    EXPECT_GE(world.flushes["a"][0], written + 5 * kMinute);
    EXPECT_LT(world.flushes["a"][0], written + 5 * kMinute + kSecond);
    EXPECT_EQ(world.flushed["a"], 2u);
    EXPECT_EQ(world.workers(), 0u);
    world.sleep(kHour);
    EXPECT_EQ(world.flushes["a"].size(), 1u);
  });
}

TEST(FlushWorkerPool, ManyRecordsOrANotificationFlushAtOnceAndTheirPartitionAlone) {
  run({.max_records = 10}, [](World& world, sim::SimRuntime&) {
    ASSERT_TRUE(world.write("a", 9).ok());
    ASSERT_TRUE(world.write("b", 9).ok());
    ASSERT_TRUE(world.write("c", 9).ok());
    ASSERT_TRUE(world.write("a", 1).ok());
    ASSERT_TRUE(world.pool().notify("b").ok());
    world.sleep(kSecond);
    EXPECT_EQ(world.flushed, (std::map<std::string, uint64_t>{{"a", 10}, {"b", 9}}));
    EXPECT_EQ(world.workers(), 1u);
    ASSERT_TRUE(world.pool().notify("new").ok()) << "nothing was written, as far as anybody knows";
    world.sleep(kSecond);
    EXPECT_EQ(world.flushes["new"].size(), 1u);
  });
}

TEST(FlushWorkerPool, WhatIsWrittenDuringAFlushWaitsForTheNext) {
  run({.max_records = 5}, [](World& world, sim::SimRuntime&) {
    world.takes = kMinute;
    ASSERT_TRUE(world.write("a", 5).ok());
    world.sleep(kSecond);
    ASSERT_TRUE(world.write("a", 4).ok());
    EXPECT_EQ(world.pool().status().pending_records, 9u);
    world.sleep(2 * kMinute);
    EXPECT_EQ(world.flushed["a"], 5u);
    EXPECT_EQ(world.pool().status().pending_records, 4u);
    ASSERT_TRUE(world.write("a", 1).ok());
    world.sleep(2 * kMinute);
    EXPECT_EQ(world.flushed["a"], 10u);
    EXPECT_EQ(world.workers(), 0u);
  });
}

TEST(FlushWorkerPool, AFlushThatFailsForHoursIsTriedAgainWithoutAnyStimulusAndHoldsNobodyUp) {
  run({.threads = 1, .max_records = 1}, [](World& world, sim::SimRuntime&) {
    world.failing = {"a"};
    ASSERT_TRUE(world.write("a", 3).ok());
    for (int minute = 0; minute < 360; ++minute) {
      ASSERT_TRUE(world.write("b").ok());
      world.sleep(kMinute);
      ASSERT_EQ(world.flushed["b"], static_cast<uint64_t>(minute) + 1);
    }
    const FlushWorkerPoolStatus failing = world.pool().status();
    EXPECT_EQ(failing.workers, 1u);
    EXPECT_EQ(failing.failing, 1u);
    EXPECT_GE(failing.oldest_age, 6 * kHour);
    const uint64_t tries = failing.retries.at(Code::kIo);
    EXPECT_EQ(tries, world.flushes["a"].size());
    EXPECT_GE(tries, 6 * kHour / (30 * kSecond));
    EXPECT_LE(tries, 6 * kHour / (30 * kSecond) + 15) << "pauses grow to half a minute";
    const FlushWorkerStatus worker = world.pool().workers(5).at(0);
    EXPECT_EQ(worker.partition, "a");
    EXPECT_EQ(worker.failures, tries);
    EXPECT_EQ(worker.trouble->message(), "the store is away");
    EXPECT_LE(worker.retry_in, 30 * kSecond);
    world.failing.clear();
    world.sleep(31 * kSecond);
    EXPECT_EQ(world.flushed["a"], 3u);
    EXPECT_EQ(world.workers(), 0u);
    EXPECT_EQ(world.pool().status().failing, 0u);
  });
}

TEST(FlushWorkerPool, PausesBeginAnewAfterASuccessAlsoOfAWorkerThatStays) {
  run({.max_records = 1}, [](World& world, sim::SimRuntime& runtime) {
    world.takes = 2 * kSecond;
    world.failing = {"a"};
    ASSERT_TRUE(world.write("a").ok());
    world.sleep(2 * kMinute);
    world.failing.clear();
    const size_t failed = world.flushes["a"].size();
    while (world.flushes["a"].size() == failed) world.sleep(kMillisecond);
    ASSERT_TRUE(world.write("a").ok()) << "during the flush that succeeds";
    world.sleep(kSecond);
    while (world.pool().status().flushes == 0) world.sleep(kMillisecond);
    world.failing = {"a"};
    const Nanos begun = runtime.now();
    while (world.flushes["a"].size() < failed + 3) world.sleep(kMillisecond);
    EXPECT_LT(runtime.now() - begun, 5 * kSecond) << "the first pause is a short one";
  });
}

TEST(FlushWorkerPool, ASlowFlushHoldsUpNobodyElse) {
  run({.threads = 2, .max_records = 1}, [](World& world, sim::SimRuntime&) {
    world.slow = "slow";
    ASSERT_TRUE(world.write("slow").ok());
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(world.write("p" + std::to_string(i)).ok());
    world.sleep(kMinute);
    EXPECT_EQ(world.workers(), 1u);
    EXPECT_EQ(world.pool().status().flushing, 1u);
  });
}

TEST(FlushWorkerPool, ASynchronousFlushReturnsWhenWhatWasToldBeforeIsFlushed) {
  run({}, [](World& world, sim::SimRuntime& runtime) {
    world.takes = kMinute;
    ASSERT_TRUE(world.write("a", 2).ok());
    ASSERT_TRUE(world.write("b", 3).ok());
    const auto one = world.pool().flush("a", kForever);
    ASSERT_TRUE(one.ok());
    EXPECT_EQ(one->partitions, 1u);
    EXPECT_EQ(one->records, 2u);
    EXPECT_EQ(world.flushed.count("b"), 0u);
    ASSERT_TRUE(world.write("a", 4).ok());
    const auto all = world.pool().flush_all(kForever);
    ASSERT_TRUE(all.ok());
    EXPECT_EQ(all->partitions, 2u);
    EXPECT_EQ(all->records, 7u);
    const Nanos before = runtime.now();
    EXPECT_EQ(world.pool().flush_all()->partitions, 0u);
    EXPECT_EQ(world.pool().flush("nobody")->partitions, 0u);
    EXPECT_LT(runtime.now() - before, kSecond) << "nothing pending is cheap";
  });
}

TEST(FlushWorkerPool, FlushesAtTheSameTimeAreShared) {
  run({}, [](World& world, sim::SimRuntime& runtime) {
    world.takes = kMinute;
    ASSERT_TRUE(world.write("a").ok());
    std::vector<std::unique_ptr<Thread>> callers;
    for (int caller = 0; caller < 8; ++caller) {
      callers.push_back(runtime.spawn("caller", [&] {
        EXPECT_TRUE(world.write("a").ok());
        EXPECT_TRUE(world.pool().flush_all(kForever).ok());
      }));
    }
    for (const auto& caller : callers) caller->join();
    EXPECT_EQ(world.flushed["a"], 9u);
    EXPECT_LE(world.flushes["a"].size(), 3u);
  });
}

TEST(FlushWorkerPool, AFlushThatDoesNotEndInTimeSaysWhyAndGoesOn) {
  run({}, [](World& world, sim::SimRuntime&) {
    world.failing = {"a"};
    ASSERT_TRUE(world.write("a").ok());
    const auto late = world.pool().flush("a", kMinute);
    ASSERT_FALSE(late.ok());
    EXPECT_EQ(late.error().reason(), Reason::kDeadline);
    EXPECT_EQ(late.error().where(), "a");
    EXPECT_NE(late.error().message().find("the store is away"), std::string::npos);
    world.failing.clear();
    EXPECT_EQ(world.pool().flush("a", kSecond)->records, 1u) << "it does not wait for the pause";
  });
}

TEST(FlushWorkerPool, TenThousandPartitionsAreFlushedByAFewThreadsAndLeaveNothing) {
  run({.threads = 3}, [](World& world, sim::SimRuntime&) {
    world.takes = kMillisecond;
    for (int number = 0; number < 10'000; ++number) {
      ASSERT_TRUE(world.write("app:events:" + std::to_string(number)).ok());
    }
    EXPECT_EQ(world.workers(), 10'000u);
    world.sleep(kHour);
    EXPECT_EQ(world.flushed.size(), 10'000u);
    EXPECT_EQ(world.workers(), 0u);
    EXPECT_LE(world.running_most, 3u);
    EXPECT_EQ(world.pool().status().flushes, 10'000u);
  });
}

TEST(FlushWorkerPool, AWriteThatMeetsAWorkerOnItsWayOutIsFlushedTenThousandTimes) {
  run({.max_records = 1}, [](World& world, sim::SimRuntime& runtime) {
    uint64_t chance = 1;
    uint64_t met_none = 0;
    world.takes = 2 * kMicrosecond;
    for (int i = 0; i < 1'000; ++i) {
      met_none += world.workers() == 0 ? 1 : 0;
      ASSERT_TRUE(world.write("a").ok());
      runtime.random(std::as_writable_bytes(std::span(&chance, 1)));
      if (chance % 4 != 0) world.sleep(static_cast<Nanos>(chance % 5) * kMicrosecond);
    }
    world.sleep(kSecond);
    EXPECT_EQ(world.flushed["a"], 1'000u);
    EXPECT_EQ(world.workers(), 0u);
    EXPECT_GT(met_none, 100u) << "the worker has to be gone now and then";
  });
}

TEST(FlushWorkerPool, WritersAreToldWhenAPartitionThatIsHeldUpHoldsTooMuch) {
  run({.max_records = 1, .partition_records_max = 1'000}, [](World& world, sim::SimRuntime&) {
    world.failing = {"a"};
    uint64_t accepted = 0;
    uint64_t refused = 0;
    for (int i = 0; i < 10'000; ++i) {
      if (world.pool().admit("a").ok()) {
        ASSERT_TRUE(world.write("a").ok());
        ++accepted;
      } else {
        ++refused;
      }
      ASSERT_TRUE(world.pool().admit("b").ok());
      ASSERT_TRUE(world.write("b").ok());
    }
    EXPECT_EQ(accepted, 1'000u);
    EXPECT_EQ(refused, 9'000u);
    const Status busy = world.pool().admit("a", kSecond);
    EXPECT_EQ(busy.error().code(), Code::kBusy);
    EXPECT_EQ(busy.error().found(), 1'000u);
    world.failing.clear();
    EXPECT_TRUE(world.pool().admit("a", kMinute).ok()) << "it waits until there is room";
    ASSERT_TRUE(world.pool().flush_all().ok());
    EXPECT_EQ(world.flushed["a"], 1'000u);
    EXPECT_EQ(world.flushed["b"], 10'000u);
  });
}

TEST(FlushWorkerPool, TooManyPartitionsLetInNoNewOne) {
  run({.partitions_max = 2}, [](World& world, sim::SimRuntime&) {
    ASSERT_TRUE(world.write("a").ok());
    ASSERT_TRUE(world.write("b").ok());
    EXPECT_EQ(world.pool().admit("c").error().code(), Code::kBusy);
    EXPECT_TRUE(world.pool().admit("a").ok());
    EXPECT_TRUE(world.write("c").ok()) << "what is in the log is flushed";
  });
}

TEST(FlushWorkerPool, CloseFlushesWhatIsPendingAndASecondOneDoesNothing) {
  run({}, [](World& world, sim::SimRuntime& runtime) {
    world.takes = kSecond;
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(world.write("p" + std::to_string(i)).ok());
    EXPECT_TRUE(world.pool().close().ok());
    EXPECT_EQ(world.flushed.size(), 5u);
    const Nanos before = runtime.now();
    EXPECT_TRUE(world.pool().close().ok());
    EXPECT_LT(runtime.now() - before, kMillisecond);
    for (const Status& refused :
         {world.write("a"), world.pool().notify("a"), world.pool().admit("a"),
          Status(world.pool().flush("a").error()), Status(world.pool().flush_all().error())}) {
      EXPECT_EQ(refused.error().code(), Code::kCancelled);
      EXPECT_EQ(refused.error().reason(), Reason::kClosed);
    }
  });
}

TEST(FlushWorkerPool, WhatWritersWereToldIsAcceptedIsFlushedBeforeCloseReturns) {
  run({.max_records = 7}, [](World& world, sim::SimRuntime& runtime) {
    uint64_t accepted = 0;
    uint64_t refused = 0;
    world.takes = kMillisecond;
    std::vector<std::unique_ptr<Thread>> writers;
    for (int writer = 0; writer < 64; ++writer) {
      writers.push_back(runtime.spawn("writer", [&, writer] {
        for (int i = 0; i < 100; ++i) {
          const bool is_told = world.write("p" + std::to_string((writer + i) % 5)).ok();
          ++(is_told ? accepted : refused);
          world.sleep(kMicrosecond);
        }
      }));
    }
    world.sleep(20 * kMicrosecond);
    EXPECT_TRUE(world.pool().close().ok());
    uint64_t flushed = 0;
    for (const auto& [partition, records] : world.flushed) flushed += records;
    for (const auto& writer : writers) writer->join();
    EXPECT_EQ(accepted + refused, 6'400u);
    EXPECT_GT(accepted, 0u);
    EXPECT_GT(refused, 0u);
    EXPECT_GE(flushed, accepted);
    EXPECT_EQ(world.workers(), 0u);
  });
}

TEST(FlushWorkerPool, CloseIsBoundedWhereFlushesFailOrHang) {
  run({.close_wait = 10 * kSecond}, [](World& world, sim::SimRuntime& runtime) {
    world.failing = {"a"};
    world.slow = "b";
    ASSERT_TRUE(world.write("a").ok());
    ASSERT_TRUE(world.write("b").ok());
    Status waited;
    const auto waiter = runtime.spawn("waiter", [&] {
      const auto flushed = world.pool().flush("a");
      waited = flushed.ok() ? ok() : Status(flushed.error());
    });
    world.sleep(kSecond);
    const Nanos before = runtime.now();
    const Status closed = world.pool().close();
    EXPECT_GE(runtime.now() - before, 10 * kSecond);
    EXPECT_LT(runtime.now() - before, 11 * kSecond);
    ASSERT_FALSE(closed.ok());
    EXPECT_EQ(closed.error().reason(), Reason::kDeadline);
    EXPECT_NE(closed.error().message().find("2 partitions"), std::string::npos);
    const Nanos again = runtime.now();
    EXPECT_TRUE(world.pool().close().ok());
    EXPECT_LT(runtime.now() - again, kSecond);
    waiter->join();
    EXPECT_EQ(waited.error().code(), Code::kCancelled);
    const size_t tries = world.flushes["a"].size();
    world.sleep(2 * kHour);
    EXPECT_EQ(world.flushes["a"].size(), tries) << "nothing is begun any more";
    EXPECT_EQ(world.flushed["b"], 1u) << "what ran has ended";
  });
}

TEST(FlushWorkerPool, AMachineThatSleptFlushesAtOnceWhatBecameDue) {
  run({}, [](World& world, sim::SimRuntime& runtime) {
    ASSERT_TRUE(world.write("a").ok());
    runtime.suspend(kHour);
    world.sleep(kSecond);
    EXPECT_EQ(world.flushed["a"], 1u);
  });
}

TEST(FlushWorkerPool, OptionsOutOfTheirLimitsAreNamed) {
  sim::SimRuntime runtime({});
  const auto where = [&](const Options& options) {
    const auto pool = FlushWorkerPool::start(
        runtime, options, [](const std::string&) -> Result<uint64_t> { return uint64_t{0}; });
    return pool.ok() ? "" : pool.error().where();
  };
  EXPECT_EQ(where({.threads = 0}), "threads");
  EXPECT_EQ(where({.threads = 65}), "threads");
  EXPECT_EQ(where({.max_records = 0}), "max_records");
  EXPECT_EQ(where({.interval = 0}), "interval");
  EXPECT_EQ(where({.retry_min = 0}), "retry_min");
  EXPECT_EQ(where({.retry_max = 1}), "retry_max");
  EXPECT_EQ(where({.close_wait = -1}), "close_wait");
  EXPECT_EQ(where({.partition_records_max = 0}), "partition_records_max");
  EXPECT_EQ(where({.partitions_max = 0}), "partitions_max");
}

}  // namespace
}  // namespace sluice::flushing
