// What a part is to the rest of the system: columns, rows, statistics. No word of Parquet here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/partition.h"

namespace sluice::part {

/// The column types of a part, which are Iceberg's.
enum class PhysicalType : uint8_t {
  kBool,
  kInt32,  ///< Iceberg int
  kInt64,  ///< Iceberg long
  kFloat,  ///< Iceberg float
  kDouble,
  kString,
  kBinary,
  kTimestampMicros,  ///< Iceberg timestamptz: microseconds since 1970 UTC
};

struct Column {
  int32_t field_id = 0;
  std::string name;
  PhysicalType type = PhysicalType::kInt64;
  bool required = false;
  friend bool operator==(const Column&, const Column&) = default;
};

/// Statistics of one column over a whole part. Bounds are in Iceberg's single-value encoding
/// (little-endian numbers, raw UTF-8 or bytes, bool one byte). They are absent when there is no
/// value, when a float or double column holds a NaN, and when a long string's upper bound cannot be
/// cut; otherwise they are right: lower <= every value <= upper. Strings and binary are cut to 16
/// bytes (strings at a character), an upper bound then incremented.
struct ColumnStats {
  int32_t field_id = 0;
  uint64_t bytes = 0;        ///< stored, compressed
  uint64_t value_count = 0;  ///< nulls and NaNs included
  uint64_t null_count = 0;
  uint64_t nan_count = 0;  ///< float and double only
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

/// A finished part, as the table's manifests describe it.
struct Meta {
  std::string key;                  ///< object key in the bucket
  uint64_t bytes = 0;               ///< exact size of the object
  uint64_t rows = 0;                ///< exact
  model::PartitionTuple partition;  ///< of all its rows
  std::vector<ColumnStats> columns;
  std::vector<int64_t> split_offsets;  ///< where its row groups begin
};

}  // namespace sluice::part
