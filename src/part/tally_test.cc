#include "part/tally.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/bytes.h"

namespace sluice::part {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr PhysicalType kText = PhysicalType::kString;
constexpr PhysicalType kRaw = PhysicalType::kBinary;
const std::string kHighest = "\xf4\x8f\xbf\xbf";  // U+10FFFF

template <class T>
std::string encode(T value) {
  return std::string(as_text(std::as_bytes(std::span(&value, 1))));
}

template <class T>
Tally tally_of(PhysicalType type, const std::vector<T>& values) {
  Tally tally;
  tally.rows = values.size();
  tally.add(type, std::span<const T>(values));
  return tally;
}

TEST(Bounds, ShortValuesAreTheirOwnBounds) {
  for (const std::string value : {"", "a", "0123456789abcdef", "\xff\xff"}) {
    EXPECT_EQ(cut_lower(kRaw, value, 16), value);
    EXPECT_EQ(cut_upper(kRaw, value, 16), value);
  }
  EXPECT_EQ(cut_lower(kText, kHighest, 16), kHighest);
  EXPECT_EQ(cut_upper(kText, kHighest, 16), kHighest);
}

TEST(Bounds, ALongStringIsCutAndItsUpperBoundIncremented) {
  EXPECT_EQ(cut_lower(kText, "device", 3), "dev");
  EXPECT_EQ(cut_upper(kText, "device", 3), "dew");
}

TEST(Bounds, AStringIsCutBetweenCharacters) {
  EXPECT_EQ(cut_lower(kText, "abæx", 3), "ab");  // æ has two bytes
  EXPECT_EQ(cut_upper(kText, "abæx", 3), "ac");
  EXPECT_EQ(cut_lower(kText, "abæx", 4), "abæ");
  EXPECT_EQ(cut_upper(kText, "abæx", 4), "abç");
  EXPECT_EQ(cut_lower(kRaw, "abæx", 3), "ab\xc3");
}

TEST(Bounds, TheNextCharacterSkipsSurrogates) {
  EXPECT_EQ(cut_upper(kText, "\xed\x9f\xbf!", 3), "\xee\x80\x80");  // U+D7FF, U+E000
}

TEST(Bounds, ANextCharacterThatIsLongerDoesNotMakeTheBoundLonger) {
  EXPECT_EQ(cut_upper(kText, "a\x7f!", 2), "b");
  EXPECT_EQ(cut_upper(kText, "\x7f!", 1), std::nullopt);
  EXPECT_EQ(cut_upper(kText, "a\xdf\xbf!", 3), "b");      // U+07FF
  EXPECT_EQ(cut_upper(kText, "a\xef\xbf\xbf!", 4), "b");  // U+FFFF
}

TEST(Bounds, TheLastCharacterGivesWayToTheOneBefore) {
  EXPECT_EQ(cut_upper(kText, "a" + kHighest + "!", 5), "b");
  EXPECT_EQ(cut_upper(kText, kHighest + kHighest + "!", 8), std::nullopt);
  EXPECT_EQ(cut_lower(kText, kHighest + kHighest + "!", 8), kHighest + kHighest);
}

TEST(Bounds, BinaryIsIncrementedAtTheLastByteThatCanBe) {
  EXPECT_EQ(cut_upper(kRaw, "a\x01\xff\xff!", 4), "a\x02");
  EXPECT_EQ(cut_upper(kRaw, "\x7f!", 1), "\x80");
  EXPECT_EQ(cut_upper(kRaw, "\xff\xff!", 2), std::nullopt);
}

TEST(Tally, NumbersAreComparedBySign) {
  const Tally longs = tally_of<int64_t>(PhysicalType::kInt64, {5, INT64_MIN, INT64_MAX, -1});
  EXPECT_EQ(longs.lower, encode(INT64_MIN));
  EXPECT_EQ(longs.upper, encode(INT64_MAX));
  const Tally ints = tally_of<int32_t>(PhysicalType::kInt32, {999, 0, 7});
  EXPECT_EQ(ints.lower, encode(int32_t{0}));
  EXPECT_EQ(ints.upper, encode(int32_t{999}));
  const Tally bools = tally_of<uint8_t>(PhysicalType::kBool, {1, 1});
  EXPECT_EQ(bools.lower, std::string(1, '\1'));
}

TEST(Tally, ZerosWidenToBothSigns) {
  for (const double zero : {0.0, -0.0}) {
    const Tally tally = tally_of<double>(PhysicalType::kDouble, {zero});
    EXPECT_EQ(tally.lower, encode(-0.0));
    EXPECT_EQ(tally.upper, encode(0.0));
  }
}

TEST(Tally, ANanLeavesNoBounds) {
  Tally tally = tally_of<double>(PhysicalType::kDouble, {1, NAN, 3});
  EXPECT_EQ(tally.nan_count, 1u);
  EXPECT_FALSE(tally.has_lower());
  EXPECT_FALSE(tally.has_upper());
  Tally chunk = tally_of<double>(PhysicalType::kDouble, {2});
  chunk.merge(PhysicalType::kDouble, tally);
  EXPECT_FALSE(chunk.has_lower());
  EXPECT_EQ(chunk.rows, 4u);
}

TEST(Tally, InfinitiesAreBounds) {
  const Tally tally = tally_of<double>(PhysicalType::kDouble, {-kInfinity, 0, kInfinity});
  EXPECT_EQ(tally.lower, encode(-kInfinity));
  EXPECT_EQ(tally.upper, encode(kInfinity));
  EXPECT_EQ(tally_of<double>(PhysicalType::kDouble, {kInfinity}).lower, encode(kInfinity));
}

TEST(Tally, AnUpperBoundThatCannotBeCutIsAbsentAlsoAfterAMerge) {
  const std::string highest(100, '\xff');
  Tally tally = tally_of<std::string_view>(kRaw, {"a", highest});
  EXPECT_TRUE(tally.has_lower());
  EXPECT_FALSE(tally.has_upper());
  EXPECT_FALSE(tally.upper_exact);
  Tally chunk = tally_of<std::string_view>(kRaw, {"b"});
  chunk.merge(kRaw, tally);
  EXPECT_EQ(chunk.lower, "a");
  EXPECT_FALSE(chunk.has_upper());
}

TEST(Tally, BoundsCutPageByPageAreThoseOfAllValues) {
  std::mt19937_64 random(5);
  const std::vector<std::string> letters = {"a", "\x7f", "ß", "\xed\x9f\xbf", "日", kHighest};
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> values(1 + random() % 6);
    Tally merged;
    for (std::string& value : values) {
      for (uint64_t length = random() % 80; length > 0; --length) {
        value += letters[random() % 12 < 6 ? 5 : random() % letters.size()];
      }
      const std::string_view view = value;
      Tally page;
      page.add(kText, std::span<const std::string_view>(&view, 1));
      merged.merge(kText, page);
    }
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    EXPECT_EQ(merged.lower, cut_lower(kText, *low, kFileBoundBytes));
    EXPECT_EQ(merged.has_upper(), cut_upper(kText, *high, kFileBoundBytes).has_value());
    for (const std::string& value : values) {
      EXPECT_LE(merged.lower, value);
      EXPECT_TRUE(!merged.has_upper() || merged.upper >= value);
      EXPECT_LE(cut_lower(kText, merged.lower, kMetaBoundBytes), value);
      const auto upper = cut_upper(kText, merged.upper, kMetaBoundBytes);
      EXPECT_TRUE(!merged.has_upper() || !upper || *upper >= value);
    }
  }
}

}  // namespace
}  // namespace sluice::part
