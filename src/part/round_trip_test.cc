#include <cmath>
#include <limits>

#include "part/part_fixture.h"

namespace sluice::part {
namespace {

const SchemaPtr kAllTypes = make_schema({{"b", Type::kBool},
                                         {"i", Type::kInt64},
                                         {"d", Type::kDouble},
                                         {"s", Type::kString},
                                         {"x", Type::kBinary},
                                         {"time", Type::kTimestamp}});

void expect_round_trip(const std::vector<Batch>& batches, const WriterOptions& options) {
  MemoryBucket bucket;
  const Schema& schema = *batches[0].schema();
  const auto meta = write_part(bucket, "p", batches, writer_columns(schema), options);
  ASSERT_TRUE(meta.ok()) << meta.error().to_string();
  std::vector<SpelledRow> sent;
  for (const Batch& batch : batches) spell_rows(batch, sent);
  EXPECT_EQ(meta->rows, sent.size());
  EXPECT_EQ(meta->bytes, bucket.objects["p"].size());
  const auto read = read_part(bucket, "p", read_columns(schema));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  ASSERT_EQ(read->size(), sent.size());
  for (size_t row = 0; row < sent.size(); ++row) ASSERT_EQ((*read)[row], sent[row]) << row;
}

TEST(RoundTrip, RandomRowsOfAllTypesComeBackEqualWhateverThePagesAndTheDictionaries) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    RandomRows random(seed);
    WriterOptions options;
    options.page_bytes = static_cast<uint32_t>(64 << random.below(11));
    options.row_group_bytes = 512 << random.below(10);
    options.dictionary_bytes = random.below(2) == 0 ? 0 : 256 << random.below(8);
    std::vector<Batch> batches;
    for (uint64_t n = 1 + random.below(4); n > 0; --n) {
      batches.push_back(random.batch(kAllTypes, static_cast<uint32_t>(1 + random.below(3000)),
                                     1 + random.below(2) * 5000 + random.below(40),
                                     random.below(9)));
    }
    expect_round_trip(batches, options);
  }
}

TEST(RoundTrip, ADefaultPartOfManyRowsComesBackEqual) {
  RandomRows random(1);
  expect_round_trip(
      {random.batch(kAllTypes, 60'000, 1000, 1), random.batch(kAllTypes, 9'000, 3, 0)}, {});
}

TEST(RoundTrip, APartWithoutRowsHasNone) {
  MemoryBucket bucket;
  const auto meta = write_part(bucket, "p", {}, writer_columns(*kAllTypes));
  ASSERT_TRUE(meta.ok());
  EXPECT_EQ(meta->rows, 0u);
  EXPECT_TRUE(meta->split_offsets.empty());
  const auto read = read_part(bucket, "p", read_columns(*kAllTypes));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_TRUE(read->empty());
}

TEST(RoundTrip, AColumnWithoutAnyValueReadsAsNulls) {
  const SchemaPtr schema = make_schema({{"n", Type::kNull}, {"i", Type::kInt64}});
  BatchBuilder builder(schema);
  for (int row = 0; row < 5; ++row) {
    builder.append_null(0);
    builder.append_int64(1, row);
  }
  MemoryBucket bucket;
  ASSERT_TRUE(write_part(bucket, "p", {builder.finish().value()}, writer_columns(*schema)).ok());
  const auto read = read_part(bucket, "p", {{1, "n", Type::kInt64, 0}, {2, "i", Type::kInt64, 0}});
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->size(), 5u);
  EXPECT_EQ((*read)[4], (SpelledRow{"null", "4"}));
}

