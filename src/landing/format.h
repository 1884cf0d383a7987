// Format 0 of the files of an AtomicFlushWriter on its Disk.
//
//   LOCK                                 held while the writer lives
//   identity                             who writes here: one frame
//   <ticket>-<flush id>.pending          an intent: a plan frame, perhaps a parts frame
//   <ticket>-<flush id>.committed        the same file, renamed: the flush is committed
//   <ticket>-<flush id>.rollback         the same file, renamed: the flush shall not be
//   *.tmp                                not finished; removed at the next opening
//
// A ticket is the number of a flush: 16 hex digits, from 1, never given out twice. The flush id is
// 32 hex digits. A file appears whole under its name: written, synced, renamed, and the directory
// synced. Its state is in its name alone, so a change of state is one rename and one sync of the
// directory.
//
//   Frame                                   offset 0; of the parts: the first multiple of 4096
//     0  u32  magic "SLFL"                  behind the plan, so that no block under write holds
//     4  u16  version                       what was durable before
//     6  u16  kind
//     8  u32  bytes of the body
//    12  u32  CRC-32C of bytes 0 to 11, then of the body
//    16  body
//
//   Identity  log id 16 | u32 openings | each: opening id 16, u64 first ticket    oldest first
//   Plan      flush id 16 | u64 ticket | u64 min, max, seq | i64 wall time (ns) | u8 with a table
//             | text prefix of its keys | of LsnRule::kPerSource:
//               u32 sources | each: text name, u32 stretches | each: u64 first, u64 last
//   Parts     flush id 16 | u32 columns | each: i32 field id, u8 type, text name
//             | u32 parts | each: text key, u64 bytes, u64 rows,
//               u32 partition fields | each: u8 kind, i64 number, text
//               u32 stats | each: i32 field id, u64 bytes, values, nulls, nans, bound, bound
//               u32 row groups | each: i64 offset
//   bound     u8 there is one | text;   text: u32 bytes | bytes. Integers are little-endian.
//
// Behind the plan frame and behind the parts frame are zeros, or what an unfinished write left. A
// parts frame that is not whole is none: its write had not ended. Everything else that is not as
// said here is damage.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "part/meta.h"
#include "sluice/flush.h"
#include "sluice/io.h"

namespace sluice::landing {

inline constexpr uint16_t kFormat = 0;
inline constexpr uint32_t kFrameMagic = 0x4c464c53;  // "SLFL"
inline constexpr uint64_t kFrameHeaderBytes = 16;
inline constexpr uint64_t kFrameAlignment = 4096;
/// Of a new intent's file: what is written into it later needs no new block.
inline constexpr uint64_t kIntentBytesMin = 16'384;
inline constexpr uint64_t kIntentBytesMax = 64ull << 20;
inline constexpr uint64_t kIdentityBytesMax = 1ull << 20;
inline constexpr size_t kOpeningsMax = 4096;  ///< the oldest are forgotten
inline constexpr uint64_t kTicketMax = (1ull << 40) - 1;
inline constexpr uint64_t kLsnMax = (1ull << 63) - 1;

inline constexpr std::string_view kLockName = "LOCK";
inline constexpr std::string_view kIdentityName = "identity";
inline constexpr std::string_view kTemporarySuffix = ".tmp";

enum class FrameKind : uint16_t { kIdentity = 1, kPlan = 2, kParts = 3 };

/// What the name of an intent's file says.
enum class IntentState : uint8_t { kPending, kCommitted, kRollback };
inline constexpr IntentState kIntentStates[] = {IntentState::kPending, IntentState::kCommitted,
                                                IntentState::kRollback};

struct IntentName {
  uint64_t ticket = 0;
  FlushId flush;
  IntentState state = IntentState::kPending;
  friend bool operator==(const IntentName&, const IntentName&) = default;
};
std::string to_string(const IntentName& name);
std::optional<IntentName> parse_intent_name(std::string_view name);

struct Identity {
  struct Opening {
    OpeningId id;
    uint64_t first_ticket = 0;
    friend bool operator==(const Opening&, const Opening&) = default;
  };
  LogId log;
  std::vector<Opening> openings;
  friend bool operator==(const Identity&, const Identity&) = default;
};

/// LSNs that a flush has all of; `last` included.
struct LsnStretch {
  uint64_t first = 0;
  uint64_t last = 0;
  friend bool operator==(const LsnStretch&, const LsnStretch&) = default;
};
/// Source → ascending stretches that do not touch.
using SourceLsns = std::map<std::string, std::vector<LsnStretch>, std::less<>>;

/// What a flush is going to be.
struct Plan {
  FlushId flush;
  uint64_t ticket = 0;
  FlushRange range;
  Nanos created_wall_time = 0;
  bool with_table = false;
  std::string prefix;  ///< keys are `<prefix>/data/<flush id>-...`
  SourceLsns lsns;     ///< of its rows, if each source numbers its own
};

/// What became of it.
struct Parts {
  std::vector<part::Column> columns;
  std::vector<part::Meta> metas;
};

struct Intent {
  Plan plan;
  std::optional<Parts> parts;
};

/// Whole files but for the parts: a plan, and zeros up to kIntentBytesMin.
std::string encode_identity(const Identity& identity);
std::string encode_plan(const Plan& plan);
/// The frame, to be written at parts_offset().
std::string encode_parts(const FlushId& flush, const Parts& parts);
uint64_t parts_offset(const Plan& plan);

/// kCorrupt (kDecodeFailure, kCrcMismatch): found() is the offset; (kForeign): another flush's
/// file; kUnsupported (kVersion).
Result<Identity> decode_identity(ByteView bytes);
Result<Intent> decode_intent(ByteView bytes, const IntentName& name);

}  // namespace sluice::landing
