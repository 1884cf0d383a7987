#include "query/predicate.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/check.h"
#include "sluice/time_text.h"

namespace sluice::query {

namespace {

using Op = Predicate::Op;

constexpr int kDepthMax = 256;
constexpr double kLongEnd = 9223372036854775808.0;  // the first whole number above all longs

Value make_long(int64_t value) {
  Value literal;
  literal.type = Type::kInt64;
  literal.int64 = value;
  return literal;
}

Error mismatch(const Field& column, std::string wanted) {
  return Error(Code::kInvalid, Reason::kTypeMismatch,
               "the column has type " + std::string(to_string(column.type)) +
                   " and is compared with " + std::move(wanted),
               column.name);
}

// A long is never above, and never at, a literal outside of its range: the truth is that of a
// comparison that all longs pass, or none; nulls stay unknown.
void make_constant(Predicate& test, bool truth) {
  test.op = truth ? Op::kGe : Op::kLt;
  test.value = make_long(INT64_MIN);
}

// x < 2.5 is x <= 2, x > 2.5 is x > 2, and x = 2.5 is never true.
void bind_long_to_real(Predicate& test) {
  const double real = test.value.real;
  if (std::isnan(real)) return make_constant(test, test.op == Op::kNe);
  const double floor = std::floor(real);
  const bool below = floor < -kLongEnd;
  const bool above = floor >= kLongEnd;
  const bool whole = floor == real && !below && !above;
  switch (test.op) {
    case Op::kEq:
    case Op::kNe:
      if (!whole) return make_constant(test, test.op == Op::kNe);
      break;
    case Op::kLt:
    case Op::kLe:
      if (below || above) return make_constant(test, above);
      if (!whole) test.op = Op::kLe;
      break;
    default:
      if (below || above) return make_constant(test, below);
      if (!whole) test.op = Op::kGt;
      break;
  }
  test.value = make_long(static_cast<int64_t>(floor));
}

Status bind_literal(Predicate& test, const Field& column) {
  Value& value = test.value;
  if (value.type == column.type) return ok();
  const std::string type(to_string(value.type));
  if (column.type == Type::kInt64 && value.type == Type::kDouble) {
    bind_long_to_real(test);
  } else if (column.type == Type::kDouble && value.type == Type::kInt64) {
    value.type = Type::kDouble;
    value.real = static_cast<double>(value.int64);
  } else if (column.type == Type::kBinary && value.type == Type::kString) {
    value.type = Type::kBinary;
  } else if (column.type == Type::kTimestamp && value.type == Type::kString) {
    const ParsedTime parsed = parse_time(value.bytes);
    if (parsed.fault != TimeFault::kNone) {
      return mismatch(column, "a text that is no time like 2024-05-31T23:59:59Z");
    }
    value.type = Type::kTimestamp;
    value.int64 = parsed.time;
  } else {
    return mismatch(column, "a value of type " + type);
  }
  return ok();
}

Error malformed(const char* message) {
  return Error(Code::kInvalid, message);
}

Status bind_in_place(Predicate& predicate, const std::vector<Field>& columns, int depth) {
  if (depth > kDepthMax) return malformed("the predicate is nested too deep");
  const size_t operands = predicate.operands.size();
  for (Predicate& operand : predicate.operands) TRY(bind_in_place(operand, columns, depth + 1));
  switch (predicate.op) {
    case Op::kAnd:
    case Op::kOr:
      return operands >= 2 ? ok() : malformed("`and` and `or` take two predicates or more");
    case Op::kNot:
      return operands == 1 ? ok() : malformed("`not` takes one predicate");
    case Op::kIsNull:
    case Op::kIsNotNull:
      TRY(find_column(columns, predicate.column));
      break;
    default: {
      const Field column = TRY(find_column(columns, predicate.column));
      TRY(bind_literal(predicate, column));
      break;
    }
  }
  return operands == 0 ? ok() : malformed("a test of a column takes no predicates");
}

void collect_columns(const Predicate& predicate, std::vector<std::string>& columns) {
  for (const Predicate& operand : predicate.operands) collect_columns(operand, columns);
  if (predicate.column.empty()) return;
  if (std::find(columns.begin(), columns.end(), predicate.column) == columns.end()) {
    columns.push_back(predicate.column);
  }
}

/// Ordered so that `and` is the least, `or` the greatest, and `not` the mirror.
enum class Truth : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };
using Truths = std::vector<Truth>;

Truth truth(bool value) {
  return value ? Truth::kTrue : Truth::kFalse;
}

// One loop for each operator, chosen once a column.
template <class Get, class Literal>
Truths compare_rows(const ColumnView& view, Op op, Get get, const Literal& literal) {
  Truths truths(view.rows);
  const auto mark = [&](auto holds) {
    for (uint32_t row = 0; row < view.rows; ++row) truths[row] = truth(holds(get(row), literal));
  };
  switch (op) {
    case Op::kEq:
      mark([](const auto& a, const auto& b) { return a == b; });
      break;
    case Op::kNe:
      mark([](const auto& a, const auto& b) { return a != b; });
      break;
    case Op::kLt:
      mark([](const auto& a, const auto& b) { return a < b; });
      break;
    case Op::kLe:
      mark([](const auto& a, const auto& b) { return a <= b; });
      break;
    case Op::kGt:
      mark([](const auto& a, const auto& b) { return a > b; });
      break;
    default:
      mark([](const auto& a, const auto& b) { return a >= b; });
      break;
  }
  return truths;
}

Truths compare_column(const ColumnView& view, Op op, const Value& value) {
  switch (view.type) {
    case Type::kNull:
      return Truths(view.rows, Truth::kUnknown);
    case Type::kBool:
      return compare_rows(
          view, op, [&](uint32_t row) { return view.boolean(row); }, value.boolean);
    case Type::kInt64:
    case Type::kTimestamp:
      return compare_rows(
          view, op, [&](uint32_t row) { return view.int64(row); }, value.int64);
    case Type::kDouble:
      return compare_rows(
          view, op, [&](uint32_t row) { return view.real(row); }, value.real);
    case Type::kString:
    case Type::kBinary:
      return compare_rows(
          view, op, [&](uint32_t row) { return view.bytes(row); }, std::string_view(value.bytes));
  }
  CHECK(false);
}

Truths test_column(const Predicate& test, const ColumnView& view) {
  if (test.op == Op::kIsNull || test.op == Op::kIsNotNull) {
    Truths truths(view.rows);
    for (uint32_t row = 0; row < view.rows; ++row) {
      truths[row] = truth(view.is_null(row) == (test.op == Op::kIsNull));
    }
    return truths;
  }
  CHECK(view.type == Type::kNull || view.type == test.value.type);
  Truths truths = compare_column(view, test.op, test.value);
  if (view.null_count == 0) return truths;
  for (uint32_t row = 0; row < view.rows; ++row) {
    if (view.is_null(row)) truths[row] = Truth::kUnknown;
  }
  return truths;
}

Truths evaluate(const Predicate& predicate, const Batch& batch) {
  if (predicate.operands.empty()) {
    return test_column(predicate, batch.column(*batch.schema()->find(predicate.column)));
  }
  Truths truths = evaluate(predicate.operands[0], batch);
  if (predicate.op == Op::kNot) {
    for (Truth& one : truths) one = static_cast<Truth>(2 - static_cast<int>(one));
    return truths;
  }
  for (const Predicate& operand : std::span(predicate.operands).subspan(1)) {
    const Truths others = evaluate(operand, batch);
    for (size_t row = 0; row < truths.size(); ++row) {
      truths[row] = predicate.op == Op::kAnd ? std::min(truths[row], others[row])
                                             : std::max(truths[row], others[row]);
    }
  }
  return truths;
}

}  // namespace

