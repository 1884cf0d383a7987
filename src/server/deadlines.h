// Deadlines: who waits for something that may take as long as it takes is answered in time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "sluice/runtime.h"

namespace sluice::server {

/// The right to answer, which one of several has: whoever takes it first.
class Turn {
 public:
  bool take() { return !is_taken_->exchange(true); }

 private:
  std::shared_ptr<std::atomic<bool>> is_taken_ = std::make_shared<std::atomic<bool>>(false);
};

/// Any thread. Owns one.
class Deadlines {
 public:
  explicit Deadlines(Runtime& runtime);
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  /// Calls `act` after `span`, in the thread of this, unless it is destroyed before or `turn` was
  /// taken by another. Be quick.
  void add(Nanos span, Turn turn, std::function<void()> act);

 private:
  struct Entry {
    Turn turn;
    std::function<void()> act;
  };
  void run();

  Runtime& runtime_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Nanos, Entry> entries_;  ///< by when they are due
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace sluice::server
