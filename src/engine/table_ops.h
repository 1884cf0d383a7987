// TableOps: what changes a table besides its rows, in turn with its flushes.
//
// An alteration:  1 check it against the head  2 shut the lane's gate: new appends wait  3 wait for
// the batches that are on their way to the shard  4 flush everything that was accepted  5 commit
// the new schema  6 open the gate. So no row is ever flushed or replayed under columns that it was
// not made for (E11): what the log holds of before is covered by the marks of step 4. A crash
// between 4 and 5 leaves a flushed table with its old columns.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/lanes.h"
#include "sluice/runtime.h"
#include "sluice/table_change.h"

namespace sluice::engine {

/// Runs one change of the table's metadata in turn with its flushes, and publishes the result.
Status change(Lanes& lanes, Lane& lane, const std::function<Result<table::HeadPtr>()>& commit);

/// A batch on its way from the gate to the shard. The lane's columns do not change meanwhile.
class Passage {
 public:
  /// Waits while the gate is shut. kBusy (kDeadline): it did not open in time; kNotFound; or what
  /// the lane or the engine has stopped for.
  static Result<Passage> enter(Runtime& runtime, Lanes& lanes, const TableName& name,
                               Nanos deadline);
  Passage(Passage&&) noexcept = default;
  ~Passage();

  const LanePtr& lane() const { return lane_; }
  /// As they are until this ends, but for columns that are added.
  const TableSpec& spec() const { return *spec_; }
  const table::Head& head() const { return *head_; }

 private:
  Passage(Lanes& lanes, LanePtr lane)
      : lanes_(lanes), lane_(std::move(lane)), spec_(lane_->spec()), head_(lane_->head()) {}

  Lanes& lanes_;
  LanePtr lane_;  ///< null once moved from
  std::shared_ptr<const TableSpec> spec_;
  table::HeadPtr head_;
};

/// Adds to the error of a batch that does not fit what became of the column: it may have been
/// renamed or dropped since the batch was made.
Error explain(const Error& unfit, const table::Head& head);

/// Puts everything that was accepted into the table, until the deadline.
using FlushLane = std::function<Status(const LanePtr& lane, Nanos deadline)>;

Status alter(Runtime& runtime, Lanes& lanes, const LanePtr& lane,
             const std::vector<SchemaChange>& changes, const FlushLane& flush, Nanos deadline);

}  // namespace sluice::engine
