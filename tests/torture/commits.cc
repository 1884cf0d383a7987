// Scenarios about the commit itself: who makes it, and what its answer tells.
#include "sluice/inspect.h"
#include "tests/torture/scenarios.h"
#include "tests/torture/troubles.h"

namespace sluice::torture {

using sim::CrashKind;
using sim::Trouble;

// apache/iceberg#14425, apache/iceberg PR 17901: the committer reads the stored offset, then
// another commit comes in between, and only the snapshot is rebased. Here a dead process's commit
// lands between the opening of the next one, which has read the marks, and its first commit.
// E10, T5.
void marks_read_once(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kEvents);
  first.write(kEvents, rows_of({.first = 1, .count = 10}));
  first.line().plan = late_and_dead();
  first.start_flush();
  first.await();
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  second.write(kEvents, rows_of({.first = 11, .count = 10}));
  stage.judge(second);
  first.line().land();
  second.flush();
  stage.remember(second, kEvents);
  second.write(kEvents, rows_of({.first = 21, .count = 10}));
  stage.conclude(second);
}

// ClickHouse/ClickHouse#112081, duckdb/duckdb-iceberg PR 1120, apache/iceberg#14425: the commit is
// there, its answer is lost, and the writer removes its files or commits them again. T2.
void lost_answer(Stage& stage) {
  Host& host = stage.add_host();
  host.open();
  host.make(kEvents);
  for (int64_t flush = 0; flush < 3; ++flush) {
    host.write(kEvents, rows_of({.first = 10 * flush + 1, .count = 10, .days = 2}));
    host.line().trouble_next_commit(Trouble::kAnswerLost);
    host.flush();
    stage.judge_committed();
    stage.remember(host, kEvents);
  }
  stage.conclude(host);
}

// apache/iceberg PR 3717: by the time the writer looks, the newest state is another's, so it takes
// its commit for failed and cleans up. Its slot is what counts, not the head. T2.
void lost_answer_under_another_commit(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kEvents);
  first.write(kEvents, rows_of({.first = 1, .count = 10}));
  first.line().trouble_next_commit(Trouble::kSleepLost);
  first.start_flush();
  first.await_sleep();
  Host& second = stage.add_host();
  second.open();
  second.write(kEvents, rows_of({.first = 11, .count = 10}));
  second.flush();
  stage.judge_committed();
  first.line().wake();
  stage.expect_code("the flush of a writer that was replaced", Code::kFenced,
                    first.await().value_or(ok()));
  stage.judge_committed();
  Host& third = stage.restart_open(first, CrashKind::kPowerCut);
  third.write(kEvents, rows_of({.first = 21, .count = 10}));
  stage.conclude(third);
}

// apache/iceberg#17551, #17637, #13763: after a stall two coordinators commit side by side. T3.
void two_coordinators(Stage& stage) {
  const Rows first_value = rows_of({.first = 1, .count = 10});
  const Rows stale = rows_of({.first = 1, .count = 5, .generation = 1});
  Host& first = stage.add_host();
  first.open();
  first.make(kState);
  first.write(kState, first_value);
  first.flush();
  // Its log is longer than its successor's will be: by LSN alone its rows would be the newer ones.
  for (int i = 0; i < 20; ++i) stage.expect("a write", to_status(first.append(kState, stale)));
  stage.truth().supersede(kState, stale);
  first.line().trouble_next_commit(Trouble::kSleepBefore);
  first.start_flush();
  first.await_sleep();

  Host& second = stage.add_host();
  second.open();
  second.write(kState, rows_of({.first = 1, .count = 5, .generation = 2}));
  second.flush();
  first.line().wake();
  const Status woken = first.await().value_or(ok());
  stage.judge_committed();
  stage.expect_code("the flush of the coordinator that stalled", Code::kFenced, woken);
  stage.expect_code("its next write", Code::kFenced, to_status(first.append(kState, stale)));
  stage.remember(second, kState);
  second.write(kState, rows_of({.first = 6, .count = 10, .generation = 3}));
  stage.conclude(second);
}

