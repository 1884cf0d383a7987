#include "model/codec.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace sluice::model {
namespace {

SchemaPtr schema_of_all_types() {
  return Schema::make({{"nothing", Type::kNull},
                       {"flag", Type::kBool},
                       {"count", Type::kInt64},
                       {"ratio", Type::kDouble},
                       {"name", Type::kString},
                       {"blob", Type::kBinary},
                       {"at", Type::kTimestamp}})
      .value();
}

/// Three rows; the middle one is null in every other column.
Batch small_batch() {
  BatchBuilder builder(schema_of_all_types());
  for (int64_t row = 0; row < 3; ++row) {
    builder.append_null(0);
    builder.append_int64(2, -row);
    builder.append_bytes(4, row == 0 ? "é" : "b");
    builder.append_timestamp(6, row * kSecond);
    if (row == 1) {
      for (const size_t column : {1, 3, 5}) builder.append_null(column);
      continue;
    }
    builder.append_bool(1, true);
    builder.append_double(3, 0.5);
    builder.append_bytes(5, "\xff");
  }
  return builder.finish().value();
}

std::string small_bytes() {
  return std::string(as_text(small_batch().bytes()));
}

Result<Batch> decode(std::string_view bytes) {
  return Batch::decode(schema_of_all_types(), as_bytes(bytes));
}

void expect_corrupt(std::string_view bytes, uint64_t offset) {
  const Result<Batch> batch = decode(bytes);
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code(), Code::kCorrupt) << batch.error().to_string();
  EXPECT_EQ(batch.error().reason(), Reason::kDecodeFailure);
  EXPECT_EQ(batch.error().found(), offset) << batch.error().to_string();
}

ColumnDescriptor descriptor(std::string_view bytes, size_t column) {
  return load<ColumnDescriptor>(as_bytes(bytes).data() + head_bytes(column));
}

/// Either an error of a decoder, or a batch whose values encode to the same bytes again.
void expect_error_or_sound(std::string_view bytes) {
  const Result<Batch> batch = decode(bytes);
  if (!batch.ok()) {
    EXPECT_NE(batch.error().code(), Code::kInvalid);
    return;
  }
  BatchBuilder builder(batch->schema());
  for (size_t column = 0; column < batch->schema()->size(); ++column) {
    const ColumnView view = batch->column(column);
    for (uint32_t row = 0; row < batch->rows(); ++row) builder.append_from(column, view, row);
  }
  EXPECT_EQ(as_text(builder.finish().value().bytes()), bytes);
}

std::string hex_lines(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < bytes.size(); ++i) {
    hex.push_back(kDigits[static_cast<uint8_t>(bytes[i]) >> 4]);
    hex.push_back(kDigits[static_cast<uint8_t>(bytes[i]) & 15]);
    if (i % 8 == 7) hex.push_back('\n');
  }
  return hex;
}

constexpr std::string_view kGoldenVersion0 = R"(534c420003000000
0700000050010000
0000000003000000
0000000000000000
0000000000000000
0100000001000000
b800000000000000
c000000003000000
0200000000000000
0000000000000000
c800000018000000
0300000001000000
e000000000000000
e800000018000000
0400000000000000
0000000000010000
1001000004000000
0500000001000000
1801000020010000
3001000002000000
0600000000000000
0000000000000000
3801000018000000
0500000000000000
0100010000000000
0000000000000000
ffffffffffffffff
feffffffffffffff
0500000000000000
000000000000e03f
0000000000000000
000000000000e03f
0000000002000000
0300000004000000
c3a9626200000000
0500000000000000
0000000001000000
0100000002000000
ffff000000000000
0000000000000000
00ca9a3b00000000
0094357700000000
)";

TEST(Codec, WritesTheGoldenBytesOfVersion0) {
  EXPECT_EQ(hex_lines(small_bytes()), kGoldenVersion0);
}

TEST(Codec, RefusesEveryTruncation) {
  const std::string bytes = small_bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(decode(bytes + std::string(8, '\0')).ok());
}

TEST(Codec, RefusesEveryTruncationWhoseLengthWasMadeToFit) {
  const std::string bytes = small_bytes();
  for (size_t size = sizeof(Header); size < bytes.size(); ++size) {
    std::string cut = bytes.substr(0, size);
    const auto length = static_cast<uint32_t>(size);
    std::memcpy(cut.data() + offsetof(Header, bytes), &length, sizeof length);
    EXPECT_FALSE(decode(cut).ok()) << size;
  }
}

TEST(Codec, TakesAnyChangedByteAsAnErrorOrAsAnotherSoundBatch) {
  std::string bytes = small_bytes();
  for (char& byte : bytes) {
    const char right = byte;
    for (int value = 0; value < 256; ++value) {
      byte = static_cast<char>(value);
      expect_error_or_sound(bytes);
    }
    byte = right;
  }
}

TEST(Codec, SurvivesHugeNumbersInEveryWord) {
  const std::string bytes = small_bytes();
  for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    for (const uint32_t huge : {0xffffffffu, 0xfffffff8u, 0x80000000u, kBatchRowsMax, 8u, 0u}) {
      std::string changed = bytes;
      std::memcpy(changed.data() + at, &huge, sizeof huge);
      expect_error_or_sound(changed);
    }
  }
}

