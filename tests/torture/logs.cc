// Scenarios about what the log promises to the table, and the table to the log.
#include <optional>
#include <span>
#include <string>

#include "sluice/inspect.h"
#include "table/format.h"
#include "table/read.h"
#include "tests/torture/scenarios.h"
#include "tests/torture/troubles.h"

namespace sluice::torture {

using sim::CrashKind;
using sim::DiskState;
using sim::Trouble;

namespace {

uint64_t unflushed_rows(Stage& stage, Host& host) {
  const Result<Inspection> inspection = inspect(host.platform());
  if (!inspection.ok()) {
    stage.expect("inspecting", inspection.error());
    return 0;
  }
  uint64_t rows = 0;
  for (const UnflushedRows& table : inspection->log.unflushed) rows += table.rows;
  return rows;
}

}  // namespace

// apache/iceberg#16008: committed offsets are kept under a name that a restart changes, so they are
// not found again. T3, W12.
void unstable_identity(Stage& stage) {
  Host* host = &stage.add_host();
  host->open();
  host->make(kEvents);
  for (int64_t life = 0; life < 3; ++life) {
    host->write(kEvents, rows_of({.first = 10 * life + 1, .count = 10}));
    host->line().plan = cut_behind_commit();
    host->start_flush();
    host->await();
    stage.judge_committed();
    host = &stage.restart(*host, CrashKind::kPowerCut);
    host->open();
    stage.judge(*host);
    // Its claim is no commit of rows, and is not to be cut.
    host->write(kEvents, rows_of({.first = 1000 + life, .count = 1}));
    host->flush();
  }
  stage.conclude(*host);
}

// influxdata/influxdb#26970, ClickHouse/ClickHouse#111799, questdb/questdb#7045: what was answered
// with ok is gone after a power cut. E1.
void acknowledged_before_durable(Stage& stage) {
  Host& host = stage.add_host();
  host.open();
  host.make(kEvents);
  for (int64_t batch = 0; batch < 4 && !stage.failed(); ++batch) {
    const Rows rows = rows_of({.first = 10 * batch + 1, .count = 10});
    std::optional<DiskState> at_ack;
    stage.expect("a write", host.engine()->append(kEvents.name, batch_of(rows), {},
                                                  [&](const Result<Appended>& answer) {
                                                    if (answer.ok()) at_ack = host.disk().state();
                                                  }));
    stage.wait_until("an ack", [&] { return at_ack.has_value(); });
    if (stage.failed()) return;
    stage.truth().promise(kEvents, rows);
    for (int draw = 0; draw < 6; ++draw) {
      Host& survivor = stage.add_host(at_ack->crash(stage.random(), CrashKind::kPowerCut));
      survivor.open();
      stage.judge(survivor);
      survivor.die();
    }
  }
  stage.conclude(stage.restart_open(host, CrashKind::kPowerCut));
}

// risingwavelabs/risingwave#25071, ClickHouse/ClickHouse#111799: the source may forget what the
// table does not have yet. Here the log is the source. E6, E5.
void trimmed_before_commit(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kEvents);
  for (int64_t batch = 0; batch < 8; ++batch) {
    first.write(kEvents, rows_of({.first = 10 * batch + 1, .count = 10, .note_bytes = 3000}));
  }
  first.line().trouble_next_commit(Trouble::kSleepBefore);
  first.start_flush();
  first.await_sleep();
  for (int64_t batch = 8; batch < 12; ++batch) {
    first.write(kEvents, rows_of({.first = 10 * batch + 1, .count = 10, .note_bytes = 3000}));
    stage.runtime().sleep_until(stage.runtime().now() + 100 * kMillisecond);
  }
  stage.conclude(stage.restart_open(first, CrashKind::kPowerCut));
}

// apache/iceberg#16282: the commit is there, the position in the queue was not moved on, and what
// is read again is committed again. Here the log is the queue. E3.
void crash_before_trim(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.make(kState);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.write(kState, rows_of({.first = 1, .count = 10}));
  first.line().plan = cut_behind_commit();
  first.start_flush();
  first.await();
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  stage.judge(second);
  second.write(kAudit, rows_of({.first = 11, .count = 10}));
  second.write(kState, rows_of({.first = 1, .count = 5, .generation = 1}));
  second.flush();
  stage.judge_committed();
  stage.conclude(second);
}

