#include "memtable/gatherer.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "memtable/readings_fixture.h"

namespace sluice::memtable {
namespace {

TEST(Gatherer, ColumnsThatARunLacksAreNull) {
  auto runs = runs_of({{{"a", 1, 1}}});
  BatchBuilder builder(
      Schema::make({{"late", Type::kDouble}, {"time", Type::kTimestamp}, {"id", Type::kString}})
          .value());
  builder.append_double(0, 2.5);
  builder.append_timestamp(1, 1);
  builder.append_bytes(2, "b");
  runs.push_back({builder.finish().value(), 2, nullptr, 0});
  TableSpec spec = kKeyed;
  spec.columns.push_back({"late", Type::kDouble});
  const Frozen frozen(std::move(runs), spec);
  Gatherer gatherer(frozen, Schema::make(spec.columns).value(), 0);
  const Batch batch = gatherer.rows(0, 2).value();
  EXPECT_EQ(batch.column(0).bytes(0), "a");
  EXPECT_EQ(batch.column(2).int64(0), 1);
  EXPECT_TRUE(batch.column(3).is_null(0));
  EXPECT_EQ(batch.column(0).bytes(1), "b");
  EXPECT_TRUE(batch.column(2).is_null(1));
  EXPECT_EQ(batch.column(3).real(1), 2.5);
}

TEST(Gatherer, TheVersionIsOfTheRunThatWroteTheRow) {
  const Frozen frozen(runs_of({{{"a", 1, 1}, {"b", 1, 1}}, {{"a", 1, 2}}}), kKeyed);
  EXPECT_EQ(longs(frozen, std::string(kVersionColumn), 3),
            (Longs{make_version(3, 2), make_version(3, 1)}));
}

TEST(Gatherer, LongRowsComeInSmallerBatches) {
  std::vector<Reading> readings;
  for (int i = 0; i < 10; ++i) readings.push_back({std::string(1u << 20, 'a' + char(i)), 0, i});
  const Frozen frozen(runs_of({readings}), kKeyed);
  Gatherer gatherer(frozen, Schema::make(kKeyed.columns).value(), 0);
  size_t at = 0;
  while (at < 10) {
    const Batch batch = gatherer.rows(at, 10 - at).value();
    ASSERT_GE(batch.rows(), 1u);
    EXPECT_LE(batch.bytes().size(), kGatherBytes + 4096);
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      EXPECT_EQ(batch.column(2).int64(row), static_cast<int64_t>(at + row));
    }
    at += batch.rows();
  }
  const Frozen longest(runs_of({{{std::string(8u << 20, 'x'), 0, 0}}}), kKeyed);
  Gatherer whole(longest, Schema::make(kKeyed.columns).value(), 0);
  EXPECT_EQ(whole.rows(0, 1)->column(0).bytes(0).size(), 8u << 20);
}

TEST(Gatherer, RowsOfManyRunsOfAWideTableComeInSmallerBatches) {
  constexpr size_t kColumns = 200;
  constexpr size_t kRuns = Gatherer::kViewsMax / kColumns + 100;
  TableSpec spec{{{"id", Type::kInt64}}, {"id"}, {}};
  while (spec.columns.size() < kColumns) {
    spec.columns.push_back({"c" + std::to_string(spec.columns.size()), Type::kInt64});
  }
  const SchemaPtr schema = Schema::make(spec.columns).value();
  std::vector<memtable::Run> runs;
  for (size_t run = 0; run < kRuns; ++run) {
    BatchBuilder builder(schema);
    for (size_t column = 0; column < kColumns; ++column) {
      builder.append_int64(column, static_cast<int64_t>(column * kRuns + run));
    }
    runs.push_back({builder.finish().value(), run + 1, nullptr, 0});
  }
  const Frozen frozen(std::move(runs), spec);
  Gatherer gatherer(frozen, schema, 0);
  size_t batches = 0;
  for (size_t at = 0; at < kRuns; ++batches) {
    const Batch batch = gatherer.rows(at, kRuns - at).value();
    for (uint32_t row = 0; row < batch.rows(); ++row, ++at) {
      for (size_t column = 0; column < kColumns; ++column) {
        ASSERT_EQ(batch.column(column).int64(row), static_cast<int64_t>(column * kRuns + at));
      }
    }
  }
  EXPECT_EQ(batches, 2u);
}

TEST(Gatherer, AColumnMayHoldEmptyTextsAlone) {
  const Frozen frozen(runs_of({{{"", 2, 2}, {"", 1, 1}}}), kKeyed);
  Gatherer gatherer(frozen, Schema::make(kKeyed.columns).value(), 0);
  const Batch batch = gatherer.rows(0, 2).value();
  EXPECT_EQ(batch.column(0).null_count, 0u);
  EXPECT_EQ(batch.column(0).bytes(1), "");
  EXPECT_EQ(batch.column(2).int64(0), 1);
  EXPECT_EQ(batch.column(2).int64(1), 2);
}

TEST(Gatherer, NullsOfEveryTypeStayNullAndAreZero) {
  const TableSpec spec = {{{"n", Type::kInt64},
                           {"flag", Type::kBool},
                           {"real", Type::kDouble},
                           {"text", Type::kString}},
                          {"n"},
                          {}};
  BatchBuilder builder(Schema::make(spec.columns).value());
  for (int64_t n = 99; n >= 0; --n) {
    const bool has_flag = n % 3 != 0;
    const bool has_text = n % 70 != 0;
    builder.append_row(n, has_flag ? std::optional(n % 2 == 0) : std::nullopt,
                       n % 5 == 0 ? std::nullopt : std::optional(double(n)),
                       has_text ? std::optional(std::string(size_t(n) % 20, 'x')) : std::nullopt);
  }
  const Frozen frozen(run_of(builder.finish().value()), spec);
  Gatherer gatherer(frozen, Schema::make(spec.columns).value(), 0);
  const Batch batch = gatherer.rows(0, 100).value();
  for (uint32_t n = 0; n < 100; ++n) {
    EXPECT_EQ(batch.column(0).int64(n), n);
    EXPECT_EQ(batch.column(1).is_null(n), n % 3 == 0);
    EXPECT_EQ(batch.column(1).boolean(n), n % 3 != 0 && n % 2 == 0);
    EXPECT_EQ(batch.column(2).is_null(n), n % 5 == 0);
    EXPECT_EQ(batch.column(2).real(n), n % 5 == 0 ? 0 : n);
    EXPECT_EQ(batch.column(3).is_null(n), n % 70 == 0);
    EXPECT_EQ(batch.column(3).bytes(n).size(), n % 70 == 0 ? 0 : n % 20);
  }
}

}  // namespace
}  // namespace sluice::memtable
