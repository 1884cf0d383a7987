// Murmur3, 32 bits, for x86, seed 0: the hash by which Iceberg makes buckets.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

uint32_t murmur3(std::string_view bytes);
/// Of its eight bytes, the lowest first.
uint32_t murmur3(int64_t number);

}  // namespace sluice
