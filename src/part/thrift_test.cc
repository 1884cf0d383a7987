#include "part/thrift.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/bytes.h"
#include "part/footer.h"

namespace sluice::part::thrift {
namespace {

ByteView view(const std::string& text) {
  return as_bytes(text);
}

/// Reads one struct, skipping every field; whether the bytes are well-formed.
bool skips(const std::string& bytes) {
  Reader in(view(bytes));
  in.structure([&](Field field) { in.skip(field); });
  return in.ok() && in.offset() == bytes.size();
}

TEST(Thrift, ValuesComeBackEqual) {
  Writer out;
  out.begin();
  out.boolean(1, true);
  out.boolean(2, false);
  out.i32(3, std::numeric_limits<int32_t>::min());
  out.i64(40, std::numeric_limits<int64_t>::max());
  out.binary(41, std::string("a\0b", 3));
  out.structure(1000);
  out.i64(1, -1);
  out.end();
  out.list(1001, Wire::kI32, 20);
  for (int i = 0; i < 20; ++i) out.i32(i - 10);
  out.end();
  Reader in(out.view());
  int sum = 0;
  std::vector<int16_t> ids;
  in.structure([&](Field field) {
    ids.push_back(field.id);
    switch (field.id) {
      case 1:
        EXPECT_TRUE(in.boolean(field));
        break;
      case 2:
        EXPECT_FALSE(in.boolean(field));
        break;
      case 3:
        EXPECT_EQ(in.i32(field), std::numeric_limits<int32_t>::min());
        break;
      case 40:
        EXPECT_EQ(in.i64(field), std::numeric_limits<int64_t>::max());
        break;
      case 41:
        EXPECT_EQ(in.binary(field), std::string_view("a\0b", 3));
        break;
      case 1000:
        in.structure(field, [&](Field inner) { EXPECT_EQ(in.i64(inner), -1); });
        break;
      default:
        in.list(field, {Wire::kI32}, [&] { sum += in.i32(); });
    }
  });
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.offset(), out.view().size());
  EXPECT_EQ(ids, (std::vector<int16_t>{1, 2, 3, 40, 41, 1000, 1001}));
  EXPECT_EQ(sum, -10);
}

TEST(Thrift, UnknownFieldsOfEveryTypeAreSkipped) {
  EXPECT_TRUE(skips(std::string("\x11\x12\x13\x07\x14\x02\x15\x02\x16\x02\x00", 11)));
  EXPECT_TRUE(
      skips(std::string("\x17"
                        "01234567"
                        "\x18\x02"
                        "ab"
                        "\x00",
                        14)));
  EXPECT_TRUE(skips(std::string("\x19\x21\x01\x02\x1a\x35\x02\x04\x06\x00", 10)));  // list, set
  EXPECT_TRUE(
      skips(std::string("\x1b\x02\x58\x02\x01"
                        "a"
                        "\x04\x01"
                        "b\x00",
                        10)));                                         // map
  EXPECT_TRUE(skips(std::string("\x1b\x00\x1c\x15\x02\x00\x00", 7)));  // empty map, struct
  EXPECT_TRUE(skips(std::string("\x05\xc8\x01\x02\x00", 5)));          // a long field id
}

TEST(Thrift, EveryTruncationIsMalformed) {
  const std::string whole(
      "\x19\x28\x01"
      "a"
      "\x02"
      "bc"
      "\x1b\x01\x58\x02\x01"
      "a"
      "\x00",
      14);
  ASSERT_TRUE(skips(whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    Reader in(view(whole).first(size));
    in.structure([&](Field field) { in.skip(field); });
    // A stop byte that is missing reads like one: the reader is bad, or was bad before.
    EXPECT_FALSE(in.ok()) << size;
  }
}

TEST(Thrift, NestingThatIsTooDeepIsMalformed) {
  EXPECT_TRUE(skips(std::string(10, '\x1c') + std::string(11, '\0')));
  EXPECT_FALSE(skips(std::string(100'000, '\x1c') + std::string(100'001, '\0')));
  std::string lists = "\x19";
  lists.append(100'000, '\x19');  // lists of one list
  EXPECT_FALSE(skips(lists));
}

TEST(Thrift, AListLongerThanTheInputIsMalformed) {
  const std::string bytes("\x19\xf5\xff\xff\xff\xff\x0f\x02\x00", 9);
  Reader in(view(bytes));
  int elements = 0;
  in.structure(
      [&](Field field) { in.list(field, {Wire::kI32}, [&] { elements += 1 + in.i32(); }); });
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(elements, 0);
  EXPECT_FALSE(skips(bytes));
}

TEST(Thrift, AnElementShorterThanItsFieldsIsMalformed) {
  const std::string bytes("\x19\x3c\x00\x00\x00\x00", 6);  // three empty structs
  Reader in(view(bytes));
  in.structure([&](Field field) {
    in.list(field, {Wire::kStruct, 2}, [&] { in.structure([&](Field f) { in.skip(f); }); });
  });
  EXPECT_FALSE(in.ok());
}

TEST(Thrift, AnotherTypeThanExpectedIsMalformed) {
  const std::string bytes("\x16\x02\x00", 3);
  Reader in(view(bytes));
  in.structure([&](Field field) { EXPECT_EQ(in.i32(field), 0); });
  EXPECT_FALSE(in.ok());
}

TEST(Thrift, NumbersThatDoNotFitAreMalformed) {
  const std::string wide("\x15\x80\x80\x80\x80\x20\x00", 7);  // 2^32 as i32
  Reader in(view(wide));
  in.structure([&](Field field) { EXPECT_EQ(in.i32(field), 0); });
  EXPECT_FALSE(in.ok());
  EXPECT_FALSE(skips("\x16" + std::string(10, '\xff') + std::string(2, '\0')));
}

TEST(Footer, EveryFieldThatTheReaderUsesComesBack) {
  parquet::Footer footer;
  footer.schema.resize(2);
  footer.schema[0].name = "table";
  footer.schema[0].children = 1;
  footer.schema[1] = {"t",
                      parquet::Physical::kInt64,
                      parquet::Repetition::kOptional,
                      0,
                      7,
                      parquet::Annotation::kTimestampMicrosUtc};
  footer.rows = 5;
  footer.keys = {{"k", "v"}};
  footer.created_by = "me";
  parquet::RowGroup group;
  group.rows = 5;
  parquet::Chunk chunk;
  chunk.compression = parquet::Compression::kZstd;
  chunk.values = 5;
  chunk.stored_bytes = 100;
  chunk.pages_offset = 40;
  chunk.dictionary_offset = 4;
  chunk.statistics = {"lo", "hi", false, true, 2};
  chunk.encodings = {parquet::Encoding::kPlain, parquet::Encoding::kRleDictionary};
  chunk.path = "t";
  chunk.column_index_offset = 140;
  chunk.column_index_bytes = 20;
  chunk.offset_index_offset = 160;
  chunk.offset_index_bytes = 30;
  group.chunks.push_back(chunk);
  footer.row_groups.push_back(group);
  const std::string bytes = encode_footer(footer);
  const auto read = parquet::decode_footer(view(bytes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->schema[0].children, 1);
  EXPECT_EQ(read->schema[1].annotation, parquet::Annotation::kTimestampMicrosUtc);
  EXPECT_EQ(read->schema[1].field_id, 7);
  EXPECT_EQ(read->rows, 5);
  EXPECT_EQ(read->keys, footer.keys);
  EXPECT_EQ(read->created_by, "me");
  const parquet::Chunk& back = read->row_groups.at(0).chunks.at(0);
  EXPECT_EQ(back.compression, parquet::Compression::kZstd);
  EXPECT_EQ(back.dictionary_offset, 4);
  EXPECT_EQ(back.statistics.lower, "lo");
  EXPECT_EQ(back.statistics.upper, "hi");
  EXPECT_FALSE(back.statistics.lower_exact);
  EXPECT_TRUE(back.statistics.upper_exact);
  EXPECT_EQ(back.statistics.null_count, 2);
  EXPECT_EQ(back.encodings, chunk.encodings);
  EXPECT_EQ(back.path, "t");
  EXPECT_EQ(back.column_index_offset, 140);
  EXPECT_EQ(back.column_index_bytes, 20);
  EXPECT_EQ(back.offset_index_offset, 160);
  EXPECT_EQ(back.offset_index_bytes, 30);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parquet::decode_footer(view(bytes).first(size))) << size;
  }
}

}  // namespace
}  // namespace sluice::part::thrift
