// Retainer: takes away what a log need not retain any more. A loop in a thread of its own:
//
//   1. wait until somebody wakes it, or until the moment that the last attempt named
//   2. attempt, and keep the verdict for who asks
//
// Owns: the thread, and the last verdict. Does not own: the log, of which it knows nothing; what an
// attempt does is the log's affair, and so is everything that it locks.
#pragma once

#include <functional>
#include <memory>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::wal {

class Retainer {
 public:
  struct Attempted {
    Status verdict{};
    Nanos next = kForever;  ///< when to attempt again, in the runtime's now()
  };

  /// The first attempt comes at once. The runtime outlives it, and so does all that `attempt` uses.
  Retainer(Runtime& runtime, std::function<Attempted()> attempt);
  ~Retainer();  ///< stop()

  // Any thread calls these, but not the attempt itself.

  /// There is an attempt from now on: not only the one that is under way.
  void wake();
  /// Of the last attempt; ok before the first has ended.
  Status verdict() const;
  /// Returns when an attempt that is under way has ended; none follows. One thread at a time.
  void stop();

 private:
  void run();

  Runtime& runtime_;
  const std::function<Attempted()> attempt_;
  const std::unique_ptr<Monitor> monitor_;
  // Guarded by monitor_.
  bool woken_ = true;
  bool stopped_ = false;
  Attempted last_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace sluice::wal
