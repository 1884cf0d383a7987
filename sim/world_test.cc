#include "sim/world.h"

#include <gtest/gtest.h>

#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/world_duel.h"
#include "sluice/engine.h"

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

TEST(WalWorld, KeepsItsPromisesAndIsTheSameFromTheSameSeed) {
  WorldOptions options;
  options.kind = WorldKind::kWal;
  uint64_t crash_states = 0;
  for (options.seed = 1; options.seed <= 20; ++options.seed) {
    const WorldReport report = run_world(options);
    EXPECT_EQ(report.violation, std::nullopt) << "seed " << options.seed;
    EXPECT_EQ(report.hash, run_world(options).hash) << "seed " << options.seed;
    crash_states += report.crash_states;
  }
  EXPECT_GT(crash_states, 300u);
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

// E10: the other one's commit comes between the replay and a change of the table that claims it.
TEST(Duel, FlushesNoRowThatTheTableHasMeanwhile) {
  SimRuntime runtime(RuntimeOptions{});
  SimDisk disk(runtime);
  SimBucket bucket(runtime);
  const RunReport run = runtime.run([&] {
    const TableName name{"sim", "t"};
    const std::vector<Field> columns{{"n", Type::kInt64}};
    auto first = Engine::open({&runtime, &disk, &bucket}, {}).value();
    ASSERT_TRUE(first->create_table(name, {columns, {}, ""}).ok());
    BatchBuilder builder(Schema::make(columns).value());
    builder.append_row(int64_t{1});
    ASSERT_TRUE(first->append(name, builder.finish().value()).ok());
    SimDisk copy(runtime, disk.state());
    auto second = Engine::open({&runtime, &copy, &bucket}, {}).value();
    ASSERT_EQ(second->snapshot(name).value()->table().unflushed_rows, 1u);
    ASSERT_TRUE(first->flush().ok());
    ASSERT_TRUE(second->sweep(name, {}).ok());
    const auto flushed = second->flush();
    ASSERT_TRUE(flushed.ok()) << flushed.error().to_string();
    EXPECT_EQ(flushed->rows, 0u);
    EXPECT_EQ(second->describe(name)->stored_rows, 1u);
    EXPECT_EQ(second->status().memory_bytes_used, 0u);
  });
  EXPECT_TRUE(run.ok()) << run.to_string();
}

TEST(Sweeps, OfOneEngineTakeTurns) {
  constexpr uint64_t kOrphans = 40;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SimRuntime runtime({.seed = seed});
    SimDisk disk(runtime);
    SimBucket bucket(runtime);
    const RunReport run = runtime.run([&] {
      auto engine = Engine::open({&runtime, &disk, &bucket}, {}).value();
      const TableName name{"sim", "t"};
      ASSERT_TRUE(engine->create_table(name, {{{"n", Type::kInt64}}, {}, ""}).ok());
      for (uint64_t i = 0; i < kOrphans; ++i) {
        const std::string key =
            "sim/t/data/" + std::string(32, 'a') + "-0123abcd-" + std::to_string(i) + ".parquet";
        ASSERT_TRUE(bucket.put(key, {}).ok());
      }
      runtime.suspend(48 * 3600 * kSecond);  // the engine's own sweep is due as well
      uint64_t swept = 0;
      std::vector<std::unique_ptr<Thread>> sweepers;
      for (const char* sweeper : {"one", "another"}) {
        sweepers.push_back(runtime.spawn(sweeper, [&] {
          const auto report = engine->sweep(name, {});
          ASSERT_TRUE(report.ok()) << report.error().to_string();
          EXPECT_TRUE(report->swept.empty() || report->swept.size() == kOrphans);
          swept += report->swept.size();
        }));
      }
      for (const auto& sweeper : sweepers) sweeper->join();
      EXPECT_LE(swept, kOrphans);
      EXPECT_TRUE(bucket.list("sim/t/data/").value().empty());
    });
    EXPECT_TRUE(run.ok()) << run.to_string();
  }
}

}  // namespace
}  // namespace sluice::sim
