#include "table/metadata.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/check.h"
#include "model/schema.h"
#include "table/format.h"
#include "table/json.h"
#include "table/partitioning.h"
#include "table/refs.h"

namespace sluice::table {
namespace {

struct TypeName {
  part::PhysicalType type;
  std::string_view name;
};
constexpr std::array<TypeName, 8> kTypeNames = {{
    {part::PhysicalType::kBool, "boolean"},
    {part::PhysicalType::kInt32, "int"},
    {part::PhysicalType::kInt64, "long"},
    {part::PhysicalType::kFloat, "float"},
    {part::PhysicalType::kDouble, "double"},
    {part::PhysicalType::kString, "string"},
    {part::PhysicalType::kBinary, "binary"},
    {part::PhysicalType::kTimestampMicros, "timestamptz"},
}};

Error corrupt(std::string message) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure, std::move(message));
}
Error unsupported(std::string message) {
  return Error(Code::kUnsupported, std::move(message));
}

// ---- encoding

void write_schemas(JsonWriter& json, const Metadata& metadata) {
  json.name("last-column-id").number(int64_t{metadata.last_column_id});
  json.name("current-schema-id").number(int64_t{metadata.current_schema_id});
  json.name("schemas").open_array();
  for (const TableSchema& schema : metadata.schemas) json.raw(schema.to_json());
  json.close_array();
}

void write_properties(JsonWriter& json, const Metadata& metadata) {
  json.name("properties").open_object();
  for (const auto& [name, value] : metadata.properties()) json.name(name).text(value);
  json.close_object();
}

void write_snapshot(JsonWriter& json, const Metadata& metadata, const SnapshotEntry& snapshot) {
  json.open_object().name("snapshot-id").number(snapshot.id);
  if (snapshot.parent) json.name("parent-snapshot-id").number(*snapshot.parent);
  json.name("sequence-number").number(snapshot.sequence_number);
  json.name("timestamp-ms").number(snapshot.timestamp_ms);
  json.name("schema-id").number(int64_t{snapshot.schema_id});
  json.name("manifest-list")
      .text(to_address(metadata.location, metadata.prefix, snapshot.manifest_list));
  json.name("summary").open_object();
  for (const auto& [name, value] : snapshot.summary) json.name(name).text(value);
  json.close_object().close_object();
}

void write_snapshots(JsonWriter& json, const Metadata& metadata) {
  json.name("current-snapshot-id").number(metadata.current_snapshot_id.value_or(-1));
  write_refs(json, metadata);
  json.name("snapshots").open_array();
  for (const SnapshotEntry& snapshot : metadata.snapshots) write_snapshot(json, metadata, snapshot);
  json.close_array().name("snapshot-log").open_array();
  for (const auto& [timestamp_ms, id] : metadata.snapshot_log) {
    json.open_object().name("timestamp-ms").number(timestamp_ms);
    json.name("snapshot-id").number(id).close_object();
  }
  json.close_array().name("metadata-log").open_array();
  for (const auto& [timestamp_ms, key] : metadata.metadata_log) {
    json.open_object().name("timestamp-ms").number(timestamp_ms);
    json.name("metadata-file").text(to_address(metadata.location, metadata.prefix, key));
    json.close_object();
  }
  json.close_array();
}

// ---- decoding

/// A number that the next version adds one to.
Result<int64_t> read_counter(const JsonValue& object, std::string_view name) {
  constexpr int64_t kMax = int64_t{1} << 53;
  const int64_t value = TRY(object.int64(name));
  if (value < 0 || value > kMax) return corrupt("'" + std::string(name) + "' is out of range");
  return value;
}
Result<int32_t> read_small_counter(const JsonValue& object, std::string_view name) {
  constexpr int32_t kMax = 1 << 30;
  const int32_t value = TRY(object.int32(name));
  if (value < 0 || value > kMax) return corrupt("'" + std::string(name) + "' is out of range");
  return value;
}

Result<part::PhysicalType> read_type(const JsonValue& field) {
  const auto type = field.find("type");
  if (!type) return corrupt("a column without type");
  if (!type->is_text()) return unsupported("a nested column");
  const std::string name = TRY(type->as_text("type"));
  for (const TypeName& entry : kTypeNames) {
    if (entry.name == name) return entry.type;
  }
  return unsupported("a column of type " + name);
}

