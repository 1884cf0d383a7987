#include "sim/random.h"

#include <gtest/gtest.h>

namespace sluice::sim {
namespace {

TEST(Random, RepeatsItsStreamFromTheSameSeed) {
  Random first(7);
  Random second(7);
  Random other(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = first.next();
    EXPECT_EQ(value, second.next());
    differs |= value != other.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, StaysBelowItsLimitAndReachesEveryValue) {
  Random random(1);
  int seen[5] = {};
  for (int i = 0; i < 1000; ++i) ++seen[random.below(5)];
  for (int count : seen) EXPECT_GT(count, 100);
}

TEST(Random, TreatsZeroAndAThousandPermilleAsCertain) {
  Random random(1);
  const uint64_t next = Random(random).next();
  EXPECT_FALSE(random.chance(0));
  EXPECT_TRUE(random.chance(1000));
  EXPECT_EQ(random.next(), next);
}

}  // namespace
}  // namespace sluice::sim
