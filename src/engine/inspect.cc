// The log and the tables together: which rows are in the log only, and what stands in their way.
#include "sluice/inspect.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/log_summary.h"
#include "memtable/share.h"
#include "model/schema.h"
#include "query/view.h"
#include "table/read.h"
#include "wal/verify.h"

namespace sluice {
namespace engine {
namespace {

using Heads = std::map<TableName, Result<table::HeadPtr>>;

Result<Heads> load_heads(Bucket& bucket) {
  Heads heads;
  for (const TableName& name : TRY(table::list_tables(bucket))) {
    heads.emplace(name, table::load_head(bucket, name));
  }
  return heads;
}

struct Unflushed {
  UnflushedRows rows;
  std::map<std::string, UnflushedSource> sources;

  void add(const wal::ParsedFrame& frame, const RecordSummary& batch) {
    if (rows.batches++ == 0) rows.first_lsn = frame.lsn;
    rows.last_lsn = frame.lsn;
    rows.rows += batch.rows;
    rows.bytes += wal::frame_bytes(frame.payload.size());
    UnflushedSource& source = sources[batch.source];
    source.source = batch.source;
    ++source.batches;
    source.rows += batch.rows;
    source.last_position = std::max(source.last_position, batch.position);
  }
  void add(const Unflushed& later) {
    const uint64_t first = later.rows.first_lsn;
    rows.first_lsn = rows.batches == 0 ? first : std::min(rows.first_lsn, first);
    rows.last_lsn = std::max(rows.last_lsn, later.rows.last_lsn);
    rows.batches += later.rows.batches;
    rows.rows += later.rows.rows;
    rows.bytes += later.rows.bytes;
    for (const auto& [name, more] : later.sources) {
      UnflushedSource& source = sources[name];
      source.source = name;
      source.batches += more.batches;
      source.rows += more.rows;
      source.last_position = std::max(source.last_position, more.last_position);
    }
  }
};

/// Counts the records of a log, segment by segment: the newest may be shown twice.
class RecordCount {
 public:
  RecordCount(const Heads& heads, LogId log) : heads_(heads), log_(log) {}

  void take(const wal::ParsedFrame& frame) {
    if (frame.offset == wal::kBlockBytes) {
      current_ = &segments_[frame.lsn + 1];
      *current_ = {};
    }
    const Result<RecordSummary> record = reader_.read(frame);
    if (!record.ok()) return note(frame, record.error());
    if (record->kind == RecordSummary::Kind::kSchema) ++current_->schemas;
    if (record->kind != RecordSummary::Kind::kBatch) return;
    ++current_->batches;
    current_->rows += record->rows;
    if (!record->table) {
      return note(frame, Error(Code::kCorrupt, Reason::kDecodeFailure,
                               "a batch refers to a schema that the log does not hold"));
    }
    const uint64_t missing = rows_not_in_table(frame, *record);
    RecordSummary part = *record;
    part.rows = record->rows - missing;
    if (part.rows > 0) current_->covered[*record->table].add(frame, part);
    part.rows = missing;
    if (part.rows > 0) current_->unflushed[*record->table].add(frame, part);
  }

  void fill(SegmentDescription& segment) const {
    const auto counted = segments_.find(segment.base_lsn);
    if (counted == segments_.end()) return;
    segment.batches = counted->second.batches;
    segment.schemas = counted->second.schemas;
    segment.rows = counted->second.rows;
  }
  /// Marks that another copy of a forked log has made say nothing about this one's rows.
  std::vector<UnflushedRows> unflushed(const std::set<TableName>& forked) const {
    std::map<TableName, Unflushed> tables;
    for (const auto& [base_lsn, segment] : segments_) {
      for (const auto& [name, rows] : segment.covered) {
        if (forked.contains(name)) tables[name].add(rows);
      }
      for (const auto& [name, rows] : segment.unflushed) tables[name].add(rows);
    }
    std::vector<UnflushedRows> all;
    for (auto& [name, unflushed] : tables) {
      unflushed.rows.table = name;
      for (auto& [source, counts] : unflushed.sources) {
        unflushed.rows.sources.push_back(std::move(counts));
      }
      all.push_back(std::move(unflushed.rows));
    }
    return all;
  }
  std::vector<Finding> findings() const {
    std::vector<Finding> all;
    for (const auto& [base_lsn, segment] : segments_) {
      if (segment.unreadable) all.push_back(*segment.unreadable);
    }
    return all;
  }

