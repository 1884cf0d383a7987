#include "sim/runtime.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sluice::sim {
namespace {

/// Three fibers that push their names as the schedule lets them.
std::string interleaving(SimRuntime& runtime) {
  std::string order;
  const RunReport report = runtime.run([&] {
    const auto monitor = runtime.monitor();
    std::vector<std::unique_ptr<Thread>> threads;
    for (const char name : {'a', 'b', 'c'}) {
      threads.push_back(runtime.spawn(std::string(1, name), [&, name] {
        for (int i = 0; i < 20; ++i) {
          const MonitorLock lock(*monitor);
          order += name;
        }
      }));
    }
    for (const auto& thread : threads) thread->join();
  });
  EXPECT_TRUE(report.ok());
  return order;
}

TEST(SimRuntime, RepeatsARunFromItsSeed) {
  SimRuntime first({.seed = 5, .switch_permille = 300});
  SimRuntime second({.seed = 5, .switch_permille = 300});
  EXPECT_EQ(interleaving(first), interleaving(second));
  EXPECT_EQ(first.trace_hash(), second.trace_hash());
  EXPECT_EQ(first.now(), second.now());
}

TEST(SimRuntime, SchedulesAndHashesDifferentlyFromAnotherSeed) {
  SimRuntime first({.seed = 5, .switch_permille = 300});
  SimRuntime second({.seed = 6, .switch_permille = 300});
  EXPECT_NE(interleaving(first), interleaving(second));
  EXPECT_NE(first.trace_hash(), second.trace_hash());
}

TEST(SimRuntime, HashesTheOrderOfOperations) {
  const Operation a{.verb = "sync", .name = "a"};
  const Operation b{.verb = "sync", .name = "b"};
  SimRuntime first({});
  SimRuntime second({});
  first.took_effect(a), first.took_effect(b);
  second.took_effect(b), second.took_effect(a);
  EXPECT_NE(first.trace_hash(), second.trace_hash());
}

TEST(SimRuntime, HashesTheBytesOfAnOperation) {
  SimRuntime first({});
  SimRuntime second({});
  first.took_effect({.verb = "write", .name = "a", .content = as_bytes("x")});
  second.took_effect({.verb = "write", .name = "a", .content = as_bytes("y")});
  EXPECT_NE(first.trace_hash(), second.trace_hash());
}

TEST(SimRuntime, JumpsToTheNextDeadlineWhenAllFibersWait) {
  SimRuntime runtime({});
  const Nanos start = runtime.now();
  std::string order;
  const RunReport report = runtime.run([&] {
    const auto late = runtime.spawn("late", [&] {
      runtime.sleep_until(start + 7200 * kSecond);
      order += "late ";
    });
    const auto early = runtime.spawn("early", [&] {
      runtime.sleep_until(start + 3600 * kSecond);
      order += "early ";
    });
    late->join();
    early->join();
  });
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(order, "early late ");
  EXPECT_GE(runtime.now(), start + 7200 * kSecond);
  EXPECT_LT(runtime.now(), start + 7201 * kSecond);
  EXPECT_LT(runtime.steps(), 100u);
}

TEST(SimRuntime, NamesTheFibersOfADeadlock) {
  SimRuntime runtime({.spurious_permille = 0});
  const RunReport report = runtime.run([&] {
    const auto left = runtime.monitor();
    const auto right = runtime.monitor();
    const MonitorLock hold_left(*left);
    const auto other = runtime.spawn("other", [&] {
      const MonitorLock hold_right(*right);
      const MonitorLock want_left(*left);
    });
    runtime.sleep_until(runtime.now() + kSecond);
    const MonitorLock want_right(*right);
  });
  EXPECT_EQ(report.outcome, Outcome::kDeadlock);
  ASSERT_EQ(report.dropped.size(), 2u);
  EXPECT_EQ(report.dropped[0], "'main' waits for the lock of monitor 1 held by 'other'");
  EXPECT_EQ(report.dropped[1], "'other' waits for the lock of monitor 0 held by 'main'");
}

TEST(SimRuntime, ReportsANoticeThatNobodyGives) {
  SimRuntime runtime({.spurious_permille = 0});
  const RunReport report = runtime.run([&] {
    const auto monitor = runtime.monitor();
    const MonitorLock lock(*monitor);
    monitor->wait_until(kForever);
  });
  EXPECT_EQ(report.outcome, Outcome::kDeadlock);
  EXPECT_EQ(report.dropped, std::vector<std::string>({"'main' waits for a notice of monitor 0"}));
}

TEST(SimRuntime, ReportsARunThatDoesNotEnd) {
  SimRuntime runtime({.steps_max = 1000});
  const RunReport report = runtime.run([&] {
    while (true) runtime.sleep_until(runtime.now() + kSecond);
  });
  EXPECT_EQ(report.outcome, Outcome::kEndless);
  EXPECT_EQ(report.dropped.size(), 1u);
  EXPECT_EQ(runtime.steps(), 1000u);
}

TEST(SimRuntime, WakesAWaiterWithoutAReasonNowAndThen) {
  SimRuntime runtime({.spurious_permille = 100});
  const Nanos start = runtime.now();
  const RunReport report = runtime.run([&] {
    const auto monitor = runtime.monitor();
    const MonitorLock lock(*monitor);
    for (int i = 0; i < 100; ++i) monitor->wait_until(runtime.now() + kSecond);
  });
  EXPECT_TRUE(report.ok());
  EXPECT_LT(runtime.now(), start + 99 * kSecond);
  EXPECT_GT(runtime.now(), start + 50 * kSecond);
}

TEST(SimRuntime, DrawsTheRandomBytesOfItsSeed) {
  const auto draw = [](uint64_t seed) {
    SimRuntime runtime({.seed = seed});
    std::string bytes(20, '\0');
    runtime.random(std::as_writable_bytes(std::span(bytes)));
    return bytes;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(SimRuntime, StepsTheWallClockAndNotTheOther) {
  SimRuntime runtime({});
  const Nanos now = runtime.now();
  const Nanos wall = runtime.wall_now();
  runtime.step_wall_clock(-3600 * kSecond);
  EXPECT_EQ(runtime.wall_now(), wall - 3600 * kSecond);
  EXPECT_EQ(runtime.now(), now);
}

TEST(SimRuntime, CountsTheTimeThatItStoodStill) {
  SimRuntime runtime(RuntimeOptions{});
  const Nanos start = runtime.now();
  const Nanos wall = runtime.wall_now();
  const RunReport report = runtime.run([&] {
    const auto sleeper = runtime.spawn("sleeper", [&] { runtime.sleep_until(start + kSecond); });
    runtime.suspend(1000 * kSecond);
    sleeper->join();
  });
  EXPECT_TRUE(report.ok());
  // And little more: the fibers take turns.
  EXPECT_GE(runtime.now(), start + 1000 * kSecond);
  EXPECT_LT(runtime.now(), start + 1000 * kSecond + kMillisecond);
  EXPECT_EQ(runtime.wall_now() - wall, runtime.now() - start);
}

TEST(SimRuntime, RunsAgainWhereTheClockStopped) {
  SimRuntime runtime({});
  EXPECT_TRUE(runtime.run([&] { runtime.sleep_until(50 * kSecond); }).ok());
  bool ran = false;
  EXPECT_TRUE(runtime.run([&] { ran = runtime.now() >= 50 * kSecond; }).ok());
  EXPECT_TRUE(ran);
}

TEST(SimRuntime, RunsAWorldInsideAFiberOfAnother) {
  SimRuntime outer({});
  std::string order;
  const RunReport report = outer.run([&] {
    SimRuntime inner({});
    order = interleaving(inner);
    outer.sleep_until(outer.now() + kSecond);
  });
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(order.size(), 60u);
}

/// Sets its flag when it is destroyed.
struct Witness {
  explicit Witness(bool& flag) : destroyed(flag) {}
  ~Witness() { destroyed = true; }
  bool& destroyed;
};

TEST(SimRuntime, LetsTheKilledUnwindWithoutWaiting) {
  SimRuntime runtime({});
  bool stopped = false;
  bool worker_ended = false;
  bool main_ended = false;
  const RunReport report = runtime.run([&] {
    const Witness witness(main_ended);
    const auto monitor = runtime.monitor();
    const auto worker = runtime.spawn("worker", [&] {
      const Witness worker_witness(worker_ended);
      const MonitorLock lock(*monitor);
      while (!stopped) monitor->wait_until(kForever);
    });
    runtime.sleep_until(runtime.now() + kSecond);
    runtime.kill();
    {
      const MonitorLock lock(*monitor);
      while (runtime.enter(0).ok()) monitor->wait_until(kForever);
      stopped = true;  // and no notice: the dead need none
    }
    worker->join();
  });
  EXPECT_TRUE(report.ok());
  EXPECT_TRUE(report.dropped.empty());
  EXPECT_TRUE(worker_ended);
  EXPECT_TRUE(main_ended);
}

TEST(SimRuntime, KillLeavesNothingRunning) {
  SimRuntime runtime({});
  uint64_t turns = 0;
  const RunReport report = runtime.run([&] {
    const auto stubborn = runtime.spawn("stubborn", [&] {
      while (true) runtime.sleep_until(runtime.now() + ++turns % 2);
    });
    runtime.sleep_until(runtime.now() + kSecond / 1000);
    runtime.kill();
    EXPECT_EQ(runtime.enter(0).error().code(), Code::kCancelled);
    stubborn->join();
  });
  EXPECT_LT(runtime.steps(), 1'000'000u);
  const uint64_t turns_at_end = turns;
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.dropped.size(), 2u);
  runtime.run([] {});
  EXPECT_EQ(turns, turns_at_end);
}

TEST(SimRuntime, TracesOperationsInWords) {
  SimRuntime runtime({});
  std::vector<std::string> trace;
  std::vector<uint64_t> counted;
  runtime.trace = &trace;
  runtime.after_operation = [&](uint64_t operation) { counted.push_back(operation); };
  runtime.took_effect({.verb = "write", .name = "x", .ranged = true, .offset = 5, .bytes = 7});
  runtime.observed({.verb = "read", .name = "x"});
  runtime.took_effect({.verb = "rename", .name = "x", .to = "y", .failed = true});
  runtime.took_effect({.verb = "sync_dir", .name = {}});
  EXPECT_EQ(trace, std::vector<std::string>({"write x 5+7", "rename x y fails", "sync_dir"}));
  EXPECT_EQ(counted, std::vector<uint64_t>({1, 2, 3}));
}

}  // namespace
}  // namespace sluice::sim
