// Finisher: ends uploads on threads of its own, so that their syncs overlap: a flush of a thousand
// partitions has a thousand small parts to make durable.
#pragma once

#include <memory>
#include <vector>

#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::flush {

inline constexpr size_t kFinishThreadsMax = 16;

/// Why a partition, by its place among those of the flush, has not all of its parts.
struct PartitionFailure {
  size_t partition = 0;
  Error error;
};

/// One thread calls. Destroying it ends what was pushed.
class Finisher {
 public:
  /// With one thread or none uploads are finished by the caller's thread.
  Finisher(Runtime& runtime, size_t threads);
  ~Finisher();
  Finisher(const Finisher&) = delete;
  Finisher& operator=(const Finisher&) = delete;

  /// Waits while as many uploads are waiting as there are threads.
  void push(std::unique_ptr<Upload> upload, size_t partition);
  /// Every upload pushed has ended; returns those that failed so far.
  const std::vector<PartitionFailure>& wait();

 private:
  void work();

  const std::unique_ptr<Monitor> monitor_;
  struct Waiting {
    std::unique_ptr<Upload> upload;
    size_t partition = 0;
  };
  void finish(Waiting waiting);

  std::vector<Waiting> waiting_;
  size_t running_ = 0;
  bool ended_ = false;
  std::vector<PartitionFailure> failures_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace sluice::flush
