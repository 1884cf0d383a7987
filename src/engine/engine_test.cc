#include "sluice/engine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <thread>

#include "sluice/inspect.h"

namespace sluice {
namespace {

const TableName kWeather{"demo", "weather"};

TableSpec weather_spec() {
  return {{{"station", Type::kString}, {"time", Type::kTimestamp}, {"temp", Type::kDouble}},
          {"station"},
          "time"};
}

Batch weather(const std::string& station, Nanos first, int rows, double temp) {
  BatchBuilder builder(Schema::make(weather_spec().columns).value());
  for (int i = 0; i < rows; ++i) {
    builder.append_bytes(0, station);
    builder.append_timestamp(1, first + i * kSecond);
    builder.append_double(2, temp + i);
  }
  return builder.finish().value();
}

std::vector<std::string> rows_of(Snapshot& snapshot, const ScanOptions& options = {}) {
  std::vector<std::string> rows;
  const auto cursor = snapshot.scan(options).value();
  while (const auto batch = cursor->next().value()) {
    const ColumnView station = batch->column(0);
    const ColumnView time = batch->column(1);
    const ColumnView temp = batch->column(2);
    for (uint32_t row = 0; row < batch->rows(); ++row) {
      rows.push_back(std::string(station.bytes(row)) + "@" + std::to_string(time.int64(row)) + "=" +
                     std::to_string(static_cast<int64_t>(temp.real(row))));
    }
  }
  return rows;
}

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "engine_test_" +
           testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
    start();
  }
  void TearDown() override {
    engine_.reset();
    platform_.reset();
    std::filesystem::remove_all(dir_);
  }
  void start() {
    engine_.reset();
    platform_.reset();
    platform_ = open_local_platform(dir_, DirectoryUse::kCreate).value();
    engine_ = Engine::open(platform_->platform(), options_).value();
  }
  std::vector<std::string> rows() { return rows_of(*engine_->snapshot(kWeather).value()); }

  std::string dir_;
  EngineOptions options_;
  std::unique_ptr<OwnedPlatform> platform_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, ShowsAcknowledgedRowsBeforeAndAfterTheirFlush) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  const Appended ack = engine_->append(kWeather, weather("oslo", 0, 2, 10), {}).value();
  EXPECT_GT(ack.lsn, 0u);
  const std::vector<std::string> expected{"oslo@0=10", "oslo@1000000000=11"};
  EXPECT_EQ(rows(), expected);
  const FlushReport report = engine_->flush(kWeather).value();
  EXPECT_EQ(report.rows, 2u);
  EXPECT_EQ(report.parts, 1u);
  EXPECT_EQ(rows(), expected);
  EXPECT_EQ(engine_->describe(kWeather).value().stored_rows, 2u);
  EXPECT_EQ(engine_->describe(kWeather).value().unflushed_rows, 0u);
}

TEST_F(EngineTest, KeepsAcknowledgedRowsOverAReopening) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 10), {}).ok());
  ASSERT_TRUE(engine_->flush(kWeather).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("rome", 0, 1, 20), {}).ok());
  start();
  const std::vector<std::string> expected{"oslo@0=10", "rome@0=20"};
  EXPECT_EQ(rows(), expected);
  EXPECT_EQ(engine_->describe(kWeather).value().unflushed_rows, 1u);
  ASSERT_TRUE(engine_->flush().ok());
  start();
  EXPECT_EQ(rows(), expected);
  EXPECT_EQ(engine_->describe(kWeather).value().unflushed_rows, 0u);
}

TEST_F(EngineTest, AppendsWithoutSomebodyToTell) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  ASSERT_EQ(engine_->source_position(kWeather, "s").value(), 0u);  // waits for recovery
  for (const AckClass ack : {AckClass::kMemory, AckClass::kLog, AckClass::kTable}) {
    AppendOptions options{.ack = ack, .source = SourcePosition{"s", 1}};
    ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 10), options, nullptr).ok());
  }
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(rows(), std::vector<std::string>{"oslo@0=10"});
}

