// A flush of three groups of devices, two parts each, that dies after any of its operations.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sluice/engine.h"
#include "sluice/inspect.h"
#include "sluice/inspect_groups.h"

namespace sluice::flushing {
namespace {

constexpr Nanos kHour = 3600 * kSecond;
constexpr int kRows = 10;  // of a device in a flush
constexpr uint64_t kPartsOfAll = 6;
const std::string kAll = "abcdefghi";
const TableName kMeters{"demo", "meters"};
const TableSpec kSpec{
    {{"id", Type::kString}, {"time", Type::kTimestamp}, {"n", Type::kInt64}}, {"id"}, "time"};

EngineOptions by_groups() {
  EngineOptions options;
  options.segment_bytes = 64 << 10;
  options.flush_age = kForever;
  options.sweep_interval = kForever;
  options.sweep_grace = kHour;
  options.disk_reserve_bytes = 0;
  // A part has room for two of the three devices of a group, and would have for one of the next.
  options.device_groups = DeviceGroups{.devices_max = 3, .part_rows_max = 2 * kRows};
  options.device_groups->part_rows_min = 1;
  return options;
}

/// What the process leaves after an operation.
struct State {
  sim::DiskState disk;
  sim::BucketState bucket;
  Nanos wall = 0;
};

/// An opening of the engine on what is there.
void live(State found, uint64_t seed,
          const std::function<void(sim::SimRuntime&, Platform, Engine&)>& life,
          const std::function<void(State)>& after_operation = nullptr) {
  sim::SimRuntime runtime({.seed = seed, .wall = found.wall});
  sim::SimDisk disk(runtime, std::move(found.disk), {});
  sim::SimBucket bucket(runtime, std::move(found.bucket), {});
  if (after_operation) {
    runtime.after_operation = [&](uint64_t) {
      after_operation({disk.state(), bucket.state(), runtime.wall_now()});
    };
  }
  const sim::RunReport report = runtime.run([&] {
    const Platform platform{&runtime, &disk, &bucket};
    auto engine = Engine::open(platform, by_groups());
    ASSERT_TRUE(engine.ok()) << engine.error().to_string();
    life(runtime, platform, **engine);
  });
  EXPECT_TRUE(report.ok()) << report.to_string();
}

/// What a flush has rows of: devices, one letter each, at times of its own.
struct Rows {
  std::string devices;
  int first = 0;
};

int64_t number_of(char device, int row) {
  return 1000 * row + device;
}

Batch batch_of(const Rows& rows) {
  BatchBuilder builder(Schema::make(kSpec.columns).value());
  for (int row = rows.first; row < rows.first + kRows; ++row) {
    for (const char device : rows.devices) {
      builder.append_bytes(0, std::string(1, device));
      builder.append_timestamp(1, row * kSecond);
      builder.append_int64(2, number_of(device, row));
    }
  }
  return builder.finish().value();
}

std::multiset<int64_t> numbers_in(Snapshot& snapshot) {
  std::multiset<int64_t> numbers;
  const auto cursor = snapshot.scan({}).value();
  while (const auto batch = cursor->next().value()) {
    for (uint32_t row = 0; row < batch->rows(); ++row) numbers.insert(batch->column(2).int64(row));
  }
  return numbers;
}

std::multiset<int64_t> numbers_of(const std::vector<Rows>& flushes) {
  std::multiset<int64_t> numbers;
  for (const Rows& rows : flushes) {
    for (int row = rows.first; row < rows.first + kRows; ++row) {
      for (const char device : rows.devices) numbers.insert(number_of(device, row));
    }
  }
  return numbers;
}

/// Flushes one after the other, the last one of all devices; what groups those are in afterwards.
struct Story {
  std::vector<Rows> flushes;
  std::string groups;
};

std::string groups_in(Platform platform) {
  std::string groups(kAll.size(), '-');
  const auto found = inspect_groups(platform, kMeters, {.all_devices = true}).value();
  for (const DeviceDescription& device : found.devices_asked) {
    groups[kAll.find(device.device.bytes)] = static_cast<char>('0' + device.group.value());
  }
  return groups;
}

/// Whatever was left, the next opening brings all rows into the table once, and sweeps the rest.
void expect_recovered(const State& left, uint64_t seed, const Story& story) {
  live(left, seed, [&](sim::SimRuntime& runtime, Platform platform, Engine& engine) {
    ASSERT_TRUE(engine.flush().ok());
    const auto numbers = numbers_of(story.flushes);
    EXPECT_EQ(numbers_in(*committed_snapshot(platform, kMeters).value()), numbers);
    EXPECT_EQ(inspect(platform).value().log.unflushed.size(), 0u);
    EXPECT_EQ(groups_in(platform), story.groups);
    uint64_t stored = 0;
    for (const PartDescription& part : inspect_parts(platform, kMeters, 0).value().parts) {
      stored += part.rows;
    }
    EXPECT_EQ(stored, numbers.size()) << "rows stored are distinct rows";
    runtime.suspend(kHour + kSecond);
    ASSERT_TRUE(engine.sweep(kMeters, {}).ok());
    const VerifyReport report = verify(platform, {}).value();
    EXPECT_EQ(report.orphans, 0u);
    for (const Finding& finding : report.findings) ADD_FAILURE() << finding.error.to_string();
  });
}

/// After each operation of the last flush.
std::vector<State> states_of(const Story& story) {
  std::vector<State> states;
  bool is_last = false;
  live(
      {{}, {}, 1'700'000'000 * kSecond}, 1,
      [&](sim::SimRuntime&, Platform, Engine& engine) {
        ASSERT_TRUE(engine.create_table(kMeters, kSpec).ok());
        for (const Rows& rows : story.flushes) {
          ASSERT_TRUE(engine.append(kMeters, batch_of(rows), {}).ok());
          is_last = &rows == &story.flushes.back();
          const FlushReport report = engine.flush().value();
          EXPECT_TRUE(!is_last || report.parts == kPartsOfAll) << report.parts;
        }
        is_last = false;
      },
      [&](State state) {
        if (is_last) states.push_back(std::move(state));
      });
  return states;
}

void expect_recovery_from_everywhere(const Story& story) {
  const std::vector<State> states = states_of(story);
  ASSERT_GT(states.size(), 20u);
  for (size_t at = 0; at < states.size(); ++at) {
    SCOPED_TRACE("crash after operation " + std::to_string(at));
    for (const auto kind : {sim::CrashKind::kProcessDeath, sim::CrashKind::kPowerCut}) {
      State left = states[at];
      sim::Random random(at);
      left.disk = left.disk.crash(random, kind);
      if (kind == sim::CrashKind::kPowerCut) left.bucket.power_cut(random);
      expect_recovered(left, at + 2, story);
    }
  }
}

TEST(GroupCrash, AfterAnyOperationOfAFirstFlushEveryRowIsInTheTableOnce) {
  expect_recovery_from_everywhere({{{kAll, 0}}, "000111222"});
}

// T16: four devices are known, and stay where they are.
TEST(GroupCrash, AfterAnyOperationOfALaterFlushNoDeviceHasMoved) {
  expect_recovery_from_everywhere({{{"bdfh", 0}, {kAll, kRows}}, "101020212"});
}

}  // namespace
}  // namespace sluice::flushing
