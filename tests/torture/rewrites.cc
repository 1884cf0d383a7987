// Scenarios about commits that bring no new rows: compaction, deletion, expiry, an operator's
// rollback.
#include <string>
#include <vector>

#include "sluice/inspect.h"
#include "tests/torture/compactor.h"
#include "tests/torture/scenarios.h"
#include "tests/torture/troubles.h"

namespace sluice::torture {

using sim::CrashKind;
using sim::Trouble;

namespace {

constexpr Nanos kDay = 86'400 * kSecond;

bool all(const Row&) {
  return true;
}

uint64_t current_snapshot(Stage& stage, Host& host, const Table& table) {
  if (stage.failed()) return 0;
  const auto now = host.engine()->describe(table.name);
  stage.expect("describing", to_status(now));
  return now.ok() ? now->snapshot_id : 0;
}

void tag(Stage& stage, Host& host, const std::string& name) {
  if (stage.failed()) return;
  stage.expect("tagging", host.engine()->tag(kAudit.name, Tag{name}));
}

/// All but the current snapshot, and those with a name.
void expire(Stage& stage, Host& host) {
  if (stage.failed()) return;
  const auto expired = host.engine()->expire(kAudit.name, {.keep_last = 1});
  stage.expect("expiring", to_status(expired));
  if (expired.ok() && expired->expired.empty()) stage.violate(Harm::kStuck, "nothing has expired");
}

/// By a process of its own, which then ends.
table::RewriteEdit rewrite_all(Stage& stage) {
  Host& process = stage.add_host();
  Compactor compactor(stage, process, kAudit);
  table::RewriteEdit edit = compactor.plan(all);
  stage.expect("a compaction", compactor.commit(edit));
  process.die();
  return edit;
}

/// When so many versions have followed, and a day has passed, that the old ones go as well.
Host& sweep_a_day_later(Stage& stage, Host& host) {
  constexpr int kVersionsKept = 100;
  for (int version = 0; version <= kVersionsKept && !stage.failed(); version += 2) {
    tag(stage, host, "passing");
    stage.expect("dropping a tag", host.engine()->untag(kAudit.name, "passing"));
  }
  host.die();
  stage.pass(3 * kDay);
  Host& next = stage.restart_open(host, CrashKind::kPowerCut);
  next.sweep(kAudit);
  return next;
}

void expect_objects(Stage& stage, const std::vector<std::string>& keys, bool wanted) {
  for (const std::string& key : keys) {
    if (stage.failed() || has_object(stage.bucket(), key) == wanted) continue;
    stage.violate(wanted ? Harm::kUnreadable : Harm::kStuck,
                  key + (wanted ? " is gone, though a kept snapshot names it"
                                : " is still there, though nothing names it"));
  }
}

/// Where a table stands with one log and the source "orders".
struct Standing {
  uint64_t epoch = 0;
  uint64_t low_water = 0;
  uint64_t position = 0;
};
Standing standing_of(Stage& stage, Host& host) {
  if (stage.failed()) return {};
  const auto table = inspect_table(host.platform(), kAudit.name);
  stage.expect("inspecting", to_status(table));
  if (!table.ok() || table->logs.size() != 1 || table->sources.size() != 1) {
    stage.violate(Harm::kStuck, "the table has not one log and one source");
    return {};
  }
  return {table->epoch, table->logs[0].low_water, table->sources[0].low_water};
}

}  // namespace

// apache/iceberg PR 2865, apache/hudi#4863: a compaction commits what it read from parts of which
// rows have been deleted meanwhile, so they are back, and those that were kept are there twice.
// T2, T7.
void rewrite_of_what_is_gone(Stage& stage) {
  const Rows rows = rows_of({.first = 1, .count = 20});
  Rows deleted = rows;
  std::erase_if(deleted, [](const Row& row) { return row.id % 2 == 0; });
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.flush();
  first.write(kAudit, rows_of({.first = 11, .count = 10}));
  first.flush();
  const uint64_t full = current_snapshot(stage, first, kAudit);
  stage.remember(first, kAudit);
  first.die();

  Host& process = stage.add_host();
  Compactor compactor(stage, process, kAudit);
  Compactor deleter(compactor);
  const table::RewriteEdit merge = compactor.plan(all);
  process.line().trouble_next_commit(Trouble::kSleepBefore);
  process.start([&] { return compactor.commit(merge); });
  process.await_sleep();
  const table::RewriteEdit removal = deleter.plan([](const Row& row) { return row.id % 2 == 0; });
  stage.expect("a deletion", deleter.commit(removal));
  stage.truth().withdraw(kAudit, deleted);
  process.line().wake();
  const Status merged = process.await().value_or(ok());
  stage.judge_committed();
  stage.expect_code("a compaction whose inputs are gone", Code::kConflict, merged);
  process.die();

  // An operator brings the inputs back.
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  if (stage.failed()) return;
  stage.expect("a rollback", second.engine()->rollback(kAudit.name, full));
  stage.truth().promise(kAudit, rows);
  stage.judge_committed();
  second.write(kAudit, rows_of({.first = 21, .count = 10}));
  stage.conclude(second);
}

// apache/iceberg#744, apache/paimon PR 3787: files of expired snapshots go, and with them those
// that another snapshot, kept by its name, still needs. T14.
void kept_snapshot(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.flush();
  tag(stage, first, "kept");
  stage.remember(first, kAudit);
  first.die();
  const table::RewriteEdit merged = rewrite_all(stage);
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  second.write(kAudit, rows_of({.first = 11, .count = 10}));
  second.flush();
  stage.remember(second, kAudit);
  const uint64_t mortal = current_snapshot(stage, second, kAudit);
  second.die();
  const table::RewriteEdit again = rewrite_all(stage);

  Host& third = stage.restart_open(second, CrashKind::kPowerCut);
  Host& fourth = sweep_a_day_later(stage, third);
  stage.judge_memories();
  expect_objects(stage, merged.inputs, true);
  expect_objects(stage, again.inputs, true);
  expire(stage, fourth);
  stage.forget(mortal);
  Host& fifth = sweep_a_day_later(stage, fourth);
  stage.judge_memories();
  const auto gone = committed_snapshot(fifth.platform(), kAudit.name, AsOf{.snapshot_id = mortal});
  stage.expect_code("time travel to what has expired", Code::kNotFound, to_status(gone));
  expect_objects(stage, merged.inputs, true);
  expect_objects(stage, again.inputs, false);
  fifth.write(kAudit, rows_of({.first = 21, .count = 10}));
  stage.conclude(fifth);
}

// apache/iceberg#10892, databricks/iceberg-kafka-connect#308, apache/iceberg#17340: where the
// source stands is read off the current snapshot, so that a rollback moves it back, or the source
// skips what the table no longer has. Here what was taken back stays away, and what comes behind it
// comes in. T13, T5.
void operator_rollback(Stage& stage) {
  const Rows good = rows_of({.first = 1, .count = 10});
  const Rows wrong = rows_of({.first = 11, .count = 10});
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.feed(kAudit, "orders", 10, good);
  first.flush();
  const uint64_t before = current_snapshot(stage, first, kAudit);
  first.feed(kAudit, "orders", 20, wrong);
  first.flush();
  stage.remember(first, kAudit);
  first.write(kAudit, rows_of({.first = 21, .count = 10}));
  first.line().plan = late_and_dead();
  first.start_flush();
  first.await();

  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  const Standing standing = standing_of(stage, second);
  if (stage.failed()) return;
  stage.expect("a rollback", second.engine()->rollback(kAudit.name, before));
  stage.truth().withdraw(kAudit, wrong);
  first.line().land();
  stage.judge(second);
  Host& third = stage.restart_open(second, CrashKind::kPowerCut);
  third.resend(kAudit, "orders", 10, good);
  third.resend(kAudit, "orders", 20, wrong);
  stage.judge(third);
  third.feed(kAudit, "orders", 30, rows_of({.first = 31, .count = 10}));
  third.flush();
  const Standing now = standing_of(stage, third);
  if (now.position != 30 || now.low_water < standing.low_water) {
    stage.violate(Harm::kDoubled, "marks have moved back");
  }
  if (now.epoch < standing.epoch + 2) {
    stage.violate(Harm::kUnfenced, "the rollback, or the opening after it, has claimed nothing");
  }
  stage.conclude(third);
}

}  // namespace sluice::torture
