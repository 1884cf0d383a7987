#include "query/aggregate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "query/rows_fixture.h"

namespace sluice::query {
namespace {

const std::vector<Field> kColumns = {{"n", Type::kInt64},     {"x", Type::kDouble},
                                     {"s", Type::kString},    {"b", Type::kBool},
                                     {"t", Type::kTimestamp}, {"raw", Type::kBinary}};

Result<Batch> aggregate(std::string_view text, const std::vector<std::vector<Row>>& batches) {
  Aggregation aggregation = TRY(Aggregation::make(parse_aggregates(text).value(), kColumns));
  for (const auto& rows : batches) aggregation.add(make_batch(kColumns, rows));
  return aggregation.finish();
}

std::string aggregated(std::string_view text, const std::vector<std::vector<Row>>& batches) {
  const auto result = aggregate(text, batches);
  if (!result.ok()) return result.error().to_string();
  std::vector<std::string> rows;
  spell_rows(*result, rows);
  EXPECT_EQ(rows.size(), 1u);
  return rows[0];
}

Row row_of(Value n, Value x = null_value(), Value s = null_value()) {
  return {std::move(n),     std::move(x), std::move(s),
          make_value(true), make_time(7), make_value("r", Type::kBinary)};
}

TEST(Aggregation, OfNoRowsCountsAreZeroAndTheRestIsNull) {
  const char* text = "count(*),count(n),sum(n),avg(x),min(s),max(t)";
  EXPECT_EQ(aggregated(text, {}), "0 0 null null null null");
  const Row nulls(6, null_value());
  EXPECT_EQ(aggregated(text, {{nulls, nulls}, {nulls}}), "3 0 null null null null");
}

TEST(Aggregation, IgnoresNullsAndGoesOnOverBatches) {
  const std::vector<std::vector<Row>> batches = {
      {row_of(make_value(3), make_value(0.5), make_value("b")), row_of(null_value())},
      {row_of(make_value(-4), make_value(2.0), make_value("\xc3\xa6"))},
      {row_of(make_value(2), null_value(), make_value("a"))}};
  EXPECT_EQ(aggregated("count(*),count(x),sum(n),min(n),max(n)", batches), "4 2 1 -4 3");
  EXPECT_EQ(
      aggregated("sum(x),avg(x),avg(n)", batches),
      spell(make_value(2.5)) + " " + spell(make_value(1.25)) + " " + spell(make_value(1.0 / 3)));
  EXPECT_EQ(aggregated("min(s),max(s),min(b),max(t),max(raw)", batches),
            "'a' '\xc3\xa6' true 7 'r'");
}

TEST(Aggregation, TypesFollowTheColumns) {
  const Batch result = aggregate("count(*),sum(n),sum(x),avg(n),min(t),max(raw)", {}).value();
  const std::vector<Type> types = {Type::kInt64,  Type::kInt64,     Type::kDouble,
                                   Type::kDouble, Type::kTimestamp, Type::kBinary};
  const std::vector<std::string> names = {"count(*)", "sum(n)", "sum(x)",
                                          "avg(n)",   "min(t)", "max(raw)"};
  for (size_t i = 0; i < types.size(); ++i) {
    EXPECT_EQ((*result.schema())[i].type, types[i]);
    EXPECT_EQ((*result.schema())[i].name, names[i]);
  }
}

TEST(Aggregation, ASumOfLongsIsExactOrAnError) {
  const Row most = row_of(make_value(INT64_MAX));
  const Row least = row_of(make_value(INT64_MIN));
  EXPECT_EQ(aggregated("sum(n)", {{most, most}, {least, least}}), "-2");
  EXPECT_EQ(aggregated("sum(n)", {{most}}), std::to_string(INT64_MAX));
  for (const Row& row : {most, least}) {
    const auto result = aggregate("sum(n)", {{row, row}});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), Code::kInvalid);
    EXPECT_EQ(result.error().reason(), Reason::kOutOfRange);
    EXPECT_EQ(result.error().where(), "n");
  }
  EXPECT_EQ(aggregated("avg(n)", {{most, most}}), spell(make_value(9223372036854775807.0)));
}

TEST(Aggregation, MinAndMaxIgnoreNaNUnlessThereIsNothingElse) {
  const Row nan = row_of(make_value(1), make_value(std::numeric_limits<double>::quiet_NaN()));
  const auto real = [](double value) { return row_of(make_value(1), make_value(value)); };
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& batches : std::vector<std::vector<std::vector<Row>>>{
           {{nan, real(2), real(1), nan}}, {{nan}, {real(1)}, {real(2)}, {nan}}}) {
    EXPECT_EQ(aggregated("min(x),max(x)", batches),
              spell(make_value(1.0)) + " " + spell(make_value(2.0)));
    const Batch sums = aggregate("sum(x),avg(x)", batches).value();
    EXPECT_TRUE(std::isnan(sums.column(0).real(0)) && std::isnan(sums.column(1).real(0)));
  }
  EXPECT_EQ(aggregated("min(x)", {{nan, real(infinity)}}), spell(make_value(infinity)));
  EXPECT_EQ(aggregated("max(x)", {{nan, real(-infinity)}}), spell(make_value(-infinity)));
  const Batch all_nan = aggregate("min(x),max(x)", {{nan}, {nan, nan}}).value();
  EXPECT_TRUE(std::isnan(all_nan.column(0).real(0)) && std::isnan(all_nan.column(1).real(0)));
}

TEST(Aggregation, WhatCannotBeAggregatedIsRefused) {
  for (const auto& [text, reason] :
       std::vector<std::pair<const char*, Reason>>{{"sum(s)", Reason::kTypeMismatch},
                                                   {"avg(t)", Reason::kTypeMismatch},
                                                   {"sum(b)", Reason::kTypeMismatch},
                                                   {"min(y)", Reason::kUnknownColumn},
                                                   {"count(y)", Reason::kUnknownColumn}}) {
    const auto result = aggregate(text, {});
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code(), Code::kInvalid);
    EXPECT_EQ(result.error().reason(), reason) << text;
  }
  EXPECT_FALSE(Aggregation::make({}, kColumns).ok());
  EXPECT_FALSE(Aggregation::make({{Aggregate::Function::kMin, "", "min()"}}, kColumns).ok());
  EXPECT_FALSE(aggregate("sum(n),sum(n)", {}).ok());
}

TEST(Aggregation, ReadsTheColumnsItNeedsAndAtLeastOne) {
  const auto columns = [](std::string_view text) {
    return Aggregation::make(parse_aggregates(text).value(), kColumns)->columns();
  };
  EXPECT_EQ(columns("count(*)"), (std::vector<std::string>{"n"}));
  EXPECT_EQ(columns("max(x),count(*),min(x),sum(n)"), (std::vector<std::string>{"x", "n"}));
}

}  // namespace
}  // namespace sluice::query