TEST(Codec, RefusesANewerVersionAsUnsupported) {
  std::string bytes = small_bytes();
  bytes[offsetof(Header, version)] = 1;
  const Result<Batch> batch = decode(bytes);
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code(), Code::kUnsupported);
  EXPECT_EQ(batch.error().reason(), Reason::kVersion);
  EXPECT_EQ(batch.error().found(), 1u);
}

TEST(Codec, RefusesAnotherSchema) {
  const Batch batch = small_batch();
  std::vector<Field> fields = batch.schema()->fields();
  fields[2].type = Type::kTimestamp;
  EXPECT_FALSE(Batch::decode(Schema::make(fields).value(), batch.bytes()).ok());
  fields.pop_back();
  EXPECT_FALSE(Batch::decode(Schema::make(fields).value(), batch.bytes()).ok());
}

TEST(Codec, RefusesRowsWithoutColumns) {
  const SchemaPtr schema = Schema::make({}).value();
  Header header;
  header.bytes = sizeof header;
  std::string bytes(sizeof header, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  EXPECT_EQ(Batch::decode(schema, as_bytes(bytes)).value().rows(), 0u);
  bytes[offsetof(Header, rows)] = 1;
  EXPECT_FALSE(Batch::decode(schema, as_bytes(bytes)).ok());
}

TEST(Codec, RefusesABoolThatIsNeither) {
  std::string bytes = small_bytes();
  const uint32_t offset = descriptor(bytes, 1).values_offset;
  bytes[offset] = 2;
  expect_corrupt(bytes, offset);
}

TEST(Codec, RefusesAValueInANullRow) {
  for (const size_t column : {1, 3}) {
    std::string bytes = small_bytes();
    const ColumnDescriptor found = descriptor(bytes, column);
    bytes[found.values_offset + value_bytes(found.type)] = 1;
    expect_corrupt(bytes, found.validity_offset);
  }
}

TEST(Codec, RefusesABitBehindTheLastRowEvenIfTheCountIsRight) {
  std::string bytes = small_bytes();
  const ColumnDescriptor found = descriptor(bytes, 1);
  ASSERT_EQ(bytes[found.validity_offset], 0b0101);
  bytes[found.validity_offset] = 0b1100;
  bytes[found.values_offset] = 0;
  expect_corrupt(bytes, found.validity_offset);
}

TEST(Codec, RefusesANullCountThatIsNotTheBits) {
  std::string bytes = small_bytes();
  bytes[head_bytes(1) + offsetof(ColumnDescriptor, null_count)] = 2;
  expect_corrupt(bytes, descriptor(bytes, 1).validity_offset);
}

TEST(Codec, RefusesDescendingOffsets) {
  std::string bytes = small_bytes();
  const uint32_t offset = descriptor(bytes, 4).offsets_offset;
  bytes[offset + 4] = 4;
  expect_corrupt(bytes, offset);
}

TEST(Codec, RefusesPaddingBehindOffsetsThatIsNotZero) {
  const SchemaPtr schema = Schema::make({{"name", Type::kString}}).value();
  BatchBuilder builder(schema);
  builder.append_bytes(0, "a");
  builder.append_bytes(0, "b");
  const Batch batch = builder.finish().value();
  std::string bytes(as_text(batch.bytes()));
  ASSERT_TRUE(Batch::decode(schema, as_bytes(bytes)).ok());
  bytes[descriptor(bytes, 0).offsets_offset + 3 * sizeof(uint32_t)] = 1;
  EXPECT_FALSE(Batch::decode(schema, as_bytes(bytes)).ok());
}

TEST(Codec, RefusesACharacterThatTwoRowsShare) {
  std::string bytes = small_bytes();
  const uint32_t offset = descriptor(bytes, 4).offsets_offset;
  ASSERT_EQ(bytes[offset + 4], 2);
  bytes[offset + 4] = 1;
  expect_corrupt(bytes, descriptor(bytes, 4).values_offset);
}

TEST(Codec, RefusesAStringThatIsNotUtf8ButTakesItAsBinary) {
  std::string bytes = small_bytes();
  bytes[descriptor(bytes, 5).values_offset] = '\xfe';
  EXPECT_TRUE(decode(bytes).ok());
  const uint32_t offset = descriptor(bytes, 4).values_offset;
  bytes[offset] = '\xfe';
  expect_corrupt(bytes, offset);
}

TEST(Codec, RefusesPaddingThatIsNotZero) {
  std::string bytes = small_bytes();
  const ColumnDescriptor strings = descriptor(bytes, 4);
  bytes[strings.values_offset + strings.values_bytes] = 1;
  expect_corrupt(bytes, strings.values_offset);
}

TEST(Codec, RefusesMoreRowsThanTheSectionsHold) {
  std::string bytes = small_bytes();
  const uint32_t rows = kBatchRowsMax;
  std::memcpy(bytes.data() + offsetof(Header, rows), &rows, sizeof rows);
  std::memcpy(bytes.data() + head_bytes(0) + offsetof(ColumnDescriptor, null_count), &rows,
              sizeof rows);
  expect_corrupt(bytes, head_bytes(1));
}

}  // namespace
}  // namespace sluice::model
