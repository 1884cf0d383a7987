#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/crc32c.h"
#include "base/ids.h"
#include "base/object_checksum.h"
#include "sluice/result.h"

namespace sluice {
namespace {

TEST(Crc32c, MatchesTheCheckValueOfTheStandard) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, ContinuesFromAnEarlierValue) {
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xe3069283u);
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

}  // namespace
}  // namespace sluice