TEST_F(EngineTest, RefusesANameThatTheLogCouldNotHold) {
  for (const TableName& name : {TableName{"a.b", "c"}, TableName{"a/b", "c"}, TableName{"", "c"},
                                TableName{"a", std::string(101, 'c')}}) {
    const Status created = engine_->create_table(name, weather_spec());
    ASSERT_FALSE(created.ok()) << name.to_string();
    EXPECT_EQ(created.error().code(), Code::kInvalid);
  }
}

TEST(Engine, RefusesAnOptionOutOfItsLimitsAndNamesIt) {
  using Change = void (*)(EngineOptions&);
  const std::pair<const char*, Change> changes[] = {
      {"segment_bytes", [](EngineOptions& options) { options.segment_bytes = 1; }},
      {"memory_bytes", [](EngineOptions& options) { options.memory_bytes = 1; }},
      {"flush_bytes", [](EngineOptions& options) { options.flush_bytes = 0; }},
      {"flush_rows", [](EngineOptions& options) { options.flush_rows = 0; }},
      {"flush_age", [](EngineOptions& options) { options.flush_age = -1; }},
      {"flush_threads", [](EngineOptions& options) { options.flush_threads = 65; }},
      {"row_group_bytes", [](EngineOptions& options) { options.row_group_bytes = 1; }},
      {"part_bytes", [](EngineOptions& options) { options.part_bytes = 1; }},
      {"zstd_level", [](EngineOptions& options) { options.zstd_level = -1; }},
      {"retry_min", [](EngineOptions& options) { options.retry_min = options.retry_max + 1; }},
      {"retry_max", [](EngineOptions& options) { options.retry_max = 0; }},
      {"close_flush", [](EngineOptions& options) { options.close_flush = kForever; }},
      {"snapshots_kept", [](EngineOptions& options) { options.snapshots_kept = 0; }},
      {"manifests_merged_at", [](EngineOptions& options) { options.manifests_merged_at = 1; }},
  };
  const std::string dir = testing::TempDir() + "engine_test_options";
  const auto platform = open_local_platform(dir, DirectoryUse::kCreate).value();
  for (const auto& [name, change] : changes) {
    EngineOptions options;
    change(options);
    const auto opened = Engine::open(platform->platform(), options);
    ASSERT_FALSE(opened.ok()) << name;
    EXPECT_EQ(opened.error().where(), name);
    EXPECT_EQ(opened.error().reason(), Reason::kOutOfRange);
  }
  std::filesystem::remove_all(dir);
}

TEST_F(EngineTest, LetsTheLastWriteOfAKeyWinOverPartsAndMemory) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  for (const double temp : {1.0, 2.0, 3.0}) {
    ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, temp), {}).ok());
    if (temp < 3.0) {
      ASSERT_TRUE(engine_->flush(kWeather).ok());
    }
  }
  EXPECT_EQ(rows(), std::vector<std::string>{"oslo@0=3"});
  start();
  EXPECT_EQ(rows(), std::vector<std::string>{"oslo@0=3"});
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 4), {}).ok());
  ASSERT_TRUE(engine_->flush(kWeather).ok());
  EXPECT_EQ(rows(), std::vector<std::string>{"oslo@0=4"});
}

TEST_F(EngineTest, CountsRowsThatALaterRowReplaced) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 10, 1), {}).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 4, 2), {}).ok());
  const FlushReport report = engine_->flush(kWeather).value();
  EXPECT_EQ(report.rows, 10u);
  EXPECT_EQ(report.rows_replaced, 4u);
}

