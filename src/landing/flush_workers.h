// FlushWorkers: the partitions that have something to do, and the order in which it is done.
// Decisions only: it starts nothing, and knows no clock. Guarded by the pool's monitor.
//
// A worker is in one place at a time:
//
//   waits ──due──▶ queued ──take()──▶ flushing ──▶ gone, if nothing was told meanwhile
//     ▲                                   │
//     └── for its age, or another try ◀───┘
//
// What is told is numbered. A flush that begins has everything up to `told`, so when it has
// succeeded `done` is at least the number that anybody before it was given.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sluice/flush_worker_pool.h"

namespace sluice::landing {

struct FlushWorker {
  FlushWorker(std::string name, uint64_t order) : partition(std::move(name)), number(order) {}

  const std::string partition;
  const uint64_t number;  ///< workers are made in this order
  uint64_t told = 0;
  uint64_t taken = 0;  ///< by the flush that runs, or that was last
  uint64_t done = 0;
  uint64_t records = 0;  ///< pending
  uint64_t records_taken = 0;
  Nanos since = kForever;  ///< the oldest of those that no flush has taken
  Nanos since_taken = kForever;
  bool is_wanted = false;  ///< at once
  bool flushing = false;
  bool queued = false;
  Nanos due_at = kForever;  ///< while it waits
  uint32_t failures = 0;
  Nanos retry_delay = 0;
  Nanos retry_at = 0;
  std::optional<Error> trouble;
  uint64_t flushed_records = 0;
};
using FlushWorkerPtr = std::shared_ptr<FlushWorker>;

/// A point in time, which may be never.
inline Nanos time_after(Nanos from, Nanos span) {
  return span >= kForever - from ? kForever : from + std::max<Nanos>(span, 0);
}

class FlushWorkers {
 public:
  explicit FlushWorkers(const FlushWorkerPoolOptions& options) : options_(options) {}

  void wrote(std::string_view partition, uint64_t records, Nanos now);
  void notify(std::string_view partition, Nanos now);
  /// Somebody waits: a try that failed is not put off any longer.
  void hurry(FlushWorker& worker, Nanos now);
  /// Null: nothing is told of it that is not flushed.
  FlushWorkerPtr find(std::string_view partition) const;
  std::vector<FlushWorkerPtr> all() const;

  /// The worker that is to flush now; null: none is due. finish() is called of each.
  FlushWorkerPtr take(Nanos now);
  void finish(const FlushWorkerPtr& worker, const Result<uint64_t>& flushed, Nanos now);
  /// Nothing is due before, unless something is told.
  Nanos next() const;

  size_t size() const { return workers_.size(); }
  bool empty() const { return workers_.empty(); }
  FlushWorkerPoolStatus status(Nanos now) const;
  std::vector<FlushWorkerStatus> oldest(size_t limit, Nanos now) const;

 private:
  FlushWorkerPtr touch(std::string_view partition);
  void schedule(const FlushWorkerPtr& worker, Nanos now);
  void enqueue(const FlushWorkerPtr& worker);
  Nanos due_of(const FlushWorker& worker, Nanos now) const;
  void unschedule(const FlushWorkerPtr& worker);
  void put_off(FlushWorker& worker, const Error& error, Nanos now);

  const FlushWorkerPoolOptions options_;
  std::map<std::string, FlushWorkerPtr, std::less<>> workers_;
  std::deque<FlushWorkerPtr> queue_;
  std::map<std::pair<Nanos, uint64_t>, FlushWorkerPtr> waiting_;  ///< by due_at and number
  uint64_t workers_made_ = 0;
  uint64_t flushes_ = 0;
  uint64_t flushed_records_ = 0;
  std::map<Code, uint64_t> retries_;
};

}  // namespace sluice::landing