// apache/iceberg#970 (3.15 of 3.5 M rows), duckdb/ducklake#650: two commits onto the same version
// of a store that overwrites. The first host's commit arrives when the second one has built on what
// it replaces. T2.
void overwriting_store(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.flush();
  first.write_to_table(kAudit, rows_of({.first = 11, .count = 10}));
  first.line().trouble_next_commit(Trouble::kSleepBefore);
  first.start_flush();
  first.await_sleep();

  Host& second = stage.add_host();
  second.open();
  second.write(kAudit, rows_of({.first = 21, .count = 10}));
  second.line().plan = sleep_before_commit(2);  // the first one is its claim
  second.start_flush();
  second.await_sleep();
  first.line().wake();
  static_cast<void>(first.await());  // what it has promised now has to be there
  second.line().wake();
  stage.expect("the second flush", second.await().value_or(ok()));
  stage.judge_committed();
  stage.conclude(second);
}

// A put that was under way for long arrives when its version has expired: the slot is free again,
// and its sender takes that for a commit (no public case: few stores keep versions by number).
// E5, T2.
void late_put_into_expired_slot(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.flush();
  first.write_to_table(kAudit, rows_of({.first = 11, .count = 10}));
  first.line().trouble_next_commit(Trouble::kSleepBefore);
  first.start_flush();
  first.await_sleep();

  Host& second = stage.add_host();
  second.open();
  for (int64_t flush = 0; flush < 3; ++flush) {
    second.write(kAudit, rows_of({.first = 21 + 10 * flush, .count = 10}));
    second.flush();
  }
  for (const int version : {1, 2, 3, 4}) {
    const std::string key = "demo/audit/metadata/v" + std::to_string(version) + ".metadata.json";
    stage.expect("expiring", stage.bucket().remove(key));
  }
  stage.forgive_missing_versions();
  first.line().wake();
  static_cast<void>(first.await());  // what it has promised now has to be there
  stage.judge_committed();
  stage.conclude(second);
}

// apache/iceberg#17340 (149 files twice), databricks/iceberg-kafka-connect PR 212: files of an
// attempt that did not end well are committed once more with those of the next. T4, T6.
void aborted_attempt(Stage& stage) {
  Host& host = stage.add_host();
  host.open();
  host.make(kEvents);
  host.write(kEvents, rows_of({.first = 1, .count = 20, .days = 3}));
  host.line().plan = fail_manifests(2);
  host.flush();
  stage.judge_committed();
  stage.remember(host, kEvents);
  host.write(kEvents, rows_of({.first = 21, .count = 10}));
  stage.conclude(host);
}

// apache/iceberg#14090 and what follows from it: a commit a partition, and a crash between two of
// them. T4.
void parts_of_several_days(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kEvents);
  first.write(kEvents, rows_of({.first = 1, .count = 30, .days = 3}));
  stage.cut_at_crash_point(first);
  first.start_flush();
  first.await();
  const Platform reader{&stage.runtime(), nullptr, &stage.bucket()};
  auto snapshot = committed_snapshot(reader, kEvents.name);
  const Result<Rows> seen = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
  stage.expect("reading", to_status(seen));
  if (seen.ok() && !seen->empty()) stage.judge_committed();
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  second.write(kEvents, rows_of({.first = 31, .count = 10, .days = 2}));
  stage.conclude(second);
}

// apache/iceberg#10765: the position is stored by another operation than the rows, and a crash
// comes between the two. T4.
void marks_apart_from_rows(Stage& stage) {
  const Rows rows = rows_of({.first = 1, .count = 10});
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.feed(kAudit, "orders", 10, rows);
  first.write(kAudit, rows_of({.first = 11, .count = 10}));
  stage.cut_at_crash_point(first);
  first.start_flush();
  first.await();
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  second.resend(kAudit, "orders", 10, rows);
  second.feed(kAudit, "orders", 20, rows_of({.first = 21, .count = 10}));
  stage.conclude(second);
}

// aws/aws-sdk-java-v2#6580: a conditional put is sent again below the writer, arrives twice, and is
// told that the object exists: its own. T2.
void duplicated_request(Stage& stage) {
  Host& host = stage.add_host();
  host.open();
  host.make(kEvents);
  for (int64_t flush = 0; flush < 3; ++flush) {
    host.write(kEvents, rows_of({.first = 10 * flush + 1, .count = 10, .days = 2}));
    host.line().trouble_next_commit(Trouble::kTwice);
    host.flush();
    stage.judge_committed();
    stage.remember(host, kEvents);
  }
  stage.conclude(host);
}

}  // namespace sluice::torture
