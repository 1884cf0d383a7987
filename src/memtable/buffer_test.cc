#include "memtable/buffer.h"

#include <gtest/gtest.h>

#include <random>

namespace sluice::memtable {
namespace {

const TableSpec kSpec{{{"time", Type::kTimestamp}, {"n", Type::kInt64}}, {}, "time"};
constexpr Nanos kDay = 24 * 3600 * kSecond;

Batch batch_of(const std::vector<int>& days) {
  BatchBuilder builder(Schema::make(kSpec.columns).value());
  for (const int day : days) builder.append_row(day * kDay, int64_t{day});
  return builder.finish().value();
}

memtable::Run run_of(uint64_t lsn, const std::vector<int>& days) {
  Batch batch = batch_of(days);
  auto shares = share_out(batch, kSpec);
  return {std::move(batch), lsn, nullptr, lsn * 10, std::move(shares)};
}

std::function<bool(const Pending&)> is(const std::string& name) {
  return [name](const Pending& pending) { return pending.partition->name == name; };
}

TEST(Shares, OfOneDayAreOne) {
  const std::vector<Share> shares = share_out(batch_of({3, 3, 3}), kSpec);
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].partition->name, "1970-01-04");
  EXPECT_EQ(shares[0].rows, 3u);
  EXPECT_EQ(shares[0].earliest, 3 * kDay);
}

TEST(Shares, HoldEveryRowOnceAndKnowTheirFirst) {
  const std::vector<Share> shares = share_out(batch_of({2, -1, 2, 0, -1}), kSpec);
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_EQ(shares[0].partition->name, "1970-01-03");
  EXPECT_EQ(shares[0].rows, 2u);
  EXPECT_EQ(shares[1].partition->name, "1969-12-31");
  EXPECT_EQ(shares[1].first_row, 1u);
  EXPECT_EQ(shares[2].rows, 1u);
  EXPECT_EQ(shares[2].first_row, 3u);
}

TEST(Shares, OfATableWithoutPartitionsAreOne) {
  BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
  builder.append_row(int64_t{1});
  const auto shares = share_out(builder.finish().value(), {{{"n", Type::kInt64}}, {}, ""});
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].partition->name, "-");
  EXPECT_EQ(shares[0].earliest, kForever);
}

TEST(Shares, OfOneDayAreThoseThatThePartitionerFinds) {
  const TableSpec by_hour{kSpec.columns, {}, "time", {{{"time", Transform::kHour, 0}}}};
  const auto shares = share_out(batch_of({-1, 4}), by_hour);
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_EQ(shares[0].partition->name, "time_hour=1969-12-31T00");
  const auto alone = share_out(batch_of({-1}), kSpec);
  const auto among = share_out(batch_of({-1, 4}), kSpec);
  EXPECT_EQ(alone[0].partition->name, among[0].partition->name);
  EXPECT_EQ(alone[0].partition->values, among[0].partition->values);
}

TEST(Buffer, CountsRowsAndBytesOfItsRuns) {
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  buffer.append(run_of(4, {0, 0, 1}), 100);
  buffer.append(run_of(9, {1}), 200);
  EXPECT_FALSE(buffer.empty());
  EXPECT_EQ(buffer.rows(), 4u);
  EXPECT_EQ(buffer.bytes(), charge(batch_of({0, 0, 1})) + charge(batch_of({1})));
  EXPECT_EQ(buffer.first_lsn(), 4u);
  EXPECT_EQ(buffer.last_lsn(), 9u);
  EXPECT_EQ(buffer.partitions().at("1970-01-02").rows, 2u);
  EXPECT_EQ(buffer.partitions().at("1970-01-02").first_lsn, 4u);
  EXPECT_EQ(buffer.partitions().at("1970-01-02").oldest, 100);
}

TEST(Buffer, ARunIsChargedForItsBytesAndForItsIndex) {
  const Batch batch = batch_of(std::vector<int>(1000, 1));
  EXPECT_EQ(charge(batch), batch.bytes().size() + 1000 * kIndexBytesPerRow + kRunBytes);
}

TEST(Buffer, APartitionIsDueByItsAgeAndByItsRows) {
  Buffer buffer({3, 50});
  EXPECT_EQ(buffer.next_due(), kForever);
  buffer.append(run_of(1, {0, 1}), 100);
  EXPECT_EQ(buffer.next_due(), 150);
  buffer.append(run_of(2, {1, 1}), 120);
  EXPECT_LE(buffer.next_due(), 120) << "three rows of one day";
  buffer.take(is("1970-01-02"));
  EXPECT_EQ(buffer.next_due(), 150);
  buffer.hurry("1970-01-01", 130);
  EXPECT_EQ(buffer.next_due(), 130);
  buffer.take(is("1970-01-01"));
  EXPECT_EQ(buffer.next_due(), kForever);
}

