#include "query/aggregate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "query/predicate.h"

namespace sluice::query {

namespace {

using Function = Aggregate::Function;

Value value_at(const ColumnView& view, uint32_t row) {
  Value value;
  value.type = view.type;
  switch (view.type) {
    case Type::kBool:
      value.boolean = view.boolean(row);
      break;
    case Type::kDouble:
      value.real = view.real(row);
      break;
    case Type::kString:
    case Type::kBinary:
      value.bytes = view.bytes(row);
      break;
    default:
      value.int64 = view.int64(row);
      break;
  }
  return value;
}

void append_value(BatchBuilder& out, size_t column, const Value& value) {
  switch (value.type) {
    case Type::kNull:
      return out.append_null(column);
    case Type::kBool:
      return out.append_bool(column, value.boolean);
    case Type::kInt64:
      return out.append_int64(column, value.int64);
    case Type::kTimestamp:
      return out.append_timestamp(column, value.int64);
    case Type::kDouble:
      return out.append_double(column, value.real);
    case Type::kString:
    case Type::kBinary:
      return out.append_bytes(column, value.bytes);
  }
}

/// The row whose value comes first by `precedes`; nothing if none has one.
template <class Get, class Precedes>
std::optional<uint32_t> find_best(const ColumnView& view, Get get, Precedes precedes) {
  std::optional<uint32_t> best;
  for (uint32_t row = 0; row < view.rows; ++row) {
    if (!view.is_null(row) && (!best || precedes(get(row), get(*best)))) best = row;
  }
  return best;
}

template <class Get>
std::optional<uint32_t> find_extreme(const ColumnView& view, Function function, Get get) {
  if (function == Function::kMin) {
    return find_best(view, get, [](const auto& a, const auto& b) { return a < b; });
  }
  return find_best(view, get, [](const auto& a, const auto& b) { return a > b; });
}

std::optional<uint32_t> find_extreme(const ColumnView& view, Function function) {
  switch (view.type) {
    case Type::kNull:
      return std::nullopt;
    case Type::kBool:
      return find_extreme(view, function, [&](uint32_t row) { return view.boolean(row); });
    case Type::kInt64:
    case Type::kTimestamp:
      return find_extreme(view, function, [&](uint32_t row) { return view.int64(row); });
    case Type::kDouble:
      return find_extreme(view, function, [&](uint32_t row) {
        // A NaN is worse than every number: above them for the least, below for the greatest.
        const bool nan = std::isnan(view.real(row));
        return std::pair(nan == (function == Function::kMin), nan ? 0 : view.real(row));
      });
    case Type::kString:
    case Type::kBinary:
      return find_extreme(view, function, [&](uint32_t row) { return view.bytes(row); });
  }
  CHECK(false);
}

bool is_nan(const Value& value) {
  return value.type == Type::kDouble && std::isnan(value.real);
}

/// Whether `value` is a better extreme than `known`, which may be null.
bool replaces(const Value& value, const Value& known, Function function) {
  if (known.is_null()) return true;
  if (is_nan(value) || is_nan(known)) return !is_nan(value);
  const int order = compare(value, known);
  return function == Function::kMin ? order < 0 : order > 0;
}

}  // namespace

Result<Aggregation> Aggregation::make(const std::vector<Aggregate>& aggregates,
                                      const std::vector<Field>& columns) {
  if (aggregates.empty()) return Error(Code::kInvalid, "there is nothing to aggregate");
  Aggregation aggregation;
  aggregation.any_column_ = columns.front().name;
  for (const Aggregate& aggregate : aggregates) {
    Cell cell;
    cell.aggregate = aggregate;
    if (!aggregate.column.empty()) {
      cell.type = TRY(find_column(columns, aggregate.column)).type;
    } else if (aggregate.function != Function::kCount) {
      return Error(Code::kInvalid, "only count takes all columns", aggregate.label);
    }
    const bool adds = aggregate.function == Function::kSum || aggregate.function == Function::kAvg;
    if (adds && cell.type != Type::kInt64 && cell.type != Type::kDouble) {
      return Error(Code::kInvalid, Reason::kTypeMismatch,
                   "a column of type " + std::string(to_string(cell.type)) + " has no sum",
                   aggregate.column);
    }
    aggregation.cells_.push_back(std::move(cell));
  }
  return aggregation;
}

std::vector<std::string> Aggregation::columns() const {
  std::vector<std::string> columns;
  for (const Cell& cell : cells_) {
    const std::string& name = cell.aggregate.column;
    if (!name.empty() && std::find(columns.begin(), columns.end(), name) == columns.end()) {
      columns.push_back(name);
    }
  }
  if (columns.empty()) columns.push_back(any_column_);
  return columns;
}

void Aggregation::add(const Batch& batch) {
  for (Cell& cell : cells_) {
    if (cell.aggregate.column.empty()) {
      cell.count += batch.rows();
    } else {
      cell.add(batch.column(*batch.schema()->find(cell.aggregate.column)));
    }
  }
}

Result<Batch> Aggregation::finish() const {
  std::vector<Field> fields;
  for (const Cell& cell : cells_) fields.push_back({cell.aggregate.label, cell.result_type()});
  BatchBuilder out(TRY(Schema::make(std::move(fields))));
  for (size_t column = 0; column < cells_.size(); ++column) {
    TRY(cells_[column].write(out, column));
  }
  return out.finish();
}

Type Aggregation::Cell::result_type() const {
  switch (aggregate.function) {
    case Function::kCount:
      return Type::kInt64;
    case Function::kAvg:
      return Type::kDouble;
    default:
      return type;
  }
}

void Aggregation::Cell::add(const ColumnView& view) {
  count += view.rows - view.null_count;
  if (view.rows == view.null_count || aggregate.function == Function::kCount) return;
  if (aggregate.function == Function::kMin || aggregate.function == Function::kMax) {
    add_extreme(view);
  } else {
    add_sum(view);
  }
}

// The value of a null is zero.
void Aggregation::Cell::add_sum(const ColumnView& view) {
  for (uint32_t row = 0; row < view.rows; ++row) {
    if (type == Type::kInt64) {
      whole += view.int64(row);
    } else {
      real += view.real(row);
    }
  }
}

void Aggregation::Cell::add_extreme(const ColumnView& view) {
  const std::optional<uint32_t> best = find_extreme(view, aggregate.function);
  if (!best) return;
  Value value = value_at(view, *best);
  if (replaces(value, extreme, aggregate.function)) extreme = std::move(value);
}

Status Aggregation::Cell::write(BatchBuilder& out, size_t column) const {
  Value value = extreme;
  const double divisor = static_cast<double>(count);
  if (aggregate.function == Function::kCount) {
    value.type = Type::kInt64;
    value.int64 = static_cast<int64_t>(count);
  } else if (aggregate.function == Function::kAvg && count > 0) {
    value.type = Type::kDouble;
    value.real = (type == Type::kInt64 ? static_cast<double>(whole) : real) / divisor;
  } else if (aggregate.function == Function::kSum && count > 0) {
    value.type = type;
    value.real = real;
    value.int64 = static_cast<int64_t>(whole);
    if (whole != value.int64) {
      return Error(Code::kInvalid, Reason::kOutOfRange, "the sum of the column is no long",
                   aggregate.column);
    }
  }
  append_value(out, column, value);
  return ok();
}

}  // namespace sluice::query
