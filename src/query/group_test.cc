#include "query/group.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "model/calendar.h"
#include "query/table_fixture.h"

namespace sluice::query {
namespace {

constexpr Nanos kHour = 3600 * kSecond;
constexpr Nanos kDay = 24 * kHour;

TableSpec telemetry() {
  return {{{"id", Type::kString},
           {"time", Type::kTimestamp},
           {"n", Type::kInt64},
           {"kind", Type::kString}},
          {"id"},
          "time"};
}
TableSpec events() {
  TableSpec spec = telemetry();
  spec.key.clear();
  return spec;
}

Row event(const std::string& id, Nanos time, Value n, Value kind = null_value()) {
  return {make_value(id), make_time(time), std::move(n), std::move(kind)};
}

Grouping grouping(std::string_view aggregates, std::string_view every = {},
                  std::vector<std::string> by = {}, std::string zone = "UTC") {
  Grouping made;
  made.aggregates = parse_aggregates(aggregates).value();
  if (!every.empty()) made.every = parse_period(every).value();
  made.by = std::move(by);
  made.zone = std::move(zone);
  return made;
}
using Texts = std::vector<std::string>;

Texts grouped(TestTable& table, const Grouping& by, const ScanOptions& options = {}) {
  const auto snapshot = table.snapshot();
  auto rows = read_all(snapshot->aggregate(by, options));
  EXPECT_TRUE(rows.ok()) << rows.error().to_string();
  return rows.ok() ? *rows : Texts();
}

TEST(Groups, AreForEachBucketAndEachCombinationOfValues) {
  TestTable table(telemetry());
  table.append({event("b", 5, make_value(1), make_value("x")),
                event("a", kHour, make_value(2), make_value("x")),
                event("a", kHour + 1, null_value()), event("b", kDay + 5, make_value(8))});
  table.flush();
  table.append({event("b", 6, make_value(16)), event("b", 5, make_value(32), make_value("x"))});
  EXPECT_EQ(grouped(table, grouping("sum(n),count(*)", "1h")),
            (Texts{"0 48 2", std::to_string(kHour) + " 2 2", std::to_string(kDay) + " 8 1"}));
  EXPECT_EQ(grouped(table, grouping("sum(n)", {}, {"kind"})), (Texts{"'x' 34", "null 24"}));
  EXPECT_EQ(grouped(table, grouping("count(*)", "1d", {"key"})),
            (Texts{"0 'a' 2", "0 'b' 2", std::to_string(kDay) + " 'b' 1"}));
  EXPECT_EQ(grouped(table, grouping("last(n),first(n)", {}, {"id"})),
            (Texts{"'a' 2 2", "'b' 8 32"}));
}

TEST(Groups, OfNoRowsThereAreNoneButOneIfNothingTellsThemApart) {
  TestTable table(events());
  EXPECT_EQ(grouped(table, grouping("count(*),max(n)")), Texts{"0 null"});
  EXPECT_EQ(grouped(table, grouping("count(*)", "1h")), Texts());
  EXPECT_EQ(grouped(table, grouping("count(*)", {}, {"id"})), Texts());
}

TEST(Groups, ABucketMayHoldPartsOfManyDaysAndOfTwo) {
  TestTable table(events());
  for (int day = 0; day < 40; ++day) {
    table.append(
        {event("a", day * kDay, make_value(1)), event("a", (day + 1) * kDay - 1, make_value(100))});
    table.flush();
  }
  EXPECT_EQ(grouped(table, grouping("sum(n)", "1mo")),
            (Texts{"0 3131", std::to_string(31 * kDay) + " 909"}));
  EXPECT_EQ(grouped(table, grouping("sum(n)", "1d", {}, "+12:00")).size(), 41u);
  EXPECT_EQ(grouped(table, grouping("sum(n)", "1d", {}, "+12:00"))[1],
            std::to_string(kDay / 2) + " 101");
}

TEST(Groups, ColumnsAreTheTimeTheValuesAndTheAggregates) {
  TestTable table(events());
  const auto snapshot = table.snapshot();
  const auto cursor =
      snapshot->aggregate(grouping("avg(n),max(kind)", "1h", {"kind", "id"}), {}).value();
  EXPECT_EQ(cursor->schema()->fields(), (std::vector<Field>{{"time", Type::kTimestamp},
                                                            {"kind", Type::kString},
                                                            {"id", Type::kString},
                                                            {"avg(n)", Type::kDouble},
                                                            {"max(kind)", Type::kString}}));
}

TEST(Groups, WhatCannotBeGroupedIsRefused) {
  TestTable table(events());
  TestTable timeless({{{"n", Type::kInt64}}, {}, {}});
  const auto refused = [](TestTable& of, const Grouping& by, ScanOptions options = {}) {
    const auto snapshot = of.snapshot();
    const auto cursor = snapshot->aggregate(by, options);
    EXPECT_EQ(cursor.error().code(), Code::kInvalid);
    return cursor.error().reason();
  };
  EXPECT_EQ(refused(timeless, grouping("count(*)", "1h")), Reason::kMissingColumn);
  EXPECT_EQ(refused(timeless, grouping("first(n)")), Reason::kMissingColumn);
  EXPECT_EQ(refused(table, grouping("count(*)", {}, {"nope"})), Reason::kUnknownColumn);
  EXPECT_EQ(refused(table, grouping("count(*)", {}, {"key"})), Reason::kUnknownColumn);
  EXPECT_EQ(refused(table, grouping("count(*)", "1h", {}, "Mars/Base")), Reason::kNone);
  EXPECT_EQ(refused(table, grouping("count(*)", {}, {"id", "id"})), Reason::kNone);
  ScanOptions per_key;
  per_key.limit_per_key = 1;
  EXPECT_EQ(refused(table, grouping("count(*)"), per_key), Reason::kNone);
}

/// Some ten thousand groups in each of three days, in parts that overlap.
void fill(TestTable& table, int rounds, uint32_t seed) {
  std::mt19937 random(seed);
  table.part_rows = 3000;
  for (int round = 0; round < rounds; ++round) {
    std::vector<Row> rows;
    for (int i = 0; i < 6000; ++i) {
      const Nanos time = random() % (3 * 24 * 60) * 60 * kSecond;
      rows.push_back(event("d" + std::to_string(random() % 7), time,
                           make_value(static_cast<int>(random() % 1000)),
                           random() % 3 == 0 ? null_value() : make_value(random() % 2 ? "x" : "")));
    }
    table.append(rows);
    if (round + 1 < rounds) table.flush();
  }
}

/// The same by a map of all rows, in the order of the scan.
Texts naively_grouped(TestTable& table, const Grouping& by) {
  struct Sums {
    int64_t count = 0;
    int64_t sum = 0;
    int64_t least = INT64_MAX;
    Nanos last_time = INT64_MIN;
  };
  std::map<std::vector<std::string>, Sums> groups;
  const auto calendar = Calendar::make(by.every.value_or(Period()), by.zone).value();
  const auto snapshot = table.snapshot();
  for (const Batch& batch : read_batches(snapshot->scan({})).value()) {
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      std::vector<std::string> key;
      const Nanos time = batch.column(1).int64(row);
      if (by.every) {
        std::string first = std::to_string(calendar.bucket_of(time).first + kDay * 1000);
        key.push_back(std::string(20 - first.size(), '0') + first);
      }
      for (const std::string& name : by.by) {
        const ColumnView view = batch.column(*batch.schema()->find(name));
        key.push_back(view.is_null(row) ? "null" : "'" + std::string(view.bytes(row)) + "'");
      }
      Sums& sums = groups[key];
      const int64_t n = batch.column(2).int64(row);
      ++sums.count;
      sums.sum += n;
      sums.least = std::min(sums.least, n);
      sums.last_time = std::max(sums.last_time, time);
    }
  }
  Texts rows;
  for (const auto& [key, sums] : groups) {
    std::string text;
    for (size_t at = 0; at < key.size(); ++at) {
      const bool bucket = at == 0 && by.every;
      text += (bucket ? std::to_string(std::stoll(key[at]) - kDay * 1000) : key[at]) + " ";
    }
    rows.push_back(text + std::to_string(sums.count) + " " + std::to_string(sums.sum) + " " +
                   std::to_string(sums.least) + " " + std::to_string(sums.last_time));
  }
  return rows;
}

/// A table and its partition.
using Groupable = std::pair<TableSpec (*)(), const char*>;
class ManyGroups : public testing::TestWithParam<Groupable> {};
INSTANTIATE_TEST_SUITE_P(Tables, ManyGroups,
                         testing::Values(Groupable{telemetry, "day(time)"},
                                         Groupable{events, "day(time)"},
                                         Groupable{telemetry, "hour(time),bucket(2,id)"},
                                         Groupable{telemetry, "bucket(3,id),day(time)"},
                                         Groupable{events, "kind"}, Groupable{events, "none"},
                                         Groupable{events, "month(time)"}));

TEST_P(ManyGroups, AreThoseOfANaiveMapWhateverTheMemory) {
  TableSpec spec = GetParam().first();
  spec.partition = parse_partition(GetParam().second).value();
  TestTable table(spec);
  fill(table, 4, 42);
  const char* aggregates = "count(*),sum(n),min(n),max(time)";
  for (const Grouping& by :
       {grouping(aggregates, "1m", {"id"}), grouping(aggregates, "1d", {"kind"}, "Europe/Berlin"),
        grouping(aggregates, {}, {"kind", "id"}), grouping(aggregates, "7m", {}),
        grouping(aggregates, "1mo", {"id", "kind"}, "Pacific/Apia")}) {
    const Texts expected = naively_grouped(table, by);
    for (const uint64_t memory_bytes : {kQueryMemoryDefault, kQueryMemoryMin}) {
      ScanOptions options;
      options.memory_bytes = memory_bytes;
      EXPECT_EQ(grouped(table, by, options), expected);
      options.limit = 5000;
      EXPECT_EQ(grouped(table, by, options),
                Texts(expected.begin(),
                      expected.begin() + std::min<ptrdiff_t>(5000, ptrdiff_t(expected.size()))));
    }
  }
}

TEST(Groups, ThatExceedTheMemoryCostAnotherReadingOfTheirDaysAlone) {
  TestTable table(events());
  fill(table, 4, 1);
  table.flush();
  const auto opened = [&](std::string_view every, uint64_t memory_bytes) {
    table.bucket.parts_opened = 0;
    ScanOptions options;
    options.memory_bytes = memory_bytes;
    EXPECT_GT(grouped(table, grouping("count(*)", every, {"id"}), options).size(), 0u);
    return table.bucket.parts_opened;
  };
  const uint64_t once = opened("1m", kQueryMemoryDefault);
  EXPECT_GT(opened("1m", kQueryMemoryMin), once);
  EXPECT_LT(opened("1m", kQueryMemoryMin), 3 * once) << "days that are done are read again";
  EXPECT_EQ(opened("10m", kQueryMemoryMin), once) << "buckets of the days before are not forgotten";
}

TEST(Groups, CanBeSortedByAnAggregate) {
  TestTable table(telemetry());
  fill(table, 3, 5);
  const Grouping by = grouping("count(*),sum(n),min(n),max(time)", "1m", {"id"});
  Texts expected = naively_grouped(table, by);
  const auto sum = [](const std::string& row) {
    size_t at = 0;
    for (int space = 0; space < 3; ++space) at = row.find(' ', at) + 1;
    return std::stoll(row.substr(at));
  };
  std::stable_sort(expected.begin(), expected.end(),
                   [&](const auto& a, const auto& b) { return sum(a) > sum(b); });
  for (const uint64_t memory_bytes : {kQueryMemoryDefault, 2 * kQueryMemoryMin}) {
    ScanOptions options;
    options.memory_bytes = memory_bytes;
    options.order = parse_order("sum(n):desc").value();
    EXPECT_EQ(grouped(table, by, options), expected);
    options.limit = 10;
    EXPECT_EQ(grouped(table, by, options), Texts(expected.begin(), expected.begin() + 10));
  }
  ScanOptions options;
  options.order = parse_order("n").value();
  const auto snapshot = table.snapshot();
  EXPECT_EQ(snapshot->aggregate(by, options).error().reason(), Reason::kUnknownColumn);
}

}  // namespace
}  // namespace sluice::query