Result<TableSchema> read_schema(const JsonValue& value) {
  TableSchema schema;
  schema.schema_id = TRY(read_small_counter(value, "schema-id"));
  std::set<int32_t> ids;
  std::set<std::string> names;
  for (const JsonValue& field : TRY(value.array("fields"))) {
    part::Column column;
    column.field_id = TRY(field.int32("id"));
    column.name = TRY(field.text("name"));
    column.required = TRY(field.boolean("required"));
    column.type = TRY(read_type(field));
    if (column.field_id < 1 || !ids.insert(column.field_id).second) {
      return corrupt("a field id that is not positive, or used twice");
    }
    if (!names.insert(column.name).second) return corrupt("two columns of one name");
    schema.columns.push_back(std::move(column));
  }
  if (schema.columns.size() > kColumnsMax) return corrupt("too many columns");
  if (!value.find("identifier-field-ids")) return schema;
  for (const JsonValue& id : TRY(value.array("identifier-field-ids"))) {
    schema.identifier_field_ids.push_back(TRY(id.as_int32("identifier-field-ids")));
    if (!ids.contains(schema.identifier_field_ids.back())) {
      return corrupt("an identifier field that is no column");
    }
  }
  return schema;
}

Status read_schemas(const JsonValue& root, Metadata& metadata) {
  metadata.last_column_id = TRY(read_small_counter(root, "last-column-id"));
  metadata.current_schema_id = TRY(root.int32("current-schema-id"));
  std::set<int32_t> ids;
  for (const JsonValue& value : TRY(root.array("schemas"))) {
    metadata.schemas.push_back(TRY(read_schema(value)));
    const TableSchema& schema = metadata.schemas.back();
    if (!ids.insert(schema.schema_id).second) return corrupt("two schemas of one id");
    for (const part::Column& column : schema.columns) {
      if (column.field_id > metadata.last_column_id) return corrupt("last-column-id is too low");
    }
  }
  if (!ids.contains(metadata.current_schema_id)) return corrupt("the current schema is missing");
  return ok();
}

/// The key of the address that `object` holds under `name`.
Result<std::string> read_key(const Metadata& metadata, const JsonValue& object,
                             std::string_view name) {
  const std::string address = TRY(object.text(name));
  auto key = to_key(metadata.location, metadata.prefix, address);
  if (!key) return corrupt("the address " + address + " lies outside the table's location");
  return std::move(*key);
}

Result<SnapshotEntry> read_snapshot(const JsonValue& value, const Metadata& metadata) {
  SnapshotEntry snapshot;
  snapshot.id = TRY(value.int64("snapshot-id"));
  if (value.find("parent-snapshot-id")) snapshot.parent = TRY(value.int64("parent-snapshot-id"));
  snapshot.sequence_number = TRY(read_counter(value, "sequence-number"));
  snapshot.timestamp_ms = TRY(read_counter(value, "timestamp-ms"));
  snapshot.schema_id = TRY(value.int32("schema-id"));
  snapshot.manifest_list = TRY(read_key(metadata, value, "manifest-list"));
  const JsonValue summary = TRY(value.object("summary"));
  for (const auto& [name, text] : TRY(summary.as_members("summary"))) {
    snapshot.summary[std::string(name)] = TRY(text.as_text(name));
  }
  return snapshot;
}

Status read_snapshots(const JsonValue& root, Metadata& metadata) {
  std::set<int64_t> ids;
  for (const JsonValue& value : TRY(root.array("snapshots"))) {
    metadata.snapshots.push_back(TRY(read_snapshot(value, metadata)));
    if (!ids.insert(metadata.snapshots.back().id).second) return corrupt("two snapshots of one id");
  }
  if (root.find("current-snapshot-id")) {
    const int64_t current = TRY(root.int64("current-snapshot-id"));
    if (current != -1) metadata.current_snapshot_id = current;
  }
  if (metadata.current_snapshot_id && !ids.contains(*metadata.current_snapshot_id)) {
    return corrupt("the current snapshot is missing");
  }
  for (const JsonValue& value : TRY(root.array("snapshot-log"))) {
    const int64_t timestamp_ms = TRY(read_counter(value, "timestamp-ms"));
    metadata.snapshot_log.emplace_back(timestamp_ms, TRY(value.int64("snapshot-id")));
  }
  for (const JsonValue& value : TRY(root.array("metadata-log"))) {
    const int64_t timestamp_ms = TRY(read_counter(value, "timestamp-ms"));
    std::string key = TRY(read_key(metadata, value, "metadata-file"));
    metadata.metadata_log.emplace_back(timestamp_ms, std::move(key));
  }
  return read_refs(root, metadata);
}

Result<std::string> take_property(std::map<std::string, std::string>& properties,
                                  std::string_view name) {
  auto node = properties.extract(std::string(name));
  if (node.empty()) return corrupt("property '" + std::string(name) + "' is missing");
  return std::move(node.mapped());
}

Result<uint64_t> take_number(std::map<std::string, std::string>& properties,
                             std::string_view name) {
  const std::string text = TRY(take_property(properties, name));
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return corrupt("property '" + std::string(name) + "' is no number");
  }
  return value;
}

