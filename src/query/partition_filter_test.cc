#include "query/partition_filter.h"

#include <gtest/gtest.h>

#include "query/predicate.h"

namespace sluice::query {
namespace {

constexpr Nanos kDay = 86'400 * kSecond;

TableSpec by_day() {
  return {{{"id", Type::kString}, {"time", Type::kTimestamp}, {"n", Type::kInt64}}, {"id"}, "time"};
}

PartitionFilter filter_of(const TableSpec& spec, std::string_view text) {
  return {spec, bind_predicate(parse_predicate(text).value(), spec.columns).value()};
}

using Numbers = std::vector<int64_t>;

/// Those of -3 to 3 whose partition may hold a row that passes.
Numbers held(const PartitionFilter& filter) {
  Numbers numbers;
  for (int64_t number = -3; number <= 3; ++number) {
    if (filter.may_hold(model::PartitionTuple{number})) numbers.push_back(number);
  }
  return numbers;
}

TEST(PartitionFilter, DaysOutsideOfTheTimesAreSkipped) {
  const auto days = [](std::string_view text) { return held(filter_of(by_day(), text)); };
  EXPECT_EQ(days("time >= '1970-01-02' and time < '1970-01-03'"), (Numbers{1}));
  EXPECT_EQ(days("time > '1970-01-01T23:59:59.999999999' and time <= '1970-01-03'"),
            (Numbers{1, 2}));
  EXPECT_EQ(days("time < '1970-01-01'"), (Numbers{-3, -2, -1}));
  EXPECT_EQ(days("time = '1969-12-31T12:00'"), (Numbers{-1}));
  EXPECT_EQ(days("time = '1969-12-31T12:00' or time = '1970-01-04'"), (Numbers{-1, 3}));
  EXPECT_EQ(days("not (time < '1970-01-03')"), (Numbers{2, 3}));
  EXPECT_EQ(days("time is null"), (Numbers{}));
  EXPECT_EQ(days("n = 1").size(), 7u);
  PartitionFilter later = filter_of(by_day(), "n = 1");
  later.require_from("time", 2 * kDay + 1);
  EXPECT_EQ(held(later), (Numbers{2, 3}));
}

}  // namespace
}  // namespace sluice::query
