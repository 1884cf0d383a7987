// The engine over a bucket and a disk that fail on demand: what must never be lost, doubled,
// trimmed or removed.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <set>

#include "engine/faulty_bucket_fixture.h"
#include "engine/faulty_disk_fixture.h"
#include "sluice/engine.h"
#include "sluice/inspect.h"

namespace sluice {
namespace {

const TableName kTable{"demo", "events"};

using Verdict = FaultyBucket::Verdict;

class EngineFaults : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "engine_faults_" +
           testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
    options_.retry_min = kMillisecond;
    options_.retry_max = 5 * kMillisecond;
    options_.segment_bytes = 64 << 10;
    start();
    ASSERT_TRUE(engine_->create_table(kTable, {{{"n", Type::kInt64}}, {}, ""}).ok());
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(dir_);
  }
  void stop() {
    engine_.reset();
    bucket_.reset();
    disk_.reset();
    platform_.reset();
  }
  void start(FaultyDisk::Rule disk_rule = nullptr) {
    stop();
    platform_ = open_local_platform(dir_, DirectoryUse::kCreate).value();
    Platform platform = platform_->platform();
    bucket_ = std::make_unique<FaultyBucket>(*platform.bucket);
    platform.bucket = bucket_.get();
    disk_ = std::make_unique<FaultyDisk>(*platform.disk, std::move(disk_rule));
    platform.disk = disk_.get();
    engine_ = Engine::open(platform, options_).value();
  }
  /// A rule for the next start: replay waits in the oldest segment.
  FaultyDisk::Rule held_replay(const std::shared_future<void>& opened) {
    std::set<std::string> segments;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/log")) {
      if (entry.path().extension() == ".seg") segments.insert(entry.path().filename());
    }
    // The newest is read by the opening itself.
    if (segments.size() < 2) throw std::logic_error("the log has one segment only");
    return [oldest = *segments.begin(), opened](const FaultyDisk::Call& call) {
      const bool is_replay = call.name == "read_at" && call.file == oldest && call.bytes > 4096;
      if (is_replay) opened.wait();
      return ok();
    };
  }
  static Batch batch(int64_t first, int rows) {
    BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
    for (int i = 0; i < rows; ++i) builder.append_int64(0, first + i);
    return builder.finish().value();
  }
  Status append(int64_t first, int rows) {
    const auto ack = engine_->append(kTable, batch(first, rows), {});
    return ack.ok() ? ok() : ack.error();
  }
  std::vector<int64_t> numbers() {
    std::vector<int64_t> numbers;
    const auto snapshot = engine_->snapshot(kTable).value();
    const auto cursor = snapshot->scan({}).value();
    while (const auto batch = cursor->next().value()) {
      for (uint32_t row = 0; row < batch->rows(); ++row) {
        numbers.push_back(batch->column(0).int64(row));
      }
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }
  static std::vector<int64_t> up_to(int64_t count) {
    std::vector<int64_t> numbers;
    for (int64_t n = 0; n < count; ++n) numbers.push_back(n);
    return numbers;
  }

  std::string dir_;
  EngineOptions options_;
  std::unique_ptr<OwnedPlatform> platform_;
  std::unique_ptr<FaultyBucket> bucket_;
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<Engine> engine_;
};

// E5, E10: the commit stands, its confirmation fails: the next try must not flush the rows again.
TEST_F(EngineFaults, FlushesRowsOnceWhenTheConfirmationOfTheirCommitFails) {
  ASSERT_TRUE(append(0, 10).ok());
  bool committed = false;
  int failures = 3;
  bucket_->set_rule([&](std::string_view call, std::string_view key) {
    if (call == "put_if_absent" && key.ends_with(".metadata.json")) committed = true;
    const bool is_look = call == "head" || call == "list";
    return is_look && committed && failures-- > 0 ? Verdict::kFailBefore : Verdict::kPass;
  });
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_LE(failures, 0);
  EXPECT_EQ(numbers(), up_to(10));
  start();
  EXPECT_EQ(numbers(), up_to(10));
}

