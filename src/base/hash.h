// Hashes for tables in memory. Not for anything that is stored: they may change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace sluice {

/// The 128-bit product folded: every bit of the result depends on every bit of both.
inline uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline constexpr uint64_t kHashSeed = 0x9e3779b97f4a7c15;
inline constexpr uint64_t kHashStep = 0xd6e8feb86659fd93;

template <class T>
requires(sizeof(T) <= 8) uint64_t hash_value(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return mix(bits ^ kHashSeed, kHashStep);
}

/// a == b, without a call where both are short.
inline bool same_text(std::string_view a, std::string_view b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  if (size < 8 || size > 16) return a == b;
  const auto* x = reinterpret_cast<const std::byte*>(a.data());
  const auto* y = reinterpret_cast<const std::byte*>(b.data());
  return load<uint64_t>(x) == load<uint64_t>(y) &&
         load<uint64_t>(x + size - 8) == load<uint64_t>(y + size - 8);
}

inline uint64_t hash_value(std::string_view value) {
  const auto* begin = reinterpret_cast<const std::byte*>(value.data());
  const size_t size = value.size();
  uint64_t hash = kHashSeed ^ size;
  uint64_t last = 0;
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) {
      hash = mix(hash ^ load<uint64_t>(begin + at), kHashStep);
    }
    last = load<uint64_t>(begin + size - 8);
  } else if (size >= 4) {
    last = load<uint32_t>(begin) | uint64_t{load<uint32_t>(begin + size - 4)} << 32;
  } else if (size > 0) {
    last = load<uint8_t>(begin) | load<uint8_t>(begin + size / 2) << 8 |
           load<uint8_t>(begin + size - 1) << 16;
  }
  return mix(hash ^ last, kHashStep);
}

}  // namespace sluice
