// FlushDesk: flushes on demand, for callers who wait but not for ever.
//
// Owns: a thread that flushes, and who waits for it. Those who come while a flush runs share the
// next one, which has their rows. Does not own: the engine, the deadlines.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "server/deadlines.h"
#include "sluice/engine.h"

namespace sluice::server {

/// Why flushes take so long, as far as the engine knows: kBusy (kDeadline).
Error reason_of_delay(Engine& engine);

/// Any thread.
class FlushDesk {
 public:
  using Done = std::function<void(const Result<FlushReport>&, Nanos duration)>;

  FlushDesk(Engine& engine, Runtime& runtime, Deadlines& deadlines, Nanos wait);
  /// The engine has to be closed before: a flush may take as long as it takes otherwise.
  ~FlushDesk();
  FlushDesk(const FlushDesk&) = delete;
  FlushDesk& operator=(const FlushDesk&) = delete;

  /// `done` is called once: with the report, an error, or, after the wait, reason_of_delay(). The
  /// flush goes on then.
  void ask(Done done);

 private:
  struct Ticket {
    Turn turn;
    Done done;
    Nanos asked_at = 0;
  };
  void run();

  Engine& engine_;
  Runtime& runtime_;
  Deadlines& deadlines_;
  const Nanos wait_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Ticket> waiting_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace sluice::server
