// Transforms: from the values of a column to those of a partition field, as Iceberg defines them
// (Apache Iceberg table specification, "Partition Transforms"; hashes: appendix B). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/partition.h"
#include "sluice/batch.h"
#include "sluice/snapshot.h"

namespace sluice::model {

/// Whether partition values of a field over a column of this type are bytes, not numbers.
bool has_text_values(const PartitionField& field, Type type);

/// Of a value that fits the field's column; null of null.
PartitionValue partition_value(const PartitionField& field, const Value& value);
/// The same for a column whose partition values are numbers; of its nulls anything.
void partition_numbers(const PartitionField& field, const ColumnView& view,
                       std::vector<int64_t>& numbers);

/// The least and the greatest value of a column of type `type` that a row has whose partition value
/// is `value`. Nothing of a bucket, of null, and of what is no value of the field.
struct ValueRange {
  Value first;
  Value last;
};
std::optional<ValueRange> range_of(const PartitionField& field, Type type,
                                   const PartitionValue& value);

/// For people: "2014-01-31", "2014-01-31T23", "2014-01", the number of a bucket, or the value.
/// Binary in hexadecimal digits; "null".
std::string format_value(const PartitionField& field, Type type, const PartitionValue& value);

}  // namespace sluice::model
