// Tables whose columns changed: old parts are read by field id.
#include <gtest/gtest.h>

#include <cmath>

#include "query/table_fixture.h"

namespace sluice::query {
namespace {

using Kind = SchemaChange::Kind;
using Rows = std::vector<std::string>;

TableSpec pairs() {
  return {{{"id", Type::kString}, {"a", Type::kInt64}, {"b", Type::kInt64}}, {"id"}, ""};
}

/// One part with a row of each id, and a snapshot to come back to.
struct Table : TestTable {
  explicit Table(TableSpec spec) : TestTable(std::move(spec)) {}
  void put(const std::string& id, std::vector<Value> values) {
    values.insert(values.begin(), make_value(id));
    append({std::move(values)});
    flush();
  }
  AsOf now() { return {snapshot()->table().snapshot_id, 0}; }
  Rows rows_of(const AsOf& as_of) { return read_all(snapshot(as_of)->scan({})).value(); }
};

TEST(Evolution, ARenamedColumnKeepsItsValues) {
  Table table(pairs());
  table.put("x", {make_value(1), make_value(2)});
  const AsOf then = table.now();
  table.alter({{Kind::kRename, "a", "first"}, {Kind::kRename, "id", "key"}});
  EXPECT_EQ(table.rows("first = 1"), Rows{"'x' 1 2"});
  EXPECT_EQ(table.rows("key = 'x'"), Rows{"'x' 1 2"});
  table.put("x", {make_value(3), make_value(4)});
  EXPECT_EQ(table.rows(), Rows{"'x' 3 4"});
  EXPECT_EQ(table.rows_of(then), Rows{"'x' 1 2"});
  EXPECT_EQ(table.snapshot(then)->table().spec.key, std::vector<std::string>{"id"});
}

TEST(Evolution, TwoColumnsThatSwapTheirNamesKeepTheirValues) {
  Table table(pairs());
  table.put("x", {make_value(1), make_value(2)});
  table.alter({{Kind::kRename, "a", "b"}, {Kind::kRename, "b", "a"}});
  EXPECT_EQ(table.rows("b = 1 and a = 2"), Rows{"'x' 1 2"});
  EXPECT_EQ(table.snapshot()->table().spec.columns[1].name, "b");
}

TEST(Evolution, ADroppedColumnDoesNotComeBackUnderItsName) {
  Table table(pairs());
  table.put("x", {make_value(1), make_value(2)});
  const AsOf then = table.now();
  table.alter({{Kind::kDrop, "b"}});
  EXPECT_EQ(table.rows(), Rows{"'x' 1"});
  table.alter({{Kind::kAdd, "b", {}, Type::kInt64}});
  EXPECT_EQ(table.rows(), Rows{"'x' 1 null"});
  EXPECT_EQ(table.rows("b = 2"), Rows{});
  table.put("y", {make_value(3), make_value(4)});
  EXPECT_EQ(table.rows("b is not null"), Rows{"'y' 3 4"});
  EXPECT_EQ(table.rows_of(then), Rows{"'x' 1 2"});
}

TEST(Evolution, AWidenedColumnIsReadAndPrunedInOldPartsToo) {
  TableSpec spec{{{"id", Type::kString}, {"n", Type::kInt64}, {"f", Type::kDouble}}, {}, ""};
  spec.narrow = {"n", "f"};
  Table table(spec);
  table.put("x", {make_value(INT32_MAX), make_value(0.5)});
  table.put("y", {make_value(-1), make_value(std::nan(""))});
  table.alter({{Kind::kWiden, "n"}, {Kind::kWiden, "f"}});
  table.put("z", {make_value(int64_t{INT32_MAX} + 1), make_value(0.1)});
  EXPECT_EQ(table.rows("n > 2147483646").size(), 2u);
  EXPECT_EQ(table.rows("n = -1").size(), 1u);
  EXPECT_EQ(table.rows("f < 0.2").size(), 1u);
  EXPECT_EQ(table.rows("not f < 0.2").size(), 2u);
  const uint64_t opened = table.bucket.parts_opened;
  EXPECT_EQ(table.rows("n > 2147483647").size(), 1u);
  EXPECT_EQ(table.bucket.parts_opened - opened, 1u);  // bounds of four bytes prune, too
}

TEST(Evolution, ARenamedTimeKeepsItsNanosecondsAndItsDays) {
  TableSpec spec{{{"id", Type::kString}, {"time", Type::kTimestamp}}, {"id"}, "time"};
  Table table(spec);
  table.put("x", {make_time(1'234'567)});
  table.alter({{Kind::kRename, "time", "at"}});
  table.put("x", {make_time(1'234'568)});
  table.put("x", {make_time(1'234'567)});
  EXPECT_EQ(table.rows(), (Rows{"'x' 1234567", "'x' 1234568"}));
  ScanOptions options;
  options.from = 1'234'568;
  EXPECT_EQ(table.rows(options), Rows{"'x' 1234568"});
}

TEST(Evolution, AColumnThatWasAddedIsNullInRowsOfBefore) {
  Table table(pairs());
  table.put("x", {make_value(1), make_value(2)});
  table.alter({{Kind::kAdd, "later", {}, Type::kDouble, true}});
  table.put("y", {make_value(1), make_value(2), make_value(0.5)});
  EXPECT_EQ(table.rows("later is null"), Rows{"'x' 1 2 null"});
  EXPECT_EQ(table.rows("later = 0.5").size(), 1u);
}

}  // namespace
}  // namespace sluice::query
