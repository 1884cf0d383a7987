// Workers: a few threads for what may wait: the engine's blocking calls, queries above all.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::server {

/// Any thread.
class Workers {
 public:
  Workers(size_t threads, size_t waiting_max);
  /// Runs what was accepted, then ends.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False: too much waits already.
  bool post(std::function<void()> task);
  size_t waiting() const;

 private:
  void run();

  const size_t waiting_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::server
