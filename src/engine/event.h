// The events of the engine's two loops. Data goes down as values; news comes back only through
// these.
//
//   callers ──Append, FlushRequest──▶ shard ──Applied, FlushRequest, Rolled──▶ applier ──Cut──▶
//   flusher
//                                       ▲──────────Roll, Trim───────────┘   ▲────FlushDone───┘
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/log_record.h"
#include "memtable/buffer.h"
#include "sluice/engine.h"
#include "table/committer.h"

namespace sluice::engine {

class Lane;
using LanePtr = std::shared_ptr<Lane>;

/// Somebody who waits for a table's rows to be in the table. Guarded by the lanes' monitor.
struct FlushWaiter {
  uint64_t lsn = 0;           ///< rows up to here
  FlushReport report;         ///< of the flushes that happened meanwhile
  std::optional<Error> lost;  ///< why not all that was accepted can be in the table
  Status outcome;             ///< what the verdict will be, once the log is trimmed
  std::optional<Status> verdict;
};

// ---- to the shard

/// One accepted batch: checked, its memory reserved and its rows shared out.
struct Append {
  LanePtr lane;
  memtable::Run run;  ///< without its LSN
  AckClass ack = AckClass::kLog;
  uint64_t previous = 0;  ///< position of the source; 0: whatever was before
  Completion done;
};
struct FlushRequest {
  std::vector<LanePtr> lanes;
  std::vector<std::shared_ptr<FlushWaiter>> waiters;  ///< one a lane
  std::optional<Error> lost = std::nullopt;           ///< the log will not bring all that it took
};
/// Ends the active segment, if it holds a frame up to `lsn`: somebody waits for its flush, and
/// wants it gone afterwards. Answered with Rolled.
struct Roll {
  uint64_t lsn = 0;
};
/// Everything up to here is in the tables.
struct Trim {
  uint64_t lsn = 0;
  /// Told when the log is trimmed; nobody waits for a trim that fails: it costs space only.
  std::function<void()> done = nullptr;
};
/// Replay is done. From now on sources are served, by the positions that tables and log know, and
/// the log is trimmed.
struct Recovered {
  std::vector<std::pair<LanePtr, SourcePosition>> positions;
  Dictionary schemas;
};
struct Stop {};
using ShardEvent = std::variant<Append, FlushRequest, Roll, Trim, Recovered, Stop>;

// ---- to the applier

/// One batch that is durable in the log; or an empty one, for an ack of the table alone.
struct Applied {
  LanePtr lane;
  memtable::Run run;
  Completion done;  ///< of an append that waits for the table; else null
};
/// The log goes on in a new segment, or somebody asked whether it may: rows up to `through` are
/// due.
struct Rolled {
  uint64_t through = 0;
  std::optional<WriteNotification> told;  ///< nothing: there was no segment to end, or it failed
};
/// How one try to flush a cut ended.
struct FlushDone {
  LanePtr lane;
  uint64_t cut = 0;
  Status verdict;
  table::HeadPtr head;  ///< with ok the committed one, with kConflict the one that was first
  FlushCompleteEvent report;
  /// With ok: partitions whose parts could not be put, by name, and why.
  std::map<std::string, Error> left;
};
using ApplierEvent = std::variant<Applied, FlushRequest, Rolled, FlushDone, Stop>;

}  // namespace sluice::engine
