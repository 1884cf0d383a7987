// The log's format, version 1: the specification.
//
// A log is a directory of segment files. Integers are little-endian. A *block* is 4096 bytes.
//
//   wal-<base LSN, 20 digits>.seg         a segment; see file_names.h for the other files
//
// SEGMENT
//
//   0       4096        birth end                                        file end
//   +--------+-----------+-------+-------+-----+-------+------+-------------+
//   | header | checkpoint| frame | frame | pad | mark  | ...  | zeros       |
//   +--------+-----------+-------+-------+-----+-------+------+-------------+
//
// SEGMENT HEADER, one block
//
//   offset  bytes  field
//        0      8  magic "SLUICWAL"
//        8      4  format version
//       12      4  block bytes, 4096
//       16     16  log id
//       32     16  opening id
//       48     16  segment id, random, never zero
//       64     16  predecessor's segment id; zero: there never was a predecessor
//       80      8  predecessor's accepted LSN: that of its last frame, or its base LSN - 1
//       88      8  predecessor's accepted end: the offset behind its last frame
//       96      8  base LSN: of this segment's first user frame; above the accepted LSN
//      104      8  birth end: offset behind the frames that were synced before the file was named
//      112      4  key id: of the key that wraps the segment's data key; 0: not encrypted
//      116      4  zero
//      120     64  wrapped key: nonce (12), data key (32) and tag (16) of AES-256-GCM, 4 zeros; the
//                  additional data is this block with the wrapped key and the CRC as if it were
//                  zero
//      184      8  recycled bytes: up to here the file held another segment before; 0: it was new
//      192      4  numbering of the user's frames: 0 by the log, 1 by the caller and rising, 2 by
//      the
//                  caller
//      196   3896  zero
//     4092      4  CRC-32C of bytes 0 to 4091
//
// FRAME, at a multiple of 8
//
//   offset  bytes  field
//        0      4  header CRC: CRC-32C of (segment id, frame offset u64, header bytes 4 to 31)
//        4      4  payload CRC: CRC-32C of (segment id, frame offset u64, payload, its padding)
//        8      4  payload bytes, at most 64 MiB
//       12      2  type: bit 15 required, bit 14 encrypted, bits 0 to 13 the number
//       14      2  vshard
//       16      4  tenant
//       20      4  zero
//       24      8  LSN
//       32      n  payload, then zeros up to a multiple of 8
//
// Frames of types 16 and up are the user's. Numbered by the log, each has the LSN of the user frame
// before it plus 1, the first has the base LSN; by a caller, an LSN above that of the frame before
// it (above 0 in numbering 2). Types 1 to 15 are the log's own and repeat the highest LSN of user
// frames before them (base LSN - 1 if there is none):
//
//   pad         zeros; fills a block so that the next frame starts in one that no sync has covered.
//               A gap too small for a frame header is filled together with the next block.
//   mark        u64: everything below this offset, which is at most the mark's own, was confirmed
//   by
//               a sync that had completed before the mark was written
//   checkpoint  see checkpoint.h; always the first frame of a segment
//   sealed      see sealed.h; in an encrypted segment every frame but pads, marks and reopenings
//   reopening   see reopening.h; in logs of one file only
//
// An unknown own type is skipped, or kUnsupported if its required bit is set.
//
// VALIDITY
//
//   - A frame is valid if both CRCs fit, its zero field and limits hold, and its LSN continues.
//   - A segment with a successor is valid up to exactly the accepted end that the successor names,
//     with the accepted LSN there. Anything else below that offset is corruption.
//   - In the newest segment the first position without a valid frame is the end. It is corruption
//   if
//     it lies below the birth end, or below what any valid mark at any later multiple of 8
//     confirms. Otherwise what follows is a torn tail, or nothing if it is all zeros. In a recycled
//     segment older bytes follow: there it is nothing if it ends where it was born and a block of
//     zeros follows, or if its last frames are a mark that confirms its own offset and the pad to
//     the end of the mark's block; else at most kRecycledTailBytes are called torn.
//   - A segment names the segment before it; the oldest may name one that was trimmed: its base LSN
//     is at most 1 + the trim LSN of the newest checkpoint.
//   - LSNs without a frame are legal only between a header's accepted LSN and its base LSN.
//
// VERSIONS
//
//   Magic, version and the CRC's place are the same in every version.
//   0  before the first release; refused
//   1  this page; frozen, see tests/golden/log_v1_*.hex
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/ids.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/wal_record.h"
#include "wal/file_names.h"