Result<Field> find_column(const std::vector<Field>& columns, std::string_view name) {
  for (const Field& column : columns) {
    if (column.name == name) return column;
  }
  return Error(Code::kInvalid, Reason::kUnknownColumn, "the table has no such column",
               std::string(name));
}

Result<Predicate> bind_predicate(const Predicate& predicate, const std::vector<Field>& columns) {
  Predicate bound = predicate;
  TRY(bind_in_place(bound, columns, 0));
  return bound;
}

std::vector<std::string> columns_of(const Predicate& predicate) {
  std::vector<std::string> columns;
  collect_columns(predicate, columns);
  return columns;
}

std::vector<uint32_t> passing_rows(const Predicate& bound, const Batch& batch) {
  const Truths truths = evaluate(bound, batch);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    if (truths[row] == Truth::kTrue) rows.push_back(row);
  }
  return rows;
}

Op opposite(Op op) {
  switch (op) {
    case Op::kAnd:
      return Op::kOr;
    case Op::kOr:
      return Op::kAnd;
    case Op::kEq:
      return Op::kNe;
    case Op::kNe:
      return Op::kEq;
    case Op::kLt:
      return Op::kGe;
    case Op::kLe:
      return Op::kGt;
    case Op::kGt:
      return Op::kLe;
    case Op::kGe:
      return Op::kLt;
    case Op::kIsNull:
      return Op::kIsNotNull;
    case Op::kIsNotNull:
      return Op::kIsNull;
    default:
      return op;
  }
}

Predicate make_time_test(const std::string& column, Predicate::Op op, Nanos time) {
  Predicate test;
  test.op = op;
  test.column = column;
  test.value.type = Type::kTimestamp;
  test.value.int64 = time;
  return test;
}

int compare(const Value& a, const Value& b) {
  CHECK(a.type == b.type);
  switch (a.type) {
    case Type::kBool:
      return int{a.boolean} - int{b.boolean};
    case Type::kInt64:
    case Type::kTimestamp:
      return a.int64 < b.int64 ? -1 : a.int64 > b.int64;
    case Type::kDouble:
      return a.real < b.real ? -1 : a.real > b.real;
    case Type::kString:
    case Type::kBinary:
      return a.bytes.compare(b.bytes);
    case Type::kNull:
      break;
  }
  CHECK(false);
}

}  // namespace sluice::query
