#include "sluice/inspect.h"

#include <utility>

#include "part/reader.h"
#include "table/read.h"
#include "table/verify.h"
#include "wal/verify.h"

namespace sluice {

namespace {

void report(VerifyReport& into, const Error& error, const std::string& object) {
  into.findings.push_back({error.at(object), object, error.found()});
}

// Decodes every page of the part, counts its rows, and then sums up all of its bytes: a damaged
// page is named by its own offset.
Status read_whole(Bucket& bucket, const part::Meta& meta) {
  const auto reader = TRY(part::Reader::open(bucket, meta.key, meta.bytes));
  std::vector<part::ReadColumn> columns;
  for (const part::Column& column : reader->columns()) {
    columns.push_back({column.field_id, column.name, table::logical_type(column.type), 0});
  }
  const auto rows = TRY(reader->read(std::move(columns), {}));
  uint64_t count = 0;
  while (const std::optional<Batch> batch = TRY(rows->next())) count += batch->rows();
  if (count == meta.rows) return reader->check_bytes();
  return Error({Code::kCorrupt, Reason::kDecodeFailure,
                "the part holds another number of rows than its manifest says", meta.key, meta.rows,
                count});
}

void verify_log(Disk& disk, VerifyReport& into) {
  Result<wal::LogReport> log = wal::verify_log(disk);
  if (!log.ok()) return report(into, log.error(), "log");
  into.segments = log->segments.size();
  for (const wal::SegmentReport& segment : log->segments) {
    into.frames += segment.content.user_frames;
    into.log_bytes += segment.content.accepted.end;
    into.torn_bytes += segment.content.torn_bytes;
  }
  std::move(log->findings.begin(), log->findings.end(), std::back_inserter(into.findings));
}

void verify_table(Bucket& bucket, const TableName& name, VerifyReport& into,
                  const VerifyWatch& watch) {
  Result<table::TableVerdict> verdict = table::verify_table(bucket, name);
  if (!verdict.ok()) return report(into, verdict.error(), name.to_string());
  ++into.tables;
  into.snapshots += verdict->snapshots;
  std::move(verdict->findings.begin(), verdict->findings.end(), std::back_inserter(into.findings));
  for (const part::Meta& meta : verdict->parts) {
    ++into.parts;
    const Status read = read_whole(bucket, meta);
    if (read.ok()) {
      into.rows += meta.rows;
    } else {
      report(into, read.error(), meta.key);
    }
    if (watch) watch(into);
  }
}

}  // namespace

Result<VerifyReport> verify(Platform platform, const VerifyWatch& watch) {
  VerifyReport verified;
  verify_log(*platform.disk, verified);
  if (watch) watch(verified);
  for (const TableName& name : TRY(table::list_tables(*platform.bucket))) {
    verify_table(*platform.bucket, name, verified, watch);
  }
  return verified;
}

}  // namespace sluice
