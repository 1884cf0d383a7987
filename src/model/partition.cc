#include "model/partition.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/check.h"

namespace sluice::model {
namespace {

Error invalid(std::string message, const PartitionField& field, Reason reason = Reason::kNone) {
  return Error(Code::kInvalid, reason, std::move(message), field.column);
}

bool is_time(Transform transform) {
  return transform != Transform::kIdentity && transform != Transform::kBucket;
}

Status check_type(const PartitionField& field, Type type) {
  const std::string found = ", not " + std::string(to_string(type));
  if (is_time(field.transform) && type != Type::kTimestamp) {
    return invalid("day, hour and month are of a timestamp" + found, field, Reason::kTypeMismatch);
  }
  if (field.transform == Transform::kIdentity && type == Type::kDouble) {
    return invalid("a partition has values of bool, long, string, binary or timestamp" + found,
                   field, Reason::kTypeMismatch);
  }
  if (field.transform == Transform::kBucket && (type == Type::kDouble || type == Type::kBool)) {
    return invalid("buckets are of long, string, binary or timestamp" + found, field,
                   Reason::kTypeMismatch);
  }
  return ok();
}

Status check_buckets(const PartitionField& field) {
  const bool is_bucket = field.transform == Transform::kBucket;
  const bool fits =
      is_bucket ? field.buckets >= 1 && field.buckets <= kBucketsMax : field.buckets == 0;
  if (fits) return ok();
  return Error({Code::kInvalid, Reason::kOutOfRange, "a partition has 1 to 65,536 buckets",
                field.column, is_bucket ? kBucketsMax : 0, field.buckets});
}

const Field* find(const TableSpec& spec, const std::string& column) {
  for (const Field& field : spec.columns) {
    if (field.name == column) return &field;
  }
  return nullptr;
}

}  // namespace

std::vector<PartitionField> partition_of(const TableSpec& spec) {
  if (spec.partition) return *spec.partition;
  if (spec.time.empty()) return {};
  return {{spec.time, Transform::kDay, 0}};
}

std::string partition_name(const PartitionField& field) {
  switch (field.transform) {
    case Transform::kIdentity:
      return field.column;
    case Transform::kBucket:
      return field.column + "_bucket";
    case Transform::kDay:
      return field.column + "_day";
    case Transform::kHour:
      return field.column + "_hour";
    case Transform::kMonth:
      return field.column + "_month";
  }
  CHECK(false);
}

Status check_partition_field(const PartitionField& field, const TableSpec& spec) {
  const Field* column = find(spec, field.column);
  if (column == nullptr) {
    return invalid("the partition needs a column that the table has not", field,
                   Reason::kMissingColumn);
  }
  TRY(check_type(field, column->type));
  TRY(check_buckets(field));
  const bool in_key = std::find(spec.key.begin(), spec.key.end(), field.column) != spec.key.end();
  if (!spec.key.empty() && !in_key && field.column != spec.time) {
    return invalid(
        "the partition of a table with key is made of its key and time alone: by another column "
        "the row of a key would move between partitions",
        field);
  }
  return ok();
}

Status check_partition(const TableSpec& spec) {
  const std::vector<PartitionField> fields = partition_of(spec);
  if (fields.size() > kPartitionFieldsMax) {
    return Error({Code::kInvalid, Reason::kOutOfRange, "a partition has at most 16 fields",
                  fields.back().column, kPartitionFieldsMax, fields.size()});
  }
  std::set<std::string> names;
  std::set<std::string> times;
  for (const PartitionField& field : fields) {
    TRY(check_partition_field(field, spec));
    const std::string name = partition_name(field);
    if (!names.insert(name).second)
      return invalid("two partition fields are called " + name, field);
    if (is_time(field.transform) && !times.insert(field.column).second) {
      return invalid("one of day, hour and month of a column says it all", field);
    }
    if (field.transform != Transform::kIdentity && find(spec, name) != nullptr) {
      return Error(Code::kInvalid, "the partition of the table has this name", name);
    }
  }
  return ok();
}

}  // namespace sluice::model
