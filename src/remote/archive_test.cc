#include "remote/archive.h"

#include <gtest/gtest.h>

#include "remote/calls.h"

namespace sluice::remote {
namespace {

/// What arrives is what was sent: its encoding is the same.
template <class T>
T arrived(const T& sent) {
  const std::vector<std::byte> bytes = encode(sent);
  T got = std::get<0>(decode<std::tuple<T>>(bytes).value());
  EXPECT_EQ(encode(got), bytes);
  return got;
}

template <class T>
bool decodes(const std::vector<std::byte>& bytes) {
  return decode<std::tuple<T>>(bytes).ok();
}

TEST(Archive, SpellsValuesAsTheSpecificationSays) {
  const std::optional<bool> yes = true;
  const auto bytes = encode(uint16_t{0x0102}, std::string("ab"), yes, std::vector<int64_t>{-1});
  const std::string expected(
      "\x02\x01\x02\0\0\0ab\x01\x01\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 22);
  EXPECT_EQ(as_text(bytes), expected);
}

TEST(Archive, ErrorsOfEachCodeAndReasonTravelWhole) {
  for (int code = 0; code <= static_cast<int>(Code::kCancelled); ++code) {
    for (int reason = 0; is_known(static_cast<Reason>(reason)); ++reason) {
      const Error::Body sent{
          static_cast<Code>(code), static_cast<Reason>(reason), "text", "place", 1, UINT64_MAX};
      const Error::Body got = arrived(sent);
      EXPECT_EQ(Error(got).to_string(), Error(sent).to_string());
      EXPECT_EQ(got.expected, sent.expected);
      EXPECT_EQ(got.found, sent.found);
    }
  }
}

TEST(Archive, AnEnginesStatusTravelsWhole) {
  EngineStatus sent;
  sent.durable_lsn = 1;
  sent.recovering = true;
  sent.failure = Error(Code::kPoisoned, "a sync failed", "log");
  sent.stall_time = -5;
  sent.flush_durations.add(3 * kMillisecond);
  sent.flush_failures = {{Code::kBusy, 2}, {Code::kIo, 3}};
  sent.last_flush_age = 7;
  sent.tables_stopped = 9;
  const EngineStatus got = arrived(sent);
  EXPECT_EQ(got.failure->to_string(), sent.failure->to_string());
  EXPECT_EQ(got.flush_durations.counts, sent.flush_durations.counts);
  EXPECT_EQ(got.flush_failures, sent.flush_failures);
  EXPECT_EQ(got.last_flush_age, sent.last_flush_age);
  EXPECT_EQ(got.tables_stopped, sent.tables_stopped);
}

TEST(Archive, EveryMemberOfAStructureIsInItsFields) {
  const std::string advice = "members changed: let them travel (remote/fields.h), then mend this";
  EXPECT_EQ(sizeof(EngineStatus), 400u) << advice;
  EXPECT_EQ(sizeof(PartitionStatus), 160u) << advice;
  EXPECT_EQ(sizeof(TableDescription), 360u) << advice;
  EXPECT_EQ(sizeof(TableSpec), 144u) << advice;
  EXPECT_EQ(sizeof(AppendOptions), 72u) << advice;
  EXPECT_EQ(sizeof(FlushReport), 40u) << advice;
  EXPECT_EQ(sizeof(SweepReport), 168u) << advice;
  EXPECT_EQ(sizeof(ScanOptions), 232u) << advice;
  EXPECT_EQ(sizeof(Grouping), 96u) << advice;
}

TEST(Archive, RefusesValuesThatAreNone) {
  const auto byte = [](uint8_t value) { return encode(value); };
  EXPECT_TRUE(decodes<bool>(byte(1)));
  EXPECT_FALSE(decodes<bool>(byte(2)));
  EXPECT_TRUE(decodes<Type>(byte(6)));
  EXPECT_FALSE(decodes<Type>(byte(7)));
  EXPECT_FALSE(decodes<Code>(byte(12)));
  EXPECT_FALSE(decodes<Reason>(byte(255)));
  EXPECT_FALSE(decodes<std::optional<bool>>(byte(2)));
  EXPECT_FALSE(decodes<bool>({}));
  EXPECT_FALSE(decodes<bool>(encode(true, true)));
  EXPECT_FALSE(decodes<std::string>(encode(uint32_t{5}, true)));
  EXPECT_FALSE(decodes<std::vector<std::string>>(encode(UINT32_MAX)));
  EXPECT_FALSE(decodes<SchemaPtr>(encode(Columns{{"a", Type::kBool}, {"a", Type::kBool}})));
}

TEST(Archive, KeysOfAMapRise) {
  const auto two = [](Code first, Code second) {
    return encode(uint32_t{2}, first, uint64_t{1}, second, uint64_t{1});
  };
  using Failures = std::map<Code, uint64_t>;
  EXPECT_TRUE(decodes<Failures>(two(Code::kBusy, Code::kIo)));
  EXPECT_FALSE(decodes<Failures>(two(Code::kIo, Code::kBusy)));
  EXPECT_FALSE(decodes<Failures>(two(Code::kIo, Code::kIo)));
}

TEST(Archive, ZerosStandBeforeWhatFollowsAtAMultipleOfEight) {
  std::vector<std::byte> bytes = encode(true, uint64_t{0});
  bytes[1] = std::byte{1};
  Decoder decoder(bytes);
  bool first = false;
  decoder(first);
  EXPECT_EQ(decoder.rest().size(), 1u);
  EXPECT_FALSE(decoder.ok());
}

}  // namespace
}  // namespace sluice::remote
