#include "sluice/batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "model/codec.h"

namespace sluice {
namespace {

/// A value as a test sees it: null, bool, the bits of 8 bytes, or a string.
using Cell = std::variant<std::monostate, bool, uint64_t, std::string>;
using Row = std::vector<Cell>;

SchemaPtr schema_of(std::vector<Field> fields) {
  return Schema::make(std::move(fields)).value();
}

void append(BatchBuilder& builder, size_t column, Type type, const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return builder.append_null(column);
  if (type == Type::kBool) return builder.append_bool(column, std::get<bool>(cell));
  if (model::is_text(type)) return builder.append_bytes(column, std::get<std::string>(cell));
  const uint64_t bits = std::get<uint64_t>(cell);
  if (type == Type::kDouble) return builder.append_double(column, std::bit_cast<double>(bits));
  if (type == Type::kInt64) return builder.append_int64(column, std::bit_cast<int64_t>(bits));
  builder.append_timestamp(column, std::bit_cast<int64_t>(bits));
}

Cell cell_of(const ColumnView& view, size_t row) {
  if (view.is_null(row)) return std::monostate();
  if (view.type == Type::kBool) return view.boolean(row);
  if (model::is_text(view.type)) return std::string(view.bytes(row));
  if (view.type == Type::kDouble) return std::bit_cast<uint64_t>(view.real(row));
  return std::bit_cast<uint64_t>(view.int64(row));
}

Batch batch_of(const SchemaPtr& schema, const std::vector<Row>& rows) {
  BatchBuilder builder(schema);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) append(builder, i, (*schema)[i].type, row[i]);
  }
  EXPECT_EQ(builder.rows(), rows.size());
  const uint64_t bytes = builder.bytes();
  Batch batch = builder.finish().value();
  EXPECT_EQ(batch.bytes().size(), bytes);
  return batch;
}

std::vector<Row> rows_of(const Batch& batch) {
  std::vector<Row> rows(batch.rows());
  for (size_t i = 0; i < batch.schema()->size(); ++i) {
    const ColumnView view = batch.column(i);
    for (size_t r = 0; r < rows.size(); ++r) rows[r].push_back(cell_of(view, r));
  }
  return rows;
}

std::string text_of(const Batch& batch) {
  return std::string(as_text(batch.bytes()));
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t limit) { return engine_() % limit; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  uint64_t bits() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

Cell random_cell(Dice& dice, Type type, uint64_t null_one_in) {
  if (type == Type::kNull || dice.one_in(null_one_in)) return std::monostate();
  if (type == Type::kBool) return dice.one_in(2);
  if (!model::is_text(type)) return dice.bits();
  const std::vector<std::string> pieces = {"",   "a",    "plain text",        "é",
                                           "世", "🦦", std::string(1, '\0')};
  std::string text;
  for (uint64_t i = dice.below(4); i > 0; --i) text += pieces[dice.below(pieces.size())];
  if (type == Type::kBinary && dice.one_in(2)) text.push_back('\xff');
  return text;
}

SchemaPtr random_schema(Dice& dice) {
  std::vector<Field> fields;
  for (uint64_t i = 0, columns = 1 + dice.below(9); i < columns; ++i) {
    fields.push_back({"c" + std::to_string(i), static_cast<Type>(dice.below(7))});
  }
  return schema_of(std::move(fields));
}

std::vector<Row> random_rows(Dice& dice, const Schema& schema, uint64_t count) {
  const uint64_t null_one_in = std::vector<uint64_t>{1, 3, 1000}[dice.below(3)];
  std::vector<Row> rows(count);
  for (Row& row : rows) {
    for (const Field& field : schema.fields()) {
      row.push_back(random_cell(dice, field.type, null_one_in));
    }
  }
  return rows;
}

TEST(Batch, HoldsWhatWasAppendedAlsoAfterDecoding) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    const SchemaPtr schema = random_schema(dice);
    const std::vector<Row> rows = random_rows(dice, *schema, dice.below(200));
    const Batch batch = batch_of(schema, rows);
    ASSERT_EQ(rows_of(batch), rows) << seed;
    const Batch decoded = Batch::decode(schema, batch.bytes()).value();
    ASSERT_NE(decoded.bytes().data(), batch.bytes().data());
    ASSERT_EQ(rows_of(decoded), rows) << seed;
    ASSERT_TRUE(text_of(batch_of(schema, rows_of(decoded))) == text_of(batch)) << seed;
  }
}

