// Bounds-checked little-endian reading and writing. Every length is checked before it is trusted.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sluice/io.h"

namespace sluice {

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian and read in place");

inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
requires(std::is_trivially_copyable_v<T>) T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}
template <class T>
requires(std::is_trivially_copyable_v<T>) void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

inline constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/// Appends to a growing byte string.
class ByteWriter {
 public:
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void fixed(T value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    store(bytes_.data() + at, value);
  }
  void raw(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  /// u32 length, then the bytes.
  void text(std::string_view text) {
    fixed(static_cast<uint32_t>(text.size()));
    raw(as_bytes(text));
  }
  size_t size() const { return bytes_.size(); }
  ByteView view() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads from a view. The first read past the end makes the reader bad; from then on every read
/// yields zero or nothing. Check ok() before the values are used.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) T fixed() {
    const ByteView part = raw(sizeof(T));
    return part.size() == sizeof(T) ? load<T>(part.data()) : T{};
  }
  ByteView raw(uint64_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    const ByteView part = bytes_.subspan(at_, count);
    at_ += count;
    return part;
  }
  std::string_view text() { return as_text(raw(fixed<uint32_t>())); }
  bool ok() const { return ok_; }
  bool at_end() const { return at_ == bytes_.size(); }
  uint64_t offset() const { return at_; }
  uint64_t remaining() const { return bytes_.size() - at_; }

 private:
  ByteView bytes_;
  uint64_t at_ = 0;
  bool ok_ = true;
};

}  // namespace sluice
