// Time in a part: microseconds, floored, and the nanoseconds that are left (0 to 999).
#pragma once

#include <cstdint>
#include <optional>

#include "sluice/runtime.h"

namespace sluice::part {

inline constexpr int64_t floor_micros(Nanos time) {
  return time / kMicrosecond - (time % kMicrosecond < 0);
}

inline constexpr int32_t nanos_remainder(Nanos time) {
  const auto remainder = static_cast<int32_t>(time % kMicrosecond);
  return remainder < 0 ? remainder + static_cast<int32_t>(kMicrosecond) : remainder;
}

/// The inverse; nothing if the remainder is no remainder or the time is outside of 1677 to 2262.
inline constexpr std::optional<Nanos> join_micros(int64_t micros, int64_t remainder) {
  // The first microsecond of the range begins before it: multiply what lies above.
  const int64_t above = micros < 0 ? micros + 1 : micros;
  const int64_t rest = micros < 0 ? remainder - kMicrosecond : remainder;
  Nanos time = 0;
  if (remainder < 0 || remainder >= kMicrosecond ||
      __builtin_mul_overflow(above, kMicrosecond, &time) ||
      __builtin_add_overflow(time, rest, &time)) {
    return std::nullopt;
  }
  return time;
}

}  // namespace sluice::part