// A log that was copied, or restored from a backup, gives out numbers anew that the table knows as
// others' (etcd-io/etcd#16596 is a relative). Whoever comes second is refused, and keeps its rows.
// T3.
void log_went_back_in_time(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.flush();
  first.write(kAudit, rows_of({.first = 11, .count = 10}));
  Host& copy = stage.add_host(first.left(CrashKind::kProcessDeath));
  copy.open();
  copy.write(kAudit, rows_of({.first = 21, .count = 10}));
  copy.flush();
  stage.judge_committed();

  // The original goes on: its log gives out the LSNs that the copy's rows have.
  const Rows later = rows_of({.first = 31, .count = 10});
  stage.expect("a write to the original", to_status(first.append(kAudit, later)));
  stage.expect_code("the flush of the original", Code::kFenced, first.try_flush());
  Host& again = stage.restart_open(first, CrashKind::kPowerCut);
  if (stage.failed()) return;
  const Status refused = again.try_flush();
  if (refused.ok()) {
    // Then it serves the table, and has to show what it has acknowledged.
    stage.truth().promise(kAudit, later);
    stage.judge(again);
  }
  stage.expect_code("a forked log's flush", Code::kFenced, refused);
  if (unflushed_rows(stage, again) < later.size()) {
    stage.violate(Harm::kLost, "a forked log has dropped rows that only it held");
  }
  again.die();
  stage.judge_committed();
  stage.conclude(copy);
}

// All five databases of a study of failed syncs (Rebello and others, 2020) were hit: after one the
// cache still shows what the disk lacks, and the next sync succeeds, so that what is acknowledged
// on it stands behind a hole. W8.
void failed_sync(Stage& stage) {
  const Rows unsure = rows_of({.first = 11, .count = 10, .note_bytes = 3000});
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.disk().set_faults({.sync_permille = 1000});
  const auto failed = first.append(kAudit, unsure);
  first.disk().set_faults({});
  const Rows next = rows_of({.first = 21, .count = 10});
  const auto after = first.append(kAudit, next);
  if (after.ok()) stage.truth().promise(kAudit, next);
  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  stage.admit(second, kAudit, unsure);
  stage.judge(second);
  stage.expect_code("a write whose sync failed", Code::kPoisoned, to_status(failed));
  stage.expect_code("the write after it", Code::kPoisoned, to_status(after));
  second.write(kAudit, rows_of({.first = 31, .count = 10}));
  stage.conclude(second);
}

// vectordotdev/vector#17644, questdb/questdb#4829: a power cut tears what was not synced yet, and
// from then on the program does not start, or reads the same place for ever. W5, W13.
void torn_tail(Stage& stage) {
  Host* host = &stage.add_host();
  host->open();
  host->make(kEvents);
  for (int64_t life = 0; life < 8; ++life) {
    host->write(kEvents, rows_of({.first = 100 * life + 1, .count = 5}));
    const Rows unsure = rows_of({.first = 100 * life + 11, .count = 10, .note_bytes = 3000});
    AppendOptions early;
    early.ack = AckClass::kMemory;
    stage.expect("a write", to_status(host->append(kEvents, unsure, early)));
    host = &stage.restart_open(*host, CrashKind::kPowerCut);
    stage.admit(*host, kEvents, unsure);
    stage.judge(*host);
  }
  stage.conclude(*host);
}

// apache/iceberg#13752, apache/iceberg PR 18012: a table that cannot be committed to for a while is
// skipped, and its rows are confirmed with those of the others. E6, T11.
void one_damaged_table(Stage& stage) {
  Host& first = stage.add_host();
  first.open();
  first.make(kAudit);
  first.make(kEvents);
  first.write(kAudit, rows_of({.first = 1, .count = 10}));
  first.flush();
  first.write(kAudit, rows_of({.first = 11, .count = 10}));
  first.die();
  const auto head = table::load_head(stage.bucket(), kAudit.name);
  stage.expect("reading the head", to_status(head));
  if (stage.failed()) return;
  const table::Metadata& metadata = (*head)->metadata;
  const std::string key = table::metadata_key(metadata.prefix, metadata.version);
  const auto bytes = get_object(stage.bucket(), key, table::kMetadataBytesMax);
  stage.expect("a table's loss", stage.bucket().remove(key));

  Host& second = stage.restart_open(first, CrashKind::kPowerCut);
  for (int64_t batch = 0; batch < 12; ++batch) {
    second.write(kEvents, rows_of({.first = 10 * batch + 1, .count = 10, .note_bytes = 3000}));
    if (stage.failed()) return;
    if (batch % 4 == 3) {
      stage.expect("a flush beside it", to_status(second.engine()->flush(kEvents.name)));
    }
  }
  second.die();
  stage.expect("its repair", stage.bucket().put_if_absent(key, std::as_bytes(std::span(*bytes))));
  Host& third = stage.restart_open(second, CrashKind::kPowerCut);
  stage.judge(third);
  third.write(kAudit, rows_of({.first = 21, .count = 10}));
  stage.conclude(third);
}

}  // namespace sluice::torture
