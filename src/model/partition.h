// Partitions: the fields by which the rows of a table are laid apart, and the rules for them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sluice/options.h"
#include "sluice/result.h"

namespace sluice::model {

inline constexpr size_t kPartitionFieldsMax = 16;
inline constexpr uint32_t kBucketsMax = 65'536;

/// Of one field. In order: null first, then by number or by bytes.
struct PartitionValue {
  enum class Kind : uint8_t {
    kNull,
    kNumber,  ///< days, hours or months since 1970, a bucket, a long, microseconds, 0 and 1 of bool
    kBytes,   ///< of a string or binary
  };
  Kind kind = Kind::kNull;
  int64_t number = 0;
  std::string bytes;

  PartitionValue() = default;
  PartitionValue(int64_t value) : kind(Kind::kNumber), number(value) {}
  PartitionValue(std::string value) : kind(Kind::kBytes), bytes(std::move(value)) {}
  bool is_null() const { return kind == Kind::kNull; }
  bool is_number() const { return kind == Kind::kNumber; }
  friend auto operator<=>(const PartitionValue&, const PartitionValue&) = default;
};
/// A value for each field, in their order; empty in an unpartitioned table.
using PartitionTuple = std::vector<PartitionValue>;

/// The fields of the table: what the specification says, or else the UTC day of time.
std::vector<PartitionField> partition_of(const TableSpec& spec);

/// Iceberg's name of the field: `time_day`, `id_bucket`, or the column's own.
std::string partition_name(const PartitionField& field);

/// A text that no other partition of the table has, for marks and people: "2026-11-21" of a day
/// alone, else `name=value` joined by '/'; "-" without fields. Values as format_value() gives them,
/// other characters of text than [A-Za-z0-9_.:-] as %XX.
std::string partition_text(const TableSpec& spec, const PartitionTuple& tuple);

/// Whether a table of these columns, key and time can be partitioned so. kInvalid, where() is the
/// column: it does not exist, or its type does not fit the transform; a number of buckets that is
/// none; two fields of one name, or two times of one column; a name that another column has; too
/// many fields; in a table with key, a column that is neither of the key nor the time: a key would
/// move between partitions, and what replaces a row would not stand beside it.
Status check_partition(const TableSpec& spec);
/// The rules of a field by itself, names aside.
Status check_partition_field(const PartitionField& field, const TableSpec& spec);

}  // namespace sluice::model
