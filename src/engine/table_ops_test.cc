// Alterations of tables that rows are being written to, over a bucket that fails on demand.
#include "engine/table_ops.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "engine/faulty_bucket_fixture.h"
#include "sluice/engine.h"

namespace sluice {
namespace {

using Verdict = FaultyBucket::Verdict;
using Kind = SchemaChange::Kind;

const TableName kTable{"demo", "events"};
const TableSpec kSpec{{{"n", Type::kInt64}, {"old", Type::kInt64}, {"gone", Type::kInt64}}, {}, ""};
const std::vector<SchemaChange> kChanges = {
    {Kind::kRename, "old", "fresh"}, {Kind::kDrop, "gone"}, {Kind::kAdd, "more", {}, Type::kBool}};

class TableOps : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "table_ops_" +
           testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
    options_.retry_min = kMillisecond;
    options_.retry_max = 5 * kMillisecond;
    start();
    ASSERT_TRUE(engine_->create_table(kTable, kSpec).ok());
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(dir_);
  }
  void stop() {
    engine_.reset();
    bucket_.reset();
    platform_.reset();
  }
  void start() {
    stop();
    platform_ = open_local_platform(dir_, DirectoryUse::kCreate).value();
    Platform platform = platform_->platform();
    bucket_ = std::make_unique<FaultyBucket>(*platform.bucket);
    platform.bucket = bucket_.get();
    engine_ = Engine::open(platform, options_).value();
  }
  /// Ends what is under way as a death would: nothing more is committed. Then the next opening.
  void die(std::future<Status>& under_way) {
    static_cast<void>(engine_->close());
    const Status ended = under_way.get();
    ASSERT_FALSE(ended.ok());
    EXPECT_EQ(ended.error().code(), Code::kCancelled) << ended.error().to_string();
    start();
  }
  Status append(int64_t n, Nanos timeout = 60 * kSecond) {
    BatchBuilder builder(Schema::make(kSpec.columns).value());
    builder.append_row(n, n * 10, n * 100);
    AppendOptions options;
    options.timeout = timeout;
    const auto ack = engine_->append(kTable, builder.finish().value(), options);
    return ack.ok() ? ok() : Status(ack.error());
  }
  std::vector<std::string> columns() {
    std::vector<std::string> names;
    const TableSpec spec = engine_->describe(kTable).value().spec;
    for (const Field& field : spec.columns) names.push_back(field.name);
    return names;
  }
  /// The sum of n and of another column, over all rows.
  std::pair<int64_t, int64_t> sums(const std::string& column) {
    std::pair<int64_t, int64_t> sums;
    ScanOptions options;
    options.columns = {"n", column};
    const auto snapshot = engine_->snapshot(kTable).value();
    const auto cursor = snapshot->scan(options).value();
    while (const auto batch = cursor->next().value()) {
      for (uint32_t row = 0; row < batch->rows(); ++row) {
        sums.first += batch->column(0).int64(row);
        sums.second += batch->column(1).int64(row);
      }
    }
    return sums;
  }

  std::string dir_;
  EngineOptions options_;
  std::unique_ptr<OwnedPlatform> platform_;
  std::unique_ptr<FaultyBucket> bucket_;
  std::unique_ptr<Engine> engine_;
};

const std::vector<std::string> kBefore = {"n", "old", "gone"};
const std::vector<std::string> kAfter = {"n", "fresh", "more"};

TEST_F(TableOps, AlterFlushesWhatWasAcceptedAndRefusesOldBatchesWithTheirReason) {
  for (int64_t n = 1; n <= 3; ++n) ASSERT_TRUE(append(n).ok());
  const Status altered = engine_->alter(kTable, kChanges);
  ASSERT_TRUE(altered.ok()) << altered.error().to_string();
  EXPECT_EQ(columns(), kAfter);
  EXPECT_EQ(engine_->describe(kTable)->unflushed_rows, 0u);
  EXPECT_EQ(sums("fresh"), std::pair(int64_t{6}, int64_t{60}));
  const Status refused = append(4);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason(), Reason::kUnknownColumn);
  EXPECT_EQ(refused.error().where(), "old");
  EXPECT_NE(refused.error().message().find("was renamed to fresh"), std::string::npos);
}

