// One table's metadata: snapshots, marks, parts, groups of devices.
#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "model/device_id.h"
#include "model/schema.h"
#include "model/transform.h"
#include "part/micros.h"
#include "query/view.h"
#include "sluice/inspect.h"
#include "sluice/inspect_groups.h"
#include "table/format.h"
#include "table/read.h"
#include "table/retention.h"

namespace sluice {
namespace engine {
namespace {

uint64_t number(const table::SnapshotEntry& snapshot, const std::string& name) {
  uint64_t value = 0;
  const auto entry = snapshot.summary.find(name);
  if (entry == snapshot.summary.end()) return 0;
  const std::string& text = entry->second;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string text(const table::SnapshotEntry& snapshot, const std::string& name) {
  const auto entry = snapshot.summary.find(name);
  return entry == snapshot.summary.end() ? "" : entry->second;
}

SnapshotDescription describe(const table::SnapshotEntry& entry) {
  SnapshotDescription snapshot;
  snapshot.id = static_cast<uint64_t>(entry.id);
  snapshot.parent = static_cast<uint64_t>(entry.parent.value_or(0));
  snapshot.sequence_number = static_cast<uint64_t>(entry.sequence_number);
  snapshot.wall_time = table::commit_time(entry);
  snapshot.operation = text(entry, "operation");
  snapshot.schema_id = static_cast<uint64_t>(entry.schema_id);
  snapshot.commit_id = text(entry, "sluice.commit-id");
  snapshot.added_rows = number(entry, "added-records");
  snapshot.added_parts = number(entry, "added-data-files");
  snapshot.added_bytes = number(entry, "added-files-size");
  snapshot.rows = number(entry, "total-records");
  snapshot.parts = number(entry, "total-data-files");
  snapshot.bytes = number(entry, "total-files-size");
  return snapshot;
}

void note(std::vector<Finding>& findings, const Error& error, const std::string& object) {
  const std::string& where = error.where().empty() ? object : error.where();
  const bool names_offset =
      error.reason() == Reason::kDecodeFailure || error.reason() == Reason::kIncompletePayload;
  findings.push_back({error.at(object), where, names_offset ? error.found() : 0});
}

/// The newest version that can be read; newer ones become findings.
Result<table::Metadata> read_newest(Bucket& bucket, const TableName& name,
                                    std::vector<Finding>& findings) {
  const std::string prefix = table::table_prefix(name);
  std::vector<uint64_t> versions = TRY(table::list_versions(bucket, prefix));
  for (; !versions.empty(); versions.pop_back()) {
    Result<table::Metadata> metadata = table::read_metadata(bucket, prefix, versions.back());
    if (metadata.ok()) return metadata;
    note(findings, metadata.error(), table::metadata_key(prefix, versions.back()));
  }
  if (!findings.empty()) return findings.front().error;
  return Error(Code::kNotFound, "there is no such table", name.to_string());
}

MarkDescription describe(std::string of, const table::Coverage& coverage) {
  return {std::move(of), {}, coverage.low_water, coverage.exceptions};
}

void describe_columns(const table::Metadata& metadata, TableInspection& inspection) {
  const table::TableSchema& schema = metadata.schema();
  for (const part::Column& column : schema.columns) {
    inspection.columns.push_back({static_cast<uint64_t>(column.field_id), column.name,
                                  std::string(table::iceberg_type(column.type)), column.required,
                                  !model::is_user_column(column.name)});
  }
  for (const int32_t id : metadata.sort_source_ids) {
    if (const part::Column* column = schema.find(id)) {
      inspection.sort_columns.push_back(column->name);
    }
  }
}

void describe_names(const table::Metadata& metadata, TableInspection& inspection) {
  if (metadata.current_snapshot_id) {
    const auto current = static_cast<uint64_t>(*metadata.current_snapshot_id);
    inspection.refs.push_back({std::string(table::kMainRef), "branch", current});
  }
  for (const auto& [name, ref] : metadata.refs) {
    if (name == table::kMainRef) continue;
    inspection.refs.push_back({name, ref.kind, static_cast<uint64_t>(ref.snapshot_id)});
  }
  for (const auto& [time_ms, id] : metadata.snapshot_log) {
    table::SnapshotEntry entry;
    entry.timestamp_ms = time_ms;
    inspection.history.push_back({table::commit_time(entry), static_cast<uint64_t>(id)});
  }
}

/// A bound of a column as Iceberg encodes it; nothing if it has another length than its type.
std::optional<Value> decode_bound(part::PhysicalType type,
                                  const std::optional<std::string>& bound) {
  if (!bound) return std::nullopt;
  Value value;
  value.type = table::logical_type(type);
  ByteReader in(as_bytes(*bound));
  switch (type) {
    case part::PhysicalType::kBool:
      value.boolean = in.fixed<uint8_t>() != 0;
      break;
    case part::PhysicalType::kInt32:
      value.int64 = in.fixed<int32_t>();
      break;
    case part::PhysicalType::kInt64:
      // A part from before the column was widened has bounds of four bytes.
      value.int64 = bound->size() == sizeof(int32_t) ? in.fixed<int32_t>() : in.fixed<int64_t>();
      break;
    case part::PhysicalType::kTimestampMicros: {
      const std::optional<Nanos> time = part::join_micros(in.fixed<int64_t>(), 0);
      if (!time) return std::nullopt;
      value.int64 = *time;
      break;
    }
    case part::PhysicalType::kFloat:
      value.real = std::bit_cast<float>(in.fixed<uint32_t>());
      break;
    case part::PhysicalType::kDouble:
      value.real = bound->size() == sizeof(float) ? std::bit_cast<float>(in.fixed<uint32_t>())
                                                  : std::bit_cast<double>(in.fixed<uint64_t>());
      break;
    case part::PhysicalType::kString:
    case part::PhysicalType::kBinary:
      value.bytes = *bound;
      return value;
  }
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return value;
}

Bounds bounds_of(const part::Meta& part, const part::Column& column) {
  Bounds bounds{column.name, {}, {}};
  for (const part::ColumnStats& stats : part.columns) {
    if (stats.field_id != column.field_id) continue;
    bounds.lower = decode_bound(column.type, stats.lower);
    bounds.upper = decode_bound(column.type, stats.upper);
  }
  return bounds;
}

/// The parts of one snapshot as its metadata and manifests describe them.
class PartLister {
 public:
  PartLister(Bucket& bucket, const table::Metadata& metadata)
      : bucket_(bucket), metadata_(metadata) {
    for (const table::SnapshotEntry& entry : metadata.snapshots) snapshots_[entry.id] = &entry;
  }

  PartList list(const table::SnapshotEntry& snapshot) {
    list_.snapshot_id = static_cast<uint64_t>(snapshot.id);
    find_objects();
    const auto files = table::read_manifest_list(bucket_, metadata_, snapshot);
    if (!files.ok()) note(list_.findings, files.error(), snapshot.manifest_list);
    std::vector<table::ManifestEntry> entries;
    for (size_t at = 0; files.ok() && at < files->size(); ++at) {
      auto more = table::read_manifest(bucket_, metadata_, (*files)[at]);
      if (!more.ok()) {
        note(list_.findings, more.error(), (*files)[at].key);
        continue;
      }
      std::move(more->begin(), more->end(), std::back_inserter(entries));
    }
    std::erase_if(entries, [](const table::ManifestEntry& entry) {
      return entry.status == table::EntryStatus::kDeleted;
    });
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return std::tie(a.part.partition, a.sequence_number) <
             std::tie(b.part.partition, b.sequence_number);
    });
    for (const table::ManifestEntry& entry : entries) list_.parts.push_back(describe(entry));
    return std::move(list_);
  }

