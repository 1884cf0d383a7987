// Scenarios about sources that send again, and about positions.
#include "tests/torture/scenarios.h"
#include "tests/torture/troubles.h"

namespace sluice::torture {

using sim::CrashKind;

// apache/iceberg PR 15710, #10842: rows that were on their way for long are committed after newer
// ones of the same key, and win. Here a machine comes back with rows in its log that the source has
// meanwhile sent to another one, and overtaken there. E7, T5.
void late_rows(Stage& stage) {
  const Rows late = rows_of({.first = 1, .count = 5, .generation = 1});
  Host& first = stage.add_host();
  first.open();
  first.make(kState);
  first.feed(kState, "changes", 10, rows_of({.first = 1, .count = 10}));
  first.flush();
  stage.remember(first, kState);
  first.feed(kState, "changes", 20, late);
  first.die();

  Host& second = stage.add_host();
  second.open();
  second.feed(kState, "changes", 20, late);
  second.feed(kState, "changes", 30, rows_of({.first = 1, .count = 5, .generation = 2}));
  second.flush();
  second.die();

  Host& third = stage.restart_open(first, CrashKind::kPowerCut);
  stage.judge(third);
  third.feed(kState, "changes", 40, rows_of({.first = 6, .count = 2, .generation = 3}));
  third.flush();
  stage.judge_committed();
  stage.conclude(third);
}

// apache/iceberg#14090: one checkpoint makes several commits, and "number <= stored maximum" drops
// all but the first. Tables, sources and partitions advance apart. E7, T5.
void one_number_for_many(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kEvents);
  first.make(kAudit);
  first.feed(kEvents, "orders", 100, rows_of({.first = 1, .count = 10, .days = 2}));
  first.feed(kEvents, "refunds", 7, rows_of({.first = 11, .count = 10, .days = 2}));
  first.feed(kAudit, "orders", 5, rows_of({.first = 1, .count = 10}));
  // One table alone, then the end.
  stage.expect("a flush", to_status(first.engine()->flush(kEvents.name)));
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  stage.judge(second);
  second.feed(kEvents, "refunds", 8, rows_of({.first = 21, .count = 10, .days = 2}));
  second.feed(kAudit, "orders", 6, rows_of({.first = 11, .count = 10}));
  second.feed(kAudit, "refunds", 3, rows_of({.first = 21, .count = 10}));
  second.flush();
  stage.judge_committed();
  stage.remember(second, kAudit);
  second.feed(kAudit, "refunds", 4, rows_of({.first = 31, .count = 10}));
  stage.conclude(second);
}

// apache/iceberg#5846: the committed position stands in a snapshot's summary, and snapshots expire.
// T5.
void expired_maximum(Stage& stage) {
  const Rows rows = rows_of({.first = 1, .count = 10});
  EngineOptions options = quiet_options();
  options.snapshots_kept = 1;
  Host& first = stage.add_host();
  first.open(options);
  first.make(kAudit);
  first.feed(kAudit, "orders", 10, rows);
  first.flush();
  for (int64_t flush = 1; flush <= 3; ++flush) {
    first.write(kAudit, rows_of({.first = 10 * flush + 1, .count = 10}));
    first.flush();
  }
  if (stage.failed()) return;
  const Result<TableDescription> table = first.engine()->describe(kAudit.name);
  if (!table.ok() || table->snapshots != 1) {
    return stage.violate(Harm::kStuck, "the first snapshot has not expired");
  }
  first.die();
  // Another machine: nothing but the table knows the position.
  Host& second = stage.add_host();
  second.open();
  second.resend(kAudit, "orders", 10, rows);
  second.feed(kAudit, "orders", 20, rows_of({.first = 41, .count = 10}));
  stage.conclude(second);
}

// apache/iceberg#13763, #17637: the commit is there, its confirmation never reached the source, and
// the source sends again, to a machine that has no log of it. E7, T4.
void resend_after_crash(Stage& stage) {
  const Rows one = rows_of({.first = 1, .count = 10});
  const Rows two = rows_of({.first = 11, .count = 10});
  Host& first = stage.add_host();
  first.open();
  first.make(kEvents);
  first.feed(kEvents, "orders", 10, one);
  first.feed(kEvents, "orders", 20, two);
  first.line().plan = cut_behind_commit();
  first.start_flush();
  first.await();
  first.die();
  Host& second = stage.add_host();
  second.open();
  second.resend(kEvents, "orders", 10, one);
  second.resend(kEvents, "orders", 20, two);
  second.feed(kEvents, "orders", 30, rows_of({.first = 21, .count = 10}));
  stage.conclude(second);
}

// airbytehq/airbyte#12821, apache/iceberg#15032: a batch is refused while the next one is on its
// way. That one moves the position on, and the refused batch, mended and sent again, is dropped as
// known. E7.
void batch_left_out(Stage& stage) {
  const Rows two = rows_of({.first = 11, .count = 10});
  const Rows three = rows_of({.first = 21, .count = 10});
  const auto behind = [](uint64_t previous) {
    AppendOptions options;
    options.source = {"orders", previous + 10, previous};
    return options;
  };
  Host& host = stage.add_host();
  host.open();
  host.make(kAudit);
  host.feed(kAudit, "orders", 10, rows_of({.first = 1, .count = 10}));
  if (stage.failed()) return;
  BatchBuilder bad(*Schema::make({{"no_such_column", Type::kInt64}}));
  bad.append_int64(0, 1);
  const auto refused = host.engine()->append(kAudit.name, *bad.finish(), behind(10));
  stage.expect_code("a batch that the table cannot take", Code::kInvalid, to_status(refused));
  const auto overtaking = host.append(kAudit, three, behind(20));
  if (overtaking.ok()) stage.truth().promise(kAudit, three);
  stage.expect("the mended batch", to_status(host.append(kAudit, two, behind(10))));
  stage.truth().promise(kAudit, two);
  stage.judge(host);
  stage.expect_code("a batch before its turn", Code::kInvalid, to_status(overtaking));
  stage.expect("the next one", to_status(host.append(kAudit, three, behind(20))));
  stage.truth().promise(kAudit, three);
  Host& second = stage.restart_open(host, CrashKind::kPowerCut);
  stage.judge(second);
  second.feed(kAudit, "orders", 40, rows_of({.first = 31, .count = 10}));
  stage.conclude(second);
}

// databricks/iceberg-kafka-connect#318, memiiso/debezium-server-iceberg#248, apache/flink-cdc
// PR 4536: the partition comes of a column that an update changes, so what replaces the row is in
// another one. Here such a table cannot be made, and a key stays in its partition. T4.
void moved_row(Stage& stage) {
  Table moving{{"demo", "moving"}, kState.spec};
  moving.spec.partition = {{"at", Transform::kDay}};
  Host& host = stage.add_host();
  host.open();
  if (stage.failed()) return;
  const Status made = host.engine()->create_table(moving.name, moving.spec);
  if (!made.ok()) {
    moving.spec.partition = {{"device", Transform::kBucket, 4}};
    host.make(moving);
  }
  Rows rows = rows_of({.first = 1, .count = 20});
  for (int64_t day = 0; day < 3; ++day) {
    for (Row& row : rows) {
      row.at += 86'400 * kSecond;
      ++row.value;
    }
    host.write(moving, rows);
    host.flush();
    stage.judge_committed();
    stage.remember(host, moving);
    rows.resize(rows.size() / 2);
  }
  stage.expect_code("a partition that is no function of the key", Code::kInvalid, made);
  stage.conclude(host);
}

}  // namespace sluice::torture