TEST(Batch, SliceHasExactlyTheBytesOfABatchOfItsRows) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    const SchemaPtr schema = random_schema(dice);
    const std::vector<Row> rows = random_rows(dice, *schema, 1 + dice.below(300));
    const auto first = static_cast<uint32_t>(dice.below(rows.size() + 1));
    const auto count = static_cast<uint32_t>(dice.below(rows.size() - first + 1));
    const Batch slice = batch_of(schema, rows).slice(first, count);
    const std::vector<Row> kept(rows.begin() + first, rows.begin() + first + count);
    ASSERT_TRUE(text_of(slice) == text_of(batch_of(schema, kept))) << seed;
    ASSERT_EQ(slice.rows(), count);
  }
}

TEST(Batch, AppendFromCopiesEveryValue) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Dice dice(seed);
    const SchemaPtr schema = random_schema(dice);
    const Batch batch = batch_of(schema, random_rows(dice, *schema, dice.below(100)));
    BatchBuilder builder(schema);
    for (size_t i = 0; i < schema->size(); ++i) {
      for (uint32_t r = 0; r < batch.rows(); ++r) builder.append_from(i, batch.column(i), r);
    }
    ASSERT_TRUE(text_of(builder.finish().value()) == text_of(batch)) << seed;
  }
}

TEST(Batch, TruncateTakesBackWhatWentBeyondInAnyColumn) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    const SchemaPtr schema = random_schema(dice);
    const std::vector<Row> rows = random_rows(dice, *schema, 1 + dice.below(100));
    const uint64_t kept = dice.below(rows.size());
    BatchBuilder builder(schema);
    for (size_t i = 0; i < schema->size(); ++i) {
      const uint64_t end = kept + dice.below(rows.size() - kept + 1);
      for (size_t r = 0; r < end; ++r) append(builder, i, (*schema)[i].type, rows[r][i]);
    }
    builder.truncate(static_cast<uint32_t>(kept));
    ASSERT_EQ(builder.rows(), kept);
    for (size_t r = kept; r < rows.size(); ++r) {
      for (size_t i = 0; i < schema->size(); ++i) {
        append(builder, i, (*schema)[i].type, rows[r][i]);
      }
    }
    ASSERT_EQ(rows_of(builder.finish().value()), rows) << seed;
  }
}

TEST(Batch, KeepsTheBitsOfExtremeNumbers) {
  const SchemaPtr schema = schema_of({{"i", Type::kInt64}, {"d", Type::kDouble}});
  using Limits = std::numeric_limits<double>;
  const std::vector<double> doubles = {-0.0,
                                       Limits::quiet_NaN(),
                                       -Limits::quiet_NaN(),
                                       Limits::infinity(),
                                       Limits::denorm_min(),
                                       Limits::lowest()};
  const std::vector<int64_t> ints = {INT64_MIN, INT64_MAX, 0, -1, 1, 1ll << 53};
  BatchBuilder builder(schema);
  for (size_t i = 0; i < doubles.size(); ++i) {
    builder.append_int64(0, ints[i]);
    builder.append_double(1, doubles[i]);
  }
  const Batch batch = builder.finish().value();
  for (size_t i = 0; i < doubles.size(); ++i) {
    EXPECT_EQ(batch.column(0).int64(i), ints[i]);
    EXPECT_EQ(std::bit_cast<uint64_t>(batch.column(1).real(i)),
              std::bit_cast<uint64_t>(doubles[i]));
  }
}

TEST(Batch, TellsEmptyStringsFromNulls) {
  const SchemaPtr schema = schema_of({{"s", Type::kString}});
  const std::vector<Row> rows = {{std::string()},
                                 {std::monostate()},
                                 {std::string("a\0b", 3)},
                                 {std::string("\xc3\xa9")},
                                 {std::string()}};
  const Batch batch = batch_of(schema, rows);
  EXPECT_EQ(rows_of(batch), rows);
  EXPECT_EQ(batch.column(0).null_count, 1u);
  EXPECT_EQ(batch.column(0).bytes(1), "");
  EXPECT_EQ(rows_of(batch_of(schema, {{std::string()}})), std::vector<Row>{{std::string()}});
}

TEST(Batch, NullRowsReadAsZero) {
  const SchemaPtr schema =
      schema_of({{"b", Type::kBool}, {"i", Type::kInt64}, {"d", Type::kDouble}});
  const Batch batch = batch_of(schema, {{std::monostate(), std::monostate(), std::monostate()}});
  EXPECT_FALSE(batch.column(0).boolean(0));
  EXPECT_EQ(batch.column(1).int64(0), 0);
  EXPECT_EQ(batch.column(2).real(0), 0);
}

