#include "table/partitioning.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "table/format.h"

namespace sluice::table {
namespace {

struct NamedTransform {
  Transform transform;
  std::string_view name;
};
constexpr NamedTransform kTransforms[] = {
    {Transform::kIdentity, "identity"}, {Transform::kDay, "day"},       {Transform::kHour, "hour"},
    {Transform::kMonth, "month"},       {Transform::kBucket, "bucket"},
};
constexpr std::string_view kBucketStart = "bucket[";

Error corrupt(std::string message) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure, std::move(message));
}
Error unsupported(std::string message) {
  return Error(Code::kUnsupported, std::move(message));
}

std::string transform_text(const PartitionSpecField& field) {
  if (field.transform == Transform::kBucket) {
    return std::string(kBucketStart) + std::to_string(field.buckets) + "]";
  }
  for (const NamedTransform& named : kTransforms) {
    if (named.transform == field.transform) return std::string(named.name);
  }
  CHECK(false);
}

Status read_transform(std::string_view text, PartitionSpecField& field) {
  for (const NamedTransform& named : kTransforms) {
    if (named.transform == Transform::kBucket || named.name != text) continue;
    field.transform = named.transform;
    return ok();
  }
  field.transform = Transform::kBucket;
  if (text.starts_with(kBucketStart)) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] =
        std::from_chars(text.data() + kBucketStart.size(), end, field.buckets);
    if (error == std::errc{} && std::string_view(stop, end) == "]") return ok();
  }
  return unsupported("a partition by " + std::string(text));
}

Status read_fields(const JsonValue& spec, Metadata& metadata) {
  std::set<int32_t> ids;
  for (const JsonValue& value : TRY(spec.array("fields"))) {
    PartitionSpecField field;
    field.source_id = TRY(value.int32("source-id"));
    field.field_id = TRY(value.int32("field-id"));
    field.name = TRY(value.text("name"));
    const std::string transform = TRY(value.text("transform"));
    TRY(read_transform(transform, field));
    if (field.field_id <= kNoPartitionId || field.field_id > kPartitionIdMax ||
        !ids.insert(field.field_id).second) {
      return corrupt("a partition field's id is out of range, or used twice");
    }
    if (metadata.schema().find(field.source_id) == nullptr) {
      return corrupt("the partition field '" + field.name + "' is of no column");
    }
    metadata.partition.push_back(std::move(field));
  }
  if (metadata.partition.size() > model::kPartitionFieldsMax) {
    return unsupported("a partition of too many fields");
  }
  const TableSpec table = metadata.spec();
  for (const PartitionField& field : *table.partition) {
    const Status fits = model::check_partition_field(field, table);
    if (!fits.ok()) return unsupported(fits.error().message()).at(field.column);
  }
  return ok();
}

Status read_sort_order(const JsonValue& root, Metadata& metadata) {
  const int32_t chosen = TRY(root.int32("default-sort-order-id"));
  if (chosen == 0) return ok();
  for (const JsonValue& order : TRY(root.array("sort-orders"))) {
    if (TRY(order.int32("order-id")) != chosen) continue;
    for (const JsonValue& field : TRY(order.array("fields"))) {
      const std::string transform = TRY(field.text("transform"));
      const std::string direction = TRY(field.text("direction"));
      if (chosen != kSortOrderId || transform != "identity" || direction != "asc") {
        return unsupported("a sort order that is none of Sluice");
      }
      metadata.sort_source_ids.push_back(TRY(field.int32("source-id")));
    }
    return ok();
  }
  return corrupt("the sort order is missing");
}

}  // namespace

void lay_out(const TableSpec& spec, Metadata& metadata) {
  int32_t next_id = kPartitionIdFirst;
  for (const PartitionField& field : model::partition_of(spec)) {
    metadata.partition.push_back({metadata.schema().find(field.column)->field_id, next_id++,
                                  model::partition_name(field), field.transform, field.buckets});
  }
  std::vector<std::string> sorted = spec.key;
  if (!spec.time.empty()) sorted.push_back(spec.time);
  for (const std::string& column : sorted) {
    metadata.sort_source_ids.push_back(metadata.schema().find(column)->field_id);
  }
}

Status check_partition_names(const Metadata& metadata) {
  for (const PartitionSpecField& field : metadata.partition) {
    const part::Column* column = metadata.schema().find(field.name);
    const bool is_its_own = column != nullptr && field.transform == Transform::kIdentity &&
                            column->field_id == field.source_id;
    if (column == nullptr || is_its_own) continue;
    return Error(Code::kInvalid, "the partition of the table has this name", field.name);
  }
  return ok();
}

std::string partition_fields_json(const Metadata& metadata) {
  JsonWriter json;
  json.open_array();
  for (const PartitionSpecField& field : metadata.partition) {
    json.open_object().name("source-id").number(int64_t{field.source_id});
    json.name("field-id").number(int64_t{field.field_id});
    json.name("name").text(field.name).name("transform").text(transform_text(field));
    json.close_object();
  }
  json.close_array();
  return json.take();
}

