#include "base/ids.h"

namespace sluice::detail {

std::string hex16(const std::array<uint8_t, 16>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(32);
  for (const uint8_t byte : bytes) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

bool parse_hex16(std::string_view hex, std::array<uint8_t, 16>& out) {
  if (hex.size() != 32) return false;
  for (size_t i = 0; i < 32; ++i) {
    const char digit = hex[i];
    uint8_t value = 0;
    if (digit >= '0' && digit <= '9') {
      value = static_cast<uint8_t>(digit - '0');
    } else if (digit >= 'a' && digit <= 'f') {
      value = static_cast<uint8_t>(digit - 'a' + 10);
    } else {
      return false;
    }
    uint8_t& byte = out[i / 2];
    byte = i % 2 == 0 ? static_cast<uint8_t>(value << 4) : static_cast<uint8_t>(byte | value);
  }
  return true;
}

}  // namespace sluice::detail
