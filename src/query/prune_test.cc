#include "query/prune.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "base/bytes.h"
#include "query/predicate.h"
#include "query/rows_fixture.h"

namespace sluice::query {
namespace {

constexpr Nanos kDay = 86'400 * kSecond;

const TableSpec kKeyed = {{{"id", Type::kString},
                           {"time", Type::kTimestamp},
                           {"n", Type::kInt64},
                           {"x", Type::kDouble},
                           {"b", Type::kBool}},
                          {"id"},
                          "time"};

table::TableSchema schema() {
  table::TableSchema schema;
  schema.columns = {{1, "id", part::PhysicalType::kString, true},
                    {2, "time", part::PhysicalType::kTimestampMicros, true},
                    {3, "n", part::PhysicalType::kInt64, false},
                    {4, "x", part::PhysicalType::kDouble, false},
                    {5, "b", part::PhysicalType::kBool, false}};
  return schema;
}

Intervals intervals(std::string_view text) {
  return intervals_of(bind_predicate(parse_predicate(text).value(), kKeyed.columns).value());
}

std::string spell(const Intervals& intervals) {
  std::string text;
  for (const auto& [column, interval] : intervals) {
    text += column + "[" + (interval.lower ? query::spell(*interval.lower) : "") + ", " +
            (interval.upper ? query::spell(*interval.upper) : "") + "]";
  }
  return text;
}

template <class T>
std::string bound_of(T value) {
  std::string text(sizeof(T), '\0');
  store(reinterpret_cast<std::byte*>(text.data()), value);
  return text;
}

/// A part with one column's bounds.
part::Meta part_with(int32_t field_id, std::optional<std::string> lower,
                     std::optional<std::string> upper) {
  part::Meta part;
  part.columns.push_back({field_id, 0, 10, 0, 0, std::move(lower), std::move(upper)});
  return part;
}

bool holds(const part::Meta& part, std::string_view text) {
  return may_hold(part, ranges_of(intervals(text), schema()), schema());
}

TEST(Intervals, FollowFromWhatMustBeTrue) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"n = 3", "n[3, 3]"},
      {"n > 3", "n[4, ]"},
      {"n >= 3", "n[3, ]"},
      {"n < 3", "n[, 2]"},
      {"n <= 3", "n[, 3]"},
      {"n <> 3", ""},
      {"n is null", ""},
      {"n is not null", ""},
      {"id > 'a'", "id['a', ]"},
      {"n > 3 and n < 9 and n < 20", "n[4, 8]"},
      {"n = 3 or n = 7", "n[3, 7]"},
      {"n = 3 or n > 7", "n[3, ]"},
      {"n = 3 or id = 'a'", ""},
      {"n = 3 or n is null", ""},
      {"(n = 3 and id = 'a') or (n = 5 and b = true)", "n[3, 5]"},
      {"not n > 3", "n[, 3]"},
      {"not n <> 3", "n[3, 3]"},
      {"not (n < 3 or n > 7)", "n[3, 7]"},
      {"not (n < 3 and id = 'a')", ""},
      {"not not n = 3", "n[3, 3]"},
      {"n > 9223372036854775807", "n[9223372036854775807, 9223372036854775806]"},
      {"n < -9223372036854775808", "n[-9223372036854775807, -9223372036854775808]"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(spell(intervals(text)), expected) << text;
}

TEST(Intervals, ANaNThatPassesIsInNone) {
  EXPECT_FALSE(intervals("x < 1").empty());
  EXPECT_TRUE(intervals("not x < 1").empty());
  Predicate nan = bind_predicate(parse_predicate("x = 1").value(), kKeyed.columns).value();
  nan.value.real = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(intervals_of(nan).empty());
}

TEST(Prune, OnlyKeyAndTimePruneWhereTheLastWriteWins) {
  const Intervals all = intervals("id = 'a' and time < '1970-01-02' and n = 3 and x < 1");
  EXPECT_EQ(prunable(all, kKeyed).size(), 2u);
  EXPECT_TRUE(prunable(all, kKeyed).contains("id"));
  EXPECT_TRUE(prunable(all, kKeyed).contains("time"));
  TableSpec appended = kKeyed;
  appended.key.clear();
  EXPECT_EQ(prunable(all, appended).size(), 4u);
}

TEST(Prune, PartsOutsideOfTheirBoundsAreSkipped) {
  const part::Meta part = part_with(3, bound_of(int64_t{10}), bound_of(int64_t{20}));
  for (const char* text : {"n = 10", "n = 20", "n >= 20", "n <= 10", "n > 19", "n <> 15",
                           "id = 'a'", "n is null", "n = 5 or n = 25"}) {
    EXPECT_TRUE(holds(part, text)) << text;
  }
  for (const char* text : {"n = 9", "n = 21", "n > 20", "n < 10", "n = 15 and n = 9", "not n >= 10",
                           "n > 9223372036854775807"}) {
    EXPECT_FALSE(holds(part, text)) << text;
  }
}

TEST(Prune, TimesAreComparedInTheMicrosecondsOfTheBounds) {
  const part::Meta part = part_with(2, bound_of(int64_t{5}), bound_of(int64_t{7}));
  EXPECT_TRUE(holds(part, "time >= '1970-01-01T00:00:00.000007999'"));
  EXPECT_FALSE(holds(part, "time > '1970-01-01T00:00:00.000007999'"));
  EXPECT_TRUE(holds(part, "time <= '1970-01-01T00:00:00.000005'"));
  EXPECT_FALSE(holds(part, "time < '1970-01-01T00:00:00.000005'"));
  const part::Meta before = part_with(2, bound_of(int64_t{-1}), bound_of(int64_t{-1}));
  EXPECT_TRUE(holds(before, "time = '1969-12-31T23:59:59.999999001'"));
  EXPECT_FALSE(holds(before, "time = '1969-12-31T23:59:59.999998999'"));
}

TEST(Prune, CutTextsAreStillBounds) {
  const part::Meta part = part_with(1, "a long text beyo", "a long text beyp");
  EXPECT_TRUE(holds(part, "id = 'a long text beyond sixteen'"));
  EXPECT_FALSE(holds(part, "id = 'a long text'"));
  EXPECT_FALSE(holds(part, "id > 'b'"));
  EXPECT_TRUE(holds(part_with(1, "a", std::nullopt), "id > 'b'"));
}

TEST(Prune, WhatCannotBeBelievedPrunesNothing) {
  const std::string real = bound_of(1.0);
  EXPECT_FALSE(holds(part_with(4, real, real), "x > 2"));
  EXPECT_TRUE(holds(part_with(4, std::nullopt, std::nullopt), "x > 2"));
  EXPECT_TRUE(holds(part_with(4, "short", "short"), "x > 2"));
  const std::string nan = bound_of(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(holds(part_with(4, nan, nan), "x > 2"));
  part::Meta hidden = part_with(4, real, real);
  hidden.columns[0].nan_count = 1;
  EXPECT_TRUE(holds(hidden, "x > 2"));
  EXPECT_TRUE(holds(part::Meta{}, "x > 2"));
  EXPECT_FALSE(holds(part_with(5, std::string(1, '\0'), std::string(1, '\0')), "b = true"));
  EXPECT_TRUE(holds(part_with(4, bound_of(-0.0), bound_of(-0.0)), "x = 0"));
}

}  // namespace
}  // namespace sluice::query
