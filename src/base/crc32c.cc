#include "base/crc32c.h"

#include <isa-l/crc.h>
#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

#include "base/bytes.h"

namespace sluice {

#ifdef __SSE4_2__
namespace {

// Below this a call of isa-l costs more than its several streams gain: most headers and many
// payloads of a log are shorter.
constexpr size_t kShortBytes = 320;

uint32_t crc32c_short(ByteView bytes, uint32_t crc) {
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size();
  uint64_t state = static_cast<uint32_t>(~crc);
  for (; end - at >= 8; at += 8) state = _mm_crc32_u64(state, load<uint64_t>(at));
  auto rest = static_cast<uint32_t>(state);
  for (; at < end; ++at) rest = _mm_crc32_u8(rest, static_cast<uint8_t>(*at));
  return ~rest;
}

}  // namespace
#endif

uint32_t crc32c(ByteView bytes, uint32_t crc) {
#ifdef __SSE4_2__
  if (bytes.size() < kShortBytes) return crc32c_short(bytes, crc);
#endif
  // isa-l takes int lengths and a mutable pointer; it writes nothing.
  auto* at = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  constexpr size_t kStep = 1u << 30;
  uint32_t state = ~crc;
  for (size_t left = bytes.size(); left > 0;) {
    const size_t step = left < kStep ? left : kStep;
    state = crc32_iscsi(at, static_cast<int>(step), state);
    at += step;
    left -= step;
  }
  return ~state;
}

}  // namespace sluice
