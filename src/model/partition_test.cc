#include "model/partition.h"

#include <gtest/gtest.h>

#include "model/schema.h"

namespace sluice::model {
namespace {

using Fields = std::vector<PartitionField>;

TableSpec readings(Fields partition) {
  return {{{"id", Type::kString},
           {"time", Type::kTimestamp},
           {"seen", Type::kTimestamp},
           {"region", Type::kString},
           {"n", Type::kInt64},
           {"x", Type::kDouble},
           {"wet", Type::kBool}},
          {"id"},
          "time",
          std::move(partition)};
}

/// Of a table without key.
TableSpec events(Fields partition) {
  TableSpec spec = readings(std::move(partition));
  spec.key.clear();
  return spec;
}

void expect_refused(const TableSpec& spec, std::string_view where) {
  const Status checked = check_table_spec(spec);
  ASSERT_FALSE(checked.ok()) << where;
  EXPECT_EQ(checked.error().code(), Code::kInvalid);
  EXPECT_EQ(checked.error().where(), where);
}

TEST(Partition, OfATableWithTimeIsItsDayUnlessItIsSaid) {
  TableSpec spec = readings({});
  EXPECT_EQ(partition_of(spec), Fields{});
  spec.partition.reset();
  EXPECT_EQ(partition_of(spec), (Fields{{"time", Transform::kDay, 0}}));
  spec.time.clear();
  EXPECT_EQ(partition_of(spec), Fields{});
}

TEST(Partition, TakesWhatFitsTheColumns) {
  EXPECT_TRUE(check_table_spec(readings({})).ok());
  EXPECT_TRUE(check_table_spec(readings({{"time", Transform::kMonth, 0},
                                         {"id", Transform::kBucket, kBucketsMax}}))
                  .ok());
  EXPECT_TRUE(check_table_spec(readings({{"id", Transform::kIdentity, 0}})).ok());
  EXPECT_TRUE(check_table_spec(events({{"region", Transform::kIdentity, 0},
                                       {"n", Transform::kBucket, 1},
                                       {"wet", Transform::kIdentity, 0},
                                       {"seen", Transform::kHour, 0},
                                       {"time", Transform::kIdentity, 0}}))
                  .ok());
}

TEST(Partition, OfATableWithKeyIsMadeOfItsKeyAndTimeAlone) {
  expect_refused(readings({{"region", Transform::kIdentity, 0}}), "region");
  expect_refused(readings({{"id", Transform::kBucket, 4}, {"seen", Transform::kDay, 0}}), "seen");
}

TEST(Partition, RefusesColumnsAndTypesThatDoNotFit) {
  expect_refused(events({{"nowhere", Transform::kIdentity, 0}}), "nowhere");
  expect_refused(events({{"n", Transform::kDay, 0}}), "n");
  expect_refused(events({{"region", Transform::kHour, 0}}), "region");
  expect_refused(events({{"x", Transform::kIdentity, 0}}), "x");
  expect_refused(events({{"x", Transform::kBucket, 4}}), "x");
  expect_refused(events({{"wet", Transform::kBucket, 4}}), "wet");
  expect_refused(events({{"n", Transform::kBucket, 0}}), "n");
  expect_refused(events({{"n", Transform::kBucket, kBucketsMax + 1}}), "n");
  expect_refused(events({{"n", Transform::kIdentity, 4}}), "n");
}

TEST(Partition, RefusesWhatIsNamedTwice) {
  expect_refused(events({{"n", Transform::kBucket, 4}, {"n", Transform::kBucket, 8}}), "n");
  expect_refused(events({{"time", Transform::kDay, 0}, {"time", Transform::kHour, 0}}), "time");
  TableSpec spec = events({{"time", Transform::kDay, 0}});
  spec.columns.push_back({"time_day", Type::kInt64});
  expect_refused(spec, "time_day");
  Fields many;
  spec = events({});
  for (size_t at = 0; at <= kPartitionFieldsMax; ++at) {
    spec.columns.push_back({"c" + std::to_string(at), Type::kInt64});
    many.push_back({"c" + std::to_string(at), Transform::kIdentity, 0});
  }
  spec.partition = many;
  expect_refused(spec, "c16");
  spec.partition->pop_back();
  EXPECT_TRUE(check_table_spec(spec).ok());
}

TEST(PartitionText, IsReadAndWritten) {
  const std::vector<std::pair<std::string, Fields>> texts = {
      {"none", {}},
      {"day(time)", {{"time", Transform::kDay, 0}}},
      {"bucket(16,id)", {{"id", Transform::kBucket, 16}}},
      {"region", {{"region", Transform::kIdentity, 0}}},
      {"\"none\"", {{"none", Transform::kIdentity, 0}}},
      {"none2", {{"none2", Transform::kIdentity, 0}}},
      {"day,hour", {{"day", Transform::kIdentity, 0}, {"hour", Transform::kIdentity, 0}}},
      {"month(\"at, \"\"noon\"\"\"),hour(t),\"ø(1)\"",
       {{"at, \"noon\"", Transform::kMonth, 0},
        {"t", Transform::kHour, 0},
        {"ø(1)", Transform::kIdentity, 0}}},
  };
  for (const auto& [text, fields] : texts) {
    const auto parsed = parse_partition(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.error().to_string();
    EXPECT_EQ(*parsed, fields) << text;
    EXPECT_EQ(format_partition(fields), text);
  }
  EXPECT_EQ(*parse_partition(" bucket( 16 , id ) , day( time ) "),
            (Fields{{"id", Transform::kBucket, 16}, {"time", Transform::kDay, 0}}));
}

TEST(PartitionText, SaysWhereItIsWrong) {
  const std::vector<std::pair<std::string, uint64_t>> wrong = {{"", 0},
                                                               {"day(", 4},
                                                               {"day(time", 8},
                                                               {"year(time)", 0},
                                                               {"a,", 2},
                                                               {"a b", 2},
                                                               {"bucket(id)", 7},
                                                               {"bucket(0,id)", 7},
                                                               {"bucket(65537,id)", 7},
                                                               {"bucket(4 id)", 9},
                                                               {"\"a", 0},
                                                               {"\"\"", 2},
                                                               {"none,a", 4}};
  for (const auto& [text, offset] : wrong) {
    const auto parsed = parse_partition(text);
    if (text == "none,a") {
      EXPECT_TRUE(parsed.ok());  // columns
      continue;
    }
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalid);
    EXPECT_EQ(parsed.error().found(), offset) << text << ": " << parsed.error().to_string();
  }
}

}  // namespace
}  // namespace sluice::model