TEST_F(TableOps, AlterChangesNothingWhenTheTableCannotBecomeThat) {
  ASSERT_TRUE(append(1).ok());
  const Status refused = engine_->alter(kTable, {{Kind::kDrop, "absent"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().where(), "absent");
  EXPECT_EQ(engine_->describe(kTable)->version, 1u);  // not even a flush
  EXPECT_TRUE(append(2).ok());
}

// E11, T12: the flush is committed, the new schema is not; then the process dies.
TEST_F(TableOps, ADeathBetweenTheFlushAndTheNewSchemaLeavesTheOldColumnsAndAllRows) {
  options_.close_flush = 0;
  start();
  for (int64_t n = 1; n <= 3; ++n) ASSERT_TRUE(append(n).ok());
  std::atomic<bool> flushed = false;
  std::atomic<int> failures = 0;
  bucket_->set_rule([&](std::string_view call, std::string_view key) {
    if (call == "put" && key.ends_with("version-hint.text")) flushed = true;
    const bool is_schema = call == "put_if_absent" && key.ends_with(".metadata.json") && flushed &&
                           engine_->status().memory_bytes_used == 0;
    failures += is_schema;
    return is_schema ? Verdict::kFailBefore : Verdict::kPass;
  });
  auto altered = std::async(std::launch::async, [&] { return engine_->alter(kTable, kChanges); });
  while (failures == 0) std::this_thread::yield();
  die(altered);
  EXPECT_EQ(columns(), kBefore);
  EXPECT_EQ(sums("gone"), std::pair(int64_t{6}, int64_t{600}));
  ASSERT_TRUE(engine_->alter(kTable, kChanges).ok());
  EXPECT_EQ(sums("fresh"), std::pair(int64_t{6}, int64_t{60}));
}

// E11: the new schema is committed, and nobody hears of it. The log still holds the frames of the
// old columns; the marks cover them.
TEST_F(TableOps, ADeathAfterTheNewSchemaRevivesNeitherRowsNorColumns) {
  options_.close_flush = 0;
  start();
  for (int64_t n = 1; n <= 3; ++n) ASSERT_TRUE(append(n).ok());
  std::atomic<bool> flushed = false;
  std::atomic<bool> dead = false;
  bucket_->set_rule([&](std::string_view call, std::string_view key) {
    if (call == "put" && key.ends_with("version-hint.text")) flushed = true;
    if (dead) return Verdict::kFailBefore;
    const bool is_schema = call == "put_if_absent" && key.ends_with(".metadata.json") && flushed &&
                           engine_->status().memory_bytes_used == 0;
    if (is_schema) dead = true;
    return is_schema ? Verdict::kFailAfter : Verdict::kPass;
  });
  auto altered = std::async(std::launch::async, [&] { return engine_->alter(kTable, kChanges); });
  while (!dead) std::this_thread::yield();
  die(altered);
  EXPECT_EQ(columns(), kAfter);
  EXPECT_EQ(sums("fresh"), std::pair(int64_t{6}, int64_t{60}));
  EXPECT_EQ(engine_->describe(kTable)->unflushed_rows, 0u);
  start();
  EXPECT_EQ(sums("fresh"), std::pair(int64_t{6}, int64_t{60}));
}

TEST_F(TableOps, RowsThatAreWrittenMeanwhileAreAllThereOrRefused) {
  std::atomic<bool> refused = false;
  std::atomic<int64_t> sum = 0;
  std::vector<std::thread> writers;
  for (int64_t writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      for (int64_t n = writer + 1; !refused; n += 3) {
        const Status appended = append(n);
        if (appended.ok()) sum += n;
        if (appended.ok()) continue;
        EXPECT_EQ(appended.error().reason(), Reason::kUnknownColumn);
        refused = true;
      }
    });
  }
  while (sum < 100) std::this_thread::yield();
  const Status altered = engine_->alter(kTable, kChanges);
  EXPECT_TRUE(altered.ok()) << altered.error().to_string();
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(sums("fresh"), std::pair(sum.load(), sum.load() * 10));
  start();
  EXPECT_EQ(sums("fresh"), std::pair(sum.load(), sum.load() * 10));
}

TEST_F(TableOps, AnAlterationThatDoesNotEndInTimeLetsTheWritersGoOn) {
  ASSERT_TRUE(append(1).ok());
  bucket_->set_rule([](std::string_view call, std::string_view) {
    return call == "begin_upload" ? Verdict::kFailBefore : Verdict::kPass;
  });
  auto altered =
      std::async(std::launch::async, [&] { return engine_->alter(kTable, kChanges, kSecond / 2); });
  Status late;
  while (late.ok()) late = append(2, 0);  // until the gate is shut
  EXPECT_EQ(late.error().code(), Code::kBusy);
  EXPECT_EQ(late.error().reason(), Reason::kDeadline);
  const Status ended = altered.get();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), Code::kBusy);
  EXPECT_TRUE(append(3).ok());
  EXPECT_EQ(columns(), kBefore);
  bucket_->set_rule(nullptr);
  EXPECT_TRUE(engine_->alter(kTable, kChanges).ok());
}

