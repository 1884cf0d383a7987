// Sealed frames: records of an encrypted segment, up to kBlockPlainBytes of them together, in one
// frame of type `sealed`.
//
// THE PAYLOAD OF A SEALED FRAME
//
//   offset  bytes  field
//        0      8  counter: the nonce; rises within the segment, never zero
//        8      8  last LSN: the highest of the user's records up to the end of the frame
//       16      8  types: bit n is set if a type with number n mod 64 is inside
//       24      4  records, at least 1
//       28      4  plain bytes
//       32      4  lowest tenant of the user's records
//       36      4  highest tenant
//       40      2  lowest vshard
//       42      2  highest vshard
//       44      4  zero
//       48      n  the records, encrypted
//     48+n     16  tag
//
// Additional data: segment id (16 bytes), offset of the frame u64, its type u16, its payload bytes
// u32, its LSN u64, bytes 0 to 47 of the payload. So a sealed frame opens only where it was
// written.
//
// A RECORD
//
//        0      8  LSN
//        8      4  payload bytes
//       12      4  tenant
//       16      2  type: as of a frame that is not sealed, never pad, mark or sealed
//       18      2  vshard
//       20      4  zero
//       24      m  payload, then zeros up to a multiple of 8
//
// A record that is larger than kBlockPlainBytes is alone in its frame. The clear fields let a
// reader skip a frame by LSN, type, tenant and vshard without opening it; they are what an
// encrypted log tells to those who lack the key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/ids.h"
#include "sluice/result.h"
#include "wal/cipher.h"
#include "wal/format.h"
#include "wal/record.h"

namespace sluice::wal {

inline constexpr uint64_t kBlockPlainBytes = 64 << 10;

struct SealedHeader {
  uint64_t counter = 0;
  Lsn last_lsn = 0;
  uint64_t types = 0;
  uint32_t records = 0;
  uint32_t plain_bytes = 0;
  uint32_t tenant_min = 0;
  uint32_t tenant_max = 0;
  uint16_t vshard_min = 0;
  uint16_t vshard_max = 0;
  uint32_t zero = 0;
};
static_assert(sizeof(SealedHeader) == 48 && std::is_trivially_copyable_v<SealedHeader>);

struct InnerHeader {
  Lsn lsn = 0;
  uint32_t payload_bytes = 0;
  uint32_t tenant = 0;
  uint16_t type = 0;
  uint16_t vshard = 0;
  uint32_t zero = 0;
};
static_assert(sizeof(InnerHeader) == 24 && std::is_trivially_copyable_v<InnerHeader>);

inline constexpr uint64_t inner_bytes(uint64_t payload_bytes) {
  return sizeof(InnerHeader) + align_up(payload_bytes, kFrameAlignment);
}
inline constexpr uint64_t sealed_payload_bytes(uint64_t plain_bytes) {
  return sizeof(SealedHeader) + plain_bytes + kTagBytes;
}
/// Bytes of the frames that hold the records, of which the first follow `open_bytes` plain bytes.
uint64_t sealed_frames_bytes(uint64_t open_bytes, std::span<const RecordView> records);

/// The clear part of a sealed frame's payload. kCorrupt (kDecodeFailure); the caller knows the
/// place.
Result<SealedHeader> decode_sealed_header(ByteView payload);

/// Where a sealed frame stands: all that its seal is bound to besides its own bytes.
struct SealPlace {
  uint64_t offset = 0;
  Lsn lsn = 0;  ///< of the frame header
};

/// Seals and opens the frames of one segment. One thread. Memory: a block, or the largest frame.
class Sealer {
 public:
  Sealer(const SegmentId& segment, const WalEncryptionKey& data_key);

  /// The block that is open takes the record too, or is empty.
  bool has_room(const RecordView& record) const;
  /// Into the open block. `lsn`: the record's, or of the log's own types the highest before it.
  /// The records that follow seal() or discard() begin a block; `before` is the highest LSN then.
  void add(const RecordView& record, Lsn lsn, Lsn before);
  uint64_t open_bytes() const { return plain_.size(); }
  /// The highest LSN before the open block.
  Lsn lsn_before() const { return lsn_before_; }
  /// The payload of the open block's frame, sealed_payload_bytes(open_bytes()) of it, which will
  /// stand at the offset; the block is empty then.
  void seal(uint64_t offset, std::span<std::byte> payload);
  void discard() { plain_.clear(); }

  /// The plain records of a sealed frame, valid until the next call. kCorrupt: kDecodeFailure;
  /// kWrongKey if they do not open. The caller knows the place.
  Result<ByteView> open(SealPlace place, ByteView payload);

 private:
  std::vector<std::byte> additional(SealPlace place, const SealedHeader& header) const;

  const SegmentId segment_;
  Cipher cipher_;
  uint64_t counter_ =
      0;  ///< of the last block; rises when a block is sealed, whatever becomes of it
  SealedHeader header_;  ///< of the open block
  Lsn lsn_before_ = 0;
  AlignedBuffer plain_;
};

/// Takes the records out of a sealed frame one by one. kCorrupt (kDecodeFailure,
/// kSequenceViolation) if they are not what its header says.
class InnerRecords {
 public:
  InnerRecords() = default;
  InnerRecords(const SealedHeader& header, Numbering numbering, Lsn lsn_before, ByteView plain)
      : header_(header), numbering_(numbering), last_lsn_(lsn_before), plain_(plain) {}
  bool at_end() const { return plain_.empty(); }
  struct Record {
    Lsn lsn = 0;
    uint16_t type = 0;
    uint16_t vshard = 0;
    uint32_t tenant = 0;
    ByteView payload;
  };
  /// Not at the end.
  Result<Record> next();

 private:
  SealedHeader header_;
  Numbering numbering_ = Numbering::kLog;
  Lsn last_lsn_ = 0;  ///< the highest
  uint32_t taken_ = 0;
  ByteView plain_;
};

}  // namespace sluice::wal
