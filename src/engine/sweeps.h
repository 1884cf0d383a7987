// Sweeps: the loop that has tables swept, one after the other.
//
// Each round, the first soon after the opening: every table that this opening has claimed, and that
// goes on. Nothing is swept of a table that nobody writes to; sweep() of a caller claims it. A
// sweep 1 waits for the one under way, so that nobody deletes what it is about to read  2 takes the
// table's commit turn, so that no flush is under way  3 surveys  4 gives the turn back  5 deletes.
// Owns: its thread. Does not own: the lanes, the decision what may go (table/sweeper.h).
#pragma once

#include <memory>

#include "engine/lanes.h"
#include "sluice/io.h"
#include "sluice/runtime.h"
#include "sluice/sweep.h"

namespace sluice::engine {

class Sweeps {
 public:
  Sweeps(Runtime& runtime, Bucket& bucket, Lanes& lanes, const EngineOptions& options);
  ~Sweeps();
  /// Any thread. Waits for other sweeps, and for the table's commit turn.
  Result<SweepReport> sweep(const LanePtr& lane, const SweepOptions& options);
  void start();
  /// A sweep that has begun is ended first.
  void stop();

 private:
  void run();
  bool wait(Nanos span);
  void sweep_claimed();

  Runtime& runtime_;
  Bucket& bucket_;
  Lanes& lanes_;
  const EngineOptions options_;
  const std::unique_ptr<Monitor> monitor_;
  bool stopped_ = false;
  bool turn_taken_ = false;  ///< a sweep is under way
  std::unique_ptr<Thread> thread_;
};

}  // namespace sluice::engine
