// The ways that crc32c() chooses from by length and processor, so that tests try each.
#pragma once

#include <cstdint>
#include <span>

#include "sluice/io.h"

namespace sluice {

struct Crc32cWay {
  const char* name;
  bool is_possible;  ///< on this processor
  /// Of 64 to 1023 bytes.
  uint32_t (*of)(ByteView bytes, uint32_t crc);
};
std::span<const Crc32cWay> crc32c_ways();

}  // namespace sluice
