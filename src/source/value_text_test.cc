#include "source/value_text.h"

#include <gtest/gtest.h>

namespace sluice::source {
namespace {

TEST(ValueText, ScalesIntegersByTheirUnitWithinRange) {
  EXPECT_EQ(time_from_integer(1'600'000'000, TimeUnit::kSeconds), 1'600'000'000 * kSecond);
  EXPECT_EQ(time_from_integer(-5, TimeUnit::kMillis), -5 * kMillisecond);
  EXPECT_EQ(time_from_integer(7, TimeUnit::kMicros), 7 * kMicrosecond);
  EXPECT_EQ(time_from_integer(INT64_MIN, TimeUnit::kNanos), INT64_MIN);
  EXPECT_EQ(time_from_integer(INT64_MAX, TimeUnit::kSeconds), std::nullopt);
}

TEST(ValueText, TellsTheUnitByMagnitude) {
  EXPECT_EQ(unit_by_magnitude(1'600'000'000), TimeUnit::kSeconds);
  EXPECT_EQ(unit_by_magnitude(-1'600'000'000), TimeUnit::kSeconds);
  EXPECT_EQ(unit_by_magnitude(1'600'000'000'000), TimeUnit::kMillis);
  EXPECT_EQ(unit_by_magnitude(1'600'000'000'000'000), TimeUnit::kMicros);
  EXPECT_EQ(unit_by_magnitude(1'600'000'000'000'000'000), TimeUnit::kNanos);
}

}  // namespace
}  // namespace sluice::source
