// The language of DATA_DIR/sluice.sock, version 1: this header and calls.h are its specification.
//
// A Unix stream socket of mode 0600. Both sides send frames; numbers are little-endian:
//
//     0  body length u32 | kind u16 | zero u16 | call id u64                FrameHeader
//    16  body
//
// The client begins with kHello, call id 0: magic u32 "SLRM", version u16. The host answers with
// kReply: the same, and the u64 instance that it drew at its start; or with kError if it does not
// serve this client, and closes. Frames, kHello and kError keep their form in every version.
//
// Then the client calls: one frame whose kind is the call and whose id is above those of its calls
// before. Only when it was answered the next one follows; who wants more at a time connects again.
// The answer has the id of its call:
//   kReply   body: what the call returned (Call<kind>::Reply)
//   kError   body: the Error, whole
// An append that was answered with kReply is accepted, and one more frame with its id tells its
// ack, at any time, also before the kReply and between the answers to other calls:
//   kAck     body: Appended
//   kNack    body: the Error
// A connection holds at most one snapshot, and its cursors. What it holds goes when it is closed; a
// call that runs then is ended all the same, and told to nobody.
//
// Bodies are values one behind the other, without padding:
//   integer, enum   its size in bytes           text       u32 length, bytes
//   bool            u8, 0 or 1                  list       u32 count, its elements
//   double          u64, its bits               optional   u8, 0 or 1; then the value
//   structure       its members (fields.h)      map        list of key and value, keys rising
// Behind them an append has zeros to a multiple of 8, and the batch in the encoding of
// src/model/codec.h; the reply of kNext is such an encoding, or empty at the end of the rows.
//
// Limits: a body of kBodyBytesMax; predicates nested kNestingMax deep.
// Validity: a body is its values and nothing else, each in its range. A body that is not is
// answered with kError (kCorrupt, kDecodeFailure), and the connection stays; a header that is not
// valid ends it. There is no checksum: bytes do not rot between two processes of one machine.
// Versions: 1 is the only one; another one is kUnsupported (kVersion).
#pragma once

#include <cstdint>

#include "sluice/batch.h"

namespace sluice::remote {

inline constexpr uint32_t kMagic = 0x4d524c53;
inline constexpr uint16_t kVersion = 1;
/// A batch, and what stands before it: a table's name, 4096 columns of the longest names.
inline constexpr uint32_t kBodyBytesMax = kBatchBytesMax + (4u << 20);
inline constexpr int kNestingMax = 80;

enum class Kind : uint16_t {
  kHello = 1,
  kCreateTable,
  kAddColumns,
  kAlter,
  kTag,
  kUntag,
  kExpire,
  kRollback,
  kRelocate,
  kDescribe,
  kTables,
  kAppend,
  kFlush,
  kFlushAll,
  kSnapshot,
  kScan,
  kAggregate,
  kNext,
  kCloseCursor,
  kSourcePosition,
  kSources,
  kSweep,
  kStatus,
  kPending,
  // answers
  kReply = 256,
  kError,
  kAck,
  kNack,
};

struct FrameHeader {
  uint32_t body_bytes = 0;
  Kind kind = Kind::kHello;
  uint16_t zero = 0;
  uint64_t call = 0;
};
static_assert(sizeof(FrameHeader) == 16);

}  // namespace sluice::remote
