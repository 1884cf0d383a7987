// What an engine promises, of one's own and of another process's: the same tests for both.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <limits>
#include <thread>

#include "remote/served_fixture.h"

namespace sluice::remote {
namespace {

enum class Way { kOwn, kSocket };

class EngineByWay : public testing::TestWithParam<Way> {
 protected:
  EngineByWay() { reach(); }
  void reach() {
    if (GetParam() == Way::kSocket) remote_ = connect(served_.dir).value();
  }
  Engine& engine() { return remote_ ? *remote_ : *served_.engine; }
  std::vector<std::string> rows(const ScanOptions& options = {}) {
    const auto snapshot = engine().snapshot(kWeather).value();
    return rows_of(*snapshot->scan(options).value());
  }

  ServedEngine served_;
  std::unique_ptr<Engine> remote_;
};
INSTANTIATE_TEST_SUITE_P(Engines, EngineByWay, testing::Values(Way::kOwn, Way::kSocket),
                         [](const auto& tested) {
                           return tested.param == Way::kOwn ? "Own" : "Socket";
                         });

TEST_P(EngineByWay, ShowsAcknowledgedRowsBeforeAndAfterTheirFlush) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  const Appended ack = engine().append(kWeather, weather("oslo", 0, 2), {}).value();
  EXPECT_GT(ack.lsn, 0u);
  EXPECT_FALSE(ack.duplicate);
  ASSERT_TRUE(engine().append(kWeather, weather("oslo", 1, 2), {}).ok());
  const std::vector<std::string> before = rows();
  EXPECT_EQ(count_rows(engine(), kWeather), 3u);
  EXPECT_EQ(engine().describe(kWeather).value().unflushed_rows, 4u);

  const FlushReport report = engine().flush(kWeather).value();
  EXPECT_EQ(report.rows, 3u);
  EXPECT_EQ(report.rows_replaced, 1u);
  EXPECT_EQ(report.parts, 1u);
  EXPECT_EQ(report.partitions, 1u);
  EXPECT_GT(report.bytes, 0u);
  EXPECT_EQ(engine().flush().value().rows, 0u);
  EXPECT_EQ(rows(), before);

  const TableDescription table = engine().describe(kWeather).value();
  EXPECT_EQ(table.stored_rows, 3u);
  EXPECT_EQ(table.unflushed_rows, 0u);
  EXPECT_EQ(table.spec.columns, weather_spec().columns);
  EXPECT_EQ(table.spec.key, weather_spec().key);
  EXPECT_EQ(table.spec.time, "time");
  const auto tables = engine().tables().value();
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].name, kWeather);
}

TEST_P(EngineByWay, DropsABatchThatASourceSendsAgain) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  AppendOptions options{.source = SourcePosition{"file.csv", 10}};
  EXPECT_FALSE(engine().append(kWeather, weather("oslo", 0, 2), options).value().duplicate);
  EXPECT_TRUE(engine().append(kWeather, weather("oslo", 0, 2), options).value().duplicate);
  EXPECT_EQ(engine().source_position(kWeather, "file.csv").value(), 10u);
  EXPECT_EQ(engine().source_position(kWeather, "other").value(), 0u);
  const auto sources = engine().sources(kWeather).value();
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].source, "file.csv");
  EXPECT_EQ(sources[0].position, 10u);

  options.source = SourcePosition{"file.csv", 30, 20};
  const auto gap = engine().append(kWeather, weather("oslo", 9, 1), options);
  ASSERT_FALSE(gap.ok());
  EXPECT_EQ(gap.error().reason(), Reason::kSequenceViolation);
  EXPECT_EQ(gap.error().expected(), 10u);
  EXPECT_EQ(gap.error().found(), 20u);
}

TEST_P(EngineByWay, GivesRisingPlacesInTheLogToBatchesOfOneThread) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  std::vector<std::promise<Result<Appended>>> acks(200);
  for (size_t i = 0; i < acks.size(); ++i) {
    const auto told = [&ack = acks[i]](Result<Appended> verdict) {
      ack.set_value(std::move(verdict));
    };
    ASSERT_TRUE(engine().append(kWeather, weather("oslo", 0, 1), {}, told).ok());
  }
  uint64_t last = 0;
  for (auto& ack : acks) {
    const uint64_t lsn = ack.get_future().get().value().lsn;
    EXPECT_GT(lsn, last);
    last = lsn;
  }
}

