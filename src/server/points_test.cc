#include "server/points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "source/records.h"

namespace sluice::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const TableName kName{"demo", "c"};

LayoutPtr layout(std::vector<Field> fields) {
  TableSpec spec;
  spec.columns = {{"time", Type::kTimestamp}, {"id", Type::kString}};
  spec.columns.insert(spec.columns.end(), fields.begin(), fields.end());
  spec.key = {"id"};
  spec.time = "time";
  return Layout::of(spec).value();
}

/// The text with what a reader may read behind it: garbage.
std::string padded(std::string_view text) {
  return std::string(text) + std::string(source::kRecordPaddingBytes, '"');
}

Points read(const LayoutPtr& columns, std::string_view text, Form form,
            OnConflict on_conflict = OnConflict::kReject, PointLimits limits = {}) {
  PointReader reader(limits, on_conflict);
  const std::string bytes = padded(text);
  return reader.read(kName, columns, std::string_view(bytes).substr(0, text.size()), form).value();
}

std::string one(std::string_view members) {
  return R"({"id":"a","time":"2026-01-01T00:00:00Z",)" + std::string(members) + "}";
}

std::string fault_of(const LayoutPtr& columns, std::string_view members) {
  const Points points = read(columns, one(members), Form::kOne);
  return points.faults.empty() ? "" : points.faults.front().field;
}

TEST(Points, ABatchFillsTheColumnsThatThereAre) {
  const Points points =
      read(layout({{"v", Type::kDouble}, {"n", Type::kInt64}}),
           R"({"points":[{"time":"1970-01-01T00:00:01.5Z","id":"x","v":1,"n":9007199254740993},
               {"id":"y","n":null,"time":"1970-01-01T02:00:00+02:00"}],"note":[1,{}]})",
           Form::kBatch);
  ASSERT_THAT(points.faults, IsEmpty());
  ASSERT_EQ(points.batch.rows(), 2u);
  EXPECT_EQ(points.count, 2u);
  EXPECT_EQ(points.batch.column(0).bytes(1), "y");
  EXPECT_EQ(points.batch.column(1).int64(0), 1'500'000'000);
  EXPECT_EQ(points.batch.column(1).int64(1), 0);
  EXPECT_EQ(points.batch.column(2).real(0), 1.0);
  EXPECT_EQ(points.batch.column(3).int64(0), 9007199254740993);
  EXPECT_TRUE(points.batch.column(3).is_null(1));
}

TEST(Points, FieldsThatAreNewTellTheirTypesAndNothingIsMadeYet) {
  const Points points = read(layout({}),
                             one(R"("n":1)") + "\n" + one(R"("n":1.5,"s":"x","z":null)") + "\n" +
                                 one(R"("b":true,"whole":7)"),
                             Form::kLines);
  EXPECT_TRUE(points.batch.empty());
  EXPECT_THAT(points.missing, ElementsAre(Field{"n", Type::kDouble}, Field{"s", Type::kString},
                                          Field{"b", Type::kBool}, Field{"whole", Type::kInt64}));
}

TEST(Points, AWholeNumberThatNoDoubleIsMakesNoDoubleColumn) {
  const std::string text = one(R"("n":9007199254740993)") + "\n" + one(R"("n":0.5)");
  const Points points = read(layout({}), text, Form::kLines);
  EXPECT_THAT(points.missing, ElementsAre(Field{"n", Type::kInt64}));
  ASSERT_EQ(points.faults.size(), 1u);
  EXPECT_EQ(points.faults[0].place, 2u);
  EXPECT_EQ(points.faults[0].field, "n");
}

TEST(Points, AFieldOfABadPointAloneIsNotNew) {
  const std::string text = one(R"("n":"text","late":1)") + "\n" + one(R"("late":"x")");
  const Points points = read(layout({{"n", Type::kInt64}}), text, Form::kLines);
  EXPECT_EQ(points.faults_total, 1u);
  EXPECT_THAT(points.missing, ElementsAre(Field{"late", Type::kString}));
}

TEST(Points, AValueThatDoesNotFitNamesItsField) {
  const LayoutPtr columns =
      layout({{"n", Type::kInt64}, {"v", Type::kDouble}, {"b", Type::kBool}, {"s", Type::kString}});
  EXPECT_EQ(fault_of(columns, R"("n":1.0)"), "n");
  EXPECT_EQ(fault_of(columns, R"("n":9223372036854775808)"), "n");
  EXPECT_EQ(fault_of(columns, R"("v":9007199254740993)"), "v");
  EXPECT_EQ(fault_of(columns, R"("v":"1")"), "v");
  EXPECT_EQ(fault_of(columns, R"("b":1)"), "b");
  EXPECT_EQ(fault_of(columns, R"("s":1)"), "s");
  EXPECT_EQ(fault_of(columns, R"("s":["x"])"), "s");
  EXPECT_EQ(fault_of(columns, R"("s":"x","s":"y")"), "s");
  EXPECT_EQ(fault_of(columns, R"("new":1,"new":1)"), "new");
  EXPECT_EQ(fault_of(columns, R"("new":1e999)"), "new");
  EXPECT_EQ(fault_of(columns, R"("new":18446744073709551617)"), "new");
  EXPECT_EQ(fault_of(columns, R"("_own":1)"), "_own");
  EXPECT_EQ(fault_of(columns, R"("":1)"), "");
  EXPECT_EQ(fault_of(columns, R"("n":1,"v":1e3,"b":false,"s":"x")"), "");
}

