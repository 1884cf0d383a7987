// Flusher: a fixed pool that carries frozen lanes into their tables.
//
// A job:  1 sort the cut  2 in the lane's commit turn, claim the table, once per opening, and add
// the columns that the rows need, and give new devices their groups  3 put parts; of a partition
// whose parts cannot be put the rows stay in the cut  4 in the commit turn, compute the marks and
// commit all partitions that are ready 5 confirm by a fresh look  6 tell the applier. A failed try
// leaves the cut as it is and is told too; the applier decides when to try again. Parts of a flush
// that certainly failed go at once. Several cuts of a lane may be on their way. Owns: its threads.
// Does not own: lanes, budget, the decision what to flush.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/budget.h"
#include "base/channel.h"
#include "engine/event.h"
#include "engine/lanes.h"
#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::engine {

class Flusher {
 public:
  Flusher(Runtime& runtime, Bucket& bucket, Lanes& lanes, Budget& budget,
          const EngineOptions& options, Channel<ApplierEvent>& news);
  ~Flusher();
  /// The cut is marked as running.
  void submit(LanePtr lane, uint64_t cut);
  /// Jobs that no thread has taken.
  size_t waiting() const;
  /// Ends running jobs at their next wait (kCancelled) and joins the threads.
  void stop();
  /// For committers: true once stop() was called.
  bool cancelled() const { return cancelled_.load(); }

 private:
  void work();
  struct Job {
    LanePtr lane;  ///< null: the end
    uint64_t cut = 0;
  };
  Job next();
  FlushDone flush(const Job& job);

  Runtime& runtime_;
  Bucket& bucket_;
  Lanes& lanes_;
  Budget& budget_;
  const EngineOptions options_;
  Channel<ApplierEvent>& news_;
  std::unique_ptr<Monitor> monitor_;
  std::vector<Job> queue_;
  std::atomic<bool> cancelled_{false};
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace sluice::engine
