#include "table/manifest_schema.h"

#include <initializer_list>

#include "table/format.h"
#include "table/json.h"

namespace sluice::table {
namespace {

/// A record's schema; fields are added in order.
class RecordSchema {
 public:
  explicit RecordSchema(std::string_view name) {
    json_.open_object().name("type").text("record").name("name").text(name);
    json_.name("fields").open_array();
  }
  RecordSchema& required(int id, std::string_view name, std::string_view type) {
    json_.open_object().name("name").text(name).name("type").raw(type);
    json_.name("field-id").number(int64_t{id}).close_object();
    return *this;
  }
  RecordSchema& optional(int id, std::string_view name, std::string_view type) {
    json_.open_object().name("name").text(name);
    json_.name("type").open_array().text("null").raw(type).close_array();
    json_.name("default").raw("null").name("field-id").number(int64_t{id}).close_object();
    return *this;
  }
  std::string finish() { return json_.close_array().close_object().take(); }

 private:
  JsonWriter json_;
};

constexpr std::string_view kBoolean = R"("boolean")";
constexpr std::string_view kInt = R"("int")";
constexpr std::string_view kLong = R"("long")";
constexpr std::string_view kString = R"("string")";
constexpr std::string_view kBytes = R"("bytes")";

std::string array_of(int element_id, std::string_view item) {
  JsonWriter json;
  json.open_object().name("type").text("array").name("items").raw(item);
  json.name("element-id").number(int64_t{element_id}).close_object();
  return json.take();
}

/// A map from int: Avro maps have string keys only, so Iceberg takes an array of pairs.
std::string int_map(int key_id, std::string_view value) {
  const int value_id = key_id + 1;
  const std::string pair =
      RecordSchema("k" + std::to_string(key_id) + "_v" + std::to_string(value_id))
          .required(key_id, "key", kInt)
          .required(value_id, "value", value)
          .finish();
  JsonWriter json;
  json.open_object().name("type").text("array").name("items").raw(pair);
  json.name("logicalType").text("map").close_object();
  return json.take();
}

std::string partition_schema(const std::vector<PartitionColumn>& columns) {
  RecordSchema partition("r102");
  for (const PartitionColumn& column : columns) {
    partition.optional(column.field_id, column.name, column.type);
  }
  return partition.finish();
}

std::string data_file_schema(const std::vector<PartitionColumn>& partition) {
  return RecordSchema("r2")
      .required(134, "content", kInt)
      .required(100, "file_path", kString)
      .required(101, "file_format", kString)
      .required(102, "partition", partition_schema(partition))
      .required(103, "record_count", kLong)
      .required(104, "file_size_in_bytes", kLong)
      .optional(108, "column_sizes", int_map(117, kLong))
      .optional(109, "value_counts", int_map(119, kLong))
      .optional(110, "null_value_counts", int_map(121, kLong))
      .optional(137, "nan_value_counts", int_map(138, kLong))
      .optional(125, "lower_bounds", int_map(126, kBytes))
      .optional(128, "upper_bounds", int_map(129, kBytes))
      .optional(131, "key_metadata", kBytes)
      .optional(132, "split_offsets", array_of(133, kLong))
      .optional(135, "equality_ids", array_of(136, kInt))
      .optional(140, "sort_order_id", kInt)
      .finish();
}

}  // namespace

std::string avro_name(std::string_view name) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (letter || (digit && !text.empty())) {
      text.push_back(c);
    } else if (digit) {
      text.append({'_', c});
    } else {
      text.append({'_', 'x', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return text;
}

std::string manifest_entry_schema(const std::vector<PartitionColumn>& partition) {
  return RecordSchema("manifest_entry")
      .required(0, "status", kInt)
      .optional(1, "snapshot_id", kLong)
      .optional(3, "sequence_number", kLong)
      .optional(4, "file_sequence_number", kLong)
      .required(2, "data_file", data_file_schema(partition))
      .finish();
}

std::string manifest_file_schema() {
  const std::string summary = RecordSchema("r508")
                                  .required(509, "contains_null", kBoolean)
                                  .optional(518, "contains_nan", kBoolean)
                                  .optional(510, "lower_bound", kBytes)
                                  .optional(511, "upper_bound", kBytes)
                                  .finish();
  return RecordSchema("manifest_file")
      .required(500, "manifest_path", kString)
      .required(501, "manifest_length", kLong)
      .required(502, "partition_spec_id", kInt)
      .required(517, "content", kInt)
      .required(515, "sequence_number", kLong)
      .required(516, "min_sequence_number", kLong)
      .required(503, "added_snapshot_id", kLong)
      .required(504, "added_files_count", kInt)
      .required(505, "existing_files_count", kInt)
      .required(506, "deleted_files_count", kInt)
      .required(512, "added_rows_count", kLong)
      .required(513, "existing_rows_count", kLong)
      .required(514, "deleted_rows_count", kLong)
      .optional(507, "partitions", array_of(508, summary))
      .optional(519, "key_metadata", kBytes)
      .finish();
}

}  // namespace sluice::table
