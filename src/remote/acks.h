// Acks: verdicts on a connection's appends, from the engine's threads to the thread that sends
// them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "sluice/engine.h"

namespace sluice::remote {

/// Any thread. It outlives the connection where appends do.
class Acks {
 public:
  static constexpr size_t kUntoldMax = 4096;

  struct Ack {
    uint64_t call = 0;
    Result<Appended> verdict;
  };

  /// Before an append; waits while kUntoldMax of them are under way.
  void expect();
  /// The append was refused at once: there is no ack.
  void give_up();
  /// Never waits for the client.
  void add(uint64_t call, Result<Appended> verdict);
  /// The next one to send; nothing when there will be none.
  std::optional<Ack> next();
  /// The one of next() was sent.
  void told();
  /// Returns when every ack was sent, or close() was called; then next() gives no more.
  void finish();
  /// Nobody is left to be told.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t untold_ = 0;
  std::deque<Ack> ready_;
  bool is_closed_ = false;
};

}  // namespace sluice::remote