TEST(Points, WhatDoesNotFitIsKeptIfItShall) {
  const std::string text = one(R"("n":"x","deep":{ "a": [1, "\u00e9"] },"_own":1.50)");
  const LayoutPtr bare = layout({{"n", Type::kInt64}});
  const Points first = read(bare, text, Form::kOne, OnConflict::kKeep);
  EXPECT_THAT(first.missing, ElementsAre(Field{"_rest", Type::kString}));
  const LayoutPtr whole = layout({{"n", Type::kInt64}, {"_rest", Type::kString}});
  const Points points = read(whole, text, Form::kOne, OnConflict::kKeep);
  ASSERT_EQ(points.batch.rows(), 1u);
  EXPECT_TRUE(points.batch.column(2).is_null(0));
  EXPECT_EQ(points.batch.column(3).bytes(0), R"({"n":"x","deep":{"a":[1,"\u00e9"]},"_own":1.50})");
}

TEST(Points, BatchesHaveALimit) {
  PointLimits limits;
  limits.points_max = 2;
  const auto batch = [](int points) {
    std::string list;
    for (int i = 0; i < points; ++i) list += (i == 0 ? "" : ",") + one(R"("n":1)");
    return R"({"points":[)" + list + "]}";
  };
  const LayoutPtr columns = layout({{"n", Type::kInt64}});
  const auto faults = [&](const std::string& text) {
    return read(columns, text, Form::kBatch, OnConflict::kReject, limits).faults;
  };
  EXPECT_THAT(faults(batch(2)), IsEmpty());
  ASSERT_EQ(faults(batch(3)).size(), 1u);
  EXPECT_TRUE(faults(batch(3)).front().is_shape);
  EXPECT_TRUE(faults(batch(0)).front().is_shape);
}

TEST(Points, GroupsAreCountedByTheHashOfTheDevice) {
  // FNV-1a of 32 bits has published values.
  EXPECT_EQ(hash_of(""), 2166136261u);
  EXPECT_EQ(hash_of("a"), 0xe40c292cu);
  EXPECT_EQ(hash_of("foobar"), 0xbf9cf968u);
  PointLimits limits;
  limits.groups_total = 65'536;
  std::string text;
  for (const char* id : {"a", "b", "a", "c", "c"}) {
    text += R"({"time":"2026-01-01T00:00:00Z","id":")" + std::string(id) + "\"}\n";
  }
  const Points points = read(layout({}), text, Form::kLines, OnConflict::kReject, limits);
  EXPECT_EQ(points.groups, 3u);
  EXPECT_EQ(points.first_group, hash_of("demo:c:a") % 65'536);
}

TEST(Points, ATextThatIsCutAnywhereIsNoPoint) {
  const std::string text =
      R"({"points":[{"id":"a\n","time":"2026-01-01T00:00:00Z","v":-1.5e3,"b":true,"s":"\u00e9"}]})";
  const LayoutPtr columns =
      layout({{"v", Type::kDouble}, {"b", Type::kBool}, {"s", Type::kString}});
  ASSERT_EQ(read(columns, text, Form::kBatch).batch.rows(), 1u);
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(read(columns, text.substr(0, size), Form::kBatch).faults_total, 1u) << size;
  }
}

TEST(Points, TheOrderOfFieldsDoesNotMatter) {
  const std::vector<Field> fields = {{"a", Type::kInt64},
                                     {"b", Type::kInt64},
                                     {"c", Type::kInt64},
                                     {"a b", Type::kInt64},
                                     {"ab", Type::kInt64}};
  const LayoutPtr columns = layout(fields);
  std::mt19937_64 chance(1);
  std::string text;
  std::vector<std::vector<std::optional<int64_t>>> expected;
  for (int row = 0; row < 500; ++row) {
    std::vector<std::pair<std::string, std::string>> members = {
        {"id", "\"d\""}, {"time", "\"2026-01-01T00:00:00Z\""}};
    expected.emplace_back(fields.size());
    for (size_t at = 0; at < fields.size(); ++at) {
      if (chance() % 3 == 0) continue;
      expected.back()[at] = static_cast<int64_t>(chance() % 1000);
      members.emplace_back(fields[at].name, std::to_string(*expected.back()[at]));
    }
    std::shuffle(members.begin(), members.end(), chance);
    std::string object;
    for (const auto& [name, value] : members) {
      object += (object.empty() ? "{\"" : ",\"") + name + "\":" + value;
    }
    text += object + "}\n";
  }
  const Points points = read(columns, text, Form::kLines);
  ASSERT_EQ(points.batch.rows(), expected.size());
  for (uint32_t row = 0; row < expected.size(); ++row) {
    for (size_t at = 0; at < fields.size(); ++at) {
      const ColumnView column = points.batch.column(at + 2);
      ASSERT_EQ(column.is_null(row), !expected[row][at].has_value());
      if (expected[row][at]) {
        ASSERT_EQ(column.int64(row), *expected[row][at]);
      }
    }
  }
}

TEST(Points, OtherTablesAreNoCollections) {
  TableSpec spec;
  spec.columns = {{"device", Type::kString}, {"time", Type::kTimestamp}};
  spec.key = {"device"};
  spec.time = "time";
  EXPECT_EQ(Layout::of(spec).error().code(), Code::kInvalid);
}

}  // namespace
}  // namespace sluice::server
