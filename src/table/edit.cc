#include "table/edit.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <set>

#include "model/schema.h"
#include "table/checksum.h"
#include "table/format.h"
#include "table/next_version.h"

namespace sluice::table {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kHourlyKeptMs = 7 * 24 * kHourMs;

/// 128 random bits as a UUID of version 4.
std::string uuid_of(const CommitId& id) {
  std::string hex = id.hex();
  hex[12] = '4';
  hex[16] = '8';
  for (const size_t at : {8, 13, 18, 23}) hex.insert(at, "-");
  return hex;
}

Marks raised_marks(const Marks& marks, const FlushEdit& edit, const Writer& writer) {
  Marks next = marks;
  auto entry = std::lower_bound(next.logs.begin(), next.logs.end(), writer.log,
                                [](const LogMarks& a, const LogId& log) { return a.log < log; });
  if (entry == next.logs.end() || entry->log != writer.log) {
    entry = next.logs.insert(entry, LogMarks{writer.log, writer.opening, {}});
  }
  // T5: marks are only raised, and other logs' entries are copied as they are.
  entry->opening = writer.opening;
  entry->lsns.raise(edit.lsns);
  for (const auto& [source, positions] : edit.sources) next.sources[source].raise(positions);
  return next;
}

Coverage coverage_of(const Marks& marks, const LogId& log) {
  const LogMarks* entry = marks.find(log);
  return entry ? entry->lsns : Coverage{};
}

int64_t draw_snapshot_id(const Metadata& metadata, uint64_t entropy) {
  const auto taken = [&](int64_t id) {
    return id <= 0 || std::any_of(metadata.snapshots.begin(), metadata.snapshots.end(),
                                  [&](const SnapshotEntry& snapshot) { return snapshot.id == id; });
  };
  auto id = static_cast<int64_t>(entropy >> 1);
  while (taken(id)) id = static_cast<int64_t>((static_cast<uint64_t>(id) + 1) & INT64_MAX);
  return id;
}

Status check_parts(const Metadata& metadata, const std::vector<part::Meta>& parts) {
  const PartitionCodec partition(metadata);
  std::set<std::string_view> keys;
  for (const part::Meta& part : parts) {
    if (!part.key.starts_with(metadata.prefix + "/data/") || !keys.insert(part.key).second) {
      return Error(Code::kInvalid, "a part outside the table, or named twice", part.key);
    }
    if (!partition.fits(part.partition) || (part.is_sorted && metadata.sort_source_ids.empty())) {
      return Error(Code::kInvalid, "the part does not fit the table's partition or order",
                   part.key);
    }
  }
  return ok();
}

/// A total of the parent's summary; without a parent, zero.
Result<uint64_t> parent_total(const SnapshotEntry* parent, const std::string& name) {
  if (parent == nullptr) return uint64_t{0};
  const auto found = parent->summary.find(name);
  uint64_t total = 0;
  if (found != parent->summary.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), total);
    if (error == std::errc{} && end == text.data() + text.size()) return total;
  }
  return Error(Code::kCorrupt, Reason::kDecodeFailure,
               "the current snapshot's summary has no '" + name + "'");
}

/// T7: the totals are exact; readers answer count(*) from them alone.
Result<std::map<std::string, std::string>> summarize(const SnapshotEntry* parent,
                                                     const FlushEdit& edit) {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::set<model::PartitionTuple> partitions;
  for (const part::Meta& part : edit.parts) {
    rows += part.rows;
    bytes += part.bytes;
    partitions.insert(part.partition);
  }
  const uint64_t files = edit.parts.size();
  std::map<std::string, std::string> summary = {
      {"operation", "append"},
      {"total-delete-files", "0"},
      {"total-position-deletes", "0"},
      {"total-equality-deletes", "0"},
      {"sluice.flush-id", edit.flush.hex()},
  };
  const auto set = [&](const char* name, uint64_t value) { summary[name] = std::to_string(value); };
  set("added-data-files", files);
  set("added-records", rows);
  set("added-files-size", bytes);
  set("changed-partition-count", partitions.size());
  set("total-data-files", TRY(parent_total(parent, "total-data-files")) + files);
  set("total-records", TRY(parent_total(parent, "total-records")) + rows);
  set("total-files-size", TRY(parent_total(parent, "total-files-size")) + bytes);
  set("sluice.rows-replaced", edit.rows_replaced);
  return summary;
}

/// Writes entries into as many manifests as their bytes need.
class ManifestSplitter {
 public:
  ManifestSplitter(const Metadata& metadata, const SnapshotEntry& snapshot, const Stamp& stamp)
      : metadata_(metadata), snapshot_(snapshot), stamp_(stamp) {}

