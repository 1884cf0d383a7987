// Later: one piece of work on a thread of its own, and its outcome for all who wait for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::landing {

class Later {
 public:
  Later(Runtime& runtime, std::string name, std::function<Status()> work);
  /// Waits for the end.
  ~Later();
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;

  /// Any thread, any number of times.
  Status wait();

 private:
  const std::unique_ptr<Monitor> monitor_;
  std::optional<Status> outcome_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace sluice::landing
