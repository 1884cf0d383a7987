#include "sluice/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sluice/engine.h"
#include "sluice/inspect_file.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const TableName kPlain{"demo", "plain"};
const TableName kKeyed{"demo", "keyed"};
constexpr Nanos kDay = 86'400 * kSecond;

TableSpec keyed_spec() {
  return {{{"id", Type::kString}, {"at", Type::kTimestamp}}, {"id"}, "at"};
}

Batch numbers(int first, int count) {
  BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
  for (int n = first; n < first + count; ++n) builder.append_int64(0, n);
  return builder.finish().value();
}

Batch visits(const std::vector<std::pair<std::string, Nanos>>& rows) {
  BatchBuilder builder(Schema::make(keyed_spec().columns).value());
  for (const auto& [id, at] : rows) {
    builder.append_bytes(0, id);
    builder.append_timestamp(1, at);
  }
  return builder.finish().value();
}

AppendOptions from_source(const std::string& source, uint64_t position) {
  AppendOptions options;
  options.source = SourcePosition{source, position};
  return options;
}

/// A directory whose engine is closed, or killed: then rows stay in the log.
class InspectTest : public testing::Test {
 protected:
  InspectTest()
      : dir_(testing::TempDir() + "inspect_test_" +
             testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(dir_);
    platform_ = open_local_platform(dir_, DirectoryUse::kCreate).value();
    open();
  }
  ~InspectTest() override {
    engine_.reset();
    fs::remove_all(dir_);
  }
  void open() {
    engine_.reset();
    EngineOptions options;
    options.close_flush = 0;
    engine_ = Engine::open(platform_->platform(), options).value();
  }
  void append(const TableName& table, Batch batch, const AppendOptions& options = {}) {
    ASSERT_TRUE(engine_->append(table, std::move(batch), options).ok());
  }
  void make_plain() {
    ASSERT_TRUE(engine_->create_table(kPlain, {{{"n", Type::kInt64}}, {}, ""}).ok());
  }
  Inspection look() const { return inspect(platform_->platform()).value(); }
  /// The only file of the folder whose name ends so; the newest of several.
  std::string find(const std::string& folder, const std::string& suffix) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir_ + "/" + folder)) {
      if (entry.path().string().ends_with(suffix)) found.push_back(entry.path());
    }
    return found.empty() ? "" : *std::max_element(found.begin(), found.end());
  }
  static void flip(const std::string& path, uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 0x40));
  }

  const std::string dir_;
  std::unique_ptr<OwnedPlatform> platform_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(InspectTest, CountsTheRowsThatOnlyTheLogHoldsWhileAnEngineRuns) {
  make_plain();
  append(kPlain, numbers(0, 3), from_source("a", 7));
  ASSERT_TRUE(engine_->flush().ok());
  append(kPlain, numbers(3, 4), from_source("a", 9));
  append(kPlain, numbers(7, 5));
  const Inspection seen = look();
  ASSERT_EQ(seen.tables.size(), 1u);
  EXPECT_EQ(seen.tables[0].stored_rows, 3u);
  EXPECT_EQ(seen.tables[0].unflushed_rows, 9u);
  EXPECT_FALSE(seen.tables[0].trouble);
  ASSERT_EQ(seen.log.unflushed.size(), 1u);
  const UnflushedRows& rows = seen.log.unflushed[0];
  EXPECT_EQ(rows.table, kPlain);
  EXPECT_EQ(rows.batches, 2u);
  EXPECT_EQ(rows.rows, 9u);
  EXPECT_EQ(rows.last_lsn, rows.first_lsn + 1);
  EXPECT_EQ(seen.log.pinned_lsn, rows.first_lsn);
  EXPECT_EQ(seen.log.last_lsn, rows.last_lsn);
  EXPECT_FALSE(rows.obstacle);
  ASSERT_EQ(rows.sources.size(), 2u);
  EXPECT_EQ(rows.sources[0].source, "");
  EXPECT_EQ(rows.sources[0].rows, 5u);
  EXPECT_EQ(rows.sources[1].source, "a");
  EXPECT_EQ(rows.sources[1].last_position, 9u);
  EXPECT_TRUE(seen.log.findings.empty());
}