 private:
  struct Segment {
    uint64_t batches = 0;
    uint64_t schemas = 0;
    uint64_t rows = 0;
    std::map<TableName, Unflushed> unflushed;
    std::map<TableName, Unflushed> covered;
    std::optional<Finding> unreadable;  ///< the first
  };

  /// As a lane does it: by the table's marks, or by those of the source, for each partition.
  uint64_t rows_not_in_table(const wal::ParsedFrame& frame, const RecordSummary& record) const {
    const auto head = heads_.find(*record.table);
    if (head == heads_.end() || !head->second.ok()) return record.rows;
    const table::Head& table = **head->second;
    const auto covers = [&](const std::string& partition) {
      return frame.lsn <= table.marks.flushed(log_, partition) ||
             (!record.source.empty() &&
              record.position <= table.marks.position(record.source, partition));
    };
    if (covers("")) return 0;
    const TableSpec spec = table.metadata.spec();
    const Result<Batch> batch = decode(frame);
    if (!batch.ok() || !model::check_batch_fits(spec, *batch).ok()) return record.rows;
    uint64_t missing = 0;
    for (const memtable::Share& share : memtable::share_out(*batch, spec)) {
      if (!covers(share.partition->name)) missing += share.rows;
    }
    return missing;
  }
  Result<Batch> decode(const wal::ParsedFrame& frame) const {
    const BatchRecord record = TRY(decode_batch_record(frame.payload));
    return Batch::decode(reader_.schemas().find(record.head.schema_lsn)->schema, record.batch);
  }
  void note(const wal::ParsedFrame& frame, const Error& error) {
    if (current_->unreadable) return;
    const std::string file = wal::segment_name(segments_.rbegin()->first);
    current_->unreadable = Finding{error.at(file), file, frame.offset};
  }

