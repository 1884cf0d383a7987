// Figures: what the engine counts, for EngineStatus.
#pragma once

#include <cstdint>
#include <optional>

#include "sluice/events.h"
#include "sluice/status.h"

namespace sluice::engine {

/// Guarded by the lanes' monitor.
class Figures {
 public:
  void count(const FlushCompleteEvent& flush, Nanos now);
  /// A try that failed.
  void count(const Error& failure) { ++status_.flush_failures[failure.code()]; }
  void count_stall(Nanos waited);
  void count_refusal() { ++status_.appends_refused; }
  /// The counters; everything else is for the caller to fill.
  EngineStatus status(Nanos now) const;

 private:
  EngineStatus status_;
  std::optional<Nanos> last_flush_;
};

}  // namespace sluice::engine
