#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace sluice {

uint32_t crc32c_long(ByteView bytes, uint32_t crc) {
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
