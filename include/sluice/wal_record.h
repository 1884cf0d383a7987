// Records of a write-ahead log: what is appended, and what is read.
#pragma once

#include <cstdint>

#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice {

/// Log sequence number: the place of a record in its log. 0 means none.
using Lsn = uint64_t;

/// Of a record's type the lower 14 bits are its number, and numbers below 16 are the log's own.
inline constexpr uint16_t kWalTypeMin = 16;
inline constexpr uint16_t kWalTypeMax = 0x3fff;
/// Set in the type of a record that no reader may skip because it does not know the type.
inline constexpr uint16_t kWalRequired = 0x8000;
/// The payload of a record is limited to this unless options say less.
inline constexpr uint64_t kWalPayloadBytesMax = 64ull << 20;

/// One record to append. Its payload is head followed by body. A view: what it points to is read
/// before the call that takes it returns.
struct WalRecord {
  uint16_t type = kWalTypeMin;  ///< kWalTypeMin to kWalTypeMax, perhaps with kWalRequired
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  ByteView head{};
  ByteView body{};
  Lsn lsn = 0;  ///< the caller's number where callers number, else 0
  uint64_t payload_bytes() const { return head.size() + body.size(); }
};

/// One record as it was read. The payload is 8-byte aligned and valid until the reader's next call.
struct WalFrame {
  Lsn lsn = 0;
  uint16_t type = 0;
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  ByteView payload;
};

/// Who gives a log's records their LSNs.
enum class Numbering : uint8_t {
  kLog = 0,     ///< the log: each record has the LSN of the one before plus 1
  kRising = 1,  ///< the caller, each above the one before
  kAny = 2,     ///< the caller, any but 0
};

}  // namespace sluice