AppendOptions by(AckClass ack) {
  AppendOptions options;
  options.ack = ack;
  return options;
}

TEST_P(EngineByWay, AcknowledgesInEachClassAndWithoutSomebodyToTell) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("a", 0, 1), by(AckClass::kMemory)).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("b", 0, 1), by(AckClass::kLog)).ok());
  std::promise<uint64_t> stored_then;
  const auto told = [&](Result<Appended> verdict) { stored_then.set_value(verdict->lsn); };
  ASSERT_TRUE(engine().append(kWeather, weather("c", 0, 1), by(AckClass::kTable), told).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("d", 0, 1), {}, nullptr).ok());
  ASSERT_TRUE(engine().flush(kWeather).ok());
  EXPECT_GT(stored_then.get_future().get(), 0u);
  EXPECT_EQ(engine().describe(kWeather).value().stored_rows, 4u);
}

const TableName kAllTypes{"demo", "types"};

Batch all_types() {
  BatchBuilder builder(Schema::make({{"id", Type::kInt64},
                                     {"flag", Type::kBool},
                                     {"real", Type::kDouble},
                                     {"text", Type::kString},
                                     {"raw", Type::kBinary},
                                     {"at", Type::kTimestamp},
                                     {"never", Type::kString}})
                           .value());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::optional<int64_t> none;
  builder.append_row(int64_t{(1ll << 53) + 1}, true, nan, "fj\xc3\xb8rd", std::string("\0\xff", 2),
                     int64_t{1'763'683'200'123'456'789}, std::nullopt);
  builder.append_row(INT64_MIN, false, -infinity, "", "", int64_t{-1}, std::nullopt);
  builder.append_row(INT64_MAX, std::nullopt, -0.0, std::nullopt, std::nullopt, none, std::nullopt);
  builder.append_row(int64_t{0}, true, std::nullopt, "x", "y", int64_t{0}, std::nullopt);
  return builder.finish().value();
}

TEST_P(EngineByWay, KeepsValuesOfEachTypeToTheBit) {
  const Batch sent = all_types();
  ASSERT_TRUE(engine().create_table(kAllTypes, {sent.schema()->fields(), {}, ""}).ok());
  ASSERT_TRUE(engine().append(kAllTypes, sent).ok());
  for (const bool is_flushed : {false, true}) {
    if (is_flushed) {
      ASSERT_TRUE(engine().flush(kAllTypes).ok());
    }
    const auto snapshot = engine().snapshot(kAllTypes).value();
    const auto cursor = snapshot->scan({}).value();
    EXPECT_EQ(cursor->schema()->fields(), sent.schema()->fields());
    const Batch got = cursor->next().value().value();
    ASSERT_EQ(got.rows(), sent.rows());
    BatchBuilder again(sent.schema());
    for (size_t column = 0; column < sent.schema()->size(); ++column) {
      again.append_run(column, got.column(column), 0, got.rows());
    }
    EXPECT_EQ(as_text(again.finish().value().bytes()), as_text(sent.bytes()));
    EXPECT_FALSE(cursor->next().value().has_value());
  }
}