Status take_on_conflict(Metadata& metadata) {
  const auto node = metadata.other_properties.extract(std::string(kOnConflictProperty));
  if (node.empty()) return ok();
  const auto policy = parse_on_conflict(node.mapped());
  if (!policy) return unsupported("what becomes of rows that do not fit is of a newer version");
  metadata.on_conflict = *policy;
  return ok();
}

Status read_properties(const JsonValue& root, Metadata& metadata) {
  auto& properties = metadata.other_properties;
  const JsonValue object = TRY(root.object("properties"));
  for (const auto& [name, value] : TRY(object.as_members("properties"))) {
    properties[std::string(name)] = TRY(value.as_text(name));
  }
  if (!properties.contains(std::string(kFormatProperty))) {
    return unsupported("not a table of Sluice");
  }
  const uint64_t format = TRY(take_number(properties, kFormatProperty));
  if (format > kFormat) {
    return Error(
        {Code::kUnsupported, Reason::kVersion, "a table of a newer format", {}, kFormat, format});
  }
  const std::string key = TRY(take_property(properties, kKeyProperty));
  const JsonDocument columns = TRY(JsonDocument::parse(key));
  for (const JsonValue& column : TRY(columns.root().as_array(kKeyProperty))) {
    metadata.key_columns.push_back(TRY(column.as_text(kKeyProperty)));
  }
  metadata.time_column = TRY(take_property(properties, kTimeProperty));
  TRY(take_on_conflict(metadata));
  metadata.epoch = TRY(take_number(properties, kEpochProperty));
  if (metadata.epoch > kEpochMax) return corrupt("an epoch that no opening reaches");
  metadata.owner = TRY(take_property(properties, kOwnerProperty));
  metadata.log = TRY(take_property(properties, kLogProperty));
  metadata.commit_id = TRY(take_property(properties, kCommitProperty));
  const auto take_key = [&](std::string_view name, std::string& key_of) -> Status {
    if (!object.find(name)) return ok();
    properties.erase(std::string(name));
    key_of = TRY(read_key(metadata, object, name));
    return ok();
  };
  TRY(take_key(kMarksProperty, metadata.marks_key));
  TRY(take_key(kGroupsProperty, metadata.groups_key));
  if (metadata.groups_key.empty() || groups_commit(metadata.prefix, metadata.groups_key)) {
    return ok();
  }
  return corrupt("the groups of devices are no roster's");
}

/// Key and time must name columns of the current schema.
Status check_columns(const Metadata& metadata) {
  const TableSchema& schema = metadata.schema();
  for (const std::string& column : metadata.key_columns) {
    if (!schema.find(column)) return corrupt("the key column '" + column + "' is missing");
  }
  if (metadata.time_column.empty()) return ok();
  const part::Column* time = schema.find(metadata.time_column);
  if (time != nullptr && time->type == part::PhysicalType::kTimestampMicros) return ok();
  return corrupt("the time column '" + metadata.time_column + "' is missing");
}

}  // namespace