// E8: the metadata that names the parts may be there: its answer was lost, and so they stay.
TEST_F(EngineFaults, KeepsThePartsOfACommitWhoseAnswerWasLost) {
  ASSERT_TRUE(append(0, 10).ok());
  int lost = 0;
  bool part_removed = false;
  bucket_->set_rule([&](std::string_view call, std::string_view key) {
    if (call == "remove" && key.ends_with(".parquet")) part_removed = true;
    if (call != "put_if_absent" || !key.ends_with(".metadata.json") || lost > 1)
      return Verdict::kPass;
    ++lost;
    return Verdict::kFailAfter;
  });
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(lost, 2);
  EXPECT_FALSE(part_removed);
  EXPECT_EQ(numbers(), up_to(10));
  EXPECT_TRUE(verify(platform_->platform()).value().findings.empty());
}

// E1, E2, E6: acks go on while the table cannot be written, and what they promised is not trimmed.
TEST_F(EngineFaults, HoldsInTheLogWhatTheBucketDoesNotTake) {
  std::atomic<int> tries = 0;
  bucket_->set_rule([&](std::string_view call, std::string_view) {
    if (call != "begin_upload") return Verdict::kPass;
    ++tries;
    return Verdict::kFailBefore;
  });
  options_.flush_rows = 100;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(append(i * 1000, 1000).ok());
  EXPECT_GT(engine_->status().log_segments, 3u);
  stop();
  start();
  EXPECT_EQ(numbers(), up_to(50'000));
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(numbers(), up_to(50'000));
}

// E3, E4, E9: the schema's own frame is trimmed with the first segments; later frames still refer
// to it.
TEST_F(EngineFaults, ReplaysFramesWhoseSchemaFrameWasTrimmed) {
  for (int round = 0; round < 3; ++round) {
    if (round == 2) bucket_->set_rule(takes_no_parts());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(append((round * 20 + i) * 1000, 1000).ok());
    if (round < 2) {
      ASSERT_TRUE(engine_->flush().ok());
    }
  }
  stop();
  start();
  EXPECT_EQ(numbers(), up_to(60'000));
  EXPECT_EQ(engine_->describe(kTable).value().unflushed_rows, 20'000u);
  stop();
  start();
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(numbers(), up_to(60'000));
}

// E7: resent while the first copy is on its way, and after a restart that replays it.
TEST_F(EngineFaults, TakesAResentBatchOnce) {
  const auto send = [&](int64_t first, uint64_t position) {
    BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
    builder.append_int64(0, first);
    AppendOptions options;
    options.source = SourcePosition{"source", position};
    return engine_->append(kTable, builder.finish().value(), options);
  };
  EXPECT_FALSE(send(0, 1).value().duplicate);
  EXPECT_TRUE(send(0, 1).value().duplicate);
  start();
  EXPECT_TRUE(send(0, 1).value().duplicate);
  EXPECT_FALSE(send(1, 2).value().duplicate);
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_TRUE(send(1, 2).value().duplicate);
  EXPECT_EQ(numbers(), up_to(2));
}

// E7: of several batches in flight one was refused: what follows it must not pass for complete.
TEST_F(EngineFaults, RefusesABatchThatFollowsAMissingOne) {
  const auto send = [&](int64_t first, uint64_t previous, uint64_t position) {
    BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
    builder.append_int64(0, first);
    AppendOptions options;
    options.source = SourcePosition{"source", position, previous};
    return engine_->append(kTable, builder.finish().value(), options);
  };
  EXPECT_TRUE(send(0, 0, 10).ok());
  const auto refused = send(2, 20, 30);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason(), Reason::kSequenceViolation);
  EXPECT_EQ(refused.error().expected(), 10u);
  EXPECT_TRUE(send(1, 10, 20).ok());
  EXPECT_TRUE(send(2, 20, 30).ok());
  EXPECT_EQ(numbers(), up_to(3));
}

// T1: what the metadata names is there before it; a failure in between commits nothing.
TEST_F(EngineFaults, CommitsNothingWhenAManifestCannotBePut) {
  ASSERT_TRUE(append(0, 10).ok());
  int failures = 2;
  bucket_->set_rule([&](std::string_view call, std::string_view key) {
    const bool hit = call == "put_if_absent" && key.ends_with(".avro") && failures > 0;
    if (hit) --failures;
    return hit ? Verdict::kFailBefore : Verdict::kPass;
  });
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(numbers(), up_to(10));
  EXPECT_TRUE(verify(platform_->platform()).value().findings.empty());
}

// E9: what is rolled while replay runs carries the schemas of earlier openings, too.
TEST_F(EngineFaults, ReplaysAfterADeathWhoseOpeningRolledBeforeItsReplayEnded) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append(i * 1000, 1000).ok());
  ASSERT_TRUE(engine_->flush().ok());
  bucket_->set_rule(takes_no_parts());
  for (int i = 20; i < 40; ++i) {
    ASSERT_TRUE(append(i * 1000, 1000).ok());
    ASSERT_EQ(numbers().size(), (i + 1) * 1000u);
  }
  stop();
  std::promise<void> gate;
  start(held_replay(gate.get_future().share()));
  for (int i = 40; i < 60; ++i) ASSERT_TRUE(append(i * 1000, 1000).ok());
  EXPECT_TRUE(engine_->status().recovering);
  const std::string dead = dir_ + "_dead";
  std::filesystem::remove_all(dead);
  std::filesystem::copy(dir_, dead, std::filesystem::copy_options::recursive);
  gate.set_value();
  stop();
  std::filesystem::remove_all(std::exchange(dir_, dead));
  start();
  const auto sources = engine_->sources(kTable);
  ASSERT_TRUE(sources.ok()) << sources.error().to_string();
  EXPECT_EQ(numbers(), up_to(60'000));
}

/// Holds the shard in its next sync, so that what is sent meanwhile becomes one group.
class HeldSync {
 public:
  explicit HeldSync(FaultyDisk::Rule then) : then_(std::move(then)) {}
  FaultyDisk::Rule rule() {
    return [this, opened = gate_.get_future().share()](const FaultyDisk::Call& call) {
      if (call.name == "sync" && !std::exchange(held_, true)) {
        reached_.set_value();
        opened.wait();
      }
      return open_ ? then_(call) : ok();
    };
  }
  void wait() { reached_.get_future().wait(); }
  void open() {
    open_ = true;
    gate_.set_value();
  }

 private:
  const FaultyDisk::Rule then_;
  bool held_ = false;
  std::atomic<bool> open_ = false;
  std::promise<void> reached_;
  std::promise<void> gate_;
};

// E2: one batch is refused for its position, then its neighbour for the full disk: each once.
TEST_F(EngineFaults, AnswersABatchOnceThatIsRefusedBesideAFullDisk) {
  ASSERT_TRUE(engine_->sources(kTable).ok());
  bool full = true;
  HeldSync held([&](const FaultyDisk::Call& call) -> Status {
    const bool hit = call.name == "pwrite_at" && std::exchange(full, false);
    return hit ? Status(Error(Code::kFull, "planted")) : ok();
  });
  disk_->set_rule(held.rule());
  const auto ignore = [](const Result<Appended>&) {};
  ASSERT_TRUE(engine_->append(kTable, batch(0, 1), {}, ignore).ok());
  held.wait();
  std::atomic<int> answers = 0;
  AppendOptions late;
  late.source = SourcePosition{"source", 30, 20};
  const auto count = [&](const Result<Appended>& ack) {
    EXPECT_EQ(ack.error().reason(), Reason::kSequenceViolation);
    ++answers;
  };
  ASSERT_TRUE(engine_->append(kTable, batch(9, 1), late, count).ok());
  std::promise<Result<Appended>> second;
  const auto answer = [&](Result<Appended> ack) { second.set_value(std::move(ack)); };
  ASSERT_TRUE(engine_->append(kTable, batch(9, 1), {}, answer).ok());
  held.open();
  EXPECT_EQ(second.get_future().get().error().code(), Code::kFull);
  ASSERT_TRUE(append(1, 1).ok());
  EXPECT_EQ(answers, 1);
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(numbers(), up_to(2));
  EXPECT_EQ(engine_->status().memory_bytes_used, 0u);
  stop();
}

// E1: within one group a roll makes the first batch durable, then the log fails under the second.
TEST_F(EngineFaults, AcceptsWhatARollMadeDurableBeforeTheLogFailed) {
  constexpr int kRows = 600'000;  // more than is written at once
  bool rolled = false;
  HeldSync held([&](const FaultyDisk::Call& call) -> Status {
    rolled = rolled || call.name == "rename";
    return rolled && call.name == "pwrite_at" ? Status(Error(Code::kIo, "planted")) : ok();
  });
  disk_->set_rule(held.rule());
  const auto ignore = [](const Result<Appended>&) {};
  ASSERT_TRUE(engine_->append(kTable, batch(0, 1), {}, ignore).ok());
  held.wait();
  std::promise<Result<Appended>> first;
  std::promise<Result<Appended>> second;
  const auto answer_to = [](auto& promise) {
    return [&promise](Result<Appended> ack) { promise.set_value(std::move(ack)); };
  };
  ASSERT_TRUE(engine_->append(kTable, batch(1, kRows), {}, answer_to(first)).ok());
  ASSERT_TRUE(engine_->append(kTable, batch(kRows + 1, 1), {}, answer_to(second)).ok());
  held.open();
  EXPECT_EQ(second.get_future().get().error().code(), Code::kPoisoned);
  ASSERT_TRUE(first.get_future().get().ok());
  EXPECT_EQ(numbers(), up_to(kRows + 1));
  start();
  EXPECT_EQ(numbers(), up_to(kRows + 1));
}

TEST_F(EngineFaults, TakesABatchOfWhichNobodyWaitsToHear) {
  AppendOptions options;
  options.ack = AckClass::kMemory;
  ASSERT_TRUE(engine_->append(kTable, batch(0, 1), options, nullptr).ok());
  ASSERT_TRUE(append(1, 1).ok());
  EXPECT_EQ(numbers(), up_to(2));
}

// The batch alone takes more than all rows may now.
TEST_F(EngineFaults, ReplaysUnderASmallerMemoryLimitThanItWasAppendedUnder) {
  ASSERT_TRUE(append(0, 10).ok());
  ASSERT_TRUE(append(10, 200'000).ok());
  ASSERT_TRUE(append(200'010, 10).ok());
  options_.memory_bytes = 8 << 20;
  start();
  const auto sources = engine_->sources(kTable);
  ASSERT_TRUE(sources.ok()) << sources.error().to_string();
  EXPECT_EQ(numbers(), up_to(200'020));
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(engine_->status().memory_bytes_used, 0u);
}

TEST_F(EngineFaults, StopsATableThatTheRowsInTheLogDoNotFit) {
  const TableName other{"demo", "other"};
  ASSERT_TRUE(engine_->create_table(other, {{{"m", Type::kInt64}}, {"m"}, ""}).ok());
  ASSERT_TRUE(append(0, 10).ok());
  stop();
  const std::filesystem::path database = dir_ + "/tables/demo";
  std::filesystem::rename(database / "events", database / "away");
  std::filesystem::copy(database / "other", database / "events",
                        std::filesystem::copy_options::recursive);
  start();
  EXPECT_EQ(engine_->snapshot(kTable).error().reason(), Reason::kUnknownColumn);
  EXPECT_TRUE(engine_->snapshot(other).ok());
  stop();
  std::filesystem::remove_all(database / "events");
  std::filesystem::rename(database / "away", database / "events");
  start();
  EXPECT_EQ(numbers(), up_to(10));
}

// The unreadable table comes first; the other's rows go to its parts all the same.
TEST_F(EngineFaults, FlushesTheOtherTablesWhenOneCannotGoOn) {
  ASSERT_TRUE(engine_->create_table({"demo", "broken"}, {{{"m", Type::kInt64}}, {}, ""}).ok());
  stop();
  std::filesystem::remove_all(dir_ + "/tables/demo/broken/metadata/v1.metadata.json");
  std::filesystem::create_directories(dir_ + "/tables/demo/broken/metadata");
  std::ofstream(dir_ + "/tables/demo/broken/metadata/v1.metadata.json") << "damaged";
  start();
  ASSERT_TRUE(append(0, 10).ok());
  int failures = 3;
  bucket_->set_rule([&](std::string_view call, std::string_view) {
    return call == "begin_upload" && failures-- > 0 ? Verdict::kFailBefore : Verdict::kPass;
  });
  EXPECT_TRUE(engine_->close().ok());  // nothing of the other table is in the log
  const auto snapshot = committed_snapshot(platform_->platform(), kTable).value();
  EXPECT_EQ(snapshot->table().stored_rows, 10u);
}

// A table that takes no flush is stopped and told of once; its rows stay in the log.
TEST_F(EngineFaults, StopsATableWhoseFlushIsRefusedForGood) {
  struct Troubles : Listener {
    void on_trouble(const TableName&, const Error&) override { ++count; }
    std::atomic<int> count = 0;
  };
  const auto troubles = std::make_shared<Troubles>();
  options_.listener = troubles;
  start();
  ASSERT_TRUE(append(0, 10).ok());
  bucket_->set_rule([&](std::string_view call, std::string_view) {
    return call == "begin_upload" ? Verdict::kRefuse : Verdict::kPass;
  });
  EXPECT_EQ(engine_->flush().error().code(), Code::kInvalid);
  EXPECT_EQ(append(10, 10).error().code(), Code::kInvalid);
  EXPECT_EQ(engine_->tables().value().front().trouble->code(), Code::kInvalid);
  EXPECT_EQ(troubles->count, 1);
  options_.listener = nullptr;
  start();
  EXPECT_EQ(numbers(), up_to(10));
}

TEST_F(EngineFaults, ListsTheOtherTablesWhenOneIsDamaged) {
  ASSERT_TRUE(engine_->create_table({"demo", "broken"}, {{{"m", Type::kInt64}}, {}, ""}).ok());
  stop();
  std::ofstream(dir_ + "/tables/demo/broken/metadata/v1.metadata.json") << "damaged";
  start();
  const auto tables = engine_->tables().value();
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].name.collection, "broken");
  EXPECT_EQ(tables[0].trouble->where(), "demo/broken/metadata/v1.metadata.json");
  EXPECT_FALSE(tables[1].trouble);
  EXPECT_EQ(tables[1].spec.columns.size(), 1u);
}

TEST_F(EngineFaults, LoadsATableAgainWhenItsFirstReadingFails) {
  stop();
  platform_ = open_local_platform(dir_, DirectoryUse::kExisting).value();
  Platform platform = platform_->platform();
  bucket_ = std::make_unique<FaultyBucket>(*platform.bucket);
  int failures = 4;
  bucket_->set_rule([&](std::string_view call, std::string_view key) {
    const bool fails = call == "get_range" && key.ends_with(".metadata.json") && failures-- > 0;
    return fails ? Verdict::kFailBefore : Verdict::kPass;
  });
  platform.bucket = bucket_.get();
  engine_ = Engine::open(platform, options_).value();
  EXPECT_LE(failures, 0);
  EXPECT_TRUE(append(0, 10).ok());
}

TEST_F(EngineFaults, TakesNoAppendWhileItCloses) {
  ASSERT_TRUE(append(0, 10).ok());
  std::promise<void> reached;
  std::promise<void> gate;
  bucket_->set_rule([&](std::string_view call, std::string_view) {
    if (call == "begin_upload") {
      reached.set_value();
      gate.get_future().wait();
    }
    return Verdict::kPass;
  });
  auto closed = std::async(std::launch::async, [&] { return engine_->close(); });
  reached.get_future().wait();
  const Status refused = append(10, 10);
  auto closed_again = std::async(std::launch::async, [&] { return engine_->close(); });
  gate.set_value();
  EXPECT_TRUE(closed.get().ok());
  EXPECT_TRUE(closed_again.get().ok());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason(), Reason::kClosed);
  start();
  EXPECT_EQ(numbers(), up_to(10));
}

// What waits for the room that replay leaves gets the whole of it when replay ends.
TEST_F(EngineFaults, LetsAnAppendInWhenReplayEnds) {
  bucket_->set_rule(takes_no_parts());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(append(i * 1000, 1000).ok());
  stop();
  std::promise<void> gate;
  options_.memory_bytes = 8 << 20;
  start(held_replay(gate.get_future().share()));
  ASSERT_TRUE(append(20'000, 20'000).ok());
  AppendOptions options;
  options.timeout = 10 * kSecond;
  auto second = std::async(std::launch::async,
                           [&] { return engine_->append(kTable, batch(40'000, 20'000), options); });
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  gate.set_value();
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(numbers(), up_to(60'000));
}

}  // namespace
}  // namespace sluice
