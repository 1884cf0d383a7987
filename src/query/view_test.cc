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

std::string aggregated(TestTable& table, std::string_view text, const ScanOptions& options = {}) {
  const auto result = table.snapshot()->aggregate(parse_aggregates(text).value(), options);
  if (!result.ok()) return result.error().to_string();
  std::vector<std::string> rows;
  spell_rows(*result, rows);
  return rows[0];
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
  options.limit = 1;
  options.where.reset();
  EXPECT_EQ(aggregated(table, "count(*)", options), "3");
}

TEST(Snapshot, AnAggregationNamesItsColumnsItself) {
  TestTable table(readings());
  ScanOptions options;
  options.columns = {"id"};
  const auto result = table.snapshot()->aggregate(parse_aggregates("count(*)").value(), options);
  EXPECT_EQ(result.error().code(), Code::kInvalid);
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

}  // namespace
}  // namespace sluice::query
