#include "base/object_checksum.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace sluice {
namespace {

std::string digits_for(std::string_view bytes, size_t at, uint32_t seed) {
  CHECK(at <= bytes.size() && bytes.size() - at >= kChecksumDigits);
  const uint32_t before = crc32c(as_bytes(bytes.substr(0, at)), seed);
  return checksum_text(crc32c(as_bytes(bytes.substr(at + kChecksumDigits)), before));
}

}  // namespace

uint32_t checksum_seed(std::string_view key) {
  return crc32c(as_bytes(key.substr(key.rfind('/') + 1)));
}

std::string checksum_text(uint32_t checksum) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text.push_back(kDigits[checksum >> shift & 15]);
  return text;
}

void put_checksum(std::string& bytes, size_t at, uint32_t seed) {
  bytes.replace(at, kChecksumDigits, digits_for(bytes, at, seed));
}

bool checksum_fits(std::string_view bytes, size_t at, uint32_t seed) {
  return bytes.substr(at, kChecksumDigits) == digits_for(bytes, at, seed);
}

}  // namespace sluice
