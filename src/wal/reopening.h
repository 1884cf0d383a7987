// Reopening: where the frames of a single-file log ended when it was opened again.
//
// A log in one file is one segment. Opening it again writes nothing into the block in which its
// frames ended; behind that block goes a frame of type `reopening` that says where they ended. What
// lies between is not part of the log.
//
// The payload:
//
//   offset  bytes  field
//        0      8  accepted end: offset behind the last frame before; at most the frame's own
//        8      8  accepted LSN: the highest before it
//       16      8  base LSN: what follows has this LSN or a higher one; above the accepted LSN
//       24     16  opening id
//       40      4  key id: of the key that wraps the data key from here on; 0: not encrypted
//       44      4  numbering from here on, as in the segment header
//       48     64  wrapped key, as in the segment header; the additional data is segment id, offset
//                  of the frame u64 and this payload with the wrapped key as if it were zero
//
// A file may end within a block: the rest of that block counts as zeros, which is what an opening
// makes of it. So a frame that lacks nothing but zeros is whole before and after.
//
// The log's own frames behind it repeat base LSN - 1 until a user's frame follows. LSNs between
// accepted and base LSN are a gap that is declared: nothing has them.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/ids.h"
#include "sluice/result.h"
#include "wal/format.h"

namespace sluice::wal {

struct Reopening {
  Boundary accepted{};
  Lsn base_lsn = 0;
  OpeningId opening{};
  Numbering numbering = Numbering::kLog;
  WrappedKey key{};
};

inline constexpr uint64_t kReopeningBytes = 48 + kWrappedKeyBytes;
inline constexpr uint64_t kReopeningFrameBytes = frame_bytes(kReopeningBytes);

std::vector<std::byte> encode_reopening(const Reopening& reopening);
/// kCorrupt (kDecodeFailure): also a base LSN that is not above the accepted one; kUnsupported
/// (kVersion): a numbering that this version does not know. The caller knows the place.
Result<Reopening> decode_reopening(ByteView payload);

}  // namespace sluice::wal
