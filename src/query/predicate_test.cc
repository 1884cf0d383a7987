#include "query/predicate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "query/rows_fixture.h"

namespace sluice::query {
namespace {

using Op = Predicate::Op;

const std::vector<Field> kColumns = {
    {"n", Type::kInt64}, {"x", Type::kDouble},    {"s", Type::kString},
    {"b", Type::kBool},  {"t", Type::kTimestamp}, {"raw", Type::kBinary},
};

Result<Predicate> bound(std::string_view text) {
  return bind_predicate(parse_predicate(text).value(), kColumns);
}

/// Rows of one column for which the predicate is true.
std::vector<uint32_t> passing(std::string_view text, const Field& column,
                              const std::vector<Value>& values) {
  std::vector<Row> rows;
  for (const Value& value : values) rows.push_back({value});
  return passing_rows(bound(text).value(), make_batch({column}, rows));
}

using Passing = std::vector<uint32_t>;

TEST(Bind, ALiteralThatCannotBeOfTheColumnsTypeIsAMismatch) {
  for (const auto& [text, column] : std::vector<std::pair<const char*, const char*>>{
           {"n = 'one'", "n"},
           {"n = true", "n"},
           {"x = 'one'", "x"},
           {"s = 1", "s"},
           {"b = 1", "b"},
           {"b = 'true'", "b"},
           {"t = 5", "t"},
           {"t = 'yesterday'", "t"},
           {"raw = 1", "raw"},
           {"n = 1 and not (s is null or x > false)", "x"}}) {
    const auto predicate = bound(text);
    ASSERT_FALSE(predicate.ok()) << text;
    EXPECT_EQ(predicate.error().code(), Code::kInvalid);
    EXPECT_EQ(predicate.error().reason(), Reason::kTypeMismatch) << text;
    EXPECT_EQ(predicate.error().where(), column) << text;
  }
}

TEST(Bind, AnUnknownColumnIsNamed) {
  for (const char* text : {"y = 1", "not (n = 1 or y is null)"}) {
    const auto predicate = bound(text);
    ASSERT_FALSE(predicate.ok());
    EXPECT_EQ(predicate.error().reason(), Reason::kUnknownColumn);
    EXPECT_EQ(predicate.error().where(), "y");
  }
}

TEST(Bind, AMalformedPredicateIsInvalid) {
  Predicate empty;
  EXPECT_EQ(bind_predicate(empty, kColumns).error().code(), Code::kInvalid);
  Predicate lonely;
  lonely.op = Op::kNot;
  EXPECT_EQ(bind_predicate(lonely, kColumns).error().code(), Code::kInvalid);
  Predicate crowded = parse_predicate("n is null").value();
  crowded.operands.resize(1, crowded);
  EXPECT_EQ(bind_predicate(crowded, kColumns).error().code(), Code::kInvalid);
  Predicate null = parse_predicate("n = 1").value();
  null.value = null_value();
  EXPECT_EQ(bind_predicate(null, kColumns).error().reason(), Reason::kTypeMismatch);
  Predicate deep = parse_predicate("n = 1").value();
  for (int i = 0; i < 300; ++i) {
    Predicate outer;
    outer.op = Op::kNot;
    outer.operands.push_back(std::move(deep));
    deep = std::move(outer);
  }
  EXPECT_EQ(bind_predicate(deep, kColumns).error().code(), Code::kInvalid);
}

TEST(Bind, LiteralsTakeTheTypeOfTheirColumn) {
  EXPECT_EQ(bound("x = 2")->value.real, 2.0);
  EXPECT_EQ(bound("x = 2")->value.type, Type::kDouble);
  EXPECT_EQ(bound("n = 2e0")->value.int64, 2);
  EXPECT_EQ(bound("n = 2e0")->value.type, Type::kInt64);
  EXPECT_EQ(bound("t < '1970-01-01T00:00:01Z'")->value.int64, kSecond);
  EXPECT_EQ(bound("t < '1970-01-01T00:00:01Z'")->value.type, Type::kTimestamp);
  EXPECT_EQ(bound("t < 'Jan 1 1970 00:00:01'")->value.int64, kSecond);
  EXPECT_EQ(bound("raw = 'ab'")->value.type, Type::kBinary);
}

TEST(Evaluate, ALongIsComparedWithAFractionExactly) {
  const std::vector<Value> values = {make_value(INT64_MIN), make_value(-3), make_value(-2),
                                     make_value(2),         make_value(3),  make_value(INT64_MAX),
                                     null_value()};
  const Field n = kColumns[0];
  EXPECT_EQ(passing("n < 2.5", n, values), (Passing{0, 1, 2, 3}));
  EXPECT_EQ(passing("n <= 2.5", n, values), (Passing{0, 1, 2, 3}));
  EXPECT_EQ(passing("n > 2.5", n, values), (Passing{4, 5}));
  EXPECT_EQ(passing("n >= -2.5", n, values), (Passing{2, 3, 4, 5}));
  EXPECT_EQ(passing("n = 2.5", n, values), (Passing{}));
  EXPECT_EQ(passing("n <> 2.5", n, values), (Passing{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(passing("not n = 2.5", n, values), (Passing{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(passing("n < 9223372036854775808", n, values), (Passing{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(passing("n >= 9223372036854775808", n, values), (Passing{}));
  EXPECT_EQ(passing("n >= -9223372036854775808.0", n, values), (Passing{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(passing("n > -1e30", n, values), (Passing{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(passing("n <= -1e30", n, values), (Passing{}));
  EXPECT_EQ(passing("not n <= -1e30", n, values), (Passing{0, 1, 2, 3, 4, 5}));
}

TEST(Evaluate, NaNIsDifferentFromAllAndInNoOrder) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Value> values = {make_value(nan), make_value(-0.0), make_value(1.0)};
  const Field x = kColumns[1];
  EXPECT_EQ(passing("x = 0", x, values), (Passing{1}));
  EXPECT_EQ(passing("x <> 0", x, values), (Passing{0, 2}));
  EXPECT_EQ(passing("x < 1", x, values), (Passing{1}));
  EXPECT_EQ(passing("not x < 1", x, values), (Passing{0, 2}));
  Predicate equal = bound("x = 1").value();
  equal.value.real = nan;
  EXPECT_EQ(passing_rows(equal, make_batch({x}, {{values[0]}, {values[1]}})), (Passing{}));
}

TEST(Evaluate, TextsCompareByBytes) {
  const std::vector<Value> values = {make_value(""), make_value("Z"), make_value("a"),
                                     make_value("a\xc3\xa6"), make_value("ab")};
  EXPECT_EQ(passing("s > 'a'", kColumns[2], values), (Passing{3, 4}));
  EXPECT_EQ(passing("s <= 'ab'", kColumns[2], values), (Passing{0, 1, 2, 4}));
  EXPECT_EQ(passing("s < 'a'", kColumns[2], values), (Passing{0, 1}));
}

TEST(Evaluate, LogicIsThreeValued) {
  const std::vector<Row> rows = {{null_value(), make_value(true)},
                                 {null_value(), make_value(false)},
                                 {make_value(1), make_value(true)},
                                 {make_value(2), null_value()}};
  const Batch batch = make_batch({{"n", Type::kInt64}, {"b", Type::kBool}}, rows);
  const auto rows_where = [&](const char* text) {
    return passing_rows(bound(text).value(), batch);
  };
  EXPECT_EQ(rows_where("n = 1"), (Passing{2}));
  EXPECT_EQ(rows_where("not n = 1"), (Passing{3}));
  EXPECT_EQ(rows_where("n = 1 or b = true"), (Passing{0, 2}));
  EXPECT_EQ(rows_where("n = 1 and b = true"), (Passing{2}));
  EXPECT_EQ(rows_where("not (n = 1 and b = true)"), (Passing{1, 3}));
  EXPECT_EQ(rows_where("not (n = 1 or b = true)"), (Passing{}));
  EXPECT_EQ(rows_where("n is null"), (Passing{0, 1}));
  EXPECT_EQ(rows_where("not n is null"), (Passing{2, 3}));
  EXPECT_EQ(rows_where("n is not null and b is null"), (Passing{3}));
}

TEST(Evaluate, AColumnWithoutTypeHasNulls) {
  BatchBuilder builder(Schema::make({{"n", Type::kNull}}).value());
  builder.append_null(0);
  const Batch batch = builder.finish().value();
  EXPECT_EQ(passing_rows(bound("n = 1").value(), batch), (Passing{}));
  EXPECT_EQ(passing_rows(bound("not n = 1").value(), batch), (Passing{}));
  EXPECT_EQ(passing_rows(bound("n is null").value(), batch), (Passing{0}));
}

TEST(Columns, AreNamedOnceInOrder) {
  EXPECT_EQ(columns_of(parse_predicate("b = true or (a = 1 and not b is null)").value()),
            (std::vector<std::string>{"b", "a"}));
}

}  // namespace
}  // namespace sluice::query
