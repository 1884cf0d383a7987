// Strong identities: integers and random ids that cannot be mistaken for one another.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/runtime.h"

namespace sluice {

/// 128 random bits. `Tag` keeps log ids, opening ids and the like apart.
template <class Tag>
class RandomId {
 public:
  static RandomId draw(Runtime& runtime) {
    RandomId id;
    runtime.random(std::as_writable_bytes(std::span(id.bytes_)));
    return id;
  }
  /// 32 lower-case hex digits.
  static std::optional<RandomId> parse(std::string_view hex);
  std::string hex() const;
  std::span<const std::byte, 16> bytes() const {
    return std::as_bytes(std::span<const uint8_t, 16>(bytes_));
  }
  static RandomId from_bytes(std::span<const std::byte, 16> bytes) {
    RandomId id;
    std::memcpy(id.bytes_.data(), bytes.data(), 16);
    return id;
  }
  bool is_zero() const { return *this == RandomId{}; }
  friend auto operator<=>(const RandomId&, const RandomId&) = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

namespace detail {
std::string hex16(const std::array<uint8_t, 16>& bytes);
bool parse_hex16(std::string_view hex, std::array<uint8_t, 16>& out);
}  // namespace detail

template <class Tag>
std::optional<RandomId<Tag>> RandomId<Tag>::parse(std::string_view hex) {
  RandomId id;
  if (!detail::parse_hex16(hex, id.bytes_)) return std::nullopt;
  return id;
}
template <class Tag>
std::string RandomId<Tag>::hex() const {
  return detail::hex16(bytes_);
}

/// One log for its whole life.
using LogId = RandomId<struct LogIdTag>;
/// One opening of a log: drawn at each open, named by segment headers, checkpoints, marks and table
/// owners.
using OpeningId = RandomId<struct OpeningIdTag>;
/// One segment file: part of every checksum in it, so that no stale frame is ever valid.
using SegmentId = RandomId<struct SegmentIdTag>;
/// One commit of a table; tells whose bytes fill a version slot.
using CommitId = RandomId<struct CommitIdTag>;
/// One flush of a table; names its parts.
using FlushId = RandomId<struct FlushIdTag>;

}  // namespace sluice
