// CRC-32 (IEEE 802.3, as in gzip), which Parquet asks for on its pages. Everything that we frame
// ourselves has CRC-32C.
#pragma once

#include <cstdint>

#include "sluice/io.h"

namespace sluice {

/// The CRC of `bytes` continued from `crc` (0 to start). crc32("123456789") == 0xcbf43926.
uint32_t crc32(ByteView bytes, uint32_t crc = 0);

}  // namespace sluice