TEST_P(EngineByWay, AnswersQueriesWithAllTheirOptions) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("oslo", 0, 20'000)).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("rome", 0, 5)).ok());
  ScanOptions options;
  options.columns = {"temp", "station"};
  options.where = parse_predicate("station = 'oslo' and not (temp < 2 or temp is null)").value();
  options.from = 2 * kSecond;
  options.to = 100 * kSecond;
  options.order = parse_order("temp:desc").value();
  options.limit = 3;
  const auto snapshot = engine().snapshot(kWeather).value();
  EXPECT_EQ(snapshot->table().name, kWeather);
  EXPECT_EQ(snapshot->table().unflushed_rows, 20'005u);
  const auto cursor = snapshot->scan(options).value();
  const Batch top = cursor->next().value().value();
  ASSERT_EQ(top.rows(), 3u);
  EXPECT_EQ(top.column(0).real(0), 49.5);
  EXPECT_EQ(top.column(0).real(2), 48.5);

  Grouping grouping;
  grouping.aggregates = parse_aggregates("count(*),max(temp)").value();
  grouping.every = parse_period("1h").value();
  grouping.zone = "Europe/Oslo";
  grouping.by = {"station"};
  const auto groups = snapshot->aggregate(grouping, {}).value();
  const Batch first = groups->next().value().value();
  EXPECT_EQ(first.rows(), 7u);  // six hours of oslo, one of rome
  EXPECT_EQ(first.column(2).int64(0), 3600);

  // Two cursors of one snapshot do not disturb each other, and rows come in several batches.
  const auto all = snapshot->scan({}).value();
  const auto same = snapshot->scan({}).value();
  const std::vector<std::string> rows = rows_of(*all);
  EXPECT_GT(rows.size(), 3u + 2);
  EXPECT_EQ(rows_of(*same), rows);
}

TEST_P(EngineByWay, ASnapshotStaysWhatItWas) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("oslo", 0, 10)).ok());
  const auto snapshot = engine().snapshot(kWeather).value();
  ASSERT_TRUE(engine().append(kWeather, weather("oslo", 50, 10)).ok());
  ASSERT_TRUE(engine().flush(kWeather).ok());
  uint64_t rows = 0;
  const auto cursor = snapshot->scan({}).value();
  while (const auto batch = cursor->next().value()) rows += batch->rows();
  EXPECT_EQ(rows, 10u);
  EXPECT_EQ(count_rows(engine(), kWeather), 20u);
}

TEST_P(EngineByWay, ChangesTablesAsTheirOperatorAsks) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine().add_columns(kWeather, {{"wind", Type::kInt64}}).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("oslo", 0, 4)).ok());
  ASSERT_TRUE(engine().flush(kWeather).ok());
  const uint64_t first = engine().describe(kWeather).value().snapshot_id;
  ASSERT_TRUE(engine().tag(kWeather, {.name = "before", .max_age = 3600 * kSecond}).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("rome", 0, 4)).ok());
  const SchemaChange rename{SchemaChange::Kind::kRename, "temp", "celsius"};
  ASSERT_TRUE(engine().alter(kWeather, {rename}).ok());
  EXPECT_EQ(engine().describe(kWeather).value().spec.columns[2].name, "celsius");
  const auto refused = engine().append(kWeather, weather("rome", 9, 1));
  EXPECT_EQ(refused.error().reason(), Reason::kUnknownColumn);
  EXPECT_EQ(refused.error().where(), "temp");

  ASSERT_TRUE(engine().rollback(kWeather, first).ok());
  EXPECT_EQ(count_rows(engine(), kWeather), 4u);
  EXPECT_EQ(engine().untag(kWeather, "other").error().code(), Code::kNotFound);
  ASSERT_TRUE(engine().untag(kWeather, "before").ok());
  const auto expired = engine().expire(kWeather, {.keep_last = 1, .dry_run = true}).value();
  EXPECT_GT(expired.kept, 0u);
  ASSERT_TRUE(engine().relocate(kWeather).ok());
  const auto swept = engine().sweep(kWeather, {.grace = 60 * kSecond, .dry_run = true}).value();
  EXPECT_EQ(swept.table, kWeather);
  EXPECT_TRUE(swept.dry_run);
  EXPECT_GT(swept.named, 0u);
}

TEST_P(EngineByWay, TellsOfItself) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("oslo", 0, 4)).ok());
  EXPECT_EQ(count_rows(engine(), kWeather), 4u);  // applied by now
  const EngineStatus status = engine().status();
  EXPECT_FALSE(status.failure.has_value());
  EXPECT_GT(status.durable_lsn, 0u);
  EXPECT_GT(status.memory_bytes_max, 0u);
  const EngineStatus own = served_.engine->status();
  EXPECT_EQ(status.memory_bytes_max, own.memory_bytes_max);
  EXPECT_EQ(status.unflushed_rows, own.unflushed_rows);
  EXPECT_EQ(status.rows_appended, own.rows_appended);
  EXPECT_EQ(engine().pending(10).size(), served_.engine->pending(10).size());
  EXPECT_TRUE(engine().pending(0).empty());
}