// T13, E7: what a rollback took back comes back neither by replay nor by being sent again.
TEST_F(TableOps, ARollbackIsUndoneNeitherByReplayNorByResending) {
  const auto send = [&](uint64_t position) {
    BatchBuilder builder(Schema::make(kSpec.columns).value());
    builder.append_row(static_cast<int64_t>(position), 0, 0);
    AppendOptions options;
    options.source = SourcePosition{"file", position, 0};
    return engine_->append(kTable, builder.finish().value(), options).value().duplicate;
  };
  const auto sum = [&] { return sums("old").first; };
  EXPECT_FALSE(send(1));
  ASSERT_TRUE(engine_->flush(kTable).ok());
  const uint64_t first = engine_->describe(kTable)->snapshot_id;
  EXPECT_FALSE(send(2));
  ASSERT_TRUE(engine_->flush(kTable).ok());
  EXPECT_FALSE(send(4));  // not flushed: it comes on top
  const Status rolled = engine_->rollback(kTable, first);
  ASSERT_TRUE(rolled.ok()) << rolled.error().to_string();
  EXPECT_EQ(sum(), 1 + 4);
  start();
  EXPECT_EQ(sum(), 1 + 4);
  EXPECT_TRUE(send(2));
  EXPECT_EQ(sum(), 1 + 4);
  ASSERT_TRUE(engine_->flush(kTable).ok());
  EXPECT_FALSE(send(8));
  ASSERT_TRUE(engine_->flush(kTable).ok());
  EXPECT_EQ(sum(), 1 + 4 + 8);
  EXPECT_EQ(engine_->describe(kTable)->stored_rows, 3u);
  EXPECT_EQ(engine_->rollback(kTable, 12345).error().code(), Code::kNotFound);
}

TEST_F(TableOps, ATaggedSnapshotStaysWhenOthersExpire) {
  std::vector<uint64_t> snapshots;
  for (int64_t n = 1; n <= 3; ++n) {
    ASSERT_TRUE(append(n).ok());
    ASSERT_TRUE(engine_->flush(kTable).ok());
    snapshots.push_back(engine_->describe(kTable)->snapshot_id);
  }
  ASSERT_TRUE(engine_->tag(kTable, {"first", snapshots[0]}).ok());
  ExpireOptions options;
  options.keep_last = 1;
  options.dry_run = true;
  const uint64_t version = engine_->describe(kTable)->version;
  EXPECT_EQ(engine_->expire(kTable, options)->expired.size(), 1u);
  EXPECT_EQ(engine_->describe(kTable)->version, version);
  options.dry_run = false;
  EXPECT_EQ(engine_->expire(kTable, options)->expired[0].id, snapshots[1]);
  EXPECT_EQ(engine_->describe(kTable)->snapshots, 2u);
  EXPECT_TRUE(engine_->untag(kTable, "first").ok());
  EXPECT_EQ(engine_->untag(kTable, "first").error().code(), Code::kNotFound);
  EXPECT_EQ(engine_->expire(kTable, options)->expired[0].id, snapshots[0]);
}

TEST_F(TableOps, AMovedTableIsRelocatedOnce) {
  ASSERT_TRUE(append(1).ok());
  ASSERT_TRUE(engine_->flush(kTable).ok());
  stop();
  const std::string old_dir = std::exchange(dir_, dir_ + "_moved");
  std::filesystem::remove_all(dir_);
  std::filesystem::rename(old_dir, dir_);
  start();
  ASSERT_TRUE(engine_->relocate(kTable).ok());
  const uint64_t version = engine_->describe(kTable)->version;
  ASSERT_TRUE(engine_->relocate(kTable).ok());
  EXPECT_EQ(engine_->describe(kTable)->version, version);
  ASSERT_TRUE(append(2).ok());
  ASSERT_TRUE(engine_->flush(kTable).ok());
  EXPECT_EQ(sums("old"), std::pair(int64_t{3}, int64_t{30}));
}

TEST_F(TableOps, AValueThatANarrowColumnDoesNotHoldIsRefusedUntilItIsWidened) {
  const TableName narrow{"demo", "narrow"};
  ASSERT_TRUE(engine_->create_table(narrow, {{{"n", Type::kInt64}}, {}, "", {}, {"n"}}).ok());
  const auto append_number = [&](int64_t n) {
    BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
    builder.append_int64(0, n);
    return engine_->append(narrow, builder.finish().value());
  };
  ASSERT_TRUE(append_number(INT32_MAX).ok());
  EXPECT_EQ(append_number(int64_t{INT32_MAX} + 1).error().reason(), Reason::kOutOfRange);
  ASSERT_TRUE(engine_->alter(narrow, {{Kind::kWiden, "n"}}).ok());
  EXPECT_TRUE(append_number(int64_t{INT32_MAX} + 1).ok());
  ASSERT_TRUE(engine_->flush(narrow).ok());
  EXPECT_EQ(engine_->describe(narrow)->stored_rows, 2u);
}

}  // namespace
}  // namespace sluice
