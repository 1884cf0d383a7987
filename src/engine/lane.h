// Lane: one table's way from the log into its parts.
//
// Holds, in the order of the log: rows of the flushes under way (cuts), and rows that wait for one
// (active), both by partition. A row is dropped once the head's marks cover it. Guarded by the
// lanes' monitor, except the committer, which belongs to whoever holds the lane's commit turn.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
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

/// What of a table's rows one flush takes: those of some partitions, all up to the cut. A partition
/// is in one cut at most, so its flushes follow each other in the order of the log.
struct Cut {
  uint64_t number = 0;
  uint64_t lsn = 0;
  std::vector<memtable::Run> runs;
  memtable::PendingMap partitions;

  bool running = false;  ///< with the flusher, or waiting for it
  uint32_t failures = 0;
  Nanos retry_at = 0;  ///< monotonic
  Nanos retry_delay = 0;
  std::optional<Error> trouble;  ///< why it failed last
};

/// What a flush shall make of the table's marks.
struct MarksOfFlush {
  table::Coverage lsns;  ///< of our log
  std::map<std::string, table::Coverage> sources;
};

class Lane {
 public:
  Lane(TableName name, LogId log, OpeningId opening, std::unique_ptr<table::Committer> committer,
       memtable::Patience patience = {})
      : name_(std::move(name)),
        log_(log),
        opening_(opening),
        committer_(std::move(committer)),
        active_(patience) {}

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
  void stop(Error error);

  // ---- rows

  /// True if the table has all rows of the batch, whatever their partitions.
  bool covers_all(const memtable::Run& run) const;
  /// Drops the shares of the run that the table has already, by its log mark or by its source
  /// position. Returns whether any is left.
  bool prune(memtable::Run& run) const;
  /// Takes what is left of a run, unless the lane is stopped, which then needs the log from here
  /// on. Returns whether the run is held. `cold_before`: rows of an earlier time are in a hurry.
  bool apply(memtable::Run run, Nanos now, Nanos cold_before);

  const memtable::Buffer& active() const { return active_; }
  const std::list<Cut>& cuts() const { return cuts_; }
  Cut* find(uint64_t cut);
  /// Somebody waits: cuts that failed are not put off any longer.
  void try_again_now();
  bool is_in_cut(std::string_view partition) const;
  /// Whether the head has any row of the cut: an earlier try was committed after all.
  bool is_covered(uint64_t cut) const;
  /// Starts a flush of the partitions that `wanted` says yes to and that are in no cut yet, up to
  /// `lsn`. Rows go first that the head has meanwhile, by a commit of before that came late or by
  /// another's: a change of the table may have met it. Null: there is nothing to flush.
  const Cut* freeze(uint64_t lsn, const std::function<bool(const memtable::Pending&)>& wanted);
  /// What the commit of all partitions of the cut but those `left` may claim: as much as is known,
  /// so that after the last of several flushes low water covers the table's rows altogether (E11).
  MarksOfFlush marks_after(uint64_t cut, const std::map<std::string, Error>& left,
                           uint64_t applied_lsn) const;
  /// The cut is committed and confirmed with `head`, but for those `left`, which stay in it.
  void release(uint64_t cut, table::HeadPtr head, const std::map<std::string, Error>& left);
  /// The marks moved under the cut: drops what the new head covers, keeps the rest for another
  /// flush.
  void rebase(uint64_t cut, table::HeadPtr head);

  /// The oldest LSN that only the log holds.
  std::optional<uint64_t> oldest_unflushed() const;
  uint64_t unflushed_rows() const;
  /// Of memory, in cuts too.
  uint64_t bytes() const;
  bool fails() const;
  /// Rows that are not in the head's parts, in the order of the log: a cut that was committed may
  /// wait for its confirmation. They hold no memory of the budget.
  std::vector<memtable::Run> unflushed_runs() const;
  const std::map<std::string, uint64_t>& positions() const { return positions_; }

  // ---- turns, waiters, triggers

  bool commit_turn_taken = false;  ///< somebody uses the committer
  bool gate_shut = false;          ///< the columns are being changed: appends wait
  uint32_t entered = 0;            ///< batches between the gate and the shard
  uint64_t flush_through = 0;      ///< partitions with rows up to here are due
  std::optional<Error> throttled;  ///< writers wait: the table cannot commit and has its share
  uint64_t groups_bytes = 0;       ///< of the committer's groups of devices, which it keeps
  std::shared_ptr<const void> groups_held;  ///< in the budget
  uint32_t flushes = 0;                     ///< that write parts, or are about to
  bool sweeping = false;                    ///< no flush begins
  std::vector<std::shared_ptr<FlushWaiter>> waiters;
  struct TableAck {
    uint64_t lsn;
    Completion done;
  };
  std::vector<TableAck> table_acks;

 private:
  bool covers(const memtable::Run& run, const memtable::Share& share) const;
  void drop_covered();
  template <class See>
  void each_other(uint64_t cut, const std::map<std::string, Error>& left, See see) const;

  const TableName name_;
  const LogId log_;
  const OpeningId opening_;
  const std::unique_ptr<table::Committer> committer_;
  std::vector<std::weak_ptr<const table::Head>> pinned_;
  table::HeadPtr head_;
  std::shared_ptr<const TableSpec> spec_;
  std::optional<Error> stopped_;
  memtable::Buffer active_;
  std::list<Cut> cuts_;
  uint64_t last_cut_ = 0;
  std::optional<uint64_t> pinned_from_;
  std::map<std::string, uint64_t> positions_;
};

}  // namespace sluice::engine