 private:
  void find_objects() {
    const auto objects = bucket_.list(metadata_.prefix + "/data/");
    if (!objects.ok()) return note(list_.findings, objects.error(), metadata_.prefix + "/data");
    for (const ObjectEntry& object : *objects) objects_[object.key] = object;
    objects_known_ = true;
  }

  PartDescription describe(const table::ManifestEntry& entry) {
    const part::Meta& meta = entry.part;
    PartDescription part;
    part.key = meta.key;
    part.rows = meta.rows;
    part.bytes = meta.bytes;
    part.flush_id = flush_id(meta.key);
    part.added_snapshot = static_cast<uint64_t>(entry.snapshot_id);
    part.partition = describe(meta.partition);
    describe_commit(entry.snapshot_id, part);
    describe_object(meta, part);
    for (const part::Column* column : bound_columns()) {
      part.bounds.push_back(bounds_of(meta, *column));
    }
    return part;
  }

  std::vector<PartitionText> describe(const model::PartitionTuple& values) const {
    std::vector<PartitionText> texts;
    for (size_t at = 0; at < values.size(); ++at) {
      const table::PartitionSpecField& field = metadata_.partition[at];
      const Type type = table::logical_type(metadata_.schema().find(field.source_id)->type);
      texts.push_back({field.name, std::nullopt});
      if (values[at].is_null()) continue;
      texts.back().value =
          model::format_value({{}, field.transform, field.buckets}, type, values[at]);
    }
    return texts;
  }

