#include "base/murmur3.h"

#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace sluice {

uint32_t murmur3(std::string_view bytes) {
  constexpr uint32_t kFirst = 0xcc9e2d51;
  constexpr uint32_t kSecondFactor = 0x1b873593;
  const auto scramble = [](uint32_t word) { return std::rotl(word * kFirst, 15) * kSecondFactor; };
  const std::byte* at = as_bytes(bytes).data();
  uint32_t hash = 0;
  size_t left = bytes.size();
  for (; left >= sizeof(uint32_t); left -= sizeof(uint32_t), at += sizeof(uint32_t)) {
    hash = std::rotl(hash ^ scramble(load<uint32_t>(at)), 13) * 5 + 0xe6546b64;
  }
  uint32_t tail = 0;
  for (size_t i = left; i > 0; --i) tail = tail << 8 | std::to_integer<uint32_t>(at[i - 1]);
  if (left > 0) hash ^= scramble(tail);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

uint32_t murmur3(int64_t number) {
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  return murmur3(std::string_view(bytes, sizeof(bytes)));
}

}  // namespace sluice
