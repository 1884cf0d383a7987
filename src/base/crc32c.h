// CRC-32C (Castagnoli, RFC 3720), the checksum of the log and of everything we frame ourselves.
#pragma once

#include <cstdint>

#include "sluice/io.h"

namespace sluice {

/// The CRC of `bytes` continued from `crc` (0 to start). crc32c("123456789") == 0xe3069283.
uint32_t crc32c(ByteView bytes, uint32_t crc = 0);

}  // namespace sluice
