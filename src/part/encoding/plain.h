// PLAIN values: numbers little-endian, byte arrays behind their u32 length, booleans as bits.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sluice::part {

using Bytes = std::vector<std::byte>;

inline constexpr size_t kLengthBytes = sizeof(uint32_t);

/// Bytes that the values take. Booleans are bool, counted as if each took a byte.
template <class T>
uint64_t plain_bytes(std::span<const T> values) {
  return values.size_bytes();
}
inline uint64_t plain_bytes(std::span<const std::string_view> values) {
  uint64_t bytes = 0;
  for (const std::string_view value : values) bytes += kLengthBytes + value.size();
  return bytes;
}

template <class T>
void append_plain(std::span<const T> values, Bytes& out) {
  const ByteView bytes = std::as_bytes(values);
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void append_plain(std::span<const std::string_view> values, Bytes& out) {
  size_t at = out.size();
  out.resize(at + plain_bytes(values));
  for (const std::string_view value : values) {
    store(out.data() + at, static_cast<uint32_t>(value.size()));
    if (!value.empty()) std::memcpy(out.data() + at + kLengthBytes, value.data(), value.size());
    at += kLengthBytes + value.size();
  }
}

/// `flags` of 0 or 1, eight to a byte, lowest bit first.
inline void append_bits(ByteView flags, Bytes& out) {
  const size_t start = out.size();
  out.resize(start + (flags.size() + 7) / 8);
  for (size_t i = 0; i < flags.size(); ++i) out[start + i / 8] |= flags[i] << (i % 8);
}

}  // namespace sluice::part
