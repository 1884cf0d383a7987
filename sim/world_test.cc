#include "sim/world.h"

#include <gtest/gtest.h>

#include "sim/world_duel.h"

namespace sluice::sim {
namespace {

WorldReport world(uint64_t seed, std::optional<uint64_t> crash_at = std::nullopt) {
  WorldOptions options;
  options.seed = seed;
  options.crashes_max = 4;
  options.crash_at = crash_at;
  return run_world(options);
}

TEST(World, KeepsItsPromisesAndLooksIntoCrashes) {
  uint64_t crash_states = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const WorldReport report = world(seed);
    EXPECT_EQ(report.violation, std::nullopt) << "seed " << seed;
    crash_states += report.crash_states;
  }
  EXPECT_GT(crash_states, 40u);
}

TEST(World, IsTheSameFromTheSameSeed) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const WorldReport first = world(seed);
    const WorldReport second = world(seed);
    EXPECT_EQ(first.hash, second.hash) << "seed " << seed;
    EXPECT_EQ(first.operations, second.operations) << "seed " << seed;
  }
}

TEST(World, IsAnotherFromAnotherSeed) {
  EXPECT_NE(world(1).hash, world(2).hash);
}

TEST(World, LooksOnlyIntoTheCrashThatIsAskedFor) {
  const WorldReport report = world(1, 30);
  EXPECT_GE(report.crash_states, 1u);
  EXPECT_LE(report.crash_states, 2u);
}

TEST(Duel, EndsWithOneOwnerAndNothingLost) {
  EngineOptions engine;
  engine.memory_bytes = 8 << 20;
  engine.row_group_bytes = 64 << 10;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const DuelReport report = run_duel({seed, engine}, false);
    EXPECT_EQ(report.violation, std::nullopt) << "seed " << seed;
    EXPECT_GT(report.operations, 20u);
  }
}

}  // namespace
}  // namespace sluice::sim
