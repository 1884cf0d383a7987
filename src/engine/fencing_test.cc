// Two engines over one bucket: copies of one log, as a restored machine or a double start makes
// them. And what one engine sweeps.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "sluice/engine.h"
#include "sluice/inspect.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const TableName kTable{"demo", "events"};

class Ears final : public Listener {
 public:
  void on_trouble(const TableName&, const Error& error) override {
    std::lock_guard lock(mutex_);
    troubles_.push_back(error);
  }
  void on_sweep(const SweepEvent& event) override {
    std::lock_guard lock(mutex_);
    swept_ += event.objects;
  }
  bool heard(Code code) {
    std::lock_guard lock(mutex_);
    for (const Error& error : troubles_) {
      if (error.code() == code) return true;
    }
    return false;
  }
  uint64_t swept() {
    std::lock_guard lock(mutex_);
    return swept_;
  }

 private:
  std::mutex mutex_;
  std::vector<Error> troubles_;
  uint64_t swept_ = 0;
};

Batch numbers(int64_t first, int64_t count) {
  BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
  for (int64_t n = first; n < first + count; ++n) builder.append_int64(0, n);
  return builder.finish().value();
}

/// An engine with a log of its own and the bucket of `home`.
struct Instance {
  explicit Instance(const fs::path& log_home, Bucket* bucket = nullptr)
      : owned(open_local_platform(log_home.string(), DirectoryUse::kCreate).value()) {
    Platform platform = owned->platform();
    if (bucket != nullptr) platform.bucket = bucket;
    EngineOptions options;
    options.retry_min = kMillisecond;
    options.retry_max = 5 * kMillisecond;
    options.close_flush = 0;
    options.listener = ears;
    engine = Engine::open(platform, options).value();
  }
  Bucket* bucket() { return owned->platform().bucket; }

  std::shared_ptr<Ears> ears = std::make_shared<Ears>();
  std::unique_ptr<OwnedPlatform> owned;
  std::unique_ptr<Engine> engine;
};

class EnginesOfOneBucket : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path home(const std::string& name) const { return root_ / name; }
  void copy_log(const std::string& from, const std::string& to) {
    fs::create_directories(home(to));
    fs::copy(home(from) / "FORMAT", home(to) / "FORMAT");
    // The engine goes on: a segment that it trims meanwhile is not there to be copied.
    std::error_code vanished;
    do {
      fs::remove_all(home(to) / "log");
      fs::copy(home(from) / "log", home(to) / "log", fs::copy_options::recursive, vanished);
    } while (vanished == std::errc::no_such_file_or_directory);
    ASSERT_FALSE(vanished) << vanished.message();
    fs::create_directories(home(to) / "tables");
  }
  static std::multiset<int64_t> rows_of(Engine& engine) {
    std::multiset<int64_t> rows;
    const auto snapshot = engine.snapshot(kTable);
    EXPECT_TRUE(snapshot.ok()) << snapshot.error().to_string();
    if (!snapshot.ok()) return rows;
    const auto cursor = (*snapshot)->scan({}).value();
    while (const auto batch = cursor->next().value()) {
      for (uint32_t i = 0; i < batch->rows(); ++i) rows.insert(batch->column(0).int64(i));
    }
    return rows;
  }
  static std::multiset<int64_t> range(int64_t count) {
    std::multiset<int64_t> rows;
    for (int64_t n = 0; n < count; ++n) rows.insert(n);
    return rows;
  }
  /// Two flushed rows, and three that only the log holds.
  void make_first_life() {
    Instance first(home("a"));
    ASSERT_TRUE(first.engine->create_table(kTable, {{{"n", Type::kInt64}}, {}, ""}).ok());
    ASSERT_TRUE(first.engine->append(kTable, numbers(0, 2)).ok());
    ASSERT_TRUE(first.engine->flush().ok());
    ASSERT_TRUE(first.engine->append(kTable, numbers(2, 3)).ok());
  }

  const fs::path root_ =
      fs::path(testing::TempDir()) /
      (std::string("fencing_") + testing::UnitTest::GetInstance()->current_test_info()->name());
};

// T3: everything of the table is refused, and somebody is told.
TEST_F(EnginesOfOneBucket, AWriterThatSleptIsRefusedAtItsNextCommitAndStops) {
  make_first_life();
  Instance sleeper(home("a"));
  ASSERT_TRUE(sleeper.engine->flush(kTable).ok());
  copy_log("a", "b");
  Instance next(home("b"), sleeper.bucket());
  ASSERT_TRUE(next.engine->append(kTable, numbers(5, 1)).ok());
  ASSERT_TRUE(next.engine->flush(kTable).ok());

  Engine& woken = *sleeper.engine;
  ASSERT_TRUE(woken.append(kTable, numbers(100, 1)).ok());  // into its own log
  EXPECT_EQ(woken.flush(kTable).error().code(), Code::kFenced);
  EXPECT_EQ(woken.append(kTable, numbers(101, 1)).error().code(), Code::kFenced);
  EXPECT_EQ(woken.flush(kTable).error().code(), Code::kFenced);
  EXPECT_EQ(woken.snapshot(kTable).error().code(), Code::kFenced);
  EXPECT_EQ(woken.add_columns(kTable, {{"more", Type::kBool}}).error().code(), Code::kFenced);
  EXPECT_EQ(woken.sweep(kTable, {}).error().code(), Code::kFenced);
  EXPECT_EQ(woken.describe(kTable).value().trouble->code(), Code::kFenced);
  EXPECT_TRUE(sleeper.ears->heard(Code::kFenced));

  EXPECT_EQ(rows_of(*next.engine), range(6));
  ASSERT_TRUE(next.engine->append(kTable, numbers(6, 1)).ok());
  ASSERT_TRUE(next.engine->flush(kTable).ok());
  EXPECT_EQ(rows_of(*next.engine), range(7));
}