namespace sluice::wal {

using sluice::Lsn;

inline constexpr std::string_view kMagic = "SLUICWAL";
inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kBlockBytes = 4096;
inline constexpr uint64_t kFrameAlignment = 8;
/// Far above any LSN in use, so that adding to one never overflows.
inline constexpr Lsn kLsnMax = Lsn{1} << 62;
inline constexpr uint64_t kPayloadBytesMax = kWalPayloadBytesMax;                  ///< of a record
inline constexpr uint64_t kFramePayloadBytesMax = kPayloadBytesMax + kBlockBytes;  ///< if sealed

inline constexpr uint16_t kRequiredBit = kWalRequired;
inline constexpr uint16_t kEncryptedBit = 0x4000;
inline constexpr uint16_t kTypeNumberMask = 0x3fff;
inline constexpr uint16_t kFirstUserType = kWalTypeMin;
inline constexpr uint16_t kPadType = 1;
inline constexpr uint16_t kMarkType = 2;
inline constexpr uint16_t kCheckpointType = 3 | kRequiredBit;
inline constexpr uint16_t kSealedType = 4 | kRequiredBit | kEncryptedBit;
inline constexpr uint16_t kReopeningType = 5 | kRequiredBit;

inline constexpr bool is_own_type(uint16_t type) {
  return (type & kTypeNumberMask) < kFirstUserType;
}

/// Whether a user's record may have `lsn` where `last` is the highest before it.
inline constexpr bool continues(Numbering numbering, Lsn last, Lsn lsn) {
  if (lsn == 0 || lsn >= kLsnMax) return false;
  if (numbering == Numbering::kLog) return lsn == last + 1;
  return numbering == Numbering::kAny || lsn > last;
}

/// The end of a segment's frames, as known from outside it.
struct Boundary {
  uint64_t end = 0;  ///< offset
  Lsn last_lsn = 0;
};

inline constexpr size_t kWrappedKeyBytes = 64;
inline constexpr uint64_t kRecycledTailBytes = 1 << 20;

/// A data key, wrapped by the key with this id.
struct WrappedKey {
  uint32_t id = 0;  ///< 0: none
  std::array<std::byte, kWrappedKeyBytes> bytes{};
};

struct SegmentHeader {
  LogId log{};
  OpeningId opening{};
  SegmentId segment{};
  SegmentId predecessor{};  ///< zero: none
  Boundary accepted{};      ///< of the predecessor
  Lsn base_lsn = 0;
  uint64_t birth_end = 0;
  WrappedKey key{};
  uint64_t recycled_bytes = 0;  ///< 0: the file was new
  Numbering numbering = Numbering::kLog;
  bool is_encrypted() const { return key.id != 0; }
};

struct FrameHeader {
  uint32_t header_crc = 0;
  uint32_t payload_crc = 0;
  uint32_t payload_bytes = 0;
  uint16_t type = 0;
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  uint32_t zero = 0;
  Lsn lsn = 0;
};
static_assert(sizeof(FrameHeader) == 32 && std::is_trivially_copyable_v<FrameHeader>);
static_assert(kBlockBytes % kFrameAlignment == 0 && sizeof(FrameHeader) % kFrameAlignment == 0);

inline constexpr uint64_t frame_bytes(uint64_t payload_bytes) {
  return sizeof(FrameHeader) + align_up(payload_bytes, kFrameAlignment);
}
inline constexpr uint64_t kMarkFrameBytes = frame_bytes(sizeof(uint64_t));

/// Where the pad ends that closes the block in which frames end at `tail`; `tail` itself if that is
/// a block's start.
inline constexpr uint64_t closed_end(uint64_t tail) {
  const uint64_t end = align_up(tail, kBlockBytes);
  return end == tail || end - tail >= sizeof(FrameHeader) ? end : end + kBlockBytes;
}
static_assert(closed_end(kBlockBytes) == kBlockBytes);
static_assert(closed_end(kBlockBytes - 32) == kBlockBytes);
static_assert(closed_end(kBlockBytes - 24) == 2 * kBlockBytes);

/// Whether the bytes that the version leaves unused are zero.
bool is_known(const WrappedKey& key);
bool is_numbering(uint32_t value);

/// What every checksum of a frame starts from. W14: bound to segment and offset, so that no byte
/// string is a valid frame anywhere but where it was written.
inline uint32_t frame_seed(const SegmentId& segment, uint64_t offset) {
  std::array<std::byte, 24> place;
  std::copy(segment.bytes().begin(), segment.bytes().end(), place.begin());
  store(place.data() + 16, offset);
  return crc32c(place);
}
inline uint32_t header_checksum(const FrameHeader& header, uint32_t seed) {
  return crc32c(std::as_bytes(std::span(&header, 1)).subspan(sizeof(header.header_crc)), seed);
}
/// Everything that can be checked without the payload and the frames before.
inline bool is_sound(const FrameHeader& header, uint32_t seed) {
  return (header.type & kTypeNumberMask) != 0 && header.zero == 0 &&
         header.payload_bytes <=
             (header.type == kSealedType ? kFramePayloadBytesMax : kPayloadBytesMax) &&
         header.header_crc == header_checksum(header, seed);
}

/// One block.
std::vector<std::byte> encode_segment_header(const SegmentHeader& header);
/// Checks everything that the block alone can show. kCorrupt, or kUnsupported (kVersion; also a
/// block size or a key that this version does not know).
Result<SegmentHeader> decode_segment_header(ByteView block, std::string_view name);

/// kCorrupt at `offset` of the file `where`.
Error corruption(Reason reason, std::string message, std::string_view where, uint64_t offset);
/// kCorrupt: bytes that its successor says were durable are gone.
Error shorter_than_accepted(std::string_view name, uint64_t file_bytes);
/// Where damage lies, for messages: ", behind LSN 7".
std::string behind(Lsn last_lsn);

}  // namespace sluice::wal
