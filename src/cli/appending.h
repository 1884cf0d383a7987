// Appending: payloads on their way into a log, from one or many threads.
//
// Threads take groups of payloads, append one each and tell its LSNs once it is durable. They share
// syncs; a group is told whole, and never before its sync.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "cli/log_appender.h"
#include "cli/payloads.h"
#include "cli/wal.h"
#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::cli {

class Appending {
 public:
  struct Group {
    const PayloadGroup& payloads;
    Lsn first_lsn = 0;
    Nanos took = 0;  ///< until it was durable
  };
  /// One call at a time, from any thread.
  using Told = std::function<Status(const Group& group)>;

  /// All outlive it.
  Appending(LogAppender& log, Payloads& payloads, const WalArguments& arguments)
      : log_(log), payloads_(payloads), arguments_(arguments) {}

  /// Appends all payloads. The first error of any thread; then the others end with their groups.
  Status run(const Told& told);
  /// That are durable.
  uint64_t records() const { return records_; }

 private:
  void work(const Told& told);
  Result<bool> append_group(const Told& told);
  Result<PayloadGroup> take();

  LogAppender& log_;
  std::mutex payloads_mutex_;
  Payloads& payloads_;  ///< guarded by payloads_mutex_
  const WalArguments& arguments_;
  std::atomic<bool> has_failed_{false};
  std::mutex told_mutex_;  ///< guards what follows, and the calls of Told
  uint64_t records_ = 0;
  Status verdict_;
};

/// What the arguments say: lines of standard input, or made up.
Result<std::unique_ptr<Payloads>> payloads_of(const WalArguments& arguments,
                                              const Interrupt& interrupt);
/// The log of the arguments, made if it is not there.
Result<std::unique_ptr<LogAppender>> open_or_make(const WalArguments& arguments);

}  // namespace sluice::cli
