// ServedTroubles: what keeps a server's tables from being written, told to a command that goes
// through it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "sluice/engine.h"
#include "sluice/events.h"

namespace sluice::cli {

/// Asks the engine each second, and tells Listener::on_trouble, from a thread of its own. Both
/// outlive it.
class ServedTroubles {
 public:
  ServedTroubles(Engine& engine, std::shared_ptr<Listener> listener);
  ~ServedTroubles();
  ServedTroubles(const ServedTroubles&) = delete;
  ServedTroubles& operator=(const ServedTroubles&) = delete;

 private:
  void run();

  Engine& engine_;
  const std::shared_ptr<Listener> listener_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace sluice::cli