TEST_F(InspectTest, CountsTheSameAfterAReopeningAndNothingOnceItIsFlushed) {
  make_plain();
  append(kPlain, numbers(0, 4));
  open();
  EXPECT_EQ(look().tables.at(0).unflushed_rows, 4u);
  EXPECT_EQ(look().log.openings.size(), 2u);
  ASSERT_TRUE(engine_->flush().ok());
  const Inspection seen = look();
  EXPECT_EQ(seen.tables.at(0).unflushed_rows, 0u);
  EXPECT_EQ(seen.tables.at(0).stored_rows, 4u);
  EXPECT_TRUE(seen.log.unflushed.empty());
  EXPECT_EQ(seen.log.pinned_lsn, 0u);
}

TEST_F(InspectTest, CountsEverySegmentByItself) {
  make_plain();
  append(kPlain, numbers(0, 4));
  open();
  append(kPlain, numbers(4, 2));
  append(kPlain, numbers(6, 1));
  const LogDescription log = look().log;
  ASSERT_EQ(log.segments.size(), 2u);
  EXPECT_EQ(log.segments[0].rows, 4u);
  EXPECT_EQ(log.segments[0].schemas, 1u);
  EXPECT_EQ(log.segments[1].rows, 3u);
  EXPECT_EQ(log.segments[1].batches, 2u);
  EXPECT_EQ(log.segments[1].base_lsn, log.segments[0].last_lsn + 1);
  EXPECT_EQ(log.segments[1].log_id, log.log_id);
  EXPECT_EQ(log.segments[1].opening_id, log.openings.back().id);
  EXPECT_LE(log.segments[0].confirmed_end, log.segments[0].accepted_end);
}

TEST_F(InspectTest, NamesWhatKeepsRowsFromTheirTable) {
  make_plain();
  append(kPlain, numbers(0, 4));
  engine_.reset();
  fs::rename(dir_ + "/tables/demo/plain", dir_ + "/elsewhere");
  EXPECT_EQ(look().log.unflushed.at(0).obstacle->code(), Code::kNotFound);
  fs::rename(dir_ + "/elsewhere", dir_ + "/tables/demo/plain");
  flip(find("tables/demo/plain/metadata", ".metadata.json"), 0);
  const Inspection seen = look();
  EXPECT_EQ(seen.log.unflushed.at(0).obstacle->code(), Code::kCorrupt);
  EXPECT_EQ(seen.tables.at(0).trouble->code(), Code::kCorrupt);
  EXPECT_EQ(seen.tables.at(0).unflushed_rows, 4u);
}

TEST_F(InspectTest, ATableThatACopyOfTheLogTookIsAnObstacle) {
  make_plain();
  append(kPlain, numbers(0, 4));
  engine_.reset();
  fs::copy(dir_ + "/log", dir_ + "/log.copy");
  fs::copy(dir_ + "/tables", dir_ + "/tables.copy", fs::copy_options::recursive);
  open();
  ASSERT_TRUE(engine_->flush().ok());
  engine_.reset();
  fs::rename(dir_ + "/tables", dir_ + "/tables.taken");
  fs::remove_all(dir_ + "/log");
  fs::rename(dir_ + "/log.copy", dir_ + "/log");
  fs::rename(dir_ + "/tables.copy", dir_ + "/tables");
  open();
  for (int n = 4; n < 10; ++n) append(kPlain, numbers(n, 1));
  engine_.reset();
  EXPECT_FALSE(look().log.unflushed.at(0).obstacle);
  fs::remove_all(dir_ + "/tables");
  fs::rename(dir_ + "/tables.taken", dir_ + "/tables");
  const Inspection seen = look();
  EXPECT_EQ(seen.log.unflushed.at(0).obstacle->code(), Code::kFenced);
  EXPECT_EQ(seen.tables.at(0).trouble->code(), Code::kFenced);
}

