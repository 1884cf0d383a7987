#include "query/row_key.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "query/rows_fixture.h"

namespace sluice::query {
namespace {

constexpr auto kUp = OrderTerm::Direction::kAscending;
constexpr auto kDown = OrderTerm::Direction::kDescending;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// In ascending order, by type.
const std::vector<std::vector<Value>> kSorted = {
    {make_value(false), make_value(true)},
    {make_value(INT64_MIN), make_value(-1), make_value(0), make_value(1), make_value(INT64_MAX)},
    {make_time(-5), make_time(0), make_time(7)},
    {make_value(-kInfinity), make_value(-1.5), make_value(-1e-300), make_value(0.0),
     make_value(1e-300), make_value(2.0), make_value(kInfinity), make_value(kNaN)},
    {make_value(""), make_value(std::string("\0", 1)), make_value(std::string("\0a", 2)),
     make_value("\1"), make_value("a"), make_value(std::string("a\0", 2)), make_value("a\1"),
     make_value("ab"), make_value("\xc3\xa6")},
    {make_value("", Type::kBinary), make_value("\x7f", Type::kBinary),
     make_value("\xff", Type::kBinary), make_value("\xff\xff", Type::kBinary)}};

Batch column_of(const std::vector<Value>& values) {
  std::vector<Row> rows;
  for (const Value& value : values) rows.push_back({value});
  return make_batch({{"x", values.front().type}}, rows);
}
std::string key_of(const Batch& batch, uint32_t row, OrderTerm::Direction direction) {
  std::string key;
  append_key(key, batch.column(0), row, direction);
  return key;
}

TEST(RowKey, ComparesAsTheValuesDoAndIsNoBeginningOfAnother) {
  for (std::vector<Value> values : kSorted) {
    values.push_back(null_value());
    const Batch batch = column_of(values);
    for (uint32_t a = 0; a < batch.rows(); ++a) {
      for (uint32_t b = a + 1; b < batch.rows(); ++b) {
        const bool null = b + 1 == batch.rows();
        EXPECT_LT(key_of(batch, a, kUp), key_of(batch, b, kUp)) << a << b;
        EXPECT_EQ(key_of(batch, a, kDown) < key_of(batch, b, kDown), null) << a << b;
        EXPECT_FALSE(key_of(batch, b, kUp).starts_with(key_of(batch, a, kUp)));
        EXPECT_FALSE(key_of(batch, b, kDown).starts_with(key_of(batch, a, kDown)));
      }
    }
  }
}

TEST(RowKey, ZeroesAreEqualAndSoAreNaNs) {
  const Batch batch =
      column_of({make_value(0.0), make_value(-0.0), make_value(kNaN), make_value(-kNaN)});
  EXPECT_EQ(key_of(batch, 0, kUp), key_of(batch, 1, kUp));
  EXPECT_EQ(key_of(batch, 2, kUp), key_of(batch, 3, kUp));
}

TEST(RowKey, GivesTheValuesBackAndExactBytesDoSoBitForBit) {
  for (std::vector<Value> values : kSorted) {
    values.push_back(null_value());
    if (values.front().type == Type::kDouble) values.push_back(make_value(-0.0));
    const Batch batch = column_of(values);
    std::string key;
    std::string exact;
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      append_key(key, batch.column(0), row);
      append_exact(exact, batch.column(0), row);
    }
    BatchBuilder from_key(batch.schema());
    BatchBuilder from_exact(batch.schema());
    std::string_view key_left = key;
    std::string_view exact_left = exact;
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      take_key(key_left, batch.column(0).type, from_key, 0);
      take_exact(exact_left, batch.column(0).type, from_exact, 0);
    }
    EXPECT_TRUE(key_left.empty() && exact_left.empty());
    const Batch keyed = from_key.finish().value();
    const Batch copied = from_exact.finish().value();
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      EXPECT_EQ(spell(copied.column(0), row), spell(batch.column(0), row));
      EXPECT_EQ(key_of(keyed, row, kUp), key_of(batch, row, kUp));
    }
  }
}

}  // namespace
}  // namespace sluice::query
