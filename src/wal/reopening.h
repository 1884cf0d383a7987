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
//        8      8  accepted LSN: of that frame, as in its header
//       16     16  opening id
//       32      4  key id: of the key that wraps the data key from here on; 0: not encrypted
//       36      4  numbering from here on, as in the segment header
//       40     64  wrapped key, as in the segment header; the additional data is segment id, offset
//                  of the frame u64 and this payload with the wrapped key as if it were zero
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
  OpeningId opening{};
  Numbering numbering = Numbering::kLog;
  WrappedKey key{};
};

inline constexpr uint64_t kReopeningBytes = 40 + kWrappedKeyBytes;
inline constexpr uint64_t kReopeningFrameBytes = frame_bytes(kReopeningBytes);

std::vector<std::byte> encode_reopening(const Reopening& reopening);
/// kCorrupt (kDecodeFailure); kUnsupported (kVersion): a numbering that this version does not know.
/// The caller knows the place.
Result<Reopening> decode_reopening(ByteView payload);

}  // namespace sluice::wal