TEST_F(EngineTest, TakesABatchOfASourceOnceOverFlushAndReopening) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  AppendOptions first;
  first.source = SourcePosition{"file:a", 100};
  AppendOptions second;
  second.source = SourcePosition{"file:a", 200};
  EXPECT_FALSE(engine_->append(kWeather, weather("oslo", 0, 1, 1), first).value().duplicate);
  EXPECT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 9), first).value().duplicate);
  start();
  EXPECT_EQ(engine_->source_position(kWeather, "file:a").value(), 100u);
  EXPECT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 9), first).value().duplicate);
  EXPECT_FALSE(engine_->append(kWeather, weather("rome", 0, 1, 2), second).value().duplicate);
  ASSERT_TRUE(engine_->flush().ok());
  start();
  EXPECT_EQ(engine_->source_position(kWeather, "file:a").value(), 200u);
  EXPECT_TRUE(engine_->append(kWeather, weather("rome", 0, 1, 9), second).value().duplicate);
  const std::vector<std::string> expected{"oslo@0=1", "rome@0=2"};
  EXPECT_EQ(rows(), expected);
}

TEST_F(EngineTest, RefusesABatchBeforeTheLogSeesIt) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  BatchBuilder builder(
      Schema::make({{"station", Type::kString}, {"time", Type::kTimestamp}}).value());
  builder.append_null(0);
  builder.append_timestamp(1, 0);
  const auto refused = engine_->append(kWeather, builder.finish().value(), {});
  EXPECT_EQ(refused.error().reason(), Reason::kNullKey);
  EXPECT_EQ(engine_->append({"demo", "none"}, weather("a", 0, 1, 1), {}).error().code(),
            Code::kNotFound);
  EXPECT_EQ(engine_->status().appends, 0u);
  EXPECT_EQ(engine_->status().memory_bytes_used, 0u);
}

// E2: together with its head it would exceed a frame of the log.
TEST_F(EngineTest, RefusesABatchThatNoFrameHoldsBeforeItIsAccepted) {
  options_.memory_bytes = 512 << 20;
  start();
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  BatchBuilder builder(Schema::make(weather_spec().columns).value());
  builder.append_bytes(0, std::string(kBatchBytesMax - 128, 'x'));
  builder.append_timestamp(1, 0);
  builder.append_double(2, 0);
  const Status accepted =
      engine_->append(kWeather, builder.finish().value(), {}, [](const Result<Appended>&) {});
  EXPECT_EQ(accepted.error().reason(), Reason::kPayloadTooLarge);
}

TEST_F(EngineTest, AddsColumnsAndReadsOldRowsAsNull) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 1), {}).ok());
  ASSERT_TRUE(engine_->flush().ok());
  ASSERT_TRUE(engine_->add_columns(kWeather, {{"note", Type::kString}}).ok());
  EXPECT_EQ(engine_->add_columns(kWeather, {{"note", Type::kInt64}}).error().reason(),
            Reason::kTypeMismatch);
  std::vector<Field> columns = weather_spec().columns;
  columns.push_back({"note", Type::kString});
  BatchBuilder builder(Schema::make(columns).value());
  builder.append_bytes(0, "rome");
  builder.append_timestamp(1, 1);  // a remainder below a microsecond: its column appears, too
  builder.append_double(2, 2);
  builder.append_bytes(3, "hot");
  ASSERT_TRUE(engine_->append(kWeather, builder.finish().value(), {}).ok());
  ASSERT_TRUE(engine_->flush().ok());
  start();
  const std::vector<std::string> expected{"oslo@0=1", "rome@1=2"};
  EXPECT_EQ(rows(), expected);
  ScanOptions notes;
  notes.columns = {"note"};
  const auto snapshot = engine_->snapshot(kWeather).value();
  const auto cursor = snapshot->scan(notes).value();
  std::vector<std::string> found;
  while (const auto batch = cursor->next().value()) {
    for (uint32_t row = 0; row < batch->rows(); ++row) {
      const ColumnView note = batch->column(0);
      found.emplace_back(note.is_null(row) ? "null" : note.bytes(row));
    }
  }
  EXPECT_EQ(found, (std::vector<std::string>{"null", "hot"}));
}