// T3: of two recoveries at once one goes on, the other stops, and each row is there once.
TEST_F(EnginesOfOneBucket, TwoRecoveriesAtOnceLeaveOneWinnerAndNoDamage) {
  for (int round = 0; round < 4; ++round) {
    SetUp();
    make_first_life();
    copy_log("a", "b");
    Instance one(home("a"));
    Instance two(home("b"), one.bucket());
    Result<FlushReport> flushed_one = FlushReport{};
    Result<FlushReport> flushed_two = FlushReport{};
    std::thread other([&] { flushed_two = two.engine->flush(kTable); });
    flushed_one = one.engine->flush(kTable);
    other.join();
    ASSERT_NE(flushed_one.ok(), flushed_two.ok());
    Engine& winner = flushed_one.ok() ? *one.engine : *two.engine;
    const Error lost = flushed_one.ok() ? flushed_two.error() : flushed_one.error();
    EXPECT_EQ(lost.code(), Code::kFenced) << lost.to_string();
    EXPECT_EQ(rows_of(winner), range(5));
    ASSERT_TRUE(winner.append(kTable, numbers(5, 2)).ok());
    ASSERT_TRUE(winner.flush(kTable).ok());
    EXPECT_EQ(rows_of(winner), range(7));
    const VerifyReport verified = verify(one.owned->platform()).value();
    for (const Finding& finding : verified.findings) {
      EXPECT_NE(finding.object, "tables") << finding.error.to_string();
      EXPECT_FALSE(finding.object.starts_with("demo/")) << finding.error.to_string();
    }
  }
}

// T14
TEST_F(EnginesOfOneBucket, ASweepTakesWhatADeadFlushLeftAndNothingElse) {
  make_first_life();
  const fs::path table = home("a") / "tables" / "demo" / "events";
  const std::string id(32, 'a');
  const auto place = [&](const std::string& name, int hours) {
    std::ofstream(table / name) << "bytes";
    fs::last_write_time(table / name, fs::file_time_type::clock::now() - std::chrono::hours(hours));
    return table / name;
  };
  const fs::path dead = place("data/" + id + "-00000000-0.parquet", 30);
  const fs::path torn = place("data/" + id + "~.tmp", 30);
  const fs::path young = place("data/" + id + "-00000000-1.parquet", 3);
  const fs::path torn_young = place("data/" + std::string(32, 'b') + "~.tmp", 3);
  const fs::path foreign = place("data/of-somebody-else.parquet", 3000);

  Instance instance(home("a"));
  Engine& engine = *instance.engine;
  const SweepReport dry = engine.sweep(kTable, {.grace = std::nullopt, .dry_run = true}).value();
  EXPECT_EQ(dry.swept.size(), 2u);
  EXPECT_TRUE(fs::exists(dead) && fs::exists(torn));
  ASSERT_TRUE(engine.flush(kTable).ok());
  EXPECT_EQ(verify(instance.owned->platform()).value().orphans, 2u);
  const SweepReport report = engine.sweep(kTable, {}).value();
  EXPECT_EQ(report.swept.size(), 2u);
  EXPECT_EQ(report.young, 2u);
  EXPECT_EQ(report.foreign, 1u);
  EXPECT_EQ(instance.ears->swept(), 2u);
  EXPECT_FALSE(fs::exists(dead) || fs::exists(torn));
  EXPECT_TRUE(fs::exists(young) && fs::exists(torn_young) && fs::exists(foreign));
  EXPECT_EQ(engine.sweep(kTable, {.grace = 3600 * kSecond, .dry_run = false}).value().swept.size(),
            2u);
  EXPECT_FALSE(fs::exists(young) || fs::exists(torn_young));
  EXPECT_EQ(engine.sweep(kTable, {.grace = kSecond}).error().reason(), Reason::kOutOfRange);
  EXPECT_EQ(engine.sweep({"no", "table"}, {}).error().code(), Code::kNotFound);
  EXPECT_EQ(rows_of(engine), range(5));
  EXPECT_TRUE(verify(instance.owned->platform()).value().findings.empty());
}

}  // namespace
}  // namespace sluice
