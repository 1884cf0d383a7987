#include "query/partition_filter.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "model/transform.h"
#include "query/predicate.h"

namespace sluice::query {

using Op = Predicate::Op;

PartitionFilter::PartitionFilter(const TableSpec& spec, std::optional<Predicate> where)
    : time_(spec.time), where_(std::move(where)) {
  for (PartitionField& field : model::partition_of(spec)) {
    const auto column = find_column(spec.columns, field.column);
    CHECK(column.ok());
    fields_.push_back({std::move(field), column->type});
  }
}

void PartitionFilter::require_from(const std::string& time_column, Nanos time) {
  Predicate both;
  both.op = Op::kAnd;
  both.operands.push_back(make_time_test(time_column, Op::kGe, time));
  if (where_) both.operands.push_back(*std::move(where_));
  where_ = std::move(both);
}

bool PartitionFilter::may_hold(const model::PartitionTuple& values) const {
  table::PartitionSummaries summaries(values.size());
  for (size_t at = 0; at < values.size(); ++at) summaries[at].add(values[at]);
  return may_hold(summaries);
}

bool PartitionFilter::may_hold(const table::PartitionSummaries& summaries) const {
  if (!where_ || summaries.size() != fields_.size()) return true;
  return may_pass(*where_, true, summaries);
}

std::optional<Nanos> PartitionFilter::start_of(const model::PartitionTuple& values) const {
  if (fields_.empty() || values.empty() || fields_[0].partition.column != time_) {
    return std::nullopt;
  }
  const auto range = model::range_of(fields_[0].partition, fields_[0].type, values[0]);
  if (!range) return std::nullopt;
  return range->first.int64;
}

// Whether some row of the partitions can give the predicate the truth `wanted`; a `not` is pushed
// down to the tests. What one test says of one field is right by itself, and stays so under any
// `and` and `or`.
bool PartitionFilter::may_pass(const Predicate& predicate, bool wanted,
                               const table::PartitionSummaries& summaries) const {
  const auto operand_may = [&](const Predicate& operand) {
    return may_pass(operand, wanted, summaries);
  };
  if (predicate.op == Op::kNot) return may_pass(predicate.operands[0], !wanted, summaries);
  const Op op = wanted ? predicate.op : opposite(predicate.op);
  const std::vector<Predicate>& operands = predicate.operands;
  if (op == Op::kAnd) return std::all_of(operands.begin(), operands.end(), operand_may);
  if (op == Op::kOr) return std::any_of(operands.begin(), operands.end(), operand_may);
  for (size_t at = 0; at < fields_.size(); ++at) {
    const bool is_of_column = fields_[at].partition.column == predicate.column;
    if (is_of_column && !may_pass(fields_[at], summaries[at], op, predicate.value)) return false;
  }
  return true;
}

bool PartitionFilter::may_pass(const Field& field, const table::PartitionSummary& summary, Op op,
                               const Value& value) {
  // The partition value is null where the column is, and nowhere else.
  const bool has_values = !summary.lower.is_null();
  if (op == Op::kIsNull) return summary.contains_null;
  if (op == Op::kIsNotNull || !has_values) return has_values;
  if (field.partition.transform == Transform::kBucket) {
    return op != Op::kEq || summary.holds(model::partition_value(field.partition, value));
  }
  const auto lower = model::range_of(field.partition, field.type, summary.lower);
  const auto upper = model::range_of(field.partition, field.type, summary.upper);
  if (!lower || !upper) return true;
  const int to_first = compare(value, lower->first);
  const int to_last = compare(value, upper->last);
  switch (op) {
    case Op::kEq:
      return to_first >= 0 && to_last <= 0;
    case Op::kNe:  // only one single value is left out
      return to_first != 0 || to_last != 0;
    case Op::kLt:
      return to_first > 0;
    case Op::kLe:
      return to_first >= 0;
    case Op::kGt:
      return to_last < 0;
    default:
      return to_last <= 0;
  }
}

bool rise_with(const std::vector<PartitionField>& fields, std::string_view column) {
  return std::all_of(fields.begin(), fields.end(), [&](const PartitionField& field) {
    return field.column == column && field.transform != Transform::kBucket;
  });
}

}  // namespace sluice::query
