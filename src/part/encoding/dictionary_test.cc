#include "part/encoding/dictionary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace sluice::part {
namespace {

TEST(Dictionary, IndicesCountDistinctTextsInOrderOfAppearance) {
  std::mt19937_64 random(1);
  Dictionary<std::string_view> dictionary;
  std::map<std::string, uint32_t> wanted;
  for (int round = 0; round < 20'000; ++round) {
    const std::string text(random() % 20, static_cast<char>('a' + random() % 26));
    const auto [entry, fresh] = wanted.emplace(text, wanted.size());
    EXPECT_EQ(dictionary.index_of(text), entry->second);
  }
  EXPECT_EQ(dictionary.size(), wanted.size());
  for (const auto& [text, index] : wanted) EXPECT_EQ(dictionary[index], text);
}

TEST(Dictionary, NumbersAreToldApartByTheirBits) {
  Dictionary<double> dictionary;
  EXPECT_EQ(dictionary.index_of(0.0), 0u);
  EXPECT_EQ(dictionary.index_of(-0.0), 1u);
  EXPECT_EQ(dictionary.index_of(NAN), 2u);
  EXPECT_EQ(dictionary.index_of(-NAN), 3u);
  EXPECT_EQ(dictionary.index_of(NAN), 2u);
  EXPECT_TRUE(std::signbit(dictionary[1]));
}

TEST(Dictionary, ManyNumbersKeepTheirPlaces) {
  Dictionary<int64_t> dictionary;
  for (int64_t i = 0; i < 100'000; ++i) ASSERT_EQ(dictionary.index_of(i << 20), i);
  for (int64_t i = 0; i < 100'000; ++i) ASSERT_EQ(dictionary.index_of(i << 20), i);
  EXPECT_EQ(dictionary.plain().size(), 800'000u);
}

TEST(Dictionary, ItsBytesAreThePlainValues) {
  Dictionary<std::string_view> dictionary;
  dictionary.index_of("ab");
  dictionary.index_of("");
  dictionary.index_of("ab");
  EXPECT_EQ(as_text(dictionary.plain()), std::string_view("\2\0\0\0ab\0\0\0\0", 10));
  dictionary.clear();
  EXPECT_EQ(dictionary.size(), 0u);
  EXPECT_EQ(dictionary.index_of("x"), 0u);
}

}  // namespace
}  // namespace sluice::part
