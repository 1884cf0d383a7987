// Flusher: a fixed pool that carries frozen lanes into their tables.
//
// A job: 1 wait for the lane's commit turn  2 claim the table, once per opening  3 sort the cut  4
// add the columns that its rows need  5 put parts  6 commit  7 confirm by a fresh look  8 tell
// the applier. A failed try leaves the cut as it is and is told too; the applier decides when to
// try again. Parts of a flush that certainly failed go at once. Owns: its threads. Does not own:
// lanes, budget, the decision what to flush.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/channel.h"
#include "engine/event.h"
#include "engine/lanes.h"
#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::engine {

class Flusher {
 public:
  Flusher(Runtime& runtime, Bucket& bucket, Lanes& lanes, const EngineOptions& options,
          Channel<ApplierEvent>& news);
  ~Flusher();
  /// The lane has a cut and is marked flush_queued.
  void submit(LanePtr lane);
  /// Ends running jobs at their next wait (kCancelled) and joins the threads.
  void stop();
  /// For committers: true once stop() was called.
  bool cancelled() const { return cancelled_.load(); }

 private:
  void work();
  LanePtr next();
  FlushDone flush_lane(const LanePtr& lane);

  Runtime& runtime_;
  Bucket& bucket_;
  Lanes& lanes_;
  const EngineOptions options_;
  Channel<ApplierEvent>& news_;
  std::unique_ptr<Monitor> monitor_;
  std::vector<LanePtr> queue_;
  std::atomic<bool> cancelled_{false};
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace sluice::engine
