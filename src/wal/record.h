// What is appended to a log.
#pragma once

#include "wal/format.h"

namespace sluice::wal {

/// One record to append. Its payload is head followed by body.
struct RecordView {
  uint16_t type = kFirstUserType;  ///< number 16 or more, perhaps with kRequiredBit
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  ByteView head{};
  ByteView body{};
  uint64_t payload_bytes() const { return head.size() + body.size(); }
};

}  // namespace sluice::wal