  /// "prefix/data/<32 hex digits>-...".
  std::string flush_id(const std::string& key) const {
    const std::string_view name = std::string_view(key).substr(key.rfind('/') + 1);
    const auto id = FlushId::parse(name.substr(0, name.find('-')));
    return id ? id->hex() : "";
  }

  void describe_commit(int64_t snapshot_id, PartDescription& part) const {
    const auto added = snapshots_.find(snapshot_id);
    if (added == snapshots_.end()) return;
    const table::SnapshotEntry& snapshot = *added->second;
    part.added_wall_time = table::commit_time(snapshot);
    part.last_lsn = number(snapshot, "sluice.low-water");
    if (part.last_lsn == 0) return;
    part.first_lsn = 1;
    if (!snapshot.parent) return;
    const auto parent = snapshots_.find(*snapshot.parent);
    const bool is_same_log = parent != snapshots_.end() &&
                             text(*parent->second, "sluice.log") == text(snapshot, "sluice.log");
    if (is_same_log) part.first_lsn = number(*parent->second, "sluice.low-water") + 1;
    if (parent == snapshots_.end()) part.first_lsn = part.last_lsn = 0;
  }

  void describe_object(const part::Meta& meta, PartDescription& part) {
    if (!objects_known_) return;
    const auto object = objects_.find(meta.key);
    if (object == objects_.end()) {
      return note(list_.findings, Error(Code::kCorrupt, "a part of the table is missing", meta.key),
                  meta.key);
    }
    if (part.added_wall_time == 0) part.added_wall_time = object->second.put_wall_time;
    if (object->second.bytes == meta.bytes) return;
    note(list_.findings,
         Error({Code::kCorrupt, Reason::kIncompletePayload, "the part has another size", meta.key,
                meta.bytes, object->second.bytes}),
         meta.key);
  }

  std::vector<const part::Column*> bound_columns() const {
    std::vector<std::string> names = metadata_.key_columns;
    if (!metadata_.time_column.empty()) names.push_back(metadata_.time_column);
    std::vector<const part::Column*> columns;
    for (const std::string& name : names) {
      if (const part::Column* column = metadata_.schema().find(name)) columns.push_back(column);
    }
    return columns;
  }

  Bucket& bucket_;
  const table::Metadata& metadata_;
  std::map<int64_t, const table::SnapshotEntry*> snapshots_;
  std::map<std::string, ObjectEntry> objects_;
  bool objects_known_ = false;
  PartList list_;
};

Result<const table::SnapshotEntry*> find_snapshot(const table::Metadata& metadata, uint64_t id) {
  if (id == 0) return metadata.current_snapshot();
  std::string kept;
  for (const table::SnapshotEntry& snapshot : metadata.snapshots) {
    if (static_cast<uint64_t>(snapshot.id) == id) return &snapshot;
  }
  if (metadata.snapshots.empty()) kept = "none";
  if (!metadata.snapshots.empty()) {
    kept = std::to_string(metadata.snapshots.size()) + ", the newest is " +
           std::to_string(metadata.snapshots.back().id);
  }
  return Error(Code::kNotFound, "there is no such snapshot; kept are: " + kept, std::to_string(id));
}

void describe_groups(const table::Groups& groups, const std::vector<part::Meta>& parts,
                     GroupsInspection& inspection) {
  inspection.devices = groups.devices();
  const auto describe_group = [&](uint32_t group) -> GroupDescription& {
    while (inspection.groups.size() <= group) {
      const auto number = static_cast<uint32_t>(inspection.groups.size());
      const bool is_known = number < groups.sizes().size();
      inspection.groups.push_back({number, is_known ? groups.sizes()[number] : 0, 0, 0, 0});
    }
    return inspection.groups[group];
  };
  if (!groups.sizes().empty()) describe_group(static_cast<uint32_t>(groups.sizes().size() - 1));
  for (const part::Meta& part : parts) {
    const std::optional<uint32_t> group = table::part_group(part.key);
    const bool is_one = group && *group < table::kGroupsMax;
    GroupDescription& description = is_one ? describe_group(*group) : inspection.without;
    ++description.parts;
    description.rows += part.rows;
    description.bytes += part.bytes;
  }
}

/// By group, then by id.
std::vector<DeviceDescription> list_devices(const table::Groups& groups, Type type,
                                            const std::optional<uint32_t>& group) {
  std::vector<table::Membership> members;
  for (const table::NamedRoster& named : groups.rosters()) {
    for (uint32_t at = 0; at < named.roster->size(); ++at) {
      const table::Membership member = (*named.roster)[at];
      if (!group || member.group == *group) members.push_back(member);
    }
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    return std::tie(a.group, a.device) < std::tie(b.group, b.device);
  });
  std::vector<DeviceDescription> devices;
  for (const table::Membership& member : members) {
    devices.push_back({model::device_value(type, member.device).value_or(Value{}), member.group});
  }
  return devices;
}

Result<DeviceDescription> find_device(const table::Groups& groups, Type type,
                                      const std::string& text) {
  const std::optional<std::string> id = model::parse_device(type, text);
  if (!id) {
    return Error(
        Code::kInvalid, Reason::kTypeMismatch,
        "no device can be called so: their ids are of type " + std::string(to_string(type)), text);
  }
  return DeviceDescription{model::device_value(type, *id).value_or(Value{}), groups.find(*id)};
}

}  // namespace
}  // namespace engine