TEST(Buffer, TakesThePartitionsThatAreWantedAndKeepsTheOthers) {
  Buffer buffer;
  buffer.append(run_of(1, {0, 1, 0}), 10);
  buffer.append(run_of(2, {1}), 20);
  buffer.append(run_of(3, {0}), 30);
  const std::vector<memtable::Run> taken = buffer.take(is("1970-01-01"));
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].lsn, 1u);
  EXPECT_EQ(taken[0].rows(), 2u);
  EXPECT_EQ(taken[1].lsn, 3u);
  EXPECT_EQ(buffer.rows(), 2u);
  EXPECT_EQ(buffer.first_lsn(), 1u);
  EXPECT_EQ(buffer.last_lsn(), 2u);
  EXPECT_EQ(buffer.partitions().size(), 1u);
}

TEST(Buffer, DropKeepsOrderAndAgeOfWhatRemains) {
  Buffer buffer;
  for (uint64_t lsn = 1; lsn <= 5; ++lsn) buffer.append(run_of(lsn, {0, 1}), 7);
  buffer.drop([](const memtable::Run& run, const Share& share) {
    return run.lsn % 2 == 1 || (run.lsn == 2 && share.partition->name == "1970-01-01");
  });
  ASSERT_EQ(buffer.runs().size(), 2u);
  EXPECT_EQ(buffer.first_lsn(), 2u);
  EXPECT_EQ(buffer.last_lsn(), 4u);
  EXPECT_EQ(buffer.rows(), 3u);
  EXPECT_EQ(buffer.partitions().at("1970-01-01").first_lsn, 4u);
  EXPECT_EQ(buffer.partitions().at("1970-01-01").oldest, 7);
  buffer.drop([](const memtable::Run&, const Share&) { return true; });
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.bytes(), 0u);
  buffer.append(run_of(6, {0}), 50);
  EXPECT_EQ(buffer.partitions().at("1970-01-01").oldest, 50);
}

TEST(BufferDeathTest, NumbersMustRise) {
  Buffer buffer;
  buffer.append(run_of(5, {0}), 0);
  EXPECT_DEATH(buffer.append(run_of(5, {0}), 0), "lsn");
}

using Contents = std::map<std::pair<uint64_t, std::string>, uint32_t>;

Contents contents_of(const std::vector<memtable::Run>& runs) {
  Contents contents;
  for (const memtable::Run& run : runs) {
    for (const Share& share : run.shares) {
      contents[{run.lsn, share.partition->name}] += share.rows;
    }
  }
  return contents;
}

void expect_counted(const Buffer& buffer) {
  std::map<std::string, uint64_t> rows;
  std::map<std::string, uint64_t> first;
  for (const auto& [place, count] : contents_of(buffer.runs())) {
    rows[place.second] += count;
    first.try_emplace(place.second, place.first);
  }
  ASSERT_EQ(buffer.partitions().size(), rows.size());
  uint64_t all = 0;
  for (const auto& [name, pending] : buffer.partitions()) {
    EXPECT_EQ(pending.rows, rows[name]);
    EXPECT_EQ(pending.first_lsn, first[name]);
    all += pending.rows;
  }
  EXPECT_EQ(buffer.rows(), all);
}

TEST(Buffer, WhateverIsTakenAndPutBackEveryShareIsInOnePlace) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    Buffer buffer;
    Contents all;
    std::vector<std::pair<std::vector<memtable::Run>, PendingMap>> out;
    for (uint64_t lsn = 1; lsn <= 30; ++lsn) {
      std::vector<int> days;
      for (uint64_t row = 0; row <= random() % 5; ++row)
        days.push_back(static_cast<int>(random() % 4));
      memtable::Run run = run_of(lsn, days);
      for (const auto& [place, rows] : contents_of({run})) all[place] = rows;
      buffer.append(std::move(run), static_cast<Nanos>(lsn));
      if (random() % 3 == 0) {
        const std::string day = "1970-01-0" + std::to_string(1 + random() % 4);
        const PendingMap ages = buffer.partitions();
        out.emplace_back(buffer.take(is(day)), ages);
      }
      if (!out.empty() && random() % 4 == 0) {
        buffer.put_back(std::move(out.back().first), out.back().second);
        out.pop_back();
      }
      expect_counted(buffer);
      Contents seen = contents_of(buffer.runs());
      for (const auto& [runs, ages] : out) seen.merge(contents_of(runs));
      ASSERT_EQ(seen, all) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace sluice::memtable