void write_partitioning(JsonWriter& json, const Metadata& metadata) {
  int32_t last_id = kNoPartitionId;
  for (const PartitionSpecField& field : metadata.partition) {
    last_id = std::max(last_id, field.field_id);
  }
  json.name("default-spec-id").number(int64_t{0});
  json.name("partition-specs").open_array().open_object().name("spec-id").number(int64_t{0});
  json.name("fields").raw(partition_fields_json(metadata)).close_object().close_array();
  json.name("last-partition-id").number(int64_t{last_id});
  const bool is_sorted = !metadata.sort_source_ids.empty();
  json.name("default-sort-order-id").number(int64_t{is_sorted ? kSortOrderId : 0});
  json.name("sort-orders").open_array().raw(R"({"order-id":0,"fields":[]})");
  if (is_sorted) {
    json.open_object().name("order-id").number(int64_t{kSortOrderId}).name("fields").open_array();
    for (const int32_t id : metadata.sort_source_ids) {
      json.open_object().name("transform").text("identity").name("source-id").number(int64_t{id});
      json.name("direction").text("asc").name("null-order").text("nulls-first").close_object();
    }
    json.close_array().close_object();
  }
  json.close_array();
}

Status read_partitioning(const JsonValue& root, Metadata& metadata) {
  const std::vector<JsonValue> specs = TRY(root.array("partition-specs"));
  if (specs.size() != 1 || TRY(specs[0].int32("spec-id")) != 0 ||
      TRY(root.int32("default-spec-id")) != 0) {
    return unsupported("a changed partitioning");
  }
  TRY(read_fields(specs[0], metadata));
  return read_sort_order(root, metadata);
}

void PartitionSummary::add(const model::PartitionValue& value) {
  if (value.is_null()) {
    contains_null = true;
    return;
  }
  if (lower.is_null() || value < lower) lower = value;
  if (upper.is_null() || value > upper) upper = value;
}

bool PartitionSummary::holds(const model::PartitionValue& value) const {
  if (value.is_null()) return contains_null;
  return !lower.is_null() && lower <= value && value <= upper;
}

PartitionCodec::PartitionCodec(const Metadata& metadata) {
  for (const PartitionSpecField& field : metadata.partition) {
    fields_.push_back(field_of(field, metadata.schema()));
  }
}

PartitionCodec::Field PartitionCodec::field_of(const PartitionSpecField& field,
                                               const TableSchema& schema) {
  const part::Column* source = schema.find(field.source_id);
  CHECK(source != nullptr);
  const auto of = [&](std::string_view avro_type, Stored stored, int64_t least, int64_t greatest) {
    return Field{field.field_id, field.name, avro_name(field.name),
                 avro_type,      stored,     source->required,
                 least,          greatest};
  };
  const auto of_int = [&](std::string_view avro_type) {
    return of(avro_type, Stored::kInt, INT32_MIN, INT32_MAX);
  };
  switch (field.transform) {
    case Transform::kDay:
      return of_int(R"({"type":"int","logicalType":"date"})");
    case Transform::kHour:
    case Transform::kMonth:
      return of_int(R"("int")");
    case Transform::kBucket:
      return of(R"("int")", Stored::kInt, 0, int64_t{field.buckets} - 1);
    case Transform::kIdentity:
      break;
  }
  switch (source->type) {
    case part::PhysicalType::kBool:
      return of(R"("boolean")", Stored::kBool, 0, 1);
    case part::PhysicalType::kInt32:
      return of_int(R"("int")");
    case part::PhysicalType::kString:
      return of(R"("string")", Stored::kText, 0, 0);
    case part::PhysicalType::kBinary:
      return of(R"("bytes")", Stored::kText, 0, 0);
    case part::PhysicalType::kTimestampMicros:
      return of(R"({"type":"long","logicalType":"timestamp-micros","adjust-to-utc":true})",
                Stored::kLong, INT64_MIN, INT64_MAX);
    default:
      return of(R"("long")", Stored::kLong, INT64_MIN, INT64_MAX);
  }
}

std::vector<PartitionColumn> PartitionCodec::columns() const {
  std::vector<PartitionColumn> columns;
  for (const Field& field : fields_) {
    columns.push_back({field.field_id, field.avro_name, field.avro_type});
  }
  return columns;
}

bool PartitionCodec::is_value(const Field& field, const model::PartitionValue& value) {
  if (field.stored == Stored::kText) return value.kind == model::PartitionValue::Kind::kBytes;
  return value.is_number() && field.least <= value.number && value.number <= field.greatest;
}

bool PartitionCodec::fits(const model::PartitionTuple& values) const {
  if (values.size() != fields_.size()) return false;
  for (size_t at = 0; at < values.size(); ++at) {
    const bool is_null = values[at].is_null();
    if (is_null ? fields_[at].required : !is_value(fields_[at], values[at])) return false;
  }
  return true;
}