  void add(const ManifestEntry& entry) {
    if (!writer_) {
      writer_.emplace(metadata_, stamp_.commit,
                      manifest_key(metadata_.prefix, stamp_.commit, next_index_++), snapshot_.id,
                      snapshot_.sequence_number);
    }
    writer_->add(entry);
    if (writer_->bytes() >= kManifestBytesTarget) end_manifest();
  }
  /// What is added next goes to another manifest.
  void end_manifest() {
    if (!writer_) return;
    EncodedManifest manifest = writer_->finish();
    writer_.reset();
    objects_.push_back({manifest.file.key, std::move(manifest.bytes)});
    files_.push_back(std::move(manifest.file));
  }
  const std::vector<ManifestFile>& files() const { return files_; }
  std::vector<NewObject> take_objects() { return std::move(objects_); }

 private:
  const Metadata& metadata_;
  const SnapshotEntry& snapshot_;
  const Stamp& stamp_;
  size_t next_index_ = 0;
  std::optional<ManifestWriter> writer_;
  std::vector<ManifestFile> files_;
  std::vector<NewObject> objects_;
};

/// The manifests and the manifest list of `snapshot`.
std::vector<NewObject> write_manifests(const Metadata& metadata, const SnapshotEntry& snapshot,
                                       const FlushEdit& edit, const ParentManifests& parent,
                                       const Stamp& stamp) {
  ManifestSplitter splitter(metadata, snapshot, stamp);
  for (ManifestEntry entry : parent.merged) {
    if (entry.status == EntryStatus::kDeleted) continue;
    entry.status = EntryStatus::kExisting;
    splitter.add(entry);
  }
  splitter.end_manifest();
  for (const part::Meta& part : edit.parts) {
    splitter.add({EntryStatus::kAdded, snapshot.id, std::nullopt, std::nullopt, part});
  }
  splitter.end_manifest();
  std::vector<ManifestFile> files = parent.kept;
  files.insert(files.end(), splitter.files().begin(), splitter.files().end());
  std::vector<NewObject> objects = splitter.take_objects();
  objects.push_back(
      {snapshot.manifest_list, encode_manifest_list(files, metadata, snapshot, stamp.commit)});
  return objects;
}

/// Forgets snapshots: kept are the last `kept_count`, and the last one of each hour for seven days.
void expire_snapshots(Metadata& metadata, uint32_t kept_count) {
  std::vector<SnapshotEntry>& snapshots = metadata.snapshots;
  const int64_t now_ms = snapshots.back().timestamp_ms;
  std::set<int64_t> hours;
  std::set<int64_t> kept;
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    const bool last_of_hour = hours.insert(snapshot->timestamp_ms / kHourMs).second;
    const bool hourly = last_of_hour && now_ms - snapshot->timestamp_ms <= kHourlyKeptMs;
    const bool recent = snapshot - snapshots.rbegin() < int64_t{kept_count};
    const bool current = snapshot->id == metadata.current_snapshot_id;
    if (hourly || recent || current) kept.insert(snapshot->id);
  }
  std::erase_if(snapshots, [&](const SnapshotEntry& s) { return !kept.contains(s.id); });
  // A log with gaps would send time travel to a wrong snapshot: it begins behind the last gap.
  auto& log = metadata.snapshot_log;
  const auto gap = std::find_if(log.rbegin(), log.rend(),
                                [&](const auto& entry) { return !kept.contains(entry.second); });
  log.erase(log.begin(), gap.base());
}

}  // namespace

Result<Proposal> propose_table(const TableName& name, const TableSpec& spec,
                               const std::string& location, const Writer& writer,
                               const Stamp& stamp) {
  TRY(model::check_table_spec(spec));
  Metadata metadata;
  metadata.version = 1;
  metadata.uuid = uuid_of(stamp.commit);
  metadata.prefix = table_prefix(name);
  metadata.location = location;
  metadata.last_updated_ms = stamp.now_ms;
  metadata.commit_id = stamp.commit.hex();
  metadata.key_columns = spec.key;
  metadata.time_column = spec.time;
  own(metadata, writer, 1);

  TableSchema schema;
  const auto add = [&](const std::string& column, part::PhysicalType type, bool identifies) {
    schema.columns.push_back({++metadata.last_column_id, column, type, identifies});
  };
  for (const Field& field : spec.columns) {
    const bool in_key = std::find(spec.key.begin(), spec.key.end(), field.name) != spec.key.end();
    const bool is_narrow =
        std::find(spec.narrow.begin(), spec.narrow.end(), field.name) != spec.narrow.end();
    add(field.name, is_narrow ? narrow_type(field.type) : physical_type(field.type),
        in_key || field.name == spec.time);
    if (!spec.key.empty() && schema.columns.back().required) {
      schema.identifier_field_ids.push_back(metadata.last_column_id);
    }
  }
  if (!spec.key.empty()) {
    add(std::string(kVersionColumn), part::PhysicalType::kInt64, true);
  }
  if (schema.columns.size() > kColumnsMax) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "too many columns",
                  {},
                  kColumnsMax,
                  schema.columns.size()});
  }
  metadata.schemas.push_back(std::move(schema));
  lay_out(spec, metadata);
  TRY(check_partition_names(metadata));
  return with_head(std::move(metadata), Marks{});
}

Proposal propose_claim(const Head& head, const Writer& writer, const Stamp& stamp) {
  Metadata next = next_version(head, stamp);
  own(next, writer, next.epoch + 1);
  return with_head(std::move(next), head.marks);
}

