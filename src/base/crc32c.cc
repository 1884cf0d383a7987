#include "base/crc32c.h"

#include <isa-l/crc.h>
#ifdef __PCLMUL__
#include <immintrin.h>
#endif

#include <array>

namespace sluice {
namespace {

#if defined(__SSE4_2__) && defined(__PCLMUL__)
// One stream waits three cycles for each word; three streams, joined at the end, do not. What isa-l
// gains by more than that is less than it costs below this.
constexpr size_t kMediumBytes = 1024;
constexpr size_t kWordsMax = kMediumBytes / 24;

/// Advancing a state over n bytes of zeros multiplies it by x^8n modulo the polynomial. A
/// carry-less product of reflected values that goes through the instruction gets 33 powers of x by
/// itself.
constexpr uint32_t shift_by(size_t bytes) {
  uint32_t power = 0x80000000;
  for (size_t i = 0; i + 33 < 8 * bytes; ++i) power = power >> 1 ^ (power & 1 ? 0x82f63b78 : 0);
  return power;
}

struct Shifts {
  uint32_t one = 0;  ///< over one stream
  uint32_t two = 0;
};
constexpr std::array<Shifts, kWordsMax + 1> make_shifts() {
  std::array<Shifts, kWordsMax + 1> shifts{};
  for (size_t words = 1; words <= kWordsMax; ++words) {
    shifts[words] = {shift_by(8 * words), shift_by(16 * words)};
  }
  return shifts;
}
constexpr std::array<Shifts, kWordsMax + 1> kShifts = make_shifts();

uint64_t advanced(uint64_t state, uint32_t shift) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(state)),
                                               _mm_cvtsi32_si128(static_cast<int>(shift)), 0);
  return _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product)));
}

uint32_t crc32c_medium(ByteView bytes, uint32_t crc) {
  const size_t words = bytes.size() / 24;
  const std::byte* const first = bytes.data();
  const std::byte* const second = first + 8 * words;
  const std::byte* const third = second + 8 * words;
  uint64_t a = static_cast<uint32_t>(~crc);
  uint64_t b = 0;
  uint64_t c = 0;
  for (size_t at = 0; at < 8 * words; at += 8) {
    a = _mm_crc32_u64(a, load<uint64_t>(first + at));
    b = _mm_crc32_u64(b, load<uint64_t>(second + at));
    c = _mm_crc32_u64(c, load<uint64_t>(third + at));
  }
  const uint64_t state = advanced(a, kShifts[words].two) ^ advanced(b, kShifts[words].one) ^ c;
  return crc32c(bytes.subspan(24 * words), ~static_cast<uint32_t>(state));
}
#endif

}  // namespace

uint32_t crc32c_long(ByteView bytes, uint32_t crc) {
#if defined(__SSE4_2__) && defined(__PCLMUL__)
  if (bytes.size() < kMediumBytes) return crc32c_medium(bytes, crc);
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
