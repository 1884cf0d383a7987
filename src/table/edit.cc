#include "table/edit.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "model/schema.h"
#include "table/checksum.h"
#include "table/format.h"
#include "table/manifest_splitter.h"
#include "table/next_version.h"

namespace sluice::table {
namespace {

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
  metadata.on_conflict = spec.on_conflict;
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

Proposal propose_touch(const Head& head, const Stamp& stamp) {
  return with_head(next_version(head, stamp), head.marks);
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

  SnapshotEntry snapshot = begin_snapshot(next, stamp);
  snapshot.summary = TRY(summarize(head.metadata.current_snapshot(), edit));
  for (NewObject& object : write_manifests(next, snapshot, edit, parent, stamp)) {
    objects.push_back(std::move(object));
  }
  end_snapshot(next, std::move(snapshot), marks, options);
  return std::optional(with_head(std::move(next), std::move(marks), std::move(objects)));
}

}  // namespace sluice::table
