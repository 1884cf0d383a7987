#include "flush/gather_ahead.h"

#include <gtest/gtest.h>

#include "io/thread_runtime.h"
#include "memtable/readings_fixture.h"

namespace sluice::flush {
namespace {

constexpr size_t kRows = 1000;

/// Rows of which "n" is their place in the order.
memtable::Frozen numbered_rows() {
  std::vector<memtable::Reading> readings;
  for (size_t i = 0; i < kRows; ++i) readings.push_back({"d", Nanos(i) * kSecond, int64_t(i)});
  return {memtable::runs_of({readings}), memtable::kKeyed};
}

SchemaPtr number() {
  return Schema::make({{"n", Type::kInt64}}).value();
}

/// The numbers of the rows that one call gave.
std::vector<int64_t> take(GatherAhead& rows, GatherAhead::Range range, size_t count) {
  const Batch batch = rows.rows(range, count).value();
  std::vector<int64_t> numbers;
  for (uint32_t row = 0; row < batch.rows(); ++row) numbers.push_back(batch.column(0).int64(row));
  return numbers;
}

TEST(GatherAhead, ARangeComesWholeAndInOrder) {
  const auto runtime = io::make_thread_runtime();
  const memtable::Frozen frozen = numbered_rows();
  GatherAhead rows(*runtime, frozen, number(), 1);
  std::vector<int64_t> all;
  while (all.size() < kRows) {
    const std::vector<int64_t> more = take(rows, {all.size(), kRows}, 64);
    EXPECT_EQ(more.size(), std::min<size_t>(64, kRows - all.size()));
    all.insert(all.end(), more.begin(), more.end());
  }
  for (size_t i = 0; i < kRows; ++i) EXPECT_EQ(all[i], int64_t(i));
}

TEST(GatherAhead, WhatWasGatheredForNothingIsDropped) {
  const auto runtime = io::make_thread_runtime();
  const memtable::Frozen frozen = numbered_rows();
  GatherAhead rows(*runtime, frozen, number(), 1);
  EXPECT_EQ(take(rows, {0, 500}, 10).front(), 0);
  EXPECT_EQ(take(rows, {500, 600}, 10).front(), 500) << "the rest of the first range is given up";
  EXPECT_EQ(take(rows, {510, 600}, 10).front(), 510);
  EXPECT_EQ(take(rows, {590, 600}, 10),
            (std::vector<int64_t>{590, 591, 592, 593, 594, 595, 596, 597, 598, 599}));
}

TEST(GatherAhead, WhoWantsFewerThanBeforeGetsNoMore) {
  const auto runtime = io::make_thread_runtime();
  const memtable::Frozen frozen = numbered_rows();
  GatherAhead rows(*runtime, frozen, number(), 1);
  EXPECT_EQ(take(rows, {0, 500}, 100).size(), 100u);
  EXPECT_EQ(take(rows, {100, 500}, 3), (std::vector<int64_t>{100, 101, 102}));
  EXPECT_EQ(take(rows, {103, 500}, 100).front(), 103);
  EXPECT_EQ(take(rows, {203, 205}, 100), (std::vector<int64_t>{203, 204})) << "of a shorter range";
}

TEST(GatherAhead, EndsWhileItGathers) {
  const auto runtime = io::make_thread_runtime();
  const memtable::Frozen frozen = numbered_rows();
  for (int round = 0; round < 50; ++round) {
    GatherAhead rows(*runtime, frozen, number(), 1);
    EXPECT_EQ(take(rows, {0, kRows}, 100).size(), 100u);
  }
}

}  // namespace
}  // namespace sluice::flush
