#include "tests/flush/flush_world.h"

#include <gtest/gtest.h>

#include <utility>

namespace sluice::flushing {

namespace {

constexpr uint64_t kSchedules = 4;

const TableSpec kSpec{
    {{"at", Type::kTimestamp}, {"n", Type::kInt64}, {"note", Type::kString}}, {}, "at"};

void expect_ok(const Status& status) {
  EXPECT_TRUE(status.ok()) << status.error().to_string();
}

}  // namespace

FlushWorld::FlushWorld(sim::SimRuntime& of, sim::SimDisk& log, sim::SimBucket& tables)
    : runtime(of), disk(log), bucket(tables) {
  options.segment_bytes = 64 << 10;
  options.flush_age = kForever;
  options.sweep_interval = kForever;
  options.disk_reserve_bytes = 0;
  options.listener = told;
}

Status FlushWorld::open() {
  engine.reset();
  engine = TRY(Engine::open({&runtime, &disk, &bucket}, options));
  return ok();
}

void FlushWorld::create(const TableName& name) {
  expect_ok(engine->create_table(name, kSpec));
}

Result<Appended> FlushWorld::append(const TableName& name, const std::vector<int64_t>& days,
                                    size_t note_bytes, Nanos timeout) {
  BatchBuilder builder(Schema::make(kSpec.columns).value());
  for (const int64_t day : days) {
    builder.append_timestamp(0, day * kDay + ++next_);
    builder.append_int64(1, next_);
    builder.append_bytes(2, std::string(note_bytes, 'x'));
  }
  AppendOptions how;
  how.timeout = timeout;
  return engine->append(name, builder.finish().value(), how);
}

std::map<int64_t, uint64_t> FlushWorld::rows(const TableName& name) {
  std::map<int64_t, uint64_t> rows;
  const auto snapshot = engine->snapshot(name).value();
  const auto cursor = snapshot->scan({}).value();
  while (const auto batch = cursor->next().value()) {
    for (uint32_t row = 0; row < batch->rows(); ++row) ++rows[batch->column(0).int64(row) / kDay];
  }
  return rows;
}

std::map<std::string, uint64_t> FlushWorld::pending() {
  std::map<std::string, uint64_t> pending;
  for (const PartitionStatus& partition : engine->pending(1000)) {
    pending[partition.name.to_string()] = partition.rows;
  }
  return pending;
}

void FlushWorld::fail_uploads(bool fails) {
  bucket.set_rule(fails ? takes_no_parts() : nullptr);
}

void run(const std::function<void(EngineOptions&)>& prepare,
         const std::function<void(FlushWorld&)>& test) {
  for (uint64_t seed = 1; seed <= kSchedules; ++seed) {
    SCOPED_TRACE("schedule " + std::to_string(seed));
    sim::SimRuntime runtime({.seed = seed});
    sim::SimDisk disk(runtime, {}, {});
    sim::SimBucket bucket(runtime, {}, {});
    const sim::RunReport report = runtime.run([&] {
      FlushWorld world(runtime, disk, bucket);
      prepare(world.options);
      expect_ok(world.open());
      world.create(kEvents);
      world.create(kOthers);
      test(world);
    });
    EXPECT_TRUE(report.ok()) << report.to_string();
  }
}

}  // namespace sluice::flushing