Result<Proposal> propose_columns(const Head& head, std::vector<part::Column> columns,
                                 const Stamp& stamp) {
  Metadata next = next_version(head, stamp);
  TableSchema schema = next.schema();
  for (const TableSchema& known : next.schemas) {
    schema.schema_id = std::max(schema.schema_id, known.schema_id);
  }
  ++schema.schema_id;
  for (part::Column& column : columns) {
    column.field_id = ++next.last_column_id;
    column.required = false;
    schema.columns.push_back(std::move(column));
  }
  if (schema.columns.size() > kColumnsMax) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "too many columns",
                  {},
                  kColumnsMax,
                  schema.columns.size()});
  }
  next.current_schema_id = schema.schema_id;
  next.schemas.push_back(std::move(schema));
  TRY(check_partition_names(next));
  return with_head(std::move(next), head.marks);
}

Status check_base(const Head& head, const FlushEdit& edit, const Writer& writer) {
  const Head& base = *edit.base;
  const char* moved = nullptr;
  if (head.metadata.uuid != base.metadata.uuid) moved = "table";
  if (head.metadata.epoch != base.metadata.epoch) moved = "epoch";
  if (head.metadata.owner != base.metadata.owner) moved = "owner";
  if (head.metadata.current_schema_id != base.metadata.current_schema_id) moved = "schema";
  if (head.marks.sources != base.marks.sources) moved = "source positions";
  if (coverage_of(head.marks, writer.log) != coverage_of(base.marks, writer.log)) moved = "marks";
  if (moved == nullptr) return ok();
  return Error({Code::kConflict, Reason::kNone,
                std::string("the table's ") + moved + " moved since the flush was cut",
                head.metadata.prefix, base.metadata.version, head.metadata.version});
}

std::vector<size_t> choose_merged(const std::vector<ManifestFile>& files, uint32_t merged_at) {
  if (files.size() < std::max<size_t>(merged_at, 2)) return {};
  std::vector<size_t> order(files.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return files[a].bytes < files[b].bytes; });
  // Half of them, so that a manifest is not rewritten by every commit.
  const size_t wanted = std::max<size_t>(files.size() / 2 + 1, 2);
  std::vector<size_t> chosen;
  uint64_t bytes = 0;
  for (const size_t index : order) {
    bytes += std::min(files[index].bytes, kManifestBytesMax);
    if (chosen.size() == wanted || bytes > kManifestBytesTarget) break;
    chosen.push_back(index);
  }
  if (chosen.size() < 2) return {};
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

Result<std::optional<Proposal>> propose_flush(const Head& head, const FlushEdit& edit,
                                              const Writer& writer, const ParentManifests& parent,
                                              const CommitterOptions& options, const Stamp& stamp) {
  TRY(check_parts(head.metadata, edit.parts));
  Marks marks = raised_marks(head.marks, edit, writer);
  if (coverage_of(marks, writer.log) == coverage_of(head.marks, writer.log) &&
      marks.sources == head.marks.sources) {
    if (edit.parts.empty()) return std::optional<Proposal>();
    // T4: nothing else would tell a second commit of the same rows from the first.
    return Error(Code::kInvalid, "parts whose rows the marks cover already", head.metadata.prefix);
  }
  Metadata next = next_version(head, stamp);
  next.marks_key = marks_key(next.prefix, stamp.commit);
  std::vector<NewObject> objects = {
      {next.marks_key, with_checksum(marks.encode(), next.marks_key)}};
  if (edit.parts.empty()) {
    return std::optional(with_head(std::move(next), std::move(marks), std::move(objects)));
  }

  SnapshotEntry snapshot;
  snapshot.id = draw_snapshot_id(next, stamp.entropy);
  snapshot.parent = next.current_snapshot_id;
  snapshot.sequence_number = ++next.last_sequence_number;
  snapshot.timestamp_ms = next.last_updated_ms;
  snapshot.schema_id = next.current_schema_id;
  snapshot.manifest_list = manifest_list_key(next.prefix, snapshot.id, stamp.commit);
  snapshot.summary = TRY(summarize(head.metadata.current_snapshot(), edit));
  snapshot.summary["sluice.commit-id"] = next.commit_id;
  snapshot.summary["sluice.epoch"] = std::to_string(next.epoch);
  snapshot.summary["sluice.log"] = writer.log.hex();
  snapshot.summary["sluice.low-water"] = std::to_string(coverage_of(marks, writer.log).low_water);
  for (NewObject& object : write_manifests(next, snapshot, edit, parent, stamp)) {
    objects.push_back(std::move(object));
  }
  next.current_snapshot_id = snapshot.id;
  next.snapshot_log.emplace_back(snapshot.timestamp_ms, snapshot.id);
  next.snapshots.push_back(std::move(snapshot));
  expire_snapshots(next, options.snapshots_kept);
  return std::optional(with_head(std::move(next), std::move(marks), std::move(objects)));
}

}  // namespace sluice::table
