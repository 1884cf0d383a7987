// Scenarios about what a sweep may delete.
#include "tests/torture/scenarios.h"
#include "tests/torture/troubles.h"

namespace sluice::torture {

using sim::Change;
using sim::CrashKind;
using sim::Trouble;

namespace {

constexpr Nanos kHour = 3600 * kSecond;
constexpr Nanos kDay = 24 * kHour;

/// Sweeps are asked for, and take what is older than an hour.
EngineOptions sweepable() {
  EngineOptions options = quiet_options();
  options.sweep_interval = kForever;
  options.sweep_grace = kHour;
  return options;
}

}  // namespace

// apache/iceberg#4194: files of a job that has not committed yet are taken for orphans. Here a
// sweep of the same process comes while a flush waits for its commit, and while it waits for the
// answer: for a moment, and for hours. T14, T15.
void sweep_beside_flush(Stage& stage) {
  Host& host = stage.add_host();
  host.open(sweepable());
  host.make(kEvents);
  int64_t first = 1;
  for (const Nanos span : {kSecond, 3 * kHour}) {
    for (const Trouble trouble : {Trouble::kSleepBefore, Trouble::kSleepLost}) {
      host.write(kEvents, rows_of({.first = first, .count = 10, .days = 2}));
      first += 10;
      host.line().trouble_next_commit(trouble);
      host.start_flush();
      host.await_sleep();
      if (stage.failed()) return;
      Status swept = ok();
      const auto sweeper = stage.runtime().spawn(
          "sweep", [&] { swept = to_status(host.engine()->sweep(kEvents.name, {})); });
      stage.pass(span);
      host.line().wake();
      stage.expect("the flush", host.await().value_or(ok()));
      sweeper->join();
      stage.expect("the sweep", swept);
      stage.judge_committed();
      stage.remember(host, kEvents);
    }
  }
  host.sweep(kEvents);
  stage.conclude(host);
}

// A process stalls with its commit under way; another one sweeps what seems to be left of it, and
// then the commit arrives, which names what was swept (apache/iceberg#4194 asks for a long interval
// instead). T14.
void swept_under_late_commit(Stage& stage) {
  Host& first = stage.add_host();
  first.open(sweepable());
  first.make(kEvents);
  first.write(kEvents, rows_of({.first = 1, .count = 10}));
  first.flush();
  stage.remember(first, kEvents);
  first.write(kEvents, rows_of({.first = 11, .count = 10}));
  first.line().plan = late_and_dead();
  first.start_flush();
  first.await();
  Host& second = stage.add_host();
  second.open(sweepable());
  stage.pass(3 * kHour);
  if (stage.failed()) return;
  const auto swept = second.engine()->sweep(kEvents.name, {});
  stage.expect("a sweep", to_status(swept));
  if (swept.ok() && swept->swept.empty()) stage.violate(Harm::kStuck, "nothing was swept");
  first.line().land();
  Host& third = stage.restart_open(first, CrashKind::kPowerCut);
  stage.judge(third);
  stage.conclude(third);
}

// The other way round: a sweep stalls when it has decided, and what it decided on has come into the
// table when it goes on. Here a flush that was prepared days ago is recovered meanwhile, and one
// that was prepared just before is left alone. T15, L5.
void stalled_sweep(Stage& stage) {
  const Rows rows = rows_of({.first = 11, .count = 10});
  Host& first = stage.add_host();
  first.open_writer(kAudit);
  first.commit(kAudit, first.prepare(rows_of({.first = 1, .count = 10})),
               rows_of({.first = 1, .count = 10}));
  const std::string old = first.prepare(rows);
  stage.pass(3 * kDay);
  const std::string young = first.prepare(rows_of({.first = 21, .count = 10}));
  first.die();

  Host& sweeping = stage.add_host();
  sweeping.open();
  sweeping.line().plan = sleep_before_remove();
  sweeping.start([&] { return to_status(sweeping.engine()->sweep(kAudit.name, {})); });
  sweeping.await_sleep();
  Host& second = stage.restart(first, CrashKind::kPowerCut);
  second.open_writer(kAudit);
  if (stage.failed()) return;
  const auto recovered = second.writer()->recover_pending_flushes();
  stage.expect("recovering", to_status(recovered));
  if (recovered.ok() && recovered->recovered.empty()) {
    stage.violate(Harm::kLost, "parts that were put a moment ago are gone");
  }
  second.commit(kAudit, old, rows);
  second.commit(kAudit, young, rows_of({.first = 21, .count = 10}));
  sweeping.line().wake();
  static_cast<void>(sweeping.await());
  stage.judge_committed();
  second.die();
  Host& third = stage.add_host();
  third.open();
  third.write(kAudit, rows_of({.first = 31, .count = 10}));
  stage.conclude(third);
}

// ClickHouse/ClickHouse#114194: the hint is behind, and what the newer versions name is taken for
// orphans. T2, T11.
void sweep_by_stale_hint(Stage& stage) {
  const auto no_hints = [](const Change& change) {
    return change.verb == Change::Verb::kPut ? Trouble::kFails : Trouble::kNone;
  };
  Host& first = stage.add_host();
  first.open(sweepable());
  first.make(kEvents);
  first.line().plan = no_hints;
  for (int64_t flush = 0; flush < 3; ++flush) {
    first.write(kEvents, rows_of({.first = 10 * flush + 1, .count = 10, .days = 2}));
    first.flush();
    stage.remember(first, kEvents);
  }
  first.die();
  stage.pass(3 * kHour);
  Host& second = stage.add_host();
  second.open(sweepable());
  second.line().plan = no_hints;
  second.sweep(kEvents);
  stage.judge_committed();
  stage.judge_memories();
  second.line().plan = nullptr;
  second.write(kEvents, rows_of({.first = 31, .count = 10}));
  stage.conclude(second);
}

}  // namespace sluice::torture
