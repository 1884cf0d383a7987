#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/crc32c.h"
#include "base/crc32c_ways.h"
#include "base/ids.h"
#include "base/murmur3.h"
#include "base/object_checksum.h"
#include "sluice/result.h"

namespace sluice {
namespace {

/// As the definition has it, a bit at a time.
uint32_t slow_crc32c(ByteView bytes) {
  uint32_t state = ~0u;
  for (const std::byte byte : bytes) {
    state ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ (state & 1 ? 0x82f63b78 : 0);
  }
  return ~state;
}

TEST(Crc32c, IsTheSameByEveryWayThatALengthMayTake) {
  std::vector<std::byte> bytes(1100);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 + i / 11);
  for (size_t length = 0; length <= bytes.size(); ++length) {
    ASSERT_EQ(crc32c(ByteView(bytes).first(length)), slow_crc32c(ByteView(bytes).first(length)))
        << length;
  }
}

TEST(Crc32c, IsTheSameByEveryWayThatThisProcessorKnows) {
  std::vector<std::byte> bytes(1023);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 73 + i / 5);
  for (const Crc32cWay& way : crc32c_ways()) {
    if (!way.is_possible) continue;
    for (size_t length = 64; length <= bytes.size(); ++length) {
      const ByteView some = ByteView(bytes).first(length);
      ASSERT_EQ(way.of(some, 0), slow_crc32c(some)) << way.name << " " << length;
      ASSERT_EQ(way.of(some, 77), crc32c(some, 77)) << way.name << " " << length;
    }
  }
}

TEST(Crc32c, MatchesTheCheckValueOfTheStandard) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, ContinuesFromAnEarlierValue) {
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xe3069283u);
}

TEST(Crc32c, IsTheSameForAStringAndItsPiecesOfAnyLength) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 131 + i / 7);
  const ByteView bytes = as_bytes(text);
  const uint32_t whole = crc32c(bytes);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_EQ(crc32c(bytes.subspan(cut), crc32c(bytes.first(cut))), whole) << cut;
  }
}

TEST(Crc32, MatchesTheCheckValueOfTheStandard) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32(as_bytes("6789"), crc32(as_bytes("12345"))), 0xcbf43926u);
}

TEST(ObjectChecksum, CoversEveryOtherByteAndTheNameButNotTheFolders) {
  std::string bytes = "before 00000000 after";
  put_checksum(bytes, 7, checksum_seed("a/b/name"));
  EXPECT_TRUE(checksum_fits(bytes, 7, checksum_seed("c/name")));
  EXPECT_FALSE(checksum_fits(bytes, 7, checksum_seed("c/another")));
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    EXPECT_FALSE(checksum_fits(damaged, 7, checksum_seed("name"))) << at;
  }
}

TEST(ByteReader, StaysBadAfterTheFirstReadPastTheEnd) {
  ByteWriter writer;
  writer.fixed<uint16_t>(7);
  ByteReader reader(writer.view());
  EXPECT_EQ(reader.fixed<uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.fixed<uint16_t>(), 0u);
}

TEST(ByteReader, RefusesATextLongerThanWhatIsLeft) {
  ByteWriter writer;
  writer.fixed<uint32_t>(0xffffffffu);
  ByteReader reader(writer.view());
  EXPECT_EQ(reader.text(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(Ids, ParseWhatTheyPrint) {
  const auto id = LogId::parse("00112233445566778899aabbccddeeff");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->hex(), "00112233445566778899aabbccddeeff");
  EXPECT_FALSE(LogId::parse("00112233445566778899aabbccddeefg").has_value());
  EXPECT_FALSE(LogId::parse("0011").has_value());
}

Result<int> half(int value) {
  if (value % 2 != 0) return Error(Code::kInvalid, "odd", "value");
  return value / 2;
}
Result<int> quarter(int value) {
  return half(TRY(half(value)));
}

TEST(Result, TryPassesTheErrorOnAndTheValueIn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().code(), Code::kInvalid);
  EXPECT_EQ(quarter(6).error().with_context("quarter").to_string(),
            "invalid: quarter: odd [value]");
}

// Apache Iceberg table specification, appendix B.
TEST(Murmur3, HashesAreThoseOfTheSpecification) {
  EXPECT_EQ(static_cast<int32_t>(murmur3(int64_t{34})), 2017239379);
  EXPECT_EQ(static_cast<int32_t>(murmur3("iceberg")), 1210000089);
  EXPECT_EQ(static_cast<int32_t>(murmur3(std::string_view("\0\1\2\3", 4))), -188683207);
  EXPECT_EQ(static_cast<int32_t>(murmur3(int64_t{1'510'871'468'000'000})), -2047944441)
      << "2017-11-16T22:31:08 in microseconds";
}

// Of the reference algorithm: every length of the tail, and bytes above 127.
TEST(Murmur3, HashesOfEveryLengthAreThoseOfMurmur3) {
  EXPECT_EQ(murmur3(""), 0u);
  EXPECT_EQ(murmur3("a"), 0x3c2569b2u);
  EXPECT_EQ(murmur3("aa"), 0x371091a9u);
  EXPECT_EQ(murmur3("aaa"), 0xb4d05fb7u);
  EXPECT_EQ(murmur3("aaaa"), 0x7eeed987u);
  EXPECT_EQ(murmur3("\xff\xff\xff\xff"), 0x76293b50u);
}

}  // namespace
}  // namespace sluice