const part::Column* TableSchema::find(std::string_view name) const {
  for (const part::Column& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

const part::Column* TableSchema::find(int32_t field_id) const {
  for (const part::Column& column : columns) {
    if (column.field_id == field_id) return &column;
  }
  return nullptr;
}

std::string TableSchema::to_json() const {
  JsonWriter json;
  json.open_object().name("type").text("struct");
  json.name("schema-id").number(int64_t{schema_id});
  json.name("identifier-field-ids").open_array();
  for (const int32_t id : identifier_field_ids) json.number(int64_t{id});
  json.close_array().name("fields").open_array();
  for (const part::Column& column : columns) {
    json.open_object().name("id").number(int64_t{column.field_id});
    json.name("name").text(column.name).name("required").boolean(column.required);
    json.name("type").text(iceberg_type(column.type)).close_object();
  }
  json.close_array().close_object();
  return json.take();
}

const TableSchema& Metadata::schema() const {
  const auto found = std::find_if(schemas.begin(), schemas.end(), [&](const TableSchema& schema) {
    return schema.schema_id == current_schema_id;
  });
  CHECK(found != schemas.end());
  return *found;
}

const SnapshotEntry* Metadata::current_snapshot() const {
  for (const SnapshotEntry& snapshot : snapshots) {
    if (snapshot.id == current_snapshot_id) return &snapshot;
  }
  return nullptr;
}

TableSpec Metadata::spec() const {
  TableSpec spec;
  spec.key = key_columns;
  spec.time = time_column;
  spec.on_conflict = on_conflict;
  for (const part::Column& column : schema().columns) {
    if (model::is_user_column(column.name)) {
      spec.columns.push_back({column.name, logical_type(column.type)});
      const bool is_narrow =
          column.type == part::PhysicalType::kInt32 || column.type == part::PhysicalType::kFloat;
      if (is_narrow) spec.narrow.push_back(column.name);
    }
  }
  spec.partition.emplace();
  for (const PartitionSpecField& field : partition) {
    const part::Column* source = schema().find(field.source_id);
    CHECK(source != nullptr);
    spec.partition->push_back({source->name, field.transform, field.buckets});
  }
  return spec;
}

std::map<std::string, std::string> Metadata::properties() const {
  JsonWriter key;
  key.open_array();
  for (const std::string& column : key_columns) key.text(column);
  key.close_array();
  std::map<std::string, std::string> all = other_properties;
  const auto set = [&](std::string_view name, std::string value) {
    all.insert_or_assign(std::string(name), std::move(value));
  };
  set(kFormatProperty, std::to_string(kFormat));
  set(kKeyProperty, key.take());
  set(kTimeProperty, time_column);
  if (on_conflict != OnConflict::kReject) {
    set(kOnConflictProperty, std::string(to_string(on_conflict)));
  }
  set(kEpochProperty, std::to_string(epoch));
  set(kOwnerProperty, owner);
  set(kLogProperty, log);
  set(kCommitProperty, commit_id);
  if (!marks_key.empty()) set(kMarksProperty, to_address(location, prefix, marks_key));
  if (!groups_key.empty()) set(kGroupsProperty, to_address(location, prefix, groups_key));
  return all;
}

std::string Metadata::encode() const {
  JsonWriter json;
  json.open_object().name("format-version").number(kIcebergFormat);
  json.name("table-uuid").text(uuid).name("location").text(location);
  json.name("last-sequence-number").number(last_sequence_number);
  json.name("last-updated-ms").number(last_updated_ms);
  write_schemas(json, *this);
  write_partitioning(json, *this);
  write_properties(json, *this);
  write_snapshots(json, *this);
  json.close_object();
  return json.take();
}

Result<Metadata> Metadata::decode(std::string_view text, uint64_t version, std::string prefix) {
  const JsonDocument document = TRY(JsonDocument::parse(text));
  const JsonValue root = document.root();
  const int64_t format = TRY(root.int64("format-version"));
  if (format != kIcebergFormat) {
    return unsupported("Iceberg format version " + std::to_string(format));
  }
  Metadata metadata;
  metadata.version = version;
  metadata.prefix = std::move(prefix);
  metadata.uuid = TRY(root.text("table-uuid"));
  metadata.location = TRY(root.text("location"));
  if (metadata.location.empty() || metadata.location.ends_with('/')) {
    return corrupt("the location is empty or ends with a slash");
  }
  metadata.last_sequence_number = TRY(read_counter(root, "last-sequence-number"));
  metadata.last_updated_ms = TRY(read_counter(root, "last-updated-ms"));
  TRY(read_properties(root, metadata));
  TRY(read_schemas(root, metadata));
  TRY(read_partitioning(root, metadata));
  TRY(read_snapshots(root, metadata));
  TRY(check_columns(metadata));
  return metadata;
}

std::string_view iceberg_type(part::PhysicalType type) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.type == type) return entry.name;
  }
  CHECK(false && "a physical type without a name");
}

part::PhysicalType narrow_type(Type type) {
  CHECK(model::has_narrow_form(type));
  return type == Type::kInt64 ? part::PhysicalType::kInt32 : part::PhysicalType::kFloat;
}

part::PhysicalType physical_type(Type type) {
  switch (type) {
    case Type::kBool:
      return part::PhysicalType::kBool;
    case Type::kInt64:
      return part::PhysicalType::kInt64;
    case Type::kDouble:
      return part::PhysicalType::kDouble;
    case Type::kString:
      return part::PhysicalType::kString;
    case Type::kBinary:
      return part::PhysicalType::kBinary;
    case Type::kTimestamp:
      return part::PhysicalType::kTimestampMicros;
    case Type::kNull:
      break;
  }
  CHECK(false && "a column without type has no place in a table");
}

Type logical_type(part::PhysicalType type) {
  switch (type) {
    case part::PhysicalType::kBool:
      return Type::kBool;
    case part::PhysicalType::kInt32:
    case part::PhysicalType::kInt64:
      return Type::kInt64;
    case part::PhysicalType::kFloat:
    case part::PhysicalType::kDouble:
      return Type::kDouble;
    case part::PhysicalType::kString:
      return Type::kString;
    case part::PhysicalType::kBinary:
      return Type::kBinary;
    case part::PhysicalType::kTimestampMicros:
      return Type::kTimestamp;
  }
  CHECK(false && "an unknown physical type");
}

}  // namespace sluice::table
