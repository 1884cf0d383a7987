#include "query/prune.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "base/check.h"
#include "part/micros.h"
#include "query/predicate.h"

namespace sluice::query {

namespace {

using Op = Predicate::Op;

bool is_whole(Type type) {
  return type == Type::kInt64 || type == Type::kTimestamp;
}

Value next_to(Value whole, int64_t step) {
  whole.int64 += step;
  return whole;
}

/// Ends that are excluded. Between the values of most types lie others: there the end itself stays,
/// for an interval may be too wide and never too narrow.
Interval above(const Value& value) {
  if (!is_whole(value.type)) return {value, std::nullopt};
  if (value.int64 == INT64_MAX) return {value, next_to(value, -1)};
  return {next_to(value, 1), std::nullopt};
}

Interval below(const Value& value) {
  if (!is_whole(value.type)) return {std::nullopt, value};
  if (value.int64 == INT64_MIN) return {next_to(value, 1), value};
  return {std::nullopt, next_to(value, -1)};
}

void intersect(Interval& into, const Interval& other) {
  if (other.lower && (!into.lower || compare(*other.lower, *into.lower) > 0)) {
    into.lower = other.lower;
  }
  if (other.upper && (!into.upper || compare(*other.upper, *into.upper) < 0)) {
    into.upper = other.upper;
  }
}

void widen(Interval& into, const Interval& other) {
  if (!other.lower || (into.lower && compare(*other.lower, *into.lower) < 0)) {
    into.lower = other.lower;
  }
  if (!other.upper || (into.upper && compare(*other.upper, *into.upper) > 0)) {
    into.upper = other.upper;
  }
}

Intervals intersect(Intervals all, const Intervals& others) {
  for (const auto& [column, interval] : others) intersect(all[column], interval);
  return all;
}

// A column that one side says nothing of can have any value.
Intervals unite(Intervals all, const Intervals& others) {
  std::erase_if(all, [&](const auto& entry) { return !others.contains(entry.first); });
  for (auto& [column, interval] : all) widen(interval, others.at(column));
  return all;
}

Intervals intervals_of_test(Op op, const Predicate& test) {
  const Value& value = test.value;
  switch (op) {
    case Op::kEq:
      return {{test.column, {value, value}}};
    case Op::kLt:
      return {{test.column, below(value)}};
    case Op::kLe:
      return {{test.column, {std::nullopt, value}}};
    case Op::kGt:
      return {{test.column, above(value)}};
    case Op::kGe:
      return {{test.column, {value, std::nullopt}}};
    default:
      return {};
  }
}

// What holds where the predicate has the truth `wanted`; a `not` is pushed down to the tests.
Intervals intervals_where(const Predicate& predicate, bool wanted) {
  if (predicate.op == Op::kNot) return intervals_where(predicate.operands[0], !wanted);
  const Op op = wanted ? predicate.op : opposite(predicate.op);
  if (op == Op::kAnd || op == Op::kOr) {
    Intervals all = intervals_where(predicate.operands[0], wanted);
    for (size_t i = 1; i < predicate.operands.size(); ++i) {
      const Intervals others = intervals_where(predicate.operands[i], wanted);
      all = op == Op::kAnd ? intersect(std::move(all), others) : unite(std::move(all), others);
    }
    return all;
  }
  // `not x < 1` is true of a NaN, which is in no interval.
  const bool real = predicate.value.type == Type::kDouble;
  if (real && (!wanted || std::isnan(predicate.value.real))) return {};
  return intervals_of_test(op, predicate);
}

/// A bound of a part, of time in whole microseconds; nothing if it cannot be believed.
std::optional<Value> decode_bound(part::PhysicalType type,
                                  const std::optional<std::string>& bound) {
  if (!bound) return std::nullopt;
  ByteReader reader(as_bytes(*bound));
  Value value;
  value.type = table::logical_type(type);
  switch (type) {
    case part::PhysicalType::kBool:
      value.boolean = reader.fixed<uint8_t>() != 0;
      break;
    case part::PhysicalType::kInt32:
      value.int64 = reader.fixed<int32_t>();
      break;
    case part::PhysicalType::kInt64:
      // A part from before the column was widened has bounds of four bytes.
      value.int64 =
          bound->size() == sizeof(int32_t) ? reader.fixed<int32_t>() : reader.fixed<int64_t>();
      break;
    case part::PhysicalType::kTimestampMicros:
      value.int64 = reader.fixed<int64_t>();
      break;
    case part::PhysicalType::kFloat:
    case part::PhysicalType::kDouble:
      value.real = bound->size() == sizeof(float) ? std::bit_cast<float>(reader.fixed<uint32_t>())
                                                  : std::bit_cast<double>(reader.fixed<uint64_t>());
      if (std::isnan(value.real)) return std::nullopt;
      break;
    case part::PhysicalType::kString:
    case part::PhysicalType::kBinary:
      value.bytes = *bound;
      return value;
  }
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return value;
}

// Bounds of times are floored, and so is the end they are compared with: microseconds that differ
// prove that the times do.
Value to_stored(Value end) {
  if (end.type == Type::kTimestamp) end.int64 = part::floor_micros(end.int64);
  return end;
}

bool may_hold(const part::ColumnStats& stats, part::PhysicalType type, const part::Range& range) {
  const bool may_hide_nan = table::logical_type(type) == Type::kDouble && stats.nan_count != 0;
  if (may_hide_nan) return true;
  const std::optional<Value> lower = decode_bound(type, stats.lower);
  const std::optional<Value> upper = decode_bound(type, stats.upper);
  if (range.lower && upper && compare(*upper, to_stored(*range.lower)) < 0) return false;
  if (range.upper && lower && compare(*lower, to_stored(*range.upper)) > 0) return false;
  return true;
}

}  // namespace

Intervals intervals_of(const Predicate& bound) {
  return intervals_where(bound, true);
}

Intervals prunable(Intervals intervals, const TableSpec& spec) {
  if (spec.key.empty()) return intervals;
  std::erase_if(intervals, [&](const auto& entry) {
    const std::string& column = entry.first;
    return column != spec.time &&
           std::find(spec.key.begin(), spec.key.end(), column) == spec.key.end();
  });
  return intervals;
}

std::vector<part::Range> ranges_of(const Intervals& intervals, const table::TableSchema& schema) {
  std::vector<part::Range> ranges;
  for (const auto& [name, interval] : intervals) {
    const part::Column* column = schema.find(name);
    CHECK(column != nullptr);
    ranges.push_back({column->field_id, interval.lower, interval.upper});
  }
  return ranges;
}

bool may_hold(const part::Meta& part, const std::vector<part::Range>& ranges,
              const table::TableSchema& schema) {
  for (const part::Range& range : ranges) {
    const part::Column* column = schema.find(range.field_id);
    CHECK(column != nullptr);
    for (const part::ColumnStats& stats : part.columns) {
      if (stats.field_id == range.field_id && !may_hold(stats, column->type, range)) return false;
    }
  }
  return true;
}

std::optional<Value> lower_bound_of(const part::Meta& part, const part::Column& column) {
  if (table::logical_type(column.type) == Type::kDouble) return std::nullopt;
  for (const part::ColumnStats& stats : part.columns) {
    if (stats.field_id != column.field_id) continue;
    std::optional<Value> lower = decode_bound(column.type, stats.lower);
    const bool time = lower && lower->type == Type::kTimestamp;
    const bool over = time && __builtin_mul_overflow(lower->int64, kMicrosecond, &lower->int64);
    return over ? std::nullopt : lower;
  }
  return std::nullopt;
}

}  // namespace sluice::query
