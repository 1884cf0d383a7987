#include "query/view.h"

#include <gtest/gtest.h>

#include "query/table_fixture.h"

namespace sluice::query {
namespace {

TableSpec readings() {
  return {{{"id", Type::kString}, {"n", Type::kInt64}}, {"id"}, {}};
}

TEST(Describe, CountsWhatIsStoredAndWhatIsNot) {
  TestTable table(readings());
  TableDescription before = table.snapshot()->table();
  EXPECT_EQ(before.snapshot_id, 0u);
  EXPECT_EQ(before.parts, 0u);
  EXPECT_EQ(before.last_commit_wall_time, 0);
  EXPECT_EQ(before.location, "/lake/db/coll");
  EXPECT_EQ(before.spec.key, std::vector<std::string>{"id"});
  EXPECT_EQ(before.spec.columns.size(), 2u);

  table.append({{make_value("a"), make_value(1)}, {make_value("b"), make_value(2)}});
  table.flush();
  table.append({{make_value("a"), make_value(3)}});
  table.flush();
  table.append({{make_value("a"), make_value(4)}, {make_value("c"), make_value(5)}});
  const TableDescription after = table.snapshot()->table();
  EXPECT_NE(after.snapshot_id, 0u);
  EXPECT_EQ(after.snapshots, 2u);
  EXPECT_EQ(after.parts, 2u);
  EXPECT_EQ(after.stored_rows, 3u);
  EXPECT_EQ(after.unflushed_rows, 2u);
  EXPECT_GT(after.last_commit_wall_time, 1'700'000'000 * kSecond - 1);
  EXPECT_EQ(after.metadata,
            "/lake/db/coll/metadata/v" + std::to_string(after.version) + ".metadata.json");
  uint64_t bytes = 0;
  for (const auto& [key, object] : table.bucket.objects) {
    if (key.ends_with(".parquet")) bytes += object.size();
  }
  EXPECT_EQ(after.stored_bytes, bytes);
}

Grouping grouping(std::string_view aggregates) {
  Grouping made;
  made.aggregates = parse_aggregates(aggregates).value();
  return made;
}

std::string aggregated(TestTable& table, std::string_view text, const ScanOptions& options = {}) {
  const auto snapshot = table.snapshot();
  const auto rows = read_all(snapshot->aggregate(grouping(text), options));
  if (!rows.ok()) return rows.error().to_string();
  return rows->empty() ? "no row" : rows->front();
}

TEST(Snapshot, AggregatesTheRowsThatCount) {
  TestTable table(readings());
  table.append({{make_value("a"), make_value(1)}, {make_value("b"), make_value(10)}});
  table.flush();
  table.append({{make_value("a"), make_value(2)}, {make_value("c"), null_value()}});
  EXPECT_EQ(aggregated(table, "count(*),count(n),sum(n),min(id)"), "3 2 12 'a'");
  ScanOptions options;
  options.where = parse_predicate("n < 5").value();
  EXPECT_EQ(aggregated(table, "count(*),sum(n)", options), "1 2");
  options.where.reset();
  options.limit = 1;
  EXPECT_EQ(aggregated(table, "count(*)", options), "3");
  options.limit = 0;
  EXPECT_EQ(aggregated(table, "count(*)", options), "no row");
}

TEST(Snapshot, AnAggregationNamesItsColumnsItself) {
  TestTable table(readings());
  ScanOptions options;
  options.columns = {"id"};
  EXPECT_EQ(table.snapshot()->aggregate(grouping("count(*)"), options).error().code(),
            Code::kInvalid);
}

TEST(Snapshot, ReadsNothingBeforeTheFirstScanAndListsPartsOnce) {
  TestTable table(readings());
  table.append({{make_value("a"), make_value(1)}});
  table.flush();
  const auto snapshot = table.snapshot();
  table.append({{make_value("b"), make_value(1)}});
  table.bucket.broken = true;
  EXPECT_EQ(snapshot->scan({}).error().code(), Code::kIo);
  table.bucket.broken = false;
  EXPECT_EQ(read_rows(*snapshot, {}).value(), std::vector<std::string>{"'a' 1"});
  std::erase_if(table.bucket.objects,
                [](const auto& object) { return object.first.ends_with(".avro"); });
  EXPECT_EQ(read_rows(*snapshot, {}).value(), std::vector<std::string>{"'a' 1"});
}

TEST(Snapshot, KeepsItsRowsWhileTheTableGoesOn) {
  TestTable table(readings());
  table.append({{make_value("a"), make_value(1)}});
  const auto old = table.snapshot();
  table.append({{make_value("a"), make_value(2)}});
  table.flush();
  EXPECT_EQ(read_rows(*old, {}).value(), std::vector<std::string>{"'a' 1"});
  EXPECT_EQ(table.rows(), std::vector<std::string>{"'a' 2"});
}

TEST(HeadAsOf, HasTheRowsAndTheColumnsOfThen) {
  TestTable table(readings());
  std::vector<TableDescription> states;
  for (const char* id : {"a", "b", "c"}) {
    table.append({{make_value(id), make_value(1)}});
    table.flush();
    states.push_back(table.snapshot()->table());
  }
  table.add_columns({{"later", Type::kBool}});
  const auto rows = [&](const AsOf& as_of) { return read_all(table.snapshot(as_of)->scan({})); };
  const AsOf first{states[0].snapshot_id, 0};
  EXPECT_EQ(rows(first).value(), std::vector<std::string>{"'a' 1"});
  EXPECT_EQ(table.snapshot(first)->table().snapshot_id, states[0].snapshot_id);
  EXPECT_EQ(rows({states[1].snapshot_id, 0})->size(), 2u);
  EXPECT_EQ(rows({{}, states[1].last_commit_wall_time})->size(), 2u);
  EXPECT_EQ(rows({{}, states[2].last_commit_wall_time - 1})->size(), 2u);
  EXPECT_EQ(rows({{}, INT64_MAX})->size(), 3u);
  EXPECT_EQ(table.rows().front(), "'a' 1 null");
}

TEST(HeadAsOf, AnErrorSaysWhichSnapshotsThereAre) {
  TestTable table(readings());
  const AsOf early{{}, 0};
  const auto empty = head_as_of(*table.head(), early);
  EXPECT_EQ(empty.error().code(), Code::kNotFound);
  EXPECT_NE(empty.error().message().find("nothing has been committed"), std::string::npos);
  table.append({{make_value("a"), make_value(1)}});
  table.flush();
  const auto id = std::to_string(table.snapshot()->table().snapshot_id);
  for (const AsOf& as_of : {early, AsOf{12345, 0}}) {
    const auto error = head_as_of(*table.head(), as_of).error();
    EXPECT_EQ(error.code(), Code::kNotFound);
    EXPECT_NE(error.message().find("the oldest is " + id), std::string::npos);
  }
}

TEST(Snapshot, AQueryHasAMebibyteAtLeast) {
  TestTable table(readings());
  ScanOptions options;
  options.memory_bytes = kQueryMemoryMin - 1;
  EXPECT_EQ(table.snapshot()->scan(options).error().reason(), Reason::kOutOfRange);
}

}  // namespace
}  // namespace sluice::query