void PartitionCodec::write(AvroWriter& out, const model::PartitionTuple& values) const {
  for (size_t at = 0; at < fields_.size(); ++at) {
    const model::PartitionValue& value = values[at];
    if (value.is_null()) {
      out.null();
      continue;
    }
    out.present();
    if (fields_[at].stored == Stored::kText) {
      out.text(value.bytes);
    } else if (fields_[at].stored == Stored::kBool) {
      out.boolean(value.number != 0);
    } else {
      out.number(value.number);
    }
  }
}

model::PartitionValue PartitionCodec::read_value(const Field& field, AvroReader& in,
                                                 const AvroType& type) {
  model::PartitionValue value;
  if (field.stored == Stored::kText) {
    if (const auto bytes = in.text(type)) value = std::string(*bytes);
  } else if (field.stored == Stored::kBool) {
    if (const auto flag = in.boolean(type)) value = int64_t{*flag};
  } else if (const auto number = in.number(type)) {
    value = *number;
  }
  return value;
}

model::PartitionTuple PartitionCodec::read(AvroReader& in, const AvroType& type) const {
  model::PartitionTuple values(fields_.size());
  in.record(type, [&](std::string_view name, const AvroType& of_field) {
    for (size_t at = 0; at < fields_.size(); ++at) {
      if (fields_[at].avro_name != name) continue;
      values[at] = read_value(fields_[at], in, of_field);
      return true;
    }
    return false;
  });
  return values;
}

std::string PartitionCodec::to_bound(const Field& field, const model::PartitionValue& value) {
  if (field.stored == Stored::kText) return value.bytes;
  std::string bytes(sizeof(value.number), '\0');
  // Little-endian: the low bytes come first.
  std::memcpy(bytes.data(), &value.number, sizeof(value.number));
  if (field.stored == Stored::kInt) bytes.resize(sizeof(int32_t));
  if (field.stored == Stored::kBool) bytes.resize(1);
  return bytes;
}

model::PartitionValue PartitionCodec::from_bound(const Field& field, std::string_view bytes) {
  if (field.stored == Stored::kText) return std::string(bytes);
  const std::byte* at = as_bytes(bytes).data();
  const size_t size = bytes.size();
  if (field.stored == Stored::kBool && size == 1) return int64_t{load<int8_t>(at) != 0};
  if (field.stored == Stored::kInt && size == sizeof(int32_t)) return int64_t{load<int32_t>(at)};
  if (field.stored == Stored::kLong && size == sizeof(int64_t)) return load<int64_t>(at);
  return {};
}

void PartitionCodec::write(AvroWriter& out, const PartitionSummaries& summaries) const {
  out.begin_items(summaries.size());
  for (size_t at = 0; at < summaries.size(); ++at) {
    const PartitionSummary& summary = summaries[at];
    out.boolean(summary.contains_null);
    out.null();  // contains_nan
    for (const model::PartitionValue* bound : {&summary.lower, &summary.upper}) {
      if (bound->is_null()) {
        out.null();
        continue;
      }
      out.present();
      out.text(to_bound(fields_[at], *bound));
    }
  }
  out.end_items();
}

std::optional<PartitionSummaries> PartitionCodec::read_summaries(AvroReader& in,
                                                                 const AvroType& type) const {
  PartitionSummaries summaries;
  bool is_sound = true;
  in.array(type, [&](const AvroType& item) {
    PartitionSummary summary;
    const Field* field = summaries.size() < fields_.size() ? &fields_[summaries.size()] : nullptr;
    const auto bound = [&](const AvroType& of_bound) -> model::PartitionValue {
      const auto bytes = in.text(of_bound);
      if (field == nullptr || !bytes) return {};
      model::PartitionValue value = from_bound(*field, *bytes);
      is_sound = is_sound && !value.is_null();
      return value;
    };
    in.record(item, [&](std::string_view name, const AvroType& of_field) {
      if (name == "contains_null") {
        summary.contains_null = in.boolean(of_field).value_or(true);
      } else if (name == "lower_bound") {
        summary.lower = bound(of_field);
      } else if (name == "upper_bound") {
        summary.upper = bound(of_field);
      } else {
        return false;
      }
      return true;
    });
    // Without both bounds nothing but nulls may be left, and that somebody has to say.
    const bool has_both = !summary.lower.is_null() && !summary.upper.is_null();
    const bool has_none = summary.lower.is_null() && summary.upper.is_null();
    is_sound = is_sound && field != nullptr && (has_both || (has_none && summary.contains_null));
    if (field != nullptr) summaries.push_back(std::move(summary));
  });
  if (!is_sound || summaries.size() != fields_.size()) return std::nullopt;
  return summaries;
}

}  // namespace sluice::table
