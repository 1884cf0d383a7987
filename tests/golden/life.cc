#include "tests/golden/life.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace sluice::golden {
namespace {

constexpr Nanos kDay = 86'400 * kSecond;

EngineOptions engine_options(uint32_t group_devices) {
  EngineOptions options;
  options.segment_bytes = 64 << 10;
  if (group_devices > 0) options.device_groups = DeviceGroups{.devices_max = group_devices};
  return options;
}

std::vector<Field> columns() {
  return {{"device", Type::kString}, {"at", Type::kTimestamp}, {"note", Type::kString}};
}

Batch row_of(const std::string& device, int64_t day, size_t note_bytes) {
  BatchBuilder builder(Schema::make(columns()).value());
  builder.append_bytes(0, device);
  builder.append_timestamp(1, day * kDay);
  builder.append_bytes(2, std::string(note_bytes, 'x'));
  return builder.finish().value();
}

void expect_ok(const Status& status) {
  EXPECT_TRUE(status.ok()) << status.error().to_string();
}

}  // namespace

void Life::open(uint32_t group_devices) {
  auto engine = Engine::open(platform_, engine_options(group_devices));
  ASSERT_TRUE(engine.ok()) << engine.error().to_string();
  engine_ = std::move(*engine);
}

void Life::close() {
  expect_ok(engine_->close());
  engine_.reset();
}

void Life::create_table() {
  expect_ok(engine_->create_table(kTable, {columns(), {"device"}, "at"}));
}

void Life::send(const std::string& device, int64_t day, AckClass ack, size_t note_bytes) {
  AppendOptions options;
  options.ack = ack;
  expect_ok(engine_->append(kTable, row_of(device, day, note_bytes), options,
                            [this](const Result<Appended>& appended) {
                              if (std::exchange(dies_at_ack_, false)) die();
                              tape_.say(appended.ok() ? "ack lsn " + std::to_string(appended->lsn)
                                                      : appended.error().to_string());
                            }));
}

void Life::settle() {
  runtime_.sleep_until(runtime_.now() + kSecond);
}

Lines Life::flush() {
  const auto report = engine_->flush(kTable);
  EXPECT_TRUE(report.ok()) << report.error().to_string();
  return tape_.lines();
}

Storage live(Tape& tape, Storage found, uint64_t seed, const std::function<void(Life&)>& life) {
  // Nobody is interrupted: or how many appends make a group would be chance.
  sim::SimRuntime runtime({.seed = seed, .switch_permille = 0, .spurious_permille = 0});
  sim::SimDisk disk(runtime, std::move(found.disk), {.sync_nanos_max = 0});
  sim::SimBucket bucket(runtime, std::move(found.bucket), {.nanos_max = 0});
  RecordedDisk recorded_disk(disk, tape);
  RecordedBucket recorded_bucket(bucket, tape);
  std::optional<Storage> at_death;
  const auto die = [&] { at_death = Storage{disk.state(), bucket.state()}; };
  const sim::RunReport report = runtime.run([&] {
    Life one(runtime, {&runtime, &recorded_disk, &recorded_bucket}, tape, die);
    life(one);
  });
  EXPECT_TRUE(report.ok());
  if (!at_death) die();
  return *std::move(at_death);
}

}  // namespace sluice::golden
