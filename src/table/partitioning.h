// Partitioning: the partition spec and the sort order of a table, and partition values in its
// manifests and manifest lists (Apache Iceberg table specification, "Partitioning", "Sorting",
// "Manifests").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/partition.h"
#include "sluice/options.h"
#include "sluice/result.h"
#include "table/avro.h"
#include "table/json.h"
#include "table/manifest_schema.h"
#include "table/metadata.h"

namespace sluice::table {

/// Gives a table that has its columns the partition and the sort order of `spec`: key columns and
/// time, ascending, if there are any.
void lay_out(const TableSpec& spec, Metadata& metadata);
/// kInvalid: a column is called as a partition field, where() is the name.
Status check_partition_names(const Metadata& metadata);

/// The fields as JSON, also for the header of a manifest.
std::string partition_fields_json(const Metadata& metadata);
void write_partitioning(JsonWriter& json, const Metadata& metadata);
/// The schemas are read before. kUnsupported: a partition or an order that Sluice does not make.
Status read_partitioning(const JsonValue& root, Metadata& metadata);

/// What a field's values are in a manifest, and what they are between the least and the greatest.
struct PartitionSummary {
  bool contains_null = false;
  model::PartitionValue lower;  ///< null: there is no value
  model::PartitionValue upper;
  void add(const model::PartitionValue& value);
  bool holds(const model::PartitionValue& value) const;
  friend bool operator==(const PartitionSummary&, const PartitionSummary&) = default;
};
using PartitionSummaries = std::vector<PartitionSummary>;  ///< one a field

/// Partition values of one table in Avro. The metadata outlives it.
class PartitionCodec {
 public:
  explicit PartitionCodec(const Metadata& metadata);
  size_t size() const { return fields_.size(); }
  /// The fields of the partition struct, for the schema of a manifest.
  std::vector<PartitionColumn> columns() const;
  /// Whether the values can be those of a part: of each field's type, and null only where rows may
  /// be null.
  bool fits(const model::PartitionTuple& values) const;

  /// The struct; `values` fit.
  void write(AvroWriter& out, const model::PartitionTuple& values) const;
  /// What is absent, or of another type, is null.
  model::PartitionTuple read(AvroReader& in, const AvroType& type) const;

  /// The field summaries of a manifest list.
  void write(AvroWriter& out, const PartitionSummaries& summaries) const;
  /// Nothing if they are absent, or cannot be believed.
  std::optional<PartitionSummaries> read_summaries(AvroReader& in, const AvroType& type) const;

 private:
  enum class Stored : uint8_t { kBool, kInt, kLong, kText };
  struct Field {
    int32_t field_id = 0;
    std::string name;
    std::string avro_name;
    std::string_view avro_type;
    Stored stored = Stored::kInt;
    bool required = false;
    int64_t least = 0;  ///< of numbers
    int64_t greatest = 0;
  };
  static Field field_of(const PartitionSpecField& field, const TableSchema& schema);
  static bool is_value(const Field& field, const model::PartitionValue& value);
  static model::PartitionValue read_value(const Field& field, AvroReader& in, const AvroType& type);
  static std::string to_bound(const Field& field, const model::PartitionValue& value);
  /// Null if they have another length than such a value.
  static model::PartitionValue from_bound(const Field& field, std::string_view bytes);

  std::vector<Field> fields_;
};

}  // namespace sluice::table
