#include "query/aggregate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "memtable/frozen.h"
#include "query/predicate.h"

namespace sluice::query {

namespace {

using Function = Aggregate::Function;
using State = Aggregation::State;

bool is_first_or_last(Function function) {
  return function == Function::kFirst || function == Function::kLast;
}

/// Some of the rows that passed.
struct Run {
  const Passed& passed;
  uint32_t first;
  uint32_t count;
  template <class Visit>
  void each(const ColumnView& view, Visit visit) const {
    for (uint32_t at = first; at < first + count; ++at) {
      const uint32_t row = passed.row(at);
      if (!view.is_null(row)) visit(row);
    }
  }
};

uint64_t count_values(const Run& run, const ColumnView& view) {
  if (view.null_count == 0) return run.count;
  uint64_t count = 0;
  run.each(view, [&](uint32_t) { ++count; });
  return count;
}

// The value of a null is zero.
void add_sum(State& state, const Run& run, const ColumnView& view) {
  for (uint32_t at = run.first; at < run.first + run.count; ++at) {
    const uint32_t row = run.passed.row(at);
    if (view.type == Type::kInt64) {
      state.whole += view.int64(row);
    } else {
      state.real += view.real(row);
    }
  }
  state.count += count_values(run, view);
}

int64_t whole_of(const ColumnView& view, uint32_t row) {
  return view.type == Type::kBool ? int64_t{view.boolean(row)} : view.int64(row);
}

void keep(State& state, const ColumnView& view, uint32_t row) {
  switch (view.type) {
    case Type::kDouble:
      state.real = view.real(row);
      return;
    case Type::kString:
    case Type::kBinary:
      state.bytes = view.bytes(row);
      return;
    default:
      state.whole = whole_of(view, row);
  }
}

template <class T>
bool is_better(const T& value, const T& kept, Function function) {
  return function == Function::kMin ? value < kept : value > kept;
}

bool replaces(const State& state, const ColumnView& view, uint32_t row, Function function) {
  switch (view.type) {
    case Type::kDouble:
      if (std::isnan(view.real(row))) return false;
      return std::isnan(state.real) || is_better(view.real(row), state.real, function);
    case Type::kString:
    case Type::kBinary:
      return is_better(view.bytes(row), std::string_view(state.bytes), function);
    default:
      return is_better(whole_of(view, row), static_cast<int64_t>(state.whole), function);
  }
}

void add_extreme(State& state, const Run& run, const ColumnView& view, Function function) {
  run.each(view, [&](uint32_t row) {
    if (state.count == 0 || replaces(state, view, row, function)) keep(state, view, row);
    ++state.count;
  });
}

void add_first_or_last(State& state, const Run& run, const ColumnView& view, Function function,
                       const ColumnView& time, const ColumnView* version) {
  run.each(view, [&](uint32_t row) {
    const std::pair written(time.int64(row), version == nullptr ? 0 : version->int64(row));
    const std::pair kept(state.time, state.version);
    const bool better = function == Function::kFirst ? written < kept : written >= kept;
    if (state.count == 0 || better) {
      keep(state, view, row);
      std::tie(state.time, state.version) = written;
    }
    ++state.count;
  });
}

Type result_type(Function function, Type column) {
  if (function == Function::kCount) return Type::kInt64;
  return function == Function::kAvg ? Type::kDouble : column;
}

Status write_sum(const State& state, const Aggregate& aggregate, Type type, BatchBuilder& out,
                 size_t column) {
  const double divisor = static_cast<double>(state.count);
  if (aggregate.function == Function::kAvg) {
    const double sum = type == Type::kInt64 ? static_cast<double>(state.whole) : state.real;
    out.append_double(column, sum / divisor);
  } else if (type == Type::kDouble) {
    out.append_double(column, state.real);
  } else if (state.whole == static_cast<int64_t>(state.whole)) {
    out.append_int64(column, static_cast<int64_t>(state.whole));
  } else {
    return Error(Code::kInvalid, Reason::kOutOfRange, "the sum of the column is no long",
                 aggregate.column);
  }
  return ok();
}

void write_kept(const State& state, Type type, BatchBuilder& out, size_t column) {
  switch (type) {
    case Type::kNull:
      return out.append_null(column);
    case Type::kBool:
      return out.append_bool(column, state.whole != 0);
    case Type::kInt64:
      return out.append_int64(column, static_cast<int64_t>(state.whole));
    case Type::kTimestamp:
      return out.append_timestamp(column, static_cast<int64_t>(state.whole));
    case Type::kDouble:
      return out.append_double(column, state.real);
    case Type::kString:
    case Type::kBinary:
      return out.append_bytes(column, state.bytes);
  }
}

}  // namespace

Result<Aggregation> Aggregation::make(const std::vector<Aggregate>& aggregates,
                                      const TableSpec& spec) {
  if (aggregates.empty()) return Error(Code::kInvalid, "there is nothing to aggregate");
  Aggregation aggregation;
  for (const Aggregate& aggregate : aggregates) {
    Cell cell;
    cell.aggregate = aggregate;
    if (!aggregate.column.empty()) {
      cell.type = TRY(find_column(spec.columns, aggregate.column)).type;
    } else if (aggregate.function != Function::kCount) {
      return Error(Code::kInvalid, "only count takes all columns", aggregate.label);
    }
    const bool adds = aggregate.function == Function::kSum || aggregate.function == Function::kAvg;
    if (adds && cell.type != Type::kInt64 && cell.type != Type::kDouble) {
      return Error(Code::kInvalid, Reason::kTypeMismatch,
                   "a column of type " + std::string(to_string(cell.type)) + " has no sum",
                   aggregate.column);
    }
    if (is_first_or_last(aggregate.function)) {
      if (spec.time.empty()) {
        return Error(Code::kInvalid, Reason::kMissingColumn,
                     "the table has no time column, so nothing is first or last", aggregate.label);
      }
      aggregation.time_name_ = spec.time;
    }
    aggregation.cells_.push_back(std::move(cell));
  }
  return aggregation;
}

std::vector<std::string> Aggregation::columns() const {
  std::vector<std::string> columns;
  for (const Cell& cell : cells_) columns.push_back(cell.aggregate.column);
  columns.push_back(time_name_);
  std::vector<std::string> distinct;
  for (std::string& name : columns) {
    if (name.empty() || std::find(distinct.begin(), distinct.end(), name) != distinct.end()) {
      continue;
    }
    distinct.push_back(std::move(name));
  }
  return distinct;
}

std::vector<Field> Aggregation::fields() const {
  std::vector<Field> fields;
  for (const Cell& cell : cells_) {
    fields.push_back({cell.aggregate.label, result_type(cell.aggregate.function, cell.type)});
  }
  return fields;
}

void Aggregation::bind(const Schema& input) {
  for (Cell& cell : cells_) {
    if (!cell.aggregate.column.empty()) cell.column = input.find(cell.aggregate.column);
  }
  if (time_name_.empty()) return;
  time_ = input.find(time_name_);
  version_ = input.find(memtable::kVersionColumn);
}

int64_t Aggregation::add(std::span<State> states, const Passed& passed, uint32_t first,
                         uint32_t count) const {
  const Run run{passed, first, count};
  int64_t grown = 0;
  for (size_t at = 0; at < cells_.size(); ++at) {
    const Function function = cells_[at].aggregate.function;
    State& state = states[at];
    if (!cells_[at].column) {
      state.count += count;
      continue;
    }
    const ColumnView& view = passed.columns[*cells_[at].column];
    const auto bytes = static_cast<int64_t>(state.bytes.capacity());
    if (function == Function::kCount) {
      state.count += count_values(run, view);
    } else if (function == Function::kSum || function == Function::kAvg) {
      add_sum(state, run, view);
    } else if (is_first_or_last(function)) {
      add_first_or_last(state, run, view, function, passed.columns[*time_],
                        version_ ? &passed.columns[*version_] : nullptr);
    } else {
      add_extreme(state, run, view, function);
    }
    grown += static_cast<int64_t>(state.bytes.capacity()) - bytes;
  }
  return grown;
}

Status Aggregation::write(std::span<const State> states, BatchBuilder& out, size_t column) const {
  for (size_t at = 0; at < cells_.size(); ++at, ++column) {
    const Cell& cell = cells_[at];
    const State& state = states[at];
    const Function function = cell.aggregate.function;
    if (function == Function::kCount) {
      out.append_int64(column, static_cast<int64_t>(state.count));
    } else if (state.count == 0) {
      out.append_null(column);
    } else if (function == Function::kSum || function == Function::kAvg) {
      TRY(write_sum(state, cell.aggregate, cell.type, out, column));
    } else {
      write_kept(state, cell.type, out, column);
    }
  }
  return ok();
}

}  // namespace sluice::query
