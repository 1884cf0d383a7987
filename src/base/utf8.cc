#include "base/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice {
namespace {

bool is_ascii_word(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return (word & 0x8080808080808080u) == 0;
}

bool is_within(uint8_t byte, uint8_t low, uint8_t high) {
  return byte >= low && byte <= high;
}

/// Bytes of the character at `at`; 0 if there is no whole, well-formed one. `left` is not 0.
size_t character_bytes(const uint8_t* at, size_t left) {
  const uint8_t lead = at[0];
  if (lead < 0x80) return 1;
  if (!is_within(lead, 0xc2, 0xf4)) return 0;
  const size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes > left) return 0;
  // The second byte alone decides between overlong, surrogate, too large and good.
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (!is_within(at[1], low, high)) return 0;
  for (size_t i = 2; i < bytes; ++i) {
    if (!is_within(at[i], 0x80, 0xbf)) return 0;
  }
  return bytes;
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const uint8_t*>(text.data());
  size_t left = text.size();
  while (left > 0) {
    const size_t step = left >= 8 && is_ascii_word(at) ? 8 : character_bytes(at, left);
    if (step == 0) return false;
    at += step;
    left -= step;
  }
  return true;
}

}  // namespace sluice
