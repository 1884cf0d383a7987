// Finisher: ends uploads on threads of its own, so that their syncs overlap: a flush of a thousand
// partitions has a thousand small parts to make durable.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::flush {

inline constexpr size_t kFinishThreadsMax = 16;

/// One thread calls. Destroying it ends what was pushed.
class Finisher {
 public:
  /// With one thread or none uploads are finished by the caller's thread.
  Finisher(Runtime& runtime, size_t threads);
  ~Finisher();
  Finisher(const Finisher&) = delete;
  Finisher& operator=(const Finisher&) = delete;

  /// Waits while as many uploads are waiting as there are threads. An error met so far is returned;
  /// this upload may then be unfinished.
  Status push(std::unique_ptr<Upload> upload);
  /// Every upload pushed is durable, or the first error.
  Status wait();

 private:
  void work();
  Status verdict() const { return failure_ ? Status(*failure_) : ok(); }

  const std::unique_ptr<Monitor> monitor_;
  std::vector<std::unique_ptr<Upload>> waiting_;
  size_t running_ = 0;
  bool ended_ = false;
  std::optional<Error> failure_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace sluice::flush
