// Lane: one table's way from the log into its parts.
//
// Holds, in the order of the log: rows that are in the table (the head's marks say so), rows of the
// flush under way (frozen), rows applied since (active). Guarded by the lanes' monitor, except the
// committer, which belongs to whoever holds the lane's commit turn.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/event.h"
#include "memtable/buffer.h"
#include "sluice/options.h"
#include "table/committer.h"

namespace sluice::engine {

/// What of a table's rows a flush takes: all up to the cut.
struct Cut {
  uint64_t lsn = 0;
  std::vector<memtable::Run> runs;
  table::HeadPtr base;  ///< the head when it was made: none of its rows was in the table
};

class Lane {
 public:
  Lane(TableName name, LogId log, OpeningId opening, std::unique_ptr<table::Committer> committer)
      : name_(std::move(name)), log_(log), opening_(opening), committer_(std::move(committer)) {}

  const TableName& name() const { return name_; }
  table::Committer& committer() { return *committer_; }

  /// The table as last committed; null while it could not be read.
  const table::HeadPtr& head() const { return head_; }
  const std::shared_ptr<const TableSpec>& spec() const { return spec_; }
  /// Heads arrive in any order: an older one than the known changes nothing.
  void set_head(table::HeadPtr head);

  /// Whether this opening has committed to the table since its head was first read.
  bool claimed() const;
  /// A reader holds this head from now on: what it names stays.
  void pin(const table::HeadPtr& head);
  /// The heads that readers still hold.
  std::vector<table::HeadPtr> pinned();

  /// A lane that cannot go on: its rows stay in the log, its writers get this error.
  const std::optional<Error>& stopped() const { return stopped_; }
  /// Returns the bytes that become free.
  uint64_t stop(Error error);

  // ---- rows

  /// True if the table has the run's rows already: by its log mark, or by its source position.
  bool covers(const memtable::Run& run) const;
  /// Takes a run unless the table covers it, or the lane is stopped, which then needs the log from
  /// here on. Returns whether the run is held.
  bool apply(memtable::Run run, Nanos now);

  bool flushing() const { return cut_.has_value(); }
  bool has_active() const { return !active_.empty(); }
  const memtable::Buffer& active() const { return active_; }
  /// The flush under way.
  const Cut& cut() const { return *cut_; }
  /// Drops rows that the head has meanwhile, by a commit of before that came late or by another's:
  /// a change of the table may have met it. Before each freeze. Returns bytes freed.
  uint64_t drop_covered();
  /// Starts a flush of everything applied, up to `lsn`. Not while one is under way.
  const Cut& freeze(uint64_t lsn);
  /// The flush is committed and confirmed with `head`: returns the bytes that become free.
  uint64_t release(table::HeadPtr head);
  /// The marks moved under us: drops what the new head covers, keeps the rest for another flush.
  /// Returns bytes freed.
  uint64_t rebase(table::HeadPtr head);

  /// The oldest LSN that only the log holds.
  std::optional<uint64_t> oldest_unflushed() const;
  uint64_t unflushed_rows() const;
  /// Rows that are not in the head's parts, in the order of the log: a cut that was committed may
  /// wait for its confirmation.
  std::vector<memtable::Run> unflushed_runs() const;
  const std::map<std::string, uint64_t>& positions() const { return positions_; }

  // ---- turns, waiters, retries

  bool commit_turn_taken = false;  ///< somebody uses the committer
  bool gate_shut = false;          ///< the columns are being changed: appends wait
  uint32_t entered = 0;            ///< batches between the gate and the shard
  Nanos retry_at = 0;              ///< monotonic; no flush starts before
  Nanos retry_delay = 0;
  bool flush_queued = false;  ///< the frozen rows wait for, or are with, the flusher
  std::vector<std::shared_ptr<FlushWaiter>> waiters;
  struct TableAck {
    uint64_t lsn;
    Completion done;
  };
  std::vector<TableAck> table_acks;

 private:
  const TableName name_;
  const LogId log_;
  const OpeningId opening_;
  const std::unique_ptr<table::Committer> committer_;
  std::vector<std::weak_ptr<const table::Head>> pinned_;
  table::HeadPtr head_;
  std::shared_ptr<const TableSpec> spec_;
  std::optional<Error> stopped_;
  memtable::Buffer active_;
  std::optional<Cut> cut_;
  std::optional<uint64_t> pinned_from_;
  std::map<std::string, uint64_t> positions_;
};

}  // namespace sluice::engine
