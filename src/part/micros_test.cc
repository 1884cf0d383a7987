#include "part/micros.h"

#include <gtest/gtest.h>

namespace sluice::part {
namespace {

TEST(Micros, EveryTimeIsItsMicrosecondAndItsRemainder) {
  for (const Nanos time : {INT64_MIN, INT64_MIN + 1, INT64_MIN + 808, -1001L, -1000L, -999L, -1L,
                           0L, 1L, 999L, 1000L, INT64_MAX - 1, INT64_MAX}) {
    const int32_t remainder = nanos_remainder(time);
    EXPECT_GE(remainder, 0);
    EXPECT_LE(remainder, 999);
    EXPECT_EQ(join_micros(floor_micros(time), remainder), time);
  }
  EXPECT_EQ(floor_micros(-1), -1);
  EXPECT_EQ(nanos_remainder(-1), 999);
}

TEST(Micros, TimesOutsideOfTheRangeAreRefused) {
  EXPECT_EQ(join_micros(INT64_MAX / 1000, 808), std::nullopt);
  EXPECT_EQ(join_micros(INT64_MAX / 1000 + 1, 0), std::nullopt);
  EXPECT_EQ(join_micros(floor_micros(INT64_MIN), 0), std::nullopt);
  EXPECT_EQ(join_micros(INT64_MIN, 0), std::nullopt);
  EXPECT_EQ(join_micros(INT64_MAX, 0), std::nullopt);
}

TEST(Micros, ARemainderIsBetweenZeroAndAThousand) {
  EXPECT_EQ(join_micros(0, -1), std::nullopt);
  EXPECT_EQ(join_micros(0, 1000), std::nullopt);
}

}  // namespace
}  // namespace sluice::part
