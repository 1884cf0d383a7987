#include "part/reader.h"

#include "part/encoding/hybrid.h"
#include "part/encoding/zstd.h"
#include "part/footer.h"
#include "part/part_fixture.h"
#include "part/prune.h"
#include "part/thrift.h"

namespace sluice::part {
namespace {

using parquet::Compression;
using parquet::Encoding;
using parquet::PageType;

template <class T>
std::string encode(T value) {
  return std::string(as_text(std::as_bytes(std::span(&value, 1))));
}

Value long_value(int64_t value) {
  Value literal;
  literal.type = Type::kInt64;
  literal.int64 = value;
  return literal;
}

Value time_value(Nanos value) {
  Value literal = long_value(value);
  literal.type = Type::kTimestamp;
  return literal;
}

Value real_value(double value) {
  Value literal;
  literal.type = Type::kDouble;
  literal.real = value;
  return literal;
}

Value text_value(std::string value) {
  Value literal;
  literal.type = Type::kString;
  literal.bytes = std::move(value);
  return literal;
}

// --- pruning -------------------------------------------------------------------------------------

TEST(Pruning, OnlyRowGroupsThatMayHoldARowOfTheRangeAreRead) {
  const SchemaPtr schema = make_schema({{"i", Type::kInt64}});
  WriterOptions options;
  options.row_group_bytes = 1;
  options.page_bytes = 8000;
  BatchBuilder builder(schema);
  for (int row = 0; row < 10'000; ++row) builder.append_int64(0, row);
  MemoryBucket bucket;
  ASSERT_TRUE(
      write_part(bucket, "p", {builder.finish().value()}, writer_columns(*schema), options).ok());
  const auto rows_of = [&](std::optional<Value> lower, std::optional<Value> upper) {
    return read_part(bucket, "p", read_columns(*schema), {{1, lower, upper}}).value();
  };
  const auto some = rows_of(long_value(5000), long_value(5001));
  EXPECT_LT(some.size(), 1500u);
  const auto has = [&](const char* text) {
    return std::find(some.begin(), some.end(), SpelledRow{text}) != some.end();
  };
  EXPECT_TRUE(has("5000") && has("5001"));
  EXPECT_EQ(rows_of(long_value(10'000), std::nullopt).size(), 0u);
  EXPECT_EQ(rows_of(std::nullopt, long_value(-1)).size(), 0u);
  EXPECT_EQ(rows_of(std::nullopt, std::nullopt).size(), 10'000u);
  EXPECT_EQ(rows_of(text_value("x"), std::nullopt).size(), 10'000u);  // cannot be compared
}

class MayHold : public testing::Test {
 protected:
  bool may_hold_between(std::optional<Value> lower, std::optional<Value> upper) {
    return may_hold({1, "c", type, false}, chunk, {1, lower, upper}, author);
  }
  PhysicalType type = PhysicalType::kInt64;
  Author author = Author::kSluice;
  parquet::Chunk chunk;
};

TEST_F(MayHold, StatisticsThatAreAbsentOrOfAWrongSizeKeepEverything) {
  EXPECT_TRUE(may_hold_between(long_value(1), long_value(1)));
  chunk.statistics.lower = "abc";
  chunk.statistics.upper = "";
  EXPECT_TRUE(may_hold_between(long_value(1), long_value(1)));
}

TEST_F(MayHold, TimesAreComparedByTheMicrosecond) {
  type = PhysicalType::kTimestampMicros;
  chunk.statistics.lower = encode(int64_t{-2});
  chunk.statistics.upper = encode(int64_t{7});
  EXPECT_TRUE(may_hold_between(time_value(7'999), std::nullopt));
  EXPECT_FALSE(may_hold_between(time_value(8'000), std::nullopt));
  EXPECT_TRUE(may_hold_between(std::nullopt, time_value(-2'000)));
  EXPECT_FALSE(may_hold_between(std::nullopt, time_value(-2'001)));
}

TEST_F(MayHold, BoundsOfDoublesAreBelievedOnlyIfTheyAreOurs) {
  type = PhysicalType::kDouble;
  chunk.statistics.lower = encode(1.0);
  chunk.statistics.upper = encode(2.0);
  EXPECT_FALSE(may_hold_between(real_value(3), std::nullopt));
  EXPECT_TRUE(may_hold_between(real_value(std::nan("")), std::nullopt));
  chunk.statistics.upper = encode(std::nan(""));
  EXPECT_TRUE(may_hold_between(real_value(3), std::nullopt));
  chunk.statistics.upper = encode(2.0);
  author = Author::kForeign;
  EXPECT_TRUE(may_hold_between(real_value(3), std::nullopt));
}

TEST_F(MayHold, ALiteralBetweenTwoFloatsIsComparedByItsRounding) {
  type = PhysicalType::kFloat;
  chunk.statistics = {encode(0.1f), encode(0.2f), true, true, 0};
  EXPECT_TRUE(may_hold_between(real_value(0.2), std::nullopt));  // 0.2f is a little more than 0.2
  EXPECT_FALSE(may_hold_between(real_value(0.21), std::nullopt));
  EXPECT_TRUE(may_hold_between(std::nullopt, real_value(0.1)));  // kept: the two round to one float
  EXPECT_FALSE(may_hold_between(std::nullopt, real_value(0.09)));
  EXPECT_FALSE(may_hold_between(real_value(1e300), std::nullopt));
}

TEST_F(MayHold, ALiteralThatTheColumnCannotHoldKeepsEverything) {
  type = PhysicalType::kInt32;
  chunk.statistics.lower = encode(int32_t{1});
  chunk.statistics.upper = encode(int32_t{2});
  EXPECT_FALSE(may_hold_between(long_value(3), std::nullopt));
  EXPECT_TRUE(may_hold_between(long_value(int64_t{1} << 40), std::nullopt));
}

TEST_F(MayHold, StringsAreComparedByTheirBytes) {
  type = PhysicalType::kString;
  chunk.statistics.lower = "b";
  chunk.statistics.upper = "d\xc3\xa6";
  EXPECT_FALSE(may_hold_between(text_value("e"), std::nullopt));
  EXPECT_FALSE(may_hold_between(std::nullopt, text_value("a\xff")));
  EXPECT_TRUE(may_hold_between(text_value("c"), text_value("c")));
}

// --- what other writers write --------------------------------------------------------------------

std::string page_header(PageType type, int32_t plain, int32_t stored, int32_t values,
                        Encoding encoding, int32_t levels_bytes = 0, bool compressed = true) {
  thrift::Writer out;
  out.begin();
  out.i32(1, static_cast<int32_t>(type));
  out.i32(2, plain);
  out.i32(3, stored);
  out.structure(type == PageType::kV2 ? 8 : type == PageType::kDictionary ? 7 : 5);
  out.i32(1, values);
  if (type == PageType::kV2) {
    out.i32(2, 0);
    out.i32(3, values);
    out.i32(4, static_cast<int32_t>(encoding));
    out.i32(5, levels_bytes);
    out.i32(6, 0);
    out.boolean(7, compressed);
  } else {
    out.i32(2, static_cast<int32_t>(encoding));
    if (type == PageType::kV1) out.i32(3, static_cast<int32_t>(Encoding::kRle));
    if (type == PageType::kV1) out.i32(4, static_cast<int32_t>(Encoding::kRle));
  }
  out.end();
  out.end();
  return std::string(as_text(out.view()));
}

struct ForeignColumn {
  parquet::SchemaElement element{"c", parquet::Physical::kInt64, parquet::Repetition::kOptional, 0,
                                 1,   parquet::Annotation::kNone};
  Compression compression = Compression::kNone;
  int64_t rows = 0;
};

/// A file of one column and one row group with these pages.
std::string file_of(const ForeignColumn& column, const std::string& pages) {
  parquet::Footer footer;
  footer.schema.resize(1);
  footer.schema[0].name = "root";
  footer.schema[0].children = 1;
  footer.schema.push_back(column.element);
  footer.rows = column.rows;
  parquet::Chunk chunk;
  chunk.type = *column.element.type;
  chunk.compression = column.compression;
  chunk.values = column.rows;
  chunk.pages_offset = 4;
  chunk.stored_bytes = static_cast<int64_t>(pages.size());
  parquet::RowGroup group;
  group.rows = column.rows;
  group.chunks.push_back(chunk);
  footer.row_groups.push_back(group);
  const std::string encoded = encode_footer(footer);
  return "PAR1" + pages + encoded + encode(static_cast<uint32_t>(encoded.size())) + "PAR1";
}

Result<std::vector<SpelledRow>> read_file(const std::string& file, Type type = Type::kInt64) {
  MemoryBucket bucket;
  bucket.objects["f"] = file;
  return read_part(bucket, "f", {{1, "c", type, 0}});
}

std::string int64s(std::initializer_list<int64_t> values) {
  std::string plain;
  for (const int64_t value : values) plain += encode(value);
  return plain;
}

std::string compress(const std::string& plain) {
  Compressor compressor(1);
  return std::string(as_text(compressor.compress(as_bytes(plain))));
}

TEST(ForeignPages, V1PagesWithoutCompressionAreRead) {
  const std::string levels("\x02\x00\x00\x00\x03\x05", 6);  // 1 0 1
  const std::string body = levels + int64s({7, -7});
  const auto size = static_cast<int32_t>(body.size());
  const auto read = read_file(
      file_of({.rows = 3}, page_header(PageType::kV1, size, size, 3, Encoding::kPlain) + body));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(*read, (std::vector<SpelledRow>{{"7"}, {"null"}, {"-7"}}));
}

TEST(ForeignPages, V2PagesAreReadCompressedOrNot) {
  const std::string levels("\x03\x05", 2);
  const std::string values = int64s({7, -7});
  const std::string stored = compress(values);
  const auto plain_size = static_cast<int32_t>(levels.size() + values.size());
  const auto stored_size = static_cast<int32_t>(levels.size() + stored.size());
  const std::string pages =
      page_header(PageType::kV2, plain_size, stored_size, 3, Encoding::kPlain, 2) + levels +
      stored + page_header(PageType::kV2, plain_size, plain_size, 3, Encoding::kPlain, 2, false) +
      levels + values + page_header(PageType::kV2, 2, 2, 2, Encoding::kPlain, 2) +
      std::string("\x04\x00", 2);
  const auto read = read_file(file_of({.compression = Compression::kZstd, .rows = 8}, pages));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(*read, (std::vector<SpelledRow>{
                       {"7"}, {"null"}, {"-7"}, {"7"}, {"null"}, {"-7"}, {"null"}, {"null"}}));
}

TEST(ForeignPages, ThePlainDictionaryOfOldIsRead) {
  const std::string dictionary = int64s({10, 20});
  const std::string body(
      "\x02\x00\x00\x00\x08\x01"
      "\x01\x03\x0a",
      9);  // 4 values: 0 1 0 1
  const std::string pages =
      page_header(PageType::kDictionary, 16, 16, 2, Encoding::kPlainDictionary) + dictionary +
      page_header(PageType::kV1, 9, 9, 4, Encoding::kPlainDictionary) + body;
  const auto read = read_file(file_of({.rows = 4}, pages));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(*read, (std::vector<SpelledRow>{{"10"}, {"20"}, {"10"}, {"20"}}));
}

TEST(ForeignPages, AnIndexBehindTheDictionaryIsCorrupt) {
  const std::string body(
      "\x02\x00\x00\x00\x08\x01"
      "\x02\x08\x02",
      9);  // 4 times 2
  const std::string pages = page_header(PageType::kDictionary, 16, 16, 2, Encoding::kPlain) +
                            int64s({10, 20}) +
                            page_header(PageType::kV1, 9, 9, 4, Encoding::kRleDictionary) + body;
  const auto read = read_file(file_of({.rows = 4}, pages));
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), Code::kCorrupt);
  EXPECT_EQ(read.error().where(), "f");
  EXPECT_GT(read.error().found(), 4u);
}

TEST(ForeignPages, WhatIsOutsideOfTheSubsetIsUnsupportedNotCorrupt) {
  const auto code_of = [](const ForeignColumn& column, const std::string& pages) {
    return read_file(file_of(column, pages)).error().code();
  };
  const std::string delta =
      page_header(PageType::kV1, 0, 0, 1, static_cast<Encoding>(5));  // DELTA_BINARY_PACKED
  ForeignColumn column{.rows = 1};
  column.element.repetition = parquet::Repetition::kRequired;
  EXPECT_EQ(code_of(column, delta), Code::kUnsupported);
  column.compression = static_cast<Compression>(1);  // snappy
  EXPECT_EQ(code_of(column, delta), Code::kUnsupported);
  column.compression = Compression::kNone;
  column.element.annotation = parquet::Annotation::kString;
  EXPECT_EQ(code_of(column, delta), Code::kUnsupported);  // a text of integers
  column.element.annotation = parquet::Annotation::kNone;
  column.element.repetition = parquet::Repetition::kRepeated;
  EXPECT_EQ(code_of(column, delta), Code::kUnsupported);
  EXPECT_EQ(read_file(std::string(20, '\0') + "PARE").error().code(), Code::kUnsupported);
}

TEST(ForeignPages, APageThatClaimsMoreThanItsBytesCanHoldIsCorrupt) {
  const std::string stored = compress(std::string(64, 'x'));
  for (const int32_t plain : {63, 65, 256 << 20, (256 << 20) + 1, INT32_MAX, -1}) {
    const std::string page = page_header(PageType::kV1, plain, static_cast<int32_t>(stored.size()),
                                         3, Encoding::kPlain) +
                             stored;
    const auto read = read_file(file_of({.compression = Compression::kZstd, .rows = 3}, page));
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code(), Code::kCorrupt) << plain;
  }
}

TEST(ForeignPages, TextThatIsNotUtf8IsCorrupt) {
  ForeignColumn column{.rows = 1};
  column.element.type = parquet::Physical::kByteArray;
  column.element.repetition = parquet::Repetition::kRequired;
  column.element.annotation = parquet::Annotation::kString;
  const std::string body("\x02\x00\x00\x00\xc3\x28", 6);
  const auto read = read_file(
      file_of(column, page_header(PageType::kV1, 6, 6, 1, Encoding::kPlain) + body), Type::kString);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), Code::kCorrupt);
  EXPECT_EQ(read.error().where(), "f");
}

TEST(ForeignPages, ATimeThatNanosecondsCannotHoldIsCorrupt) {
  ForeignColumn column{.rows = 1};
  column.element.repetition = parquet::Repetition::kRequired;
  column.element.annotation = parquet::Annotation::kTimestampMicrosUtc;
  const std::string pages =
      page_header(PageType::kV1, 8, 8, 1, Encoding::kPlain) + int64s({253402300799999999});
  const auto read = read_file(file_of(column, pages), Type::kTimestamp);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), Code::kCorrupt);
}

// --- any bytes -----------------------------------------------------------------------------------

std::string small_part(uint64_t seed, uint64_t dictionary_bytes) {
  const SchemaPtr schema = make_schema(
      {{"b", Type::kBool}, {"d", Type::kDouble}, {"s", Type::kString}, {"t", Type::kTimestamp}});
  WriterOptions options;
  options.page_bytes = 256;
  options.row_group_bytes = 1500;
  options.dictionary_bytes = dictionary_bytes;
  RandomRows random(seed);
  MemoryBucket bucket;
  const auto meta =
      write_part(bucket, "p", {random.batch(schema, 100, 4, 2)}, writer_columns(*schema), options);
  EXPECT_TRUE(meta.ok());
  return bucket.objects["p"];
}

const std::vector<ReadColumn> kSmallPart = {{1, "b", Type::kBool, 0},
                                            {2, "d", Type::kDouble, 0},
                                            {3, "s", Type::kString, 0},
                                            {4, "t", Type::kTimestamp, 104}};

/// Reads at most a few batches: damaged bytes may claim any number of rows.
Status read_some(const std::string& bytes) {
  MemoryBucket bucket;
  bucket.objects["p"] = bytes;
  auto reader = TRY(Reader::open(bucket, "p", bytes.size()));
  auto rows = TRY(reader->read(kSmallPart, {{2, real_value(0), real_value(1)}}));
  for (int batches = 0; batches < 4; ++batches) {
    if (!TRY(rows->next())) break;
  }
  return ok();
}

void expect_known_error(const Status& status) {
  if (status.ok()) return;
  const Code code = status.error().code();
  EXPECT_TRUE(code == Code::kCorrupt || code == Code::kUnsupported || code == Code::kInvalid)
      << status.error().to_string();
}

TEST(AnyBytes, EveryTruncationIsAnError) {
  const std::string whole = small_part(1, 1024);
  ASSERT_TRUE(read_some(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    const Status status = read_some(whole.substr(0, size));
    EXPECT_FALSE(status.ok()) << size;
    expect_known_error(status);
  }
}

/// What a verification does: every page decoded, every byte summed.
Status check_whole(MemoryBucket& bucket) {
  TRY(read_part(bucket, "p", kSmallPart));
  return TRY(Reader::open(bucket, "p", bucket.objects["p"].size()))->check_bytes();
}

// T10: no flipped byte is missed by a verification, and none changes a row that is read.
TEST(AnyBytes, EveryFlippedByteIsFoundAndNoneGivesOtherRows) {
  for (const uint64_t dictionary_bytes : {0u, 1024u}) {
    MemoryBucket bucket;
    std::string& object = bucket.objects["p"];
    object = small_part(2, dictionary_bytes);
    const auto sound = read_part(bucket, "p", kSmallPart).value();
    ASSERT_TRUE(check_whole(bucket).ok());
    for (size_t at = 0; at < object.size(); ++at) {
      const char byte = object[at];
      for (const int mask : {0x01, 0x80, 0xff}) {
        object[at] = static_cast<char>(byte ^ mask);
        const auto read = read_part(bucket, "p", kSmallPart);
        EXPECT_TRUE(!read.ok() || *read == sound) << at;
        if (!read.ok()) expect_known_error(read.error());
        EXPECT_FALSE(check_whole(bucket).ok()) << at;
      }
      object[at] = byte;
    }
  }
}

TEST(AnyBytes, RotInAPageIsFoundAtThePage) {
  MemoryBucket bucket;
  bucket.objects["p"] = small_part(3, 0);
  const parquet::Footer footer = footer_of(bucket.objects["p"]);
  const parquet::Chunk& last = footer.row_groups.back().chunks.back();
  bucket.objects["p"][static_cast<size_t>(last.pages_offset + last.stored_bytes) - 1] ^= 0x10;
  const Error error = read_part(bucket, "p", kSmallPart).error();
  EXPECT_EQ(error.reason(), Reason::kCrcMismatch);
  EXPECT_GE(error.found(), static_cast<uint64_t>(last.pages_offset));
}

TEST(AnyBytes, APartUnderTheNameOfAnotherIsRefused) {
  MemoryBucket bucket;
  bucket.objects["other"] = small_part(1, 0);
  EXPECT_EQ(Reader::open(bucket, "other", bucket.objects["other"].size()).error().reason(),
            Reason::kCrcMismatch);
  bucket.objects["moved/p"] = bucket.objects["other"];
  EXPECT_TRUE(Reader::open(bucket, "moved/p", bucket.objects["other"].size()).ok());
}

TEST(ForeignPages, AFooterWithoutChecksumIsReadButNotVerified) {
  const std::string body = int64s({1});
  MemoryBucket bucket;
  ForeignColumn column{.rows = 1};
  column.element.repetition = parquet::Repetition::kRequired;
  bucket.objects["f"] =
      file_of(column, page_header(PageType::kV1, 8, 8, 1, Encoding::kPlain) + body);
  EXPECT_TRUE(read_part(bucket, "f", {{1, "c", Type::kInt64, 0}}).ok());
  const auto reader = Reader::open(bucket, "f", bucket.objects["f"].size()).value();
  EXPECT_EQ(reader->check_bytes().error().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace sluice::part
