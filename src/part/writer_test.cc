#include "part/writer.h"

#include "part/footer.h"
#include "part/part_fixture.h"

namespace sluice::part {
namespace {

using parquet::Encoding;

template <class T>
std::string encode(T value) {
  return std::string(as_text(std::as_bytes(std::span(&value, 1))));
}

Batch strings(const SchemaPtr& schema, uint32_t rows, auto text_of_row) {
  BatchBuilder builder(schema);
  for (uint32_t row = 0; row < rows; ++row) builder.append_bytes(0, text_of_row(row));
  return builder.finish().value();
}

const SchemaPtr kOneString = make_schema({{"s", Type::kString}});
const SchemaPtr kMixed = make_schema({{"b", Type::kBool},
                                      {"i", Type::kInt64},
                                      {"d", Type::kDouble},
                                      {"s", Type::kString},
                                      {"x", Type::kBinary},
                                      {"time", Type::kTimestamp}});

TEST(Writer, ANullInARequiredColumnIsRefused) {
  BatchBuilder builder(kOneString);
  builder.append_bytes(0, "a");
  builder.append_null(0);
  MemoryBucket bucket;
  auto columns = writer_columns(*kOneString);
  columns[0].column.required = true;
  const auto meta = write_part(bucket, "p", {builder.finish().value()}, columns);
  ASSERT_FALSE(meta.ok());
  EXPECT_EQ(meta.error().code(), Code::kInvalid);
  EXPECT_EQ(meta.error().reason(), Reason::kNullKey);
  EXPECT_EQ(meta.error().where(), "s");
}

TEST(Writer, StatisticsOfAPartAreExact) {
  BatchBuilder builder(kMixed);
  for (const int64_t value : {3L, INT64_MIN, INT64_MAX}) {
    builder.append_bool(0, value > 0);
    builder.append_int64(1, value);
    builder.append_double(2, value == 3 ? -0.0 : 2.5);
    builder.append_bytes(3, value == 3 ? "0123456789abcdefgh" : "zürich");
    builder.append_bytes(4, value == 3 ? std::string("\0", 1) : std::string(20, '\xff'));
    builder.append_timestamp(5, value == 3 ? -1 : 1'500);
  }
  for (size_t column = 0; column < kMixed->size(); ++column) builder.append_null(column);
  WriterOptions options;
  options.page_bytes = 16;
  options.row_group_bytes = 1;
  MemoryBucket bucket;
  const Meta meta =
      write_part(bucket, "p", {builder.finish().value()}, writer_columns(*kMixed), options).value();
  EXPECT_EQ(meta.rows, 4u);
  EXPECT_EQ(meta.bytes, bucket.objects["p"].size());
  ASSERT_EQ(meta.columns.size(), 7u);
  const auto expect_bounds = [&](size_t column, std::optional<std::string> lower,
                                 std::optional<std::string> upper) {
    SCOPED_TRACE(column);
    EXPECT_EQ(meta.columns[column].value_count, 4u);
    EXPECT_EQ(meta.columns[column].null_count, 1u);
    EXPECT_EQ(meta.columns[column].lower, lower);
    EXPECT_EQ(meta.columns[column].upper, upper);
  };
  expect_bounds(0, encode(uint8_t{0}), encode(uint8_t{1}));
  expect_bounds(1, encode(INT64_MIN), encode(INT64_MAX));
  expect_bounds(2, encode(-0.0), encode(2.5));
  expect_bounds(3, "0123456789abcdef", "zürich");
  expect_bounds(4, std::string("\0", 1), std::nullopt);
  expect_bounds(5, encode(int64_t{-1}), encode(int64_t{1}));
  expect_bounds(6, encode(int32_t{500}), encode(int32_t{999}));
  EXPECT_EQ(meta.columns[6].field_id, 106);
}

TEST(Writer, ANanIsCountedAndLeavesNoBoundsAnywhere) {
  const SchemaPtr schema = make_schema({{"d", Type::kDouble}});
  BatchBuilder builder(schema);
  for (const double value : {1.0, std::nan(""), 3.0}) builder.append_double(0, value);
  MemoryBucket bucket;
  const Meta meta =
      write_part(bucket, "p", {builder.finish().value()}, writer_columns(*schema)).value();
  EXPECT_EQ(meta.columns[0].nan_count, 1u);
  EXPECT_EQ(meta.columns[0].lower, std::nullopt);
  EXPECT_EQ(meta.columns[0].upper, std::nullopt);
  const parquet::Footer footer = footer_of(bucket.objects["p"]);
  const parquet::Statistics& statistics = footer.row_groups[0].chunks[0].statistics;
  EXPECT_EQ(statistics.lower, std::nullopt);
  EXPECT_EQ(statistics.upper, std::nullopt);
  EXPECT_EQ(statistics.null_count, 0);
}

TEST(Writer, AColumnOfNullsHasNoBounds) {
  BatchBuilder builder(kOneString);
  builder.append_null(0);
  MemoryBucket bucket;
  const Meta meta =
      write_part(bucket, "p", {builder.finish().value()}, writer_columns(*kOneString)).value();
  EXPECT_EQ(meta.columns[0].null_count, 1u);
  EXPECT_EQ(meta.columns[0].lower, std::nullopt);
  EXPECT_EQ(meta.columns[0].upper, std::nullopt);
}

TEST(Writer, FewDistinctValuesGoThroughADictionaryAndManyDoNot) {
  MemoryBucket bucket;
  const auto size_of = [&](auto text_of_row) {
    return write_part(bucket, "p", {strings(kOneString, 50'000, text_of_row)},
                      writer_columns(*kOneString))
        .value()
        .bytes;
  };
  size_of([](uint32_t row) { return "device-" + std::to_string(row % 50); });
  EXPECT_TRUE(footer_of(bucket.objects["p"]).row_groups[0].chunks[0].dictionary_offset);
  size_of([](uint32_t row) { return "device-" + std::to_string(row); });
  EXPECT_FALSE(footer_of(bucket.objects["p"]).row_groups[0].chunks[0].dictionary_offset);
}

TEST(Writer, AFullDictionaryIsLeftAndStaysForTheFirstPages) {
  WriterOptions options;
  options.dictionary_bytes = 4096;
  options.page_bytes = 4096;
  const Batch batch = strings(kOneString, 60'000, [](uint32_t row) {
    return "device-" + std::to_string(row < 30'000 ? row % 10 : row);
  });
  MemoryBucket bucket;
  ASSERT_TRUE(write_part(bucket, "p", {batch}, writer_columns(*kOneString), options).ok());
  const parquet::Footer footer = footer_of(bucket.objects["p"]);
  const parquet::Chunk& chunk = footer.row_groups[0].chunks[0];
  ASSERT_TRUE(chunk.dictionary_offset);
  const auto header = parquet::decode_page_header(
      as_bytes(bucket.objects["p"]).subspan(static_cast<uint64_t>(*chunk.dictionary_offset)));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->header.type, parquet::PageType::kDictionary);
  EXPECT_LE(header->header.plain_bytes, 4096);
  const auto read = read_part(bucket, "p", read_columns(*kOneString));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->at(59'999)[0], "'device-59999'");
}

TEST(Writer, TheFooterCarriesItsKeysAndItsAuthor) {
  WriterOptions options;
  options.iceberg_schema = "{\"type\":\"struct\"}";
  options.footer = {{"sluice.flush-id", "00ff"}};
  MemoryBucket bucket;
  ASSERT_TRUE(write_part(bucket, "p", {}, writer_columns(*kMixed), options).ok());
  auto reader = Reader::open(bucket, "p", bucket.objects["p"].size()).value();
  auto keys = reader->footer();
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys.back().first, "sluice.crc32c");
  keys.pop_back();
  EXPECT_EQ(keys, (std::vector<std::pair<std::string, std::string>>{
                      {"sluice.flush-id", "00ff"}, {"iceberg.schema", "{\"type\":\"struct\"}"}}));
  EXPECT_EQ(footer_of(bucket.objects["p"]).created_by, "sluice version 0.1.0");
  std::vector<Column> columns;
  for (const WriterColumn& column : writer_columns(*kMixed)) columns.push_back(column.column);
  EXPECT_EQ(reader->columns(), columns);
}

TEST(Writer, SizesAndSplitOffsetsAreThoseOfTheFile) {
  WriterOptions options;
  options.page_bytes = 1024;
  options.row_group_bytes = 20'000;
  RandomRows random(4);
  MemoryBucket bucket;
  const Meta meta = write_part(bucket, "p", {random.batch(kMixed, 10'000, 5000, 1)},
                               writer_columns(*kMixed), options)
                        .value();
  const parquet::Footer footer = footer_of(bucket.objects["p"]);
  ASSERT_GT(footer.row_groups.size(), 3u);
  int64_t offset = 4;
  std::vector<uint64_t> column_bytes(7);
  for (size_t g = 0; g < footer.row_groups.size(); ++g) {
    EXPECT_EQ(meta.split_offsets[g], offset);
    for (size_t c = 0; c < 7; ++c) {
      const parquet::Chunk& chunk = footer.row_groups[g].chunks[c];
      EXPECT_EQ(chunk.dictionary_offset.value_or(chunk.pages_offset), offset);
      offset += chunk.stored_bytes;
      column_bytes[c] += static_cast<uint64_t>(chunk.stored_bytes);
    }
  }
  for (size_t c = 0; c < 7; ++c) EXPECT_EQ(meta.columns[c].bytes, column_bytes[c]);
}

TEST(Writer, WhatItHoldsStaysBelowARowGroupAndAPageForEachColumn) {
  WriterOptions options;
  options.row_group_bytes = 200'000;
  options.page_bytes = 8192;
  options.dictionary_bytes = 16'384;
  RandomRows random(9);
  const SchemaPtr schema = make_schema({{"i", Type::kInt64}, {"s", Type::kString}});
  MemoryBucket bucket;
  auto upload = bucket.begin_upload("p").value();
  Writer writer(*upload, writer_columns(*schema), options);
  uint64_t held_most = 0;
  for (int n = 0; n < 400; ++n) {
    ASSERT_TRUE(writer.append(random.batch(schema, 500, 1u << 30, 1)).ok());
    held_most = std::max(held_most, writer.bytes() - bucket.objects["p"].size());
  }
  EXPECT_EQ(writer.rows(), 200'000u);
  EXPECT_LE(held_most, options.row_group_bytes + 2 * options.page_bytes);
  EXPECT_GT(held_most, options.row_group_bytes / 2);
  ASSERT_TRUE(writer.finish().ok());
}

TEST(Writer, AnErrorOfTheUploadIsPassedOn) {
  RandomRows random(6);
  const Batch batch = random.batch(kMixed, 3000, 5000, 1);
  MemoryBucket bucket;
  const uint64_t whole = write_part(bucket, "p", {batch}, writer_columns(*kMixed)).value().bytes;
  for (uint64_t fail_at = 0; fail_at < whole; fail_at += 997) {
    auto upload = bucket.begin_upload("p").value();
    static_cast<MemoryBucket::MemoryUpload&>(*upload).fail_at = fail_at;
    Writer writer(*upload, writer_columns(*kMixed), {});
    const Status appended = writer.append(batch);
    const Code code = appended.ok() ? writer.finish().error().code() : appended.error().code();
    EXPECT_EQ(code, Code::kIo);
  }
}

}  // namespace
}  // namespace sluice::part