Result<TableInspection> inspect_table(Platform platform, const TableName& name) {
  TableInspection inspection;
  Bucket& bucket = *platform.bucket;
  table::Head head{TRY(engine::read_newest(bucket, name, inspection.findings)), {}};
  Result<table::Marks> marks = table::read_marks(bucket, head.metadata);
  if (marks.ok()) {
    head.marks = *std::move(marks);
  } else {
    engine::note(inspection.findings, marks.error(), head.metadata.marks_key);
  }
  inspection.table = query::describe(bucket, name, head);
  inspection.recorded_location = head.metadata.location;
  inspection.properties = head.metadata.properties();
  engine::describe_columns(head.metadata, inspection);
  engine::describe_names(head.metadata, inspection);
  inspection.epoch = head.metadata.epoch;
  inspection.owner_opening_id = head.metadata.owner;
  inspection.owner_log_id = head.metadata.log;
  inspection.commit_id = head.metadata.commit_id;
  for (const table::SnapshotEntry& snapshot : head.metadata.snapshots) {
    inspection.snapshots.push_back(engine::describe(snapshot));
  }
  for (const table::LogMarks& log : head.marks.logs) {
    inspection.logs.push_back(engine::describe(log.log.hex(), log.lsns));
    inspection.logs.back().opening = log.opening.hex();
  }
  for (const auto& [source, positions] : head.marks.sources) {
    inspection.sources.push_back(engine::describe(source, positions));
  }
  return inspection;
}

Result<PartList> inspect_parts(Platform platform, const TableName& name, uint64_t snapshot_id) {
  std::vector<Finding> findings;
  const table::Metadata metadata = TRY(engine::read_newest(*platform.bucket, name, findings));
  const table::SnapshotEntry* snapshot = TRY(engine::find_snapshot(metadata, snapshot_id));
  PartList list;
  if (snapshot != nullptr) list = engine::PartLister(*platform.bucket, metadata).list(*snapshot);
  list.findings.insert(list.findings.begin(), findings.begin(), findings.end());
  return list;
}

Result<GroupsInspection> inspect_groups(Platform platform, const TableName& name,
                                        const GroupsRequest& request) {
  GroupsInspection inspection;
  Bucket& bucket = *platform.bucket;
  const table::Metadata metadata = TRY(engine::read_newest(bucket, name, inspection.findings));
  const std::string object = table::metadata_key(metadata.prefix, metadata.version);
  table::GroupsPtr groups = std::make_shared<const table::Groups>();
  auto read = table::read_groups(bucket, metadata, nullptr);
  if (read.ok()) groups = *std::move(read);
  if (!read.ok()) engine::note(inspection.findings, read.error(), object);
  auto parts = table::read_parts(bucket, metadata);
  if (!parts.ok()) engine::note(inspection.findings, parts.error(), object);
  engine::describe_groups(*groups, parts.ok() ? *parts : std::vector<part::Meta>(), inspection);
  Type type = Type::kNull;
  if (!metadata.key_columns.empty()) {
    inspection.device_column = metadata.key_columns.front();
    type = table::logical_type(metadata.schema().find(inspection.device_column)->type);
  }
  if (request.all_devices || request.group) {
    inspection.devices_asked = engine::list_devices(*groups, type, request.group);
  }
  if (request.device) {
    inspection.devices_asked.push_back(TRY(engine::find_device(*groups, type, *request.device)));
  }
  return inspection;
}

}  // namespace sluice
