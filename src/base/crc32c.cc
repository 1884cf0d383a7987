#include "base/crc32c.h"

#include <isa-l/crc.h>
#ifdef __PCLMUL__
#include <immintrin.h>
#endif

#include <array>

#include "base/crc32c_ways.h"

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
constexpr uint32_t power_of_x(size_t exponent) {
  uint32_t power = 0x80000000;
  for (size_t i = 0; i < exponent; ++i) power = power >> 1 ^ (power & 1 ? 0x82f63b78 : 0);
  return power;
}
constexpr uint32_t shift_by(size_t bytes) {
  return power_of_x(8 * bytes > 33 ? 8 * bytes - 33 : 0);
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

// Where the processor multiplies four pairs at once, 64 bytes are folded into the next 64 until
// they are the last; the remainder of those is the remainder of all.
constexpr size_t kWideBytes = 64;

/// What moves 128 bits, low half and high half, over so many bytes.
constexpr uint64_t fold_low(size_t bytes) {
  return uint64_t{power_of_x(8 * bytes + 32)} << 1;
}
constexpr uint64_t fold_high(size_t bytes) {
  return uint64_t{power_of_x(8 * bytes - 32)} << 1;
}
constexpr uint64_t kFoldLow = fold_low(kWideBytes);
constexpr uint64_t kFoldHigh = fold_high(kWideBytes);
/// Three quarters of the last 64 bytes onto the fourth.
alignas(kWideBytes) constexpr std::array<uint64_t, 8> kQuarters = {
    fold_low(48), fold_high(48), fold_low(32), fold_high(32), fold_low(16), fold_high(16), 0, 0};

// The compiler takes what the forms without a mask leave undefined for a mistake of ours.
[[gnu::target("avx512f,vpclmulqdq")]] __m512i folded(__m512i value, __m512i by) {
  return _mm512_xor_si512(_mm512_clmulepi64_epi128(value, by, 0x00),
                          _mm512_clmulepi64_epi128(value, by, 0x11));
}

[[gnu::target("avx512f,vpclmulqdq")]] uint32_t crc32c_wide(ByteView bytes, uint32_t crc) {
  const __m512i by = _mm512_maskz_broadcast_i32x4(
      0xffff, _mm_set_epi64x(static_cast<int64_t>(kFoldHigh), kFoldLow));
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size() / kWideBytes * kWideBytes;
  __m512i state = _mm512_xor_si512(
      _mm512_loadu_si512(at), _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(~crc))));
  for (at += kWideBytes; at != end; at += kWideBytes) {
    state = _mm512_xor_si512(folded(state, by), _mm512_loadu_si512(at));
  }
  const __m512i quarters = folded(state, _mm512_load_si512(kQuarters.data()));
  const __m128i last =
      _mm_xor_si128(_mm_xor_si128(_mm512_maskz_extracti32x4_epi32(0xf, quarters, 0),
                                  _mm512_maskz_extracti32x4_epi32(0xf, quarters, 1)),
                    _mm_xor_si128(_mm512_maskz_extracti32x4_epi32(0xf, quarters, 2),
                                  _mm512_maskz_extracti32x4_epi32(0xf, state, 3)));
  const uint64_t low = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(last)));
  const uint64_t whole =
      _mm_crc32_u64(low, static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(last, last))));
  return crc32c({end, bytes.size() % kWideBytes}, ~static_cast<uint32_t>(whole));
}

const bool kIsWide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
#endif

}  // namespace

std::span<const Crc32cWay> crc32c_ways() {
#if defined(__SSE4_2__) && defined(__PCLMUL__)
  static const std::array<Crc32cWay, 2> ways{
      {{"three streams", true, crc32c_medium}, {"wide", kIsWide, crc32c_wide}}};
  return ways;
#else
  return {};
#endif
}

uint32_t crc32c_long(ByteView bytes, uint32_t crc) {
#if defined(__SSE4_2__) && defined(__PCLMUL__)
  if (bytes.size() < kMediumBytes) {
    return kIsWide ? crc32c_wide(bytes, crc) : crc32c_medium(bytes, crc);
  }
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
