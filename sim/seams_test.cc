// The three simulated seams together: one seed is one history, whatever goes wrong in it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/runtime.h"

namespace sluice::sim {
namespace {

struct History {
  std::vector<std::string> trace;
  uint64_t hash = 0;
  uint64_t operations = 0;
  size_t clones = 0;
  std::string survivors;  // files and objects of the last clone after a power cut
};

void write_and_sync(Disk& disk, const std::string& name) {
  auto file = disk.create(name);
  if (!file.ok()) return;
  for (uint64_t i = 0; i < 20; ++i) {
    (void)(*file)->pwrite_at(i * 300, as_bytes(std::string(300, name[0])));
    if (i % 5 == 4) (void)(*file)->sync();
  }
  (void)disk.sync_dir();
}

History history(uint64_t seed) {
  History result;
  SimRuntime runtime({.seed = seed, .switch_permille = 200});
  SimDisk disk(runtime, {},
               {.full_permille = 50,
                .write_permille = 50,
                .sync_permille = 50,
                .sync_dir_permille = 200,
                .name_permille = 50});
  SimBucket bucket(runtime, {},
                   {.busy_permille = 50,
                    .lost_permille = 100,
                    .answer_lost_permille = 100,
                    .late_permille = 100,
                    .duplicated_permille = 100});
  Random crashes(seed);
  DiskState crashed;
  runtime.trace = &result.trace;
  runtime.after_operation = [&](uint64_t) {
    crashed = disk.state().crash(crashes, CrashKind::kPowerCut);
    ++result.clones;
  };
  const RunReport report = runtime.run([&] {
    std::vector<std::unique_ptr<Thread>> threads;
    for (const char* name : {"a", "b", "c"}) {
      threads.push_back(runtime.spawn(name, [&, name] {
        write_and_sync(disk, name);
        for (int i = 0; i < 10; ++i) {
          (void)bucket.put_if_absent("v" + std::to_string(i), as_bytes(name));
        }
      }));
    }
    for (const auto& thread : threads) thread->join();
  });
  EXPECT_TRUE(report.ok());
  for (const auto& [name, id] : crashed.names()) result.survivors += name + " ";
  for (const auto& [key, object] : bucket.state().objects) {
    result.survivors.append(key).append("=").append(as_text(*object.bytes)).append(" ");
  }
  result.hash = runtime.trace_hash();
  result.operations = runtime.operations();
  return result;
}

TEST(Seams, TellTheSameHistoryFromTheSameSeed) {
  for (const uint64_t seed : {1, 2, 3}) {
    const History first = history(seed);
    const History second = history(seed);
    EXPECT_EQ(first.hash, second.hash);
    EXPECT_EQ(first.trace, second.trace);
    EXPECT_EQ(first.survivors, second.survivors);
  }
}

TEST(Seams, TellAnotherHistoryFromAnotherSeed) {
  const History first = history(1);
  const History second = history(2);
  EXPECT_NE(first.hash, second.hash);
  EXPECT_NE(first.trace, second.trace);
}

TEST(Seams, ShowEveryOperationOfDiskAndBucketToTheHook) {
  const History seen = history(1);
  EXPECT_EQ(seen.clones, seen.operations);
  EXPECT_EQ(seen.trace.size(), seen.operations);
  EXPECT_GT(seen.operations, 80u);
}

}  // namespace
}  // namespace sluice::sim
