// What every Runtime does.
#include <string>
#include <vector>

#include "tests/interface/suites.h"

namespace sluice::interface {
namespace {

SEAM_TEST(RuntimeSuite, TheMonotonicClockNeverGoesBack) {
  Nanos last = platform.runtime->now();
  EXPECT_GE(last, 0);
  for (int i = 0; i < 1000; ++i) {
    const Nanos now = platform.runtime->now();
    EXPECT_GE(now, last);
    last = now;
  }
}

SEAM_TEST(RuntimeSuite, TheWallClockIsAfterTheYear2020) {
  EXPECT_GT(platform.runtime->wall_now(), 1'577'836'800 * kSecond);
}

SEAM_TEST(RuntimeSuite, ASleepLastsUntilItsDeadline) {
  const Nanos deadline = platform.runtime->now() + 3 * kMillisecond;
  platform.runtime->sleep_until(deadline);
  EXPECT_GE(platform.runtime->now(), deadline);
}

SEAM_TEST(RuntimeSuite, ASleepUntilThePastReturns) {
  platform.runtime->sleep_until(platform.runtime->now() - 1);
  platform.runtime->sleep_until(0);
  platform.runtime->sleep_until(-kSecond);
}

SEAM_TEST(RuntimeSuite, RandomBytesDifferFromDrawToDraw) {
  std::vector<std::string> draws(20, std::string(16, '\0'));
  for (std::string& draw : draws) platform.runtime->random(std::as_writable_bytes(std::span(draw)));
  for (size_t i = 0; i < draws.size(); ++i) {
    for (size_t k = 0; k < i; ++k) EXPECT_NE(draws[i], draws[k]);
  }
}

SEAM_TEST(RuntimeSuite, RandomFillsTheWholeSpanAndNoMore) {
  platform.runtime->random({});
  for (const size_t bytes : {17, 10'000}) {
    std::string text(bytes + 1, '\0');
    std::vector<bool> changed(bytes);
    for (int draw = 0; draw < 20; ++draw) {  // a byte stays 0 in all of them once in 256^20 runs
      platform.runtime->random(std::as_writable_bytes(std::span(text)).first(bytes));
      for (size_t i = 0; i < bytes; ++i) changed[i] = changed[i] || text[i] != '\0';
    }
    EXPECT_EQ(changed, std::vector<bool>(bytes, true));
    EXPECT_EQ(text[bytes], '\0');
  }
}

SEAM_TEST(RuntimeSuite, JoinReturnsAfterTheBodyAndSeesItsWork) {
  bool done = false;
  const auto thread = platform.runtime->spawn("worker", [&] {
    platform.runtime->sleep_until(platform.runtime->now() + kMillisecond);
    done = true;
  });
  thread->join();
  EXPECT_TRUE(done);
}

SEAM_TEST(RuntimeSuite, ThreadsMayHaveAnyNameAndSpawnOthers) {
  int depth = 0;
  const auto outer = platform.runtime->spawn(std::string(100, 'n'), [&] {
    const auto inner = platform.runtime->spawn("", [&] { ++depth; });
    inner->join();
    ++depth;
  });
  outer->join();
  EXPECT_EQ(depth, 2);
}

SEAM_TEST(RuntimeSuite, AMonitorAdmitsOneThreadAtATime) {
  const auto monitor = platform.runtime->monitor();
  int inside = 0;
  int entries = 0;
  run_threads(*platform.runtime, 8, [&](size_t) {
    for (int i = 0; i < 200; ++i) {
      const MonitorLock lock(*monitor);
      EXPECT_EQ(++inside, 1);
      if (i % 50 == 0) platform.runtime->sleep_until(platform.runtime->now() + kMicrosecond);
      ++entries;
      --inside;
    }
  });
  EXPECT_EQ(entries, 1600);
}

SEAM_TEST(RuntimeSuite, ANoticeWakesEveryWaiter) {
  const auto monitor = platform.runtime->monitor();
  bool open = false;
  size_t waiting = 0;
  size_t passed = 0;
  run_threads(*platform.runtime, 6, [&](size_t i) {
    const MonitorLock lock(*monitor);
    if (i == 5) {
      while (waiting < 5) monitor->wait_until(kForever);
      open = true;
      monitor->notify_all();
      return;
    }
    ++waiting;
    monitor->notify_all();
    while (!open) monitor->wait_until(kForever);
    ++passed;
  });
  EXPECT_EQ(passed, 5u);
}

SEAM_TEST(RuntimeSuite, AWaitReleasesTheLockAndHoldsItAgainOnReturn) {
  const auto monitor = platform.runtime->monitor();
  int turn = 0;
  run_threads(*platform.runtime, 2, [&](size_t me) {
    for (int round = 0; round < 100; ++round) {
      const MonitorLock lock(*monitor);
      while (turn % 2 != static_cast<int>(me)) monitor->wait_until(kForever);
      ++turn;
      monitor->notify_all();
    }
  });
  EXPECT_EQ(turn, 200);
}

SEAM_TEST(RuntimeSuite, AWaitEndsAtItsDeadlineWithoutANotice) {
  const auto monitor = platform.runtime->monitor();
  const Nanos deadline = platform.runtime->now() + 3 * kMillisecond;
  const MonitorLock lock(*monitor);
  while (platform.runtime->now() < deadline) monitor->wait_until(deadline);
  EXPECT_GE(platform.runtime->now(), deadline);
}

SEAM_TEST(RuntimeSuite, AWaitForAPastDeadlineReturns) {
  const auto monitor = platform.runtime->monitor();
  const MonitorLock lock(*monitor);
  monitor->wait_until(platform.runtime->now());
  monitor->wait_until(0);
  monitor->wait_until(-kSecond);
}

SEAM_TEST(RuntimeSuite, ANoticeEndsAWaitLongBeforeItsDeadline) {
  const auto monitor = platform.runtime->monitor();
  const Nanos deadline = platform.runtime->now() + 3600 * kSecond;
  bool told = false;
  run_threads(*platform.runtime, 2, [&](size_t i) {
    const MonitorLock lock(*monitor);
    if (i == 0) {
      told = true;
      monitor->notify_all();
    }
    while (!told) monitor->wait_until(deadline);
  });
  EXPECT_LT(platform.runtime->now(), deadline);
}

}  // namespace
}  // namespace sluice::interface