TEST_P(EngineByWay, TakesRowsOfSixtyFourWritersAtATime) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  constexpr int kWriters = 64;
  constexpr int kBatches = 20;
  std::vector<std::thread> writers;
  std::atomic<int> acknowledged = 0;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kBatches; ++i) {
        const auto ack = engine().append(kWeather, weather("s" + std::to_string(writer), i, 1));
        acknowledged += ack.ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(acknowledged, kWriters * kBatches);
  EXPECT_EQ(count_rows(engine(), kWeather), uint64_t{kWriters * kBatches});
}

TEST_P(EngineByWay, RefusesEverythingAfterItsClose) {
  ASSERT_TRUE(engine().create_table(kWeather, weather_spec()).ok());
  ASSERT_TRUE(engine().append(kWeather, weather("oslo", 0, 4)).ok());
  const auto snapshot = engine().snapshot(kWeather).value();
  ASSERT_TRUE(engine().close().ok());
  EXPECT_TRUE(engine().close().ok());
  for (const Error& error :
       {engine().append(kWeather, weather("oslo", 9, 1)).error(), engine().flush(kWeather).error(),
        engine().snapshot(kWeather).error()}) {
    EXPECT_EQ(error.code(), Code::kCancelled) << error.to_string();
    EXPECT_EQ(error.reason(), Reason::kClosed) << error.to_string();
  }
  EXPECT_EQ(snapshot->scan({}).value()->next().value()->rows(), 4u);
}

/// What is not allowed, and how each engine says so.
std::vector<Error> refusals(Engine& engine) {
  TableSpec bad = weather_spec();
  bad.key = {"nowhere"};
  TableSpec other = weather_spec();
  other.columns[2].type = Type::kString;
  ScanOptions unknown;
  unknown.columns = {"nowhere"};
  ScanOptions mistyped;
  mistyped.where = parse_predicate("temp = 'cold'").value();
  const auto snapshot = engine.snapshot(kWeather).value();
  return {
      engine.create_table({"demo", "new"}, bad).error(),
      engine.create_table({"a/b", "c"}, weather_spec()).error(),
      engine.create_table(kWeather, other).error(),
      engine.add_columns(kWeather, {{"temp", Type::kBool}}).error(),
      engine.alter(kWeather, {{SchemaChange::Kind::kDrop, "nowhere"}}).error(),
      engine.alter(kWeather, {{SchemaChange::Kind::kDrop, "station"}}).error(),
      engine.tag(kWeather, {.name = "main"}).error(),
      engine.tag(kWeather, {.name = "x", .snapshot_id = 7}).error(),
      engine.expire(kWeather, {}).error(),
      engine.rollback(kWeather, 7).error(),
      engine.sweep(kWeather, {.grace = 1}).error(),
      engine.describe({"demo", "absent"}).error(),
      engine.relocate({"", "\n"}).error(),
      engine.flush({"demo", "absent"}).error(),
      engine.snapshot({"demo", "absent"}).error(),
      engine.source_position({"demo", "absent"}, "s").error(),
      engine.sources({"demo", "absent"}).error(),
      engine.append({"demo", "absent"}, weather("oslo", 0, 1)).error(),
      engine.append(kWeather, all_types()).error(),
      engine.append(kWeather, Batch()).error(),
      engine.append(kWeather, weather("oslo", 0, 1), {.source = SourcePosition{"", 1}}).error(),
      engine.append(kWeather, weather("oslo", 0, 1), {.source = SourcePosition{"s", 0}}).error(),
      snapshot->scan(unknown).error(),
      snapshot->scan(mistyped).error(),
      snapshot->aggregate({}, unknown).error()};
}

TEST(RemoteEngine, SaysWhatIsWrongInTheWordsOfTheEngine) {
  ServedEngine served;
  ASSERT_TRUE(served.engine->create_table(kWeather, weather_spec()).ok());
  const auto remote = connect(served.dir).value();
  const std::vector<Error> expected = refusals(*served.engine);
  const std::vector<Error> told = refusals(*remote);
  ASSERT_EQ(told.size(), expected.size());
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].to_string(), expected[i].to_string());
    EXPECT_EQ(told[i].code(), expected[i].code()) << expected[i].to_string();
    EXPECT_EQ(told[i].reason(), expected[i].reason()) << expected[i].to_string();
    EXPECT_EQ(told[i].where(), expected[i].where());
    EXPECT_EQ(told[i].expected(), expected[i].expected());
    EXPECT_EQ(told[i].found(), expected[i].found());
  }
}

}  // namespace
}  // namespace sluice::remote