// T3: the copy has given the same LSNs to rows of its own.
TEST_F(InspectTest, MarksOfACopyOfTheLogHideNoRowsOfTheOther) {
  make_plain();
  append(kPlain, numbers(0, 4));
  engine_.reset();
  fs::copy(dir_ + "/log", dir_ + "/log.copy");
  open();
  append(kPlain, numbers(4, 3));
  engine_.reset();
  fs::rename(dir_ + "/log", dir_ + "/log.other");
  fs::rename(dir_ + "/log.copy", dir_ + "/log");
  open();
  append(kPlain, numbers(10, 8));
  ASSERT_TRUE(engine_->flush().ok());
  engine_.reset();
  fs::remove_all(dir_ + "/log");
  fs::rename(dir_ + "/log.other", dir_ + "/log");
  const LogDescription log = look().log;
  ASSERT_EQ(log.unflushed.size(), 1u);
  EXPECT_EQ(log.unflushed[0].rows, 7u);
  EXPECT_EQ(log.unflushed[0].obstacle->code(), Code::kFenced);
  EXPECT_EQ(log.pinned_lsn, log.unflushed[0].first_lsn);
}

TEST_F(InspectTest, ShowsTheRestOfADamagedLog) {
  make_plain();
  append(kPlain, numbers(0, 4));
  open();
  append(kPlain, numbers(4, 2));
  engine_.reset();
  const LogDescription whole = look().log;
  ASSERT_EQ(whole.segments.size(), 2u);
  flip(dir_ + "/log/" + whole.segments[0].file, whole.segments[0].accepted_end - 40);
  const Inspection seen = look();
  ASSERT_EQ(seen.log.findings.size(), 1u);
  EXPECT_EQ(seen.log.findings[0].object, whole.segments[0].file);
  EXPECT_TRUE(seen.log.segments[0].damage);
  EXPECT_EQ(seen.log.segments[1].rows, 2u);
  EXPECT_EQ(seen.log.unflushed.at(0).obstacle->code(), Code::kCorrupt);
  EXPECT_GE(seen.tables.at(0).unflushed_rows, 2u);
}

TEST_F(InspectTest, ListsSnapshotsAndMarks) {
  make_plain();
  append(kPlain, numbers(0, 4), from_source("file:1", 11));
  ASSERT_TRUE(engine_->flush().ok());
  append(kPlain, numbers(4, 2));
  ASSERT_TRUE(engine_->flush().ok());
  const TableInspection table = inspect_table(platform_->platform(), kPlain).value();
  ASSERT_EQ(table.snapshots.size(), 2u);
  EXPECT_EQ(table.snapshots[0].parent, 0u);
  EXPECT_EQ(table.snapshots[0].added_rows, 4u);
  EXPECT_EQ(table.snapshots[1].parent, table.snapshots[0].id);
  EXPECT_EQ(table.snapshots[1].added_rows, 2u);
  EXPECT_EQ(table.snapshots[1].rows, 6u);
  EXPECT_EQ(table.snapshots[1].parts, 2u);
  EXPECT_EQ(table.snapshots[1].id, table.table.snapshot_id);
  EXPECT_EQ(table.snapshots[1].operation, "append");
  ASSERT_EQ(table.logs.size(), 1u);
  EXPECT_EQ(table.logs[0].of, look().log.log_id);
  EXPECT_GE(table.logs[0].low_water, 3u);
  ASSERT_EQ(table.sources.size(), 1u);
  EXPECT_EQ(table.sources[0].of, "file:1");
  EXPECT_EQ(table.sources[0].low_water, 11u);
  EXPECT_EQ(table.epoch, 1u);
  EXPECT_EQ(table.owner_opening_id, look().log.openings.back().id);
  EXPECT_TRUE(table.findings.empty());
}

TEST_F(InspectTest, ShowsAnOlderVersionWhenTheNewestIsDamaged) {
  make_plain();
  append(kPlain, numbers(0, 4));
  ASSERT_TRUE(engine_->flush().ok());
  append(kPlain, numbers(4, 2));
  ASSERT_TRUE(engine_->flush().ok());
  engine_.reset();
  const std::string newest = find("tables/demo/plain/metadata", ".metadata.json");
  flip(newest, 0);
  const TableInspection table = inspect_table(platform_->platform(), kPlain).value();
  ASSERT_EQ(table.findings.size(), 1u);
  EXPECT_TRUE(newest.ends_with(table.findings[0].object));
  EXPECT_EQ(table.snapshots.size(), 1u);
  EXPECT_EQ(inspect_table(platform_->platform(), kKeyed).error().code(), Code::kNotFound);
}

