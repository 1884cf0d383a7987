// Checkpoint: what must be known before the first frame of the oldest segment is read.
//
// The payload of a checkpoint frame:
//
//   trim LSN u64 · links u32 · links × (opening id 16 bytes, base LSN u64) · application bytes u32,
//   application
#pragma once

#include <cstddef>
#include <vector>

#include "base/ids.h"
#include "sluice/result.h"
#include "wal/format.h"

namespace sluice::wal {

/// One opening of the log. Its frames are those from its base LSN up to the next link's.
struct ChainLink {
  OpeningId opening;
  Lsn base_lsn = 0;
  friend bool operator==(const ChainLink&, const ChainLink&) = default;
};

struct Checkpoint {
  Lsn trim_lsn = 0;  ///< no frame at or below it is needed any more
  /// Every opening of this log so far, oldest first, base LSNs never falling; never empty.
  std::vector<ChainLink> chain{};
  std::vector<std::byte> application{};  ///< opaque here

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// Bytes of the encoding.
uint64_t checkpoint_bytes(const Checkpoint& checkpoint);
std::vector<std::byte> encode_checkpoint(const Checkpoint& checkpoint);
/// kCorrupt (kDecodeFailure); the caller knows the place.
Result<Checkpoint> decode_checkpoint(ByteView payload);

}  // namespace sluice::wal
