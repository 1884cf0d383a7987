// The events of the engine's two loops. Data goes down as values; news comes back only through
// these.
//
//   callers ──Append, FlushRequest──▶ shard ──Applied, FlushRequest──▶ applier ──FlushJob──▶
//   flusher
//                                       ▲───────────Trim──────────────┘   ▲─────FlushDone────┘
#pragma once

#include <cstdint>
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
  std::optional<Status> verdict;
};

// ---- to the shard

/// One accepted batch: checked, and its memory reserved.
struct Append {
  LanePtr lane;
  Batch batch;
  uint64_t reserved_bytes = 0;
  AckClass ack = AckClass::kLog;
  std::shared_ptr<const std::string> source;
  uint64_t position = 0;
  uint64_t previous = 0;  ///< 0: whatever was before
  Completion done;
};
struct FlushRequest {
  std::vector<LanePtr> lanes;
  std::vector<std::shared_ptr<FlushWaiter>> waiters;  ///< one a lane
  std::optional<Error> lost = std::nullopt;           ///< the log will not bring all that it took
};
/// Everything up to here is in the tables.
struct Trim {
  uint64_t lsn = 0;
};
/// Replay is done. From now on sources are served, by the positions that tables and log know, and
/// the log is trimmed.
struct Recovered {
  std::vector<std::pair<LanePtr, SourcePosition>> positions;
  Dictionary schemas;
};
struct Stop {};
using ShardEvent = std::variant<Append, FlushRequest, Trim, Recovered, Stop>;

// ---- to the applier

/// One batch that is durable in the log; or an empty one, for an ack of the table alone.
struct Applied {
  LanePtr lane;
  memtable::Run run;
  Completion done;  ///< of an append that waits for the table; else null
};
/// How one try to flush a lane ended.
struct FlushDone {
  LanePtr lane;
  Status verdict;
  table::HeadPtr head;  ///< with ok the committed one, with kConflict the one that was first
  FlushCompleteEvent report;
};
using ApplierEvent = std::variant<Applied, FlushRequest, FlushDone, Stop>;

}  // namespace sluice::engine
