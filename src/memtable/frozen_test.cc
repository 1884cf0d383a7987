#include "memtable/frozen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>

#include "memtable/readings_fixture.h"

namespace sluice::memtable {
namespace {

TEST(Frozen, AVersionOrdersByEpochThenLsn) {
  EXPECT_EQ(make_version(0, 7), 7);
  EXPECT_LT(make_version(1, kLsnMax), make_version(2, 0));
  EXPECT_LT(make_version(2, 1), make_version(2, 2));
  EXPECT_EQ(make_version(kEpochMax, kLsnMax), INT64_MAX);
}

TEST(FrozenDeathTest, AVersionHasLimits) {
  EXPECT_DEATH(make_version(kEpochMax + 1, 0), "epoch");
  EXPECT_DEATH(make_version(0, kLsnMax + 1), "lsn");
}

TEST(Frozen, RowsComeByDayThenKeyThenTime) {
  const Frozen frozen(runs_of({{{"b", kDay + 2, 5}, {"b", kDay + 1, 4}, {"a", kDay + 3, 3}},
                               {{"z", -1, 1}, {"a", 5, 2}}}),
                      kKeyed);
  EXPECT_EQ(longs(frozen), (Longs{1, 2, 3, 4, 5}));
  ASSERT_EQ(frozen.partitions().size(), 3u);
  const std::vector<std::tuple<int64_t, size_t, size_t>> expected = {
      {-1, 0, 1}, {0, 1, 1}, {1, 2, 3}};
  for (size_t i = 0; i < 3; ++i) {
    const Frozen::Partition& partition = frozen.partitions()[i];
    ASSERT_EQ(partition.values.size(), 1u);
    EXPECT_EQ(std::tuple(partition.values[0].number, partition.first, partition.count),
              expected[i]);
  }
}

TEST(Frozen, TheLastWriteOfAKeyAndTimeWins) {
  const Frozen frozen(runs_of({{{"a", 1, 10}, {"a", 1, 11}, {"b", 1, 20}},
                               {{"a", 1, 12}, {"a", 2, 30}, {"a", 1, 13}}}),
                      kKeyed);
  EXPECT_EQ(longs(frozen), (Longs{13, 30, 20}));
  EXPECT_EQ(frozen.rows(), 3u);
  EXPECT_EQ(frozen.rows_replaced(), 3u);
}

TEST(Frozen, WithoutKeyEqualTimesStayInTheOrderOfTheLog) {
  const Frozen frozen(
      runs_of({{{"b", 5, 1}, {"a", 5, 2}}, {{"c", 5, 3}, {"a", 4, 0}, {"a", 5, 4}}}),
      without_key());
  EXPECT_EQ(longs(frozen), (Longs{0, 1, 2, 3, 4}));
  EXPECT_EQ(frozen.rows_replaced(), 0u);
}

TEST(Frozen, WithoutKeyAndTimeThereIsOnePartitionInTheOrderOfTheLog) {
  TableSpec spec = without_key();
  spec.time.clear();
  const Frozen frozen(runs_of({{{"b", 2 * kDay, 1}, {"a", 0, 2}}, {{"c", -kDay, 3}}}), spec);
  EXPECT_EQ(longs(frozen), (Longs{1, 2, 3}));
  ASSERT_EQ(frozen.partitions().size(), 1u);
  EXPECT_TRUE(frozen.partitions()[0].values.empty());
  EXPECT_EQ(frozen.partitions()[0].count, 3u);
}

TEST(Frozen, RowsComeByTheFieldsOfThePartitionThenKeyThenTime) {
  TableSpec spec = without_key();
  spec.partition = parse_partition("id,month(time)").value();
  BatchBuilder builder(Schema::make(spec.columns).value());
  const auto add = [&](std::optional<std::string> id, Nanos time, int64_t n) {
    builder.append_row(id, time, n);
  };
  add("b", 40 * kDay, 6);
  add("a", 3, 4);
  add("b", 2, 5);
  add(std::nullopt, 32 * kDay, 2);
  add("", 0, 3);
  add(std::nullopt, -1, 0);
  add(std::nullopt, 31 * kDay, 1);
  const Frozen frozen(run_of(builder.finish().value()), spec);
  EXPECT_EQ(longs(frozen), (Longs{0, 1, 2, 3, 4, 5, 6}));
  std::vector<size_t> counts;
  for (const auto& partition : frozen.partitions()) counts.push_back(partition.count);
  EXPECT_EQ(counts, (std::vector<size_t>{1, 2, 1, 1, 1, 1}));
  const model::PartitionTuple expected = {model::PartitionValue(), int64_t{1}};
  EXPECT_EQ(frozen.partitions()[1].values, expected);
}

TEST(Frozen, AKeyIsReplacedWithinItsPartition) {
  TableSpec spec = kKeyed;
  spec.partition = parse_partition("bucket(3,id),hour(time)").value();
  std::vector<std::vector<Reading>> batches(3);
  for (int64_t n = 0; n < 300; ++n) {
    batches[static_cast<size_t>(n / 100)].push_back(
        {"id" + std::to_string(n % 10), (n % 5) * 3'600 * kSecond, n});
  }
  const Frozen frozen(runs_of(batches), spec);
  EXPECT_EQ(frozen.rows(), 10u);
  EXPECT_EQ(frozen.rows_replaced(), 290u);
  size_t first = 0;
  for (const auto& partition : frozen.partitions()) {
    EXPECT_EQ(partition.first, first);
    EXPECT_GT(partition.count, 0u);
    first += partition.count;
  }
  EXPECT_EQ(first, frozen.rows());
}

TEST(Frozen, OfNoRunsIsEmpty) {
  const Frozen frozen({}, kKeyed);
  EXPECT_EQ(frozen.rows(), 0u);
  EXPECT_TRUE(frozen.partitions().empty());
}

TEST(Frozen, TextsOrderByBytesAlsoBehindACommonPrefix) {
  const std::string one = "device-1";
  const std::vector<std::string> short_ids = {
      "device-",      one,        one + '\0',    one + '\0' + '\0', one + "1", one + "12345",
      one + "123456", "device-2", "device-\x7f", "device-\xc3\xa6"};
  std::vector<std::string> long_ids = short_ids;
  long_ids.insert(long_ids.begin() + 7, one + "1234567");
  for (const auto& ids : {short_ids, long_ids}) {
    std::vector<Reading> readings;
    for (size_t i = 0; i < ids.size(); ++i) {
      readings.push_back({ids[i], 0, static_cast<int64_t>(i)});
    }
    std::mt19937_64 random(3);
    std::shuffle(readings.begin(), readings.end(), random);
    const Longs values = longs(Frozen(runs_of({readings}), kKeyed));
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
    EXPECT_EQ(values.size(), ids.size());
  }
}

TEST(Frozen, EveryTypeOfKeyHasItsOrder) {
  const TableSpec spec = {
      {{"b", Type::kBool}, {"t", Type::kTimestamp}, {"n", Type::kInt64}, {"raw", Type::kBinary}},
      {"b", "t", "n", "raw"},
      {}};
  struct Row {
    bool b;
    Nanos t;
    int64_t n;
    std::string raw;
  };
  const std::vector<Row> rows = {
      {false, INT64_MIN, 0, ""},           {false, -1, INT64_MIN, ""}, {false, -1, -1, ""},
      {false, -1, INT64_MAX, ""},          {false, 1, 0, ""},          {true, -5, 0, ""},
      {true, -5, 0, std::string(1, '\0')}, {true, -5, 0, "\xff"}};
  BatchBuilder builder(Schema::make(spec.columns).value());
  for (size_t i = rows.size(); i-- > 0;) {
    builder.append_bool(0, rows[i].b);
    builder.append_timestamp(1, rows[i].t);
    builder.append_int64(2, rows[i].n);
    builder.append_bytes(3, rows[i].raw);
  }
  const Frozen frozen(run_of(builder.finish().value()), spec);
  ASSERT_EQ(frozen.rows(), rows.size());
  Gatherer gatherer(frozen, Schema::make(spec.columns).value(), 0);
  const Batch batch = gatherer.rows(0, rows.size()).value();
  for (uint32_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(batch.column(0).boolean(i), rows[i].b) << i;
    EXPECT_EQ(batch.column(1).int64(i), rows[i].t) << i;
    EXPECT_EQ(batch.column(2).int64(i), rows[i].n) << i;
    EXPECT_EQ(batch.column(3).bytes(i), rows[i].raw) << i;
  }
}

TEST(Frozen, AgreesWithAMapOnRandomRuns) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<std::vector<Reading>> batches(1 + random() % 5);
    std::map<std::tuple<Nanos, std::string, Nanos>, int64_t> model;
    int64_t n = 0;
    for (auto& batch : batches) {
      for (uint64_t rows = 1 + random() % 100; rows > 0; --rows) {
        const Nanos day = static_cast<Nanos>(random() % 4) - 2;
        const Nanos time = day * kDay + Nanos(random() % 3);
        batch.push_back({"id" + std::to_string(random() % 20), time, n++});
        model[{day, batch.back().id, time}] = batch.back().n;
      }
    }
    const Frozen frozen(runs_of(batches), kKeyed);
    Longs expected;
    for (const auto& [place, value] : model) expected.push_back(value);
    ASSERT_EQ(longs(frozen), expected) << "seed " << seed;
    ASSERT_EQ(frozen.rows_replaced(), static_cast<uint64_t>(n) - model.size());
  }
}

TEST(Frozen, NanosecondsAreFoundInEveryTimeColumn) {
  const TableSpec spec = {{{"a", Type::kTimestamp},
                           {"b", Type::kTimestamp},
                           {"c", Type::kTimestamp},
                           {"n", Type::kInt64}},
                          {},
                          "a"};
  BatchBuilder builder(Schema::make(spec.columns).value());
  for (const Nanos b : {-kMicrosecond, -kMicrosecond - 1}) {
    builder.append_timestamp(0, kMicrosecond);
    builder.append_timestamp(1, b);
    builder.append_null(2);
    builder.append_int64(3, 1);
  }
  const Frozen frozen(run_of(builder.finish().value()), spec);
  EXPECT_EQ(frozen.has_nanos(), (std::vector<bool>{false, true, false, false}));
}

}  // namespace
}  // namespace sluice::memtable