  const Heads& heads_;
  const LogId log_;
  RecordReader reader_;
  std::map<uint64_t, Segment> segments_;  // by base LSN; frames come in their order
  Segment* current_ = nullptr;
};

SegmentDescription describe(const wal::SegmentReport& report) {
  SegmentDescription segment;
  segment.file = report.name;
  segment.file_bytes = report.file_bytes;
  segment.damage = report.damage;
  if (report.header) engine::describe(*report.header, report.content, segment);
  return segment;
}

LogDescription describe_log(const wal::LogReport& report, const RecordCount& count) {
  LogDescription log;
  log.findings = report.findings;
  for (Finding& finding : count.findings()) log.findings.push_back(std::move(finding));
  const wal::Checkpoint* newest = nullptr;
  for (const wal::SegmentReport& segment : report.segments) {
    log.segments.push_back(describe(segment));
    count.fill(log.segments.back());
    if (!segment.header) continue;
    if (log.log_id.empty()) log.first_lsn = segment.header->base_lsn;
    log.log_id = log.segments.back().log_id;
    log.last_lsn = log.segments.back().last_lsn;
    if (!segment.content.checkpoint.chain.empty()) newest = &segment.content.checkpoint;
  }
  if (newest != nullptr) {
    log.trim_lsn = newest->trim_lsn;
    for (const wal::ChainLink& link : newest->chain) {
      log.openings.push_back({link.opening.hex(), link.base_lsn});
    }
  }
  return log;
}

/// T3: whether the table knows this log, or another copy of it.
Status check_lineage(const LogDescription& log, const wal::LogReport& report,
                     const table::Head& head, LogId id) {
  std::vector<table::Opening> chain;
  for (const wal::ChainLink& link : report.segments.back().content.checkpoint.chain) {
    chain.push_back({link.opening, link.base_lsn});
  }
  return table::check_lineage(head.marks, id, chain, log.last_lsn + 1);
}

/// Tables that another copy of this log has written to. Of a damaged log it cannot be told.
std::set<TableName> forked_tables(const LogDescription& log, const wal::LogReport& report,
                                  const Heads& heads, LogId id) {
  std::set<TableName> forked;
  if (!log.findings.empty() || report.segments.empty()) return forked;
  for (const auto& [name, head] : heads) {
    if (head.ok() && !check_lineage(log, report, **head, id).ok()) forked.insert(name);
  }
  return forked;
}

/// Why no engine that opens the directory now would flush the table.
std::optional<Error> obstacle(const LogDescription& log, const wal::LogReport& report,
                              const Heads& heads, const TableName& name, LogId id) {
  if (!log.findings.empty()) return log.findings.front().error.with_context("the log is damaged");
  const auto found = heads.find(name);
  if (found == heads.end()) {
    return Error(Code::kNotFound, "the table is gone; put its directory back", name.to_string());
  }
  if (!found->second.ok()) return found->second.error();
  const Status lineage = check_lineage(log, report, **found->second, id);
  if (!lineage.ok()) return lineage.error().at(name.to_string());
  return std::nullopt;
}

/// The newest header tells whose log it is.
std::optional<LogId> log_id(Disk& disk, const std::vector<std::string>& names) {
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const Result<wal::SegmentHeader> header = wal::read_segment_header(disk, *name);
    if (header.ok()) return header->log;
  }
  return std::nullopt;
}

Result<LogDescription> read_log(Disk& disk, const std::vector<std::string>& names,
                                const Heads& heads) {
  const LogId id = log_id(disk, names).value_or(LogId{});
  RecordCount count(heads, id);
  const wal::LogReport report =
      TRY(wal::verify_log(disk, [&](const wal::ParsedFrame& frame) { count.take(frame); }));
  LogDescription log = describe_log(report, count);
  log.unflushed = count.unflushed(forked_tables(log, report, heads, id));
  for (UnflushedRows& rows : log.unflushed) {
    log.pinned_lsn = std::min(log.pinned_lsn == 0 ? UINT64_MAX : log.pinned_lsn, rows.first_lsn);
    rows.obstacle = obstacle(log, report, heads, rows.table, id);
  }
  return log;
}

std::vector<TableDescription> describe_tables(Bucket& bucket, const Heads& heads,
                                              const std::vector<UnflushedRows>& unflushed) {
  std::map<TableName, TableDescription> tables;
  for (const auto& [name, head] : heads) {
    TableDescription& table = tables[name];
    table.name = name;
    if (head.ok()) table = query::describe(bucket, name, **head);
    if (!head.ok()) table.trouble = head.error();
  }
  for (const UnflushedRows& rows : unflushed) {
    const auto table = tables.find(rows.table);
    if (table == tables.end()) continue;
    table->second.unflushed_rows = rows.rows;
    if (rows.obstacle) table->second.trouble = rows.obstacle;
  }
  std::vector<TableDescription> sorted;
  for (auto& [name, table] : tables) sorted.push_back(std::move(table));
  return sorted;
}

LogDescription unlistable(const Error& error) {
  LogDescription log;
  log.findings.push_back({error, "log", 0});
  return log;
}

/// Heads are read before the log: a flush between the two is then counted as unflushed. What a trim
/// took between the two would be missed.
Result<Inspection> inspect_once(Platform platform, bool& was_trimmed) {
  Inspection inspection;
  const Result<std::vector<std::string>> names = wal::list_segments(*platform.disk);
  const Heads heads = TRY(load_heads(*platform.bucket));
  Result<LogDescription> log =
      names.ok() ? read_log(*platform.disk, *names, heads) : Result<LogDescription>(names.error());
  inspection.log = log.ok() ? *std::move(log) : unlistable(log.error());
  const std::vector<SegmentDescription>& segments = inspection.log.segments;
  was_trimmed = names.ok() && !names->empty() &&
                (segments.empty() || segments.front().file != names->front());
  inspection.tables = describe_tables(*platform.bucket, heads, inspection.log.unflushed);
  return inspection;
}

}  // namespace
}  // namespace engine

Result<Inspection> inspect(Platform platform) {
  constexpr int kTries = 3;
  for (int tries = 1;; ++tries) {
    bool was_trimmed = false;
    Result<Inspection> inspection = engine::inspect_once(platform, was_trimmed);
    if (!inspection.ok() || !was_trimmed || tries == kTries) return inspection;
  }
}

Result<std::unique_ptr<Snapshot>> committed_snapshot(Platform platform, const TableName& name) {
  query::View view;
  view.name = name;
  view.head = TRY(table::load_head(*platform.bucket, name));
  return query::make_snapshot(*platform.bucket, std::move(view));
}

Result<std::unique_ptr<Snapshot>> committed_snapshot(Platform platform, const TableName& name,
                                                     const AsOf& as_of) {
  const table::HeadPtr newest = TRY(table::load_head(*platform.bucket, name));
  query::View view;
  view.name = name;
  view.head = TRY(query::head_as_of(*newest, as_of));
  return query::make_snapshot(*platform.bucket, std::move(view));
}

}  // namespace sluice