TEST_F(InspectTest, ShowsSnapshotsWithoutTheMarks) {
  make_plain();
  append(kPlain, numbers(0, 4));
  ASSERT_TRUE(engine_->flush().ok());
  engine_.reset();
  fs::remove(find("tables/demo/plain/marks", ".json"));
  const TableInspection table = inspect_table(platform_->platform(), kPlain).value();
  EXPECT_EQ(table.snapshots.size(), 1u);
  EXPECT_TRUE(table.logs.empty());
  ASSERT_EQ(table.findings.size(), 1u);
  EXPECT_THAT(table.findings[0].object, testing::HasSubstr("marks/"));
}

TEST_F(InspectTest, ListsPartsByDayWithBoundsAndOrigin) {
  ASSERT_TRUE(engine_->create_table(kKeyed, keyed_spec()).ok());
  append(kKeyed, visits({{"oslo", 3 * kDay}, {"bern", kDay + 5}, {"rome", kDay + 9000}}));
  ASSERT_TRUE(engine_->flush().ok());
  const PartList first = inspect_parts(platform_->platform(), kKeyed, 0).value();
  append(kKeyed, visits({{"kyiv", 2 * kDay}}));
  ASSERT_TRUE(engine_->flush().ok());
  const PartList list = inspect_parts(platform_->platform(), kKeyed, 0).value();
  ASSERT_EQ(list.parts.size(), 3u);
  EXPECT_TRUE(list.findings.empty());
  const auto day_of = [](const PartDescription& part) { return part.partition.at(0).value; };
  EXPECT_EQ(list.parts[0].partition[0].field, "at_day");
  EXPECT_EQ(day_of(list.parts[0]), "1970-01-02");
  EXPECT_EQ(day_of(list.parts[1]), "1970-01-03");
  EXPECT_EQ(day_of(list.parts[2]), "1970-01-04");
  EXPECT_EQ(list.parts[0].rows, 2u);
  ASSERT_EQ(list.parts[0].bounds.size(), 2u);
  EXPECT_EQ(list.parts[0].bounds[0].column, "id");
  EXPECT_EQ(list.parts[0].bounds[0].lower->bytes, "bern");
  EXPECT_EQ(list.parts[0].bounds[0].upper->bytes, "rome");
  EXPECT_EQ(list.parts[0].bounds[1].lower->int64, kDay);  // in microseconds, floored
  EXPECT_EQ(list.parts[0].bounds[1].upper->int64, kDay + 9000);
  EXPECT_EQ(list.parts[0].flush_id.size(), 32u);
  EXPECT_EQ(list.parts[0].flush_id, list.parts[2].flush_id);
  EXPECT_NE(list.parts[0].flush_id, list.parts[1].flush_id);
  EXPECT_EQ(list.parts[0].first_lsn, 1u);
  EXPECT_EQ(list.parts[1].first_lsn, list.parts[0].last_lsn + 1);
  EXPECT_EQ(list.parts[1].added_snapshot, list.snapshot_id);
  const PartList old = inspect_parts(platform_->platform(), kKeyed, first.snapshot_id).value();
  EXPECT_EQ(old.parts.size(), 2u);
  const auto unknown = inspect_parts(platform_->platform(), kKeyed, 12);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_THAT(unknown.error().message(), testing::HasSubstr(std::to_string(list.snapshot_id)));
}

TEST_F(InspectTest, FindsPartsThatAreMissingOrCut) {
  ASSERT_TRUE(engine_->create_table(kKeyed, keyed_spec()).ok());
  append(kKeyed, visits({{"oslo", 3 * kDay}, {"bern", kDay}}));
  ASSERT_TRUE(engine_->flush().ok());
  const PartList list = inspect_parts(platform_->platform(), kKeyed, 0).value();
  fs::remove(dir_ + "/tables/" + list.parts.at(0).key);
  fs::resize_file(dir_ + "/tables/" + list.parts.at(1).key, 100);
  const PartList damaged = inspect_parts(platform_->platform(), kKeyed, 0).value();
  EXPECT_EQ(damaged.parts.size(), 2u);
  ASSERT_EQ(damaged.findings.size(), 2u);
  EXPECT_EQ(damaged.findings[0].object, list.parts[0].key);
  EXPECT_EQ(damaged.findings[1].object, list.parts[1].key);
  EXPECT_EQ(damaged.findings[1].error.found(), 100u);
}

