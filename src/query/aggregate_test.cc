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

TableSpec spec_of(std::string time = "t") {
  return {kColumns, {}, std::move(time)};
}

Result<Batch> aggregate(std::string_view text, const std::vector<std::vector<Row>>& batches) {
  Aggregation aggregation = TRY(Aggregation::make(parse_aggregates(text).value(), spec_of()));
  std::vector<Aggregation::State> states(aggregation.size());
  for (const auto& rows : batches) {
    const Passed passed = make_passed(make_batch(kColumns, rows));
    aggregation.bind(*passed.batch.schema());
    aggregation.add(states, passed, 0, passed.count());
  }
  BatchBuilder out(TRY(Schema::make(aggregation.fields())));
  TRY(aggregation.write(states, out, 0));
  return out.finish();
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
  EXPECT_FALSE(Aggregation::make({}, spec_of()).ok());
  EXPECT_FALSE(Aggregation::make({{Aggregate::Function::kMin, "", "min()"}}, spec_of()).ok());
  const auto timeless = Aggregation::make(parse_aggregates("last(n)").value(), spec_of(""));
  EXPECT_EQ(timeless.error().reason(), Reason::kMissingColumn);
  EXPECT_FALSE(aggregate("sum(n),sum(n)", {}).ok());
}

TEST(Aggregation, FirstAndLastAreByTimeThenByOrderOfRowsAndIgnoreNulls) {
  const auto at = [](Nanos time, Value n, const char* text) {
    return Row{std::move(n), null_value(),    make_value(text),
               null_value(), make_time(time), null_value()};
  };
  const std::vector<std::vector<Row>> batches = {
      {at(5, make_value(5), "a"), at(9, null_value(), "b"), at(2, null_value(), "c")},
      {at(8, make_value(8), "d"), at(3, make_value(3), "e"), at(9, null_value(), "f"),
       at(2, null_value(), "g")}};
  EXPECT_EQ(aggregated("first(n),last(n),first(s),last(s),first(x)", batches), "3 8 'c' 'f' null");
}

TEST(Aggregation, OfEqualTimesTheVersionTellsWhatWasWrittenLast) {
  const std::vector<Field> fields = {
      {"n", Type::kInt64}, {"t", Type::kTimestamp}, {"_version", Type::kInt64}};
  Aggregation aggregation =
      Aggregation::make(parse_aggregates("first(n),last(n)").value(), {kColumns, {"s"}, "t"})
          .value();
  const auto row = [](int64_t n, int64_t version) {
    return Row{make_value(n), make_time(1), make_value(version)};
  };
  const Passed passed = make_passed(make_batch(fields, {row(1, 7), row(2, 9), row(3, 6)}));
  aggregation.bind(*passed.batch.schema());
  std::vector<Aggregation::State> states(2);
  aggregation.add(states, passed, 0, 3);
  EXPECT_EQ(static_cast<int64_t>(states[0].whole), 3);
  EXPECT_EQ(static_cast<int64_t>(states[1].whole), 2);
}

TEST(Aggregation, TakesOnlyTheRowsOfTheRunThatPassed) {
  Aggregation aggregation =
      Aggregation::make(parse_aggregates("sum(n),count(n),count(*)").value(), spec_of()).value();
  Passed passed = make_passed(
      make_batch(kColumns, {row_of(make_value(1)), row_of(make_value(2)), row_of(null_value()),
                            row_of(make_value(8)), row_of(make_value(16))}));
  passed.rows = {0, 2, 3, 4};
  aggregation.bind(*passed.batch.schema());
  std::vector<Aggregation::State> states(3);
  aggregation.add(states, passed, 1, 2);
  EXPECT_EQ(static_cast<int64_t>(states[0].whole), 8);
  EXPECT_EQ(states[1].count, 1u);
  EXPECT_EQ(states[2].count, 2u);
}

TEST(Aggregation, ReadsTheColumnsItNeeds) {
  const auto columns = [](std::string_view text) {
    return Aggregation::make(parse_aggregates(text).value(), spec_of())->columns();
  };
  EXPECT_EQ(columns("count(*)"), std::vector<std::string>());
  EXPECT_EQ(columns("max(x),count(*),min(x),sum(n)"), (std::vector<std::string>{"x", "n"}));
  EXPECT_EQ(columns("last(n)"), (std::vector<std::string>{"n", "t"}));
}

}  // namespace
}  // namespace sluice::query
