#include "sluice/inspect.h"

#include <array>
#include <optional>
#include <utility>

#include "model/device_id.h"
#include "part/reader.h"
#include "table/format.h"
#include "table/read.h"
#include "table/sweeper.h"
#include "table/verify.h"
#include "wal/verify.h"

namespace sluice {

namespace {

// Of a damaged part the place is known, of another error nothing but the object.
void report(VerifyReport& into, const Error& error, const std::string& object) {
  const bool at_offset =
      error.reason() == Reason::kDecodeFailure || error.reason() == Reason::kCrcMismatch;
  into.findings.push_back({error.at(object), object, at_offset ? error.found() : 0, ""});
}

// What the operator does about it, by the object's kind.
std::string advice_for(const std::string& object) {
  if (object.ends_with("version-hint.text")) return "nothing: the next commit writes it anew";
  if (object.ends_with(".parquet")) {
    return "put the part back from a copy; until then only queries that read it fail";
  }
  if (object.find('/') != std::string::npos) {
    return "put the object back from a copy; until then its table may stop, the others go on";
  }
  return "put the file back from a copy; until then only what is committed can be read";
}

// T17: the devices of a part have the group that its name tells.
class GroupCheck {
 public:
  GroupCheck(const table::TableVerdict& table, const part::Meta& meta)
      : groups_(table.groups), group_(table::part_group(meta.key)), key_(meta.key) {}

  Status check(const ColumnView& devices) {
    if (!group_) return ok();
    for (uint32_t row = 0; row < devices.rows; ++row) {
      std::array<char, model::kNumberIdBytes> space{};
      const std::string_view device = model::device_id(devices, row, space);
      if (device == last_) continue;
      last_ = device;
      const std::optional<uint32_t> known = groups_ ? groups_->find(device) : std::nullopt;
      if (known == group_) continue;
      return Error({Code::kCorrupt, Reason::kNone,
                    known ? "the part holds a device of another group than its name tells"
                          : "the part holds a device that has no group, but its name tells one",
                    key_, *group_, known.value_or(0)});
    }
    return ok();
  }

 private:
  const table::GroupsPtr& groups_;
  const std::optional<uint32_t> group_;
  const std::string& key_;
  std::optional<std::string> last_;
};

// Decodes every page of the part, counts its rows, and then sums up all of its bytes: a damaged
// page is named by its own offset.
Status read_whole(Bucket& bucket, const table::TableVerdict& table, const part::Meta& meta) {
  const auto reader = TRY(part::Reader::open(bucket, meta.key, meta.bytes));
  std::vector<part::ReadColumn> columns;
  std::optional<size_t> devices;
  for (const part::Column& column : reader->columns()) {
    if (column.field_id == table.device_field) devices = columns.size();
    columns.push_back({column.field_id, column.name, table::logical_type(column.type), 0});
  }
  const auto rows = TRY(reader->read(std::move(columns), {}));
  uint64_t count = 0;
  GroupCheck groups(table, meta);
  while (const std::optional<Batch> batch = TRY(rows->next())) {
    count += batch->rows();
    if (devices) TRY(groups.check(batch->column(*devices)));
  }
  if (count == meta.rows) return reader->check_bytes();
  return Error({Code::kCorrupt, Reason::kNone,
                "the part holds another number of rows than its manifest says", meta.key, meta.rows,
                count});
}

using TableMarks = std::vector<std::pair<TableName, table::Marks>>;

TableMarks marks_of(Bucket& bucket, const std::vector<TableName>& tables) {
  TableMarks marks;
  for (const TableName& name : tables) {
    const Result<table::HeadPtr> head = table::load_head(bucket, name);
    // What cannot be read is found when its table is verified.
    if (head.ok() && !(*head)->marks.logs.empty()) marks.emplace_back(name, (*head)->marks);
  }
  return marks;
}

// The tables' marks know of openings and LSNs that a log without its newest segments has forgotten.
Status check_log_end(const wal::LogReport& log, const TableMarks& tables) {
  for (const auto& [name, marks] : tables) {
    if (log.segments.empty()) {
      return Error(Code::kCorrupt, Reason::kMissingSegment,
                   "the log is gone, which " + name.to_string() + " was written from", "log");
    }
    const wal::SegmentReport& newest = log.segments.back();
    if (!newest.header) return ok();  // trimmed meanwhile
    std::vector<table::Opening> chain;
    for (const wal::ChainLink& link : newest.content.checkpoint.chain) {
      chain.push_back({link.opening, link.base_lsn});
    }
    const uint64_t next_lsn = newest.content.accepted.last_lsn + 1;
    if (table::check_lineage(marks, newest.header->log, chain, next_lsn).ok()) continue;
    return Error(Code::kCorrupt, Reason::kMissingSegment,
                 "segments behind " + newest.name + " are missing, which " + name.to_string() +
                     " was written from; or the log is a copy",
                 "log");
  }
  return ok();
}

void verify_log(Disk& disk, const TableMarks& tables, VerifyReport& into) {
  Result<wal::LogReport> log = wal::verify_log(disk);
  if (!log.ok()) return report(into, log.error(), "log");
  into.segments = log->segments.size();
  for (const wal::SegmentReport& segment : log->segments) {
    into.frames += segment.content.user_frames;
    into.log_bytes += segment.content.accepted.end;
    into.torn_bytes += segment.content.torn_bytes;
  }
  // Behind damage nothing is known of the log's end.
  const Status end = log->findings.empty() ? check_log_end(*log, tables) : ok();
  std::move(log->findings.begin(), log->findings.end(), std::back_inserter(into.findings));
  if (!end.ok()) report(into, end.error(), "log");
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
    const Status read = read_whole(bucket, *verdict, meta);
    if (read.ok()) {
      into.rows += meta.rows;
    } else {
      report(into, read.error(), meta.key);
    }
    if (watch) watch(into);
  }
  // What cannot be read is a finding already.
  const auto orphans = table::count_orphans(bucket, table::table_prefix(name));
  if (!orphans.ok()) return;
  into.orphans += orphans->objects;
  into.orphan_bytes += orphans->bytes;
}

}  // namespace

Result<VerifyReport> verify(Platform platform, const VerifyWatch& watch) {
  VerifyReport verified;
  const std::vector<TableName> tables = TRY(table::list_tables(*platform.bucket));
  // The marks first: a running writer adds to the log before it adds to the tables.
  verify_log(*platform.disk, marks_of(*platform.bucket, tables), verified);
  if (watch) watch(verified);
  for (const TableName& name : tables) verify_table(*platform.bucket, name, verified, watch);
  for (Finding& finding : verified.findings) finding.advice = advice_for(finding.object);
  return verified;
}

}  // namespace sluice
