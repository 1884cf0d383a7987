#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

void append_bits(std::string& text, uint32_t bits) {
  text.push_back(static_cast<char>(bits));
}

/// The straightforward encoder: what a code point looks like in UTF-8.
std::string encoded(uint32_t point) {
  std::string text;
  if (point < 0x80) {
    append_bits(text, point);
  } else if (point < 0x800) {
    append_bits(text, 0xc0 | point >> 6);
  } else if (point < 0x10000) {
    append_bits(text, 0xe0 | point >> 12);
    append_bits(text, 0x80 | (point >> 6 & 63));
  } else {
    append_bits(text, 0xf0 | point >> 18);
    append_bits(text, 0x80 | (point >> 12 & 63));
    append_bits(text, 0x80 | (point >> 6 & 63));
  }
  if (point >= 0x80) append_bits(text, 0x80 | (point & 63));
  return text;
}

TEST(Utf8, TakesEveryCodePointButSurrogates) {
  for (uint32_t point = 0; point <= 0x110100; ++point) {
    const bool exists = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    ASSERT_EQ(is_utf8(encoded(point)), exists) << std::hex << point;
  }
}

TEST(Utf8, RefusesOverlongForms) {
  EXPECT_FALSE(is_utf8("\xc0\x80"));
  EXPECT_FALSE(is_utf8("\xc1\xbf"));
  EXPECT_FALSE(is_utf8("\xe0\x9f\xbf"));
  EXPECT_FALSE(is_utf8("\xf0\x8f\xbf\xbf"));
}

TEST(Utf8, RefusesACharacterThatIsCutOffOrBegunInside) {
  const std::string text = "Grüße, 世界 🦦";
  ASSERT_TRUE(is_utf8(text));
  for (size_t at = 0; at <= text.size(); ++at) {
    const bool is_boundary = at == text.size() || (text[at] & 0xc0) != 0x80;
    EXPECT_EQ(is_utf8(std::string_view(text).substr(0, at)), is_boundary) << at;
    EXPECT_EQ(is_utf8(std::string_view(text).substr(at)), is_boundary) << at;
  }
}

TEST(Utf8, FindsABadByteAtEveryPlaceOfALongAsciiText) {
  std::string text(100, 'a');
  ASSERT_TRUE(is_utf8(text));
  for (char& c : text) {
    c = '\xff';
    EXPECT_FALSE(is_utf8(text));
    c = 'a';
  }
}

TEST(Utf8, TakesTheEmptyTextAndNul) {
  EXPECT_TRUE(is_utf8({}));
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace sluice
