// The checksum that an object carries of itself, whatever its format: CRC-32C as eight hex digits,
// over all of its bytes but these digits, begun with the object's file name, so that bytes that
// stand under another's name are found too. The folders before the name may change.
//
// Each format has a place for the digits: see table/checksum.h and part/format.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

inline constexpr std::string_view kChecksumName = "sluice.crc32c";
inline constexpr size_t kChecksumDigits = 8;

/// What the checksum of the object `key` begins with.
uint32_t checksum_seed(std::string_view key);
/// Lower case.
std::string checksum_text(uint32_t checksum);
/// Writes the digits at `at`, over what is there.
void put_checksum(std::string& bytes, size_t at, uint32_t seed);
/// Whether the digits at `at` are those of the bytes around them.
bool checksum_fits(std::string_view bytes, size_t at, uint32_t seed);

}  // namespace sluice