TEST_F(InspectTest, ShowsAPartThatLiesAnywhere) {
  ASSERT_TRUE(engine_->create_table(kKeyed, keyed_spec()).ok());
  append(kKeyed, visits({{"oslo", kDay}, {"bern", kDay + kSecond}}));
  ASSERT_TRUE(engine_->flush().ok());
  const std::string copy = dir_ + "/a copy.parquet";
  fs::copy(find("tables/demo/keyed/data", ".parquet"), copy);
  const ParquetFile file = inspect_part(open_local_file(copy).value(), copy).value();
  EXPECT_EQ(file.rows, 2u);
  EXPECT_EQ(file.bytes, fs::file_size(copy));
  EXPECT_FALSE(file.unreadable);
  ASSERT_GE(file.columns.size(), 2u);
  EXPECT_EQ(file.columns[0].name, "id");
  EXPECT_EQ(file.columns[0].field_id, 1);
  EXPECT_EQ(file.columns[0].repetition, "required");
  ASSERT_EQ(file.row_groups.size(), 1u);
  const ChunkDescription& time = file.row_groups[0].chunks.at(1);
  EXPECT_EQ(time.column, "at");
  EXPECT_EQ(time.codec, "ZSTD");
  EXPECT_EQ(time.lower, "1970-01-02T00:00:00Z");
  EXPECT_EQ(time.upper, "1970-01-02T00:00:01Z");
  EXPECT_EQ(time.nulls, 0u);
  EXPECT_THAT(time.encodings, testing::Contains("PLAIN"));
  EXPECT_TRUE(time.has_column_index);
  flip(copy, fs::file_size(copy) - 1);
  EXPECT_EQ(inspect_part(open_local_file(copy).value(), copy).error().code(), Code::kCorrupt);
}

TEST_F(InspectTest, OnlyRegularFilesAreOpened) {
  EXPECT_EQ(open_local_file(dir_).error().code(), Code::kInvalid);
  EXPECT_EQ(open_local_file(dir_ + "/absent").error().code(), Code::kNotFound);
}

TEST_F(InspectTest, ShowsEveryFrameOfASegmentAndHowItEnds) {
  make_plain();
  append(kPlain, numbers(0, 4), from_source("a", 7));
  append(kPlain, numbers(4, 2));
  engine_.reset();
  const std::string copy = dir_ + "/copy of a segment";
  fs::copy(find("log", ".seg"), copy);
  std::vector<FrameDescription> frames;
  const auto read = [&] {
    frames.clear();
    return inspect_segment(open_local_file(copy).value(), copy,
                           [&](const FrameDescription& frame) { frames.push_back(frame); });
  };
  const SegmentDescription segment = read().value();
  EXPECT_FALSE(segment.damage);
  EXPECT_EQ(segment.rows, 6u);
  EXPECT_EQ(segment.torn_bytes, 0u);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.front().type, "checkpoint");
  std::vector<FrameDescription> batches;
  uint64_t end = frames.front().offset;
  for (const FrameDescription& frame : frames) {
    EXPECT_EQ(frame.offset, end);
    end += frame.bytes;
    if (frame.type == "batch") batches.push_back(frame);
    EXPECT_LE(frame.confirmed_end, frame.offset);
  }
  EXPECT_EQ(end, segment.accepted_end);
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0].table, "demo.plain");
  EXPECT_EQ(batches[0].source, "a");
  EXPECT_EQ(batches[0].position, 7u);
  EXPECT_EQ(batches[1].rows, 2u);
  flip(copy, batches[0].offset + 50);
  const SegmentDescription damaged = read().value();
  EXPECT_EQ(damaged.damage->code(), Code::kCorrupt);
  EXPECT_EQ(damaged.damage->found(), batches[0].offset);
  EXPECT_EQ(damaged.accepted_end, batches[0].offset);
  flip(copy, 0);
  EXPECT_EQ(read().error().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace sluice
