// Random: seeded chance. The same seed gives the same stream on every machine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace sluice::sim {

/// A permutation of 64-bit values in which every input bit reaches every output bit.
inline uint64_t mix64(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/// One stream (splitmix64). Cheap to copy; a copy repeats the stream.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(mix64(seed)) {}

  uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15u); }
  /// Uniform in [0, limit); `limit` is not 0.
  uint64_t below(uint64_t limit) {
    CHECK(limit > 0);
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * limit) >> 64);
  }
  /// True `permille` times in a thousand. 0 and 1000 are certain and consume nothing.
  bool chance(uint32_t permille) {
    return permille >= 1000 || (permille > 0 && below(1000) < permille);
  }
  void fill(std::span<std::byte> out) {
    while (!out.empty()) {
      const uint64_t word = next();
      const size_t count = std::min(out.size(), sizeof(word));
      std::memcpy(out.data(), &word, count);
      out = out.subspan(count);
    }
  }
  /// An independent stream.
  Random fork() { return Random(next()); }

 private:
  uint64_t state_;
};

}  // namespace sluice::sim
