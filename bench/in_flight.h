// InFlight: how many appends of a benchmark wait for their acknowledgement.
#pragma once

#include <condition_variable>
#include <mutex>

#include "bench/telemetry.h"
#include "sluice/engine.h"

namespace sluice::bench {

/// Any thread.
class InFlight {
 public:
  explicit InFlight(int max) : max_(max) {}
  /// Waits for room.
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return in_flight_ < max_; });
    ++in_flight_;
  }
  void leave(const Result<Appended>& ack) {
    if (!ack.ok()) require(ack.error());
    const std::lock_guard lock(mutex_);
    --in_flight_;
    changed_.notify_all();
  }
  void wait_empty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return in_flight_ == 0; });
  }

 private:
  const int max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int in_flight_ = 0;
};

}  // namespace sluice::bench