TEST(Batch, AnUntypedColumnStandsForAnyType) {
  const Batch untyped =
      batch_of(schema_of({{"x", Type::kNull}, {"i", Type::kInt64}}),
               {{std::monostate(), uint64_t{7}}, {std::monostate(), uint64_t{8}}});
  for (uint8_t type = 0; type <= static_cast<uint8_t>(Type::kTimestamp); ++type) {
    const SchemaPtr schema = schema_of({{"x", static_cast<Type>(type)}, {"i", Type::kInt64}});
    const Batch batch = Batch::decode(schema, untyped.bytes()).value();
    EXPECT_EQ(batch.column(0).type, Type::kNull);
    EXPECT_EQ(batch.column(0).null_count, 2u);
    const Batch slice = batch.slice(1, 1);
    EXPECT_TRUE(slice.column(0).is_null(0));
    EXPECT_EQ(slice.column(1).int64(0), 8);
    BatchBuilder builder(schema);
    builder.append_from(0, batch.column(0), 1);
    builder.append_from(1, batch.column(1), 1);
    EXPECT_EQ(rows_of(builder.finish().value()), rows_of(slice));
  }
}

TEST(Batch, IsReadInPlaceWhenItsOwnerIsGiven) {
  const SchemaPtr schema = schema_of({{"s", Type::kString}});
  const Batch batch = batch_of(schema, {{std::string("kept")}});
  auto owner = std::make_shared<std::vector<uint64_t>>(batch.bytes().size() / 8);
  std::memcpy(owner->data(), batch.bytes().data(), batch.bytes().size());
  const ByteView bytes = std::as_bytes(std::span(*owner));
  const Batch decoded = Batch::decode(schema, bytes, owner).value();
  const std::weak_ptr<std::vector<uint64_t>> watch = owner;
  owner.reset();
  EXPECT_EQ(decoded.bytes().data(), bytes.data());
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(decoded.column(0).bytes(0), "kept");
}

TEST(BatchBuilder, AppendsARowOfAnyTypesAtOnce) {
  const auto schema = schema_of({{"flag", Type::kBool},
                                 {"count", Type::kInt64},
                                 {"mean", Type::kDouble},
                                 {"name", Type::kString},
                                 {"time", Type::kTimestamp}});
  BatchBuilder builder(schema);
  builder.append_row(true, 7, 0.5F, "a", Nanos{9});
  builder.append_row(std::nullopt, std::optional<int>(), std::optional<double>(1.5),
                     std::string("b"), uint32_t{3});
  const Batch batch = builder.finish().value();
  const Batch cell_by_cell =
      batch_of(schema, {{true, uint64_t{7}, std::bit_cast<uint64_t>(0.5), "a", uint64_t{9}},
                        {Cell(), Cell(), std::bit_cast<uint64_t>(1.5), "b", uint64_t{3}}});
  EXPECT_EQ(rows_of(batch), rows_of(cell_by_cell));
}

TEST(BatchBuilder, RefusesRowsWithTooFewValues) {
  BatchBuilder builder(schema_of({{"a", Type::kInt64}, {"b", Type::kInt64}}));
  builder.append_row(1);
  EXPECT_EQ(builder.finish().error().where(), "b");
}

TEST(BatchBuilder, RefusesAStringThatIsNotUtf8AndNamesRowAndColumn) {
  for (const std::string bad : {"\xff", "a\xc3", "\xa9z"}) {
    BatchBuilder builder(schema_of({{"i", Type::kBinary}, {"name", Type::kString}}));
    for (const std::string& value : {std::string("fine"), std::string("\xc3"), bad}) {
      builder.append_bytes(0, bad);
      builder.append_bytes(1, value == "\xc3" ? "ok" : value);
    }
    const Result<Batch> batch = builder.finish();
    ASSERT_FALSE(batch.ok());
    EXPECT_EQ(batch.error().code(), Code::kInvalid);
    EXPECT_EQ(batch.error().where(), "name");
    EXPECT_EQ(batch.error().found(), 2u);
    EXPECT_EQ(builder.rows(), 0u);
  }
}

TEST(BatchBuilder, RefusesACharacterThatTwoRowsShare) {
  BatchBuilder builder(schema_of({{"s", Type::kString}}));
  builder.append_bytes(0, "a\xc3");
  builder.append_bytes(0, "\xa9");
  const Result<Batch> batch = builder.finish();
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().found(), 0u);
}

