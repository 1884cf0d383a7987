// CRC-32C (Castagnoli, RFC 3720), the checksum of the log and of everything we frame ourselves.
#pragma once

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

#include <cstdint>

#include "base/bytes.h"
#include "sluice/io.h"

namespace sluice {

/// For lengths of which a call is not the greater part: several streams at once.
uint32_t crc32c_long(ByteView bytes, uint32_t crc);

/// The CRC of `bytes` continued from `crc` (0 to start). crc32c("123456789") == 0xe3069283.
inline uint32_t crc32c(ByteView bytes, uint32_t crc = 0) {
#ifdef __SSE4_2__
  constexpr size_t kShortBytes = 96;
  if (bytes.size() < kShortBytes) {
    const std::byte* at = bytes.data();
    size_t left = bytes.size();
    uint64_t state = static_cast<uint32_t>(~crc);
    for (; left >= 8; at += 8, left -= 8) state = _mm_crc32_u64(state, load<uint64_t>(at));
    auto rest = static_cast<uint32_t>(state);
    if (left >= 4) {
      rest = _mm_crc32_u32(rest, load<uint32_t>(at));
      at += 4;
      left -= 4;
    }
    for (; left > 0; ++at, --left) rest = _mm_crc32_u8(rest, static_cast<uint8_t>(*at));
    return ~rest;
  }
#endif
  return crc32c_long(bytes, crc);
}

}  // namespace sluice