TEST(RoundTrip, AColumnThatThePartLacksReadsAsNulls) {
  RandomRows random(2);
  const SchemaPtr schema = make_schema({{"i", Type::kInt64}});
  MemoryBucket bucket;
  ASSERT_TRUE(
      write_part(bucket, "p", {random.batch(schema, 20'000, 9, 0)}, writer_columns(*schema)).ok());
  const auto read = read_part(bucket, "p", {{77, "later", Type::kString, 0}});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, std::vector<SpelledRow>(20'000, SpelledRow{"null"}));
}

TEST(RoundTrip, AColumnIsFoundByItsFieldIdAndNamedByTheReader) {
  RandomRows random(3);
  const SchemaPtr schema = make_schema({{"a", Type::kInt64}, {"b", Type::kInt64}});
  BatchBuilder builder(schema);
  builder.append_int64(0, 10);
  builder.append_int64(1, 20);
  MemoryBucket bucket;
  ASSERT_TRUE(write_part(bucket, "p", {builder.finish().value()}, writer_columns(*schema)).ok());
  const auto read = read_part(bucket, "p", {{2, "a", Type::kInt64, 0}, {1, "c", Type::kInt64, 0}});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, std::vector<SpelledRow>({{"20", "10"}}));
}

TEST(RoundTrip, ATimeWithoutItsCompanionHasWholeMicroseconds) {
  const SchemaPtr schema = make_schema({{"t", Type::kTimestamp}});
  BatchBuilder builder(schema);
  for (const int64_t time : {-1L, 0L, 1999L, -1000L, -1001L}) builder.append_timestamp(0, time);
  MemoryBucket bucket;
  ASSERT_TRUE(write_part(bucket, "p", {builder.finish().value()}, writer_columns(*schema)).ok());
  const auto read = read_part(bucket, "p", {{1, "t", Type::kTimestamp, 0}});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, std::vector<SpelledRow>({{"-1000"}, {"0"}, {"1000"}, {"-1000"}, {"-2000"}}));
}

TEST(RoundTrip, ColumnsOfFourBytesAreReadAsTheirWideTypes) {
  const SchemaPtr schema = make_schema({{"n", Type::kInt64}, {"f", Type::kDouble}});
  std::vector<WriterColumn> columns = writer_columns(*schema);
  columns[0].column.type = PhysicalType::kInt32;
  columns[1].column.type = PhysicalType::kFloat;
  for (const uint64_t dictionary_bytes : {0u, 4096u}) {
    SCOPED_TRACE(dictionary_bytes);
    BatchBuilder builder(schema);
    builder.append_row(INT32_MIN, -0.0);
    builder.append_row(std::nullopt, std::nullopt);
    builder.append_row(INT32_MAX, 3.4028234663852886e38);
    builder.append_row(7, -INFINITY);
    for (int row = 0; row < 100; ++row) builder.append_row(7, 0.5);
    WriterOptions options;
    options.dictionary_bytes = dictionary_bytes;
    MemoryBucket bucket;
    const Batch batch = builder.finish().value();
    const auto meta = write_part(bucket, "p", {batch}, columns, options);
    ASSERT_TRUE(meta.ok()) << meta.error().to_string();
    const auto bound = [](auto value) {
      return std::string(as_text(std::as_bytes(std::span(&value, 1))));
    };
    EXPECT_EQ(meta->columns[0].lower, bound(INT32_MIN));
    EXPECT_EQ(meta->columns[0].upper, bound(INT32_MAX));
    EXPECT_EQ(meta->columns[1].lower, bound(-INFINITY));
    EXPECT_EQ(meta->columns[1].upper, bound(std::numeric_limits<float>::max()));
    std::vector<SpelledRow> sent;
    spell_rows(batch, sent);
    const auto read = read_part(bucket, "p", read_columns(*schema));
    ASSERT_TRUE(read.ok()) << read.error().to_string();
    EXPECT_EQ(*read, sent);
  }
}

TEST(RoundTrip, ANanInAFloatColumnIsCountedAndLeavesNoBounds) {
  const SchemaPtr schema = make_schema({{"f", Type::kDouble}});
  std::vector<WriterColumn> columns = writer_columns(*schema);
  columns[0].column.type = PhysicalType::kFloat;
  BatchBuilder builder(schema);
  for (const double value : {1.0, std::nan(""), 2.0}) builder.append_double(0, value);
  MemoryBucket bucket;
  const auto meta = write_part(bucket, "p", {builder.finish().value()}, columns);
  ASSERT_TRUE(meta.ok());
  EXPECT_EQ(meta->columns[0].nan_count, 1u);
  EXPECT_EQ(meta->columns[0].lower, std::nullopt);
  EXPECT_EQ(meta->columns[0].upper, std::nullopt);
}

TEST(RoundTrip, AColumnIsNotReadAsAnotherType) {
  MemoryBucket bucket;
  ASSERT_TRUE(write_part(bucket, "p", {}, writer_columns(*kAllTypes)).ok());
  const auto read = read_part(bucket, "p", {{2, "i", Type::kDouble, 0}});
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), Code::kInvalid);
  EXPECT_EQ(read.error().reason(), Reason::kTypeMismatch);
  EXPECT_EQ(read.error().where(), "i");
}

TEST(RoundTrip, APartThatMayHoldLittleIsReadInSmallPieces) {
  const SchemaPtr schema = make_schema({{"i", Type::kInt64}});
  MemoryBucket bucket;
  BatchBuilder builder(schema);
  RandomRows random(1);
  for (int row = 0; row < 20'000; ++row) {
    builder.append_int64(0, static_cast<int64_t>(random.below(UINT64_MAX)));
  }
  const Batch written = builder.finish().value();
  WriterOptions small;
  small.page_bytes = 4096;
  small.dictionary_bytes = 0;
  ASSERT_TRUE(write_part(bucket, "p", {written}, writer_columns(*schema), small).ok());
  auto reader = Reader::open(bucket, "p", bucket.objects["p"].size()).value();
  ReadOptions little;
  little.ahead_bytes = 2000;
  little.batch_rows = 100;
  bucket.largest_read = 0;
  auto rows = reader->read(read_columns(*schema), {}, little).value();
  uint32_t seen = 0;
  while (const auto batch = rows->next().value()) {
    EXPECT_LE(batch->rows(), 100u);
    for (uint32_t row = 0; row < batch->rows(); ++row, ++seen) {
      ASSERT_EQ(batch->column(0).int64(row), written.column(0).int64(seen));
    }
  }
  EXPECT_EQ(seen, 20'000u);
  EXPECT_LE(bucket.largest_read, 8192u);
}

TEST(RoundTrip, LongTextsComeInBatchesOfFewRows) {
  const SchemaPtr schema = make_schema({{"s", Type::kString}});
  MemoryBucket bucket;
  std::vector<Batch> batches;
  for (int n = 0; n < 6; ++n) {
    BatchBuilder builder(schema);
    for (int row = 0; row < 8; ++row) {
      builder.append_bytes(0, std::string(3u << 20, static_cast<char>('a' + row)));
    }
    batches.push_back(builder.finish().value());
  }
  ASSERT_TRUE(write_part(bucket, "p", batches, writer_columns(*schema)).ok());
  auto reader = Reader::open(bucket, "p", bucket.objects["p"].size()).value();
  auto rows = reader->read(read_columns(*schema), {}).value();
  uint64_t seen = 0;
  for (;;) {
    const auto batch = rows->next().value();
    if (!batch) break;
    EXPECT_LE(batch->bytes().size(), 9u << 20);
    seen += batch->rows();
  }
  EXPECT_EQ(seen, 48u);
  EXPECT_LE(bucket.largest_read, 1u << 20);
}

}  // namespace
}  // namespace sluice::part