TEST(BatchBuilder, RefusesColumnsOfUnequalLength) {
  BatchBuilder builder(schema_of({{"a", Type::kInt64}, {"b", Type::kInt64}}));
  builder.append_int64(0, 1);
  builder.append_int64(0, 2);
  builder.append_int64(1, 1);
  EXPECT_EQ(builder.rows(), 1u);
  const Result<Batch> batch = builder.finish();
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code(), Code::kInvalid);
  EXPECT_EQ(batch.error().where(), "b");
}

TEST(BatchBuilder, RefusesOneRowMoreThanTheLimit) {
  const SchemaPtr schema = schema_of({{"b", Type::kBool}});
  for (const uint32_t rows : {kBatchRowsMax, kBatchRowsMax + 1}) {
    BatchBuilder builder(schema);
    for (uint32_t r = 0; r < rows; ++r) builder.append_bool(0, true);
    const Result<Batch> batch = builder.finish();
    ASSERT_EQ(batch.ok(), rows == kBatchRowsMax);
    if (batch.ok()) {
      EXPECT_TRUE(Batch::decode(schema, batch->bytes()).ok());
    } else {
      EXPECT_EQ(batch.error().reason(), Reason::kPayloadTooLarge);
    }
  }
}

TEST(BatchBuilder, RefusesOneByteMoreThanTheLimit) {
  const SchemaPtr schema = schema_of({{"s", Type::kBinary}});
  const uint64_t room_bytes = kBatchBytesMax - model::head_bytes(1) - 8;
  for (const uint64_t bytes : {room_bytes, room_bytes + 1}) {
    BatchBuilder builder(schema);
    builder.append_bytes(0, std::string(bytes, 'x'));
    const Result<Batch> batch = builder.finish();
    ASSERT_EQ(batch.ok(), bytes == room_bytes);
    if (batch.ok()) {
      EXPECT_EQ(batch->bytes().size(), kBatchBytesMax);
      EXPECT_TRUE(Batch::decode(schema, batch->bytes()).ok());
    } else {
      EXPECT_EQ(batch.error().reason(), Reason::kPayloadTooLarge);
      EXPECT_EQ(batch.error().expected(), kBatchBytesMax);
    }
  }
}

TEST(BatchBuilder, IsEmptyAndUsableAfterFinish) {
  BatchBuilder builder(schema_of({{"s", Type::kString}}));
  builder.append_bytes(0, "one");
  const Batch first = builder.finish().value();
  EXPECT_EQ(builder.rows(), 0u);
  EXPECT_EQ(builder.finish().value().rows(), 0u);
  builder.append_null(0);
  builder.append_bytes(0, "two");
  EXPECT_EQ(builder.finish().value().column(0).bytes(1), "two");
  EXPECT_EQ(first.column(0).bytes(0), "one");
}

TEST(BatchBuilder, ARunIsWhatItsRowsAre) {
  const SchemaPtr schema = schema_of(
      {{"i", Type::kInt64}, {"s", Type::kString}, {"b", Type::kBool}, {"maybe", Type::kInt64}});
  BatchBuilder builder(schema);
  for (int row = 0; row < 9; ++row) {
    builder.append_row(row, std::string(row % 4, 's'), row % 3 == 0,
                       row % 2 == 0 ? std::optional(row) : std::nullopt);
  }
  const Batch source = builder.finish().value();
  BatchBuilder runs(schema);
  BatchBuilder rows(schema);
  for (const auto& [first, count] : {std::pair(0, 1), {4, 5}, {9, 0}, {2, 3}, {0, 9}}) {
    for (size_t column = 0; column < schema->size(); ++column) {
      runs.append_run(column, source.column(column), first, count);
      for (int row = first; row < first + count; ++row) {
        rows.append_from(column, source.column(column), row);
      }
    }
  }
  EXPECT_TRUE(std::ranges::equal(runs.finish().value().bytes(), rows.finish().value().bytes()));
}

TEST(BatchBuilderDeathTest, EndsTheProcessOnAValueOfAnotherType) {
  BatchBuilder builder(schema_of({{"i", Type::kInt64}}));
  EXPECT_DEATH(builder.append_double(0, 1), "CHECK failed");
  EXPECT_DEATH(builder.append_int64(1, 1), "CHECK failed");
}

}  // namespace
}  // namespace sluice