TEST_F(EngineTest, FlushesBySizeUnderAMemoryLimitAndLosesNothing) {
  options_.memory_bytes = 8 << 20;
  options_.flush_bytes = 1 << 20;
  options_.row_group_bytes = 1 << 20;
  options_.segment_bytes = 1 << 20;
  start();
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  constexpr int kBatches = 200;
  for (int i = 0; i < kBatches; ++i) {
    ASSERT_TRUE(engine_->append(kWeather, weather("s" + std::to_string(i), 0, 1000, i), {}).ok());
    ASSERT_LE(engine_->status().memory_bytes_used, options_.memory_bytes);
  }
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(rows().size(), kBatches * 1000u);
  EXPECT_LE(engine_->status().log_segments, 3u) << "flushed segments are trimmed";
  start();
  EXPECT_EQ(rows().size(), kBatches * 1000u);
}

TEST_F(EngineTest, GivesEveryConcurrentWriterItsOwnAck) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  constexpr int kWriters = 8;
  constexpr int kEach = 25;
  std::vector<std::thread> writers;
  std::vector<std::set<uint64_t>> lsns(kWriters);
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        AppendOptions options;
        if (i % 10 == 0) options.ack = AckClass::kMemory;
        const auto ack =
            engine_->append(kWeather, weather("w" + std::to_string(w), i * kSecond, 1, i), options);
        if (ack.ok()) lsns[w].insert(ack->lsn);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::set<uint64_t> all;
  for (const auto& some : lsns) all.insert(some.begin(), some.end());
  EXPECT_EQ(all.size(), kWriters * kEach * 1u);
  EXPECT_EQ(rows().size(), kWriters * kEach * 1u);
  EXPECT_LE(engine_->status().syncs, engine_->status().appends);
}

TEST_F(EngineTest, AcknowledgesClassTableOnlyWhenTheRowsAreCommitted) {
  options_.flush_rows = 1;
  start();
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  AppendOptions in_table;
  in_table.ack = AckClass::kTable;
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 3, 1), in_table).ok());
  EXPECT_EQ(engine_->describe(kWeather).value().stored_rows, 3u);
  EXPECT_EQ(engine_->describe(kWeather).value().unflushed_rows, 0u);
}

TEST_F(EngineTest, FlushesWhatIsLeftWhenItCloses) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 3, 1), {}).ok());
  ASSERT_TRUE(engine_->close().ok());
  EXPECT_EQ(inspect(platform_->platform()).value().tables.at(0).stored_rows, 3u);
  EXPECT_EQ(engine_->append(kWeather, weather("oslo", 0, 3, 1), {}).error().code(),
            Code::kCancelled);
}

TEST_F(EngineTest, RefusesASecondOpenerAndLetsReadersSeeTheCommittedTable) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 1), {}).ok());
  ASSERT_TRUE(engine_->flush().ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 2), {}).ok());
  const auto other = open_local_platform(dir_, DirectoryUse::kExisting).value();
  EXPECT_EQ(Engine::open(other->platform(), {}).error().reason(), Reason::kLocked);
  const auto snapshot = committed_snapshot(other->platform(), kWeather).value();
  EXPECT_EQ(rows_of(*snapshot), std::vector<std::string>{"oslo@0=1"});
}

TEST_F(EngineTest, VerifyFindsNothingWrongWithWhatTheEngineWrote) {
  ASSERT_TRUE(engine_->create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 100, 1), {}).ok());
  ASSERT_TRUE(engine_->flush().ok());
  ASSERT_TRUE(engine_->append(kWeather, weather("oslo", 0, 1, 2), {}).ok());
  const VerifyReport report = verify(platform_->platform()).value();
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.error.to_string();
  EXPECT_EQ(report.tables, 1u);
  EXPECT_EQ(report.parts, 1u);
  EXPECT_EQ(report.rows, 100u);
  EXPECT_GE(report.frames, 1u);
}

}  // namespace
}  // namespace sluice
