// FlushDesk: flushes on demand, for callers who wait but not for ever.
//
// Owns: a thread that flushes, one that watches the time, and who waits. Those who come while a
// flush runs share the next one, which has their rows.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "sluice/engine.h"

namespace sluice::server {

/// Any thread.
class FlushDesk {
 public:
  using Done = std::function<void(const Result<FlushReport>&, Nanos duration)>;

  FlushDesk(Engine& engine, Runtime& runtime, Nanos wait);
  /// The engine has to be closed before: a flush may take as long as it takes otherwise.
  ~FlushDesk();
  FlushDesk(const FlushDesk&) = delete;
  FlushDesk& operator=(const FlushDesk&) = delete;

  /// `done` is called once, by a thread of the desk: with the report, an error, or, after the wait,
  /// kBusy (kDeadline) and why the flush fails, as far as that is known. The flush goes on then.
  void ask(Done done);

 private:
  struct Ticket {
    Done done;
    Nanos asked_at = 0;
  };
  void flush_loop();
  void watch_loop();
  std::vector<Ticket> take_expired(std::vector<Ticket>& tickets);
  Error reason_of_delay();

  Engine& engine_;
  Runtime& runtime_;
  const Nanos wait_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Ticket> waiting_;  ///< for the next flush
  std::vector<Ticket> served_;   ///< by the one that runs
  bool ended_ = false;
  std::thread flusher_;
  std::thread watch_;
};

}  // namespace sluice::server
