// Retry: the same request again, a few times, with pauses that grow and differ.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::io {

struct RetryOptions {
  uint32_t tries_max = 7;
  Nanos pause_min = 50 * kMillisecond;  ///< doubles with each try; half of each pause is by chance
  Nanos pause_max = 3 * kSecond;
  Nanos nanos_max = 30 * kSecond;  ///< no try begins later than this after the first
};

/// Whether another try may go better: the store was busy, or no whole answer came. An answer that
/// refuses the request for good is neither.
inline bool is_passing(const Error& error) {
  return error.code() == Code::kBusy ||
         (error.code() == Code::kIo && error.reason() != Reason::kNone);
}

/// The pauses of one call.
class Pauses {
 public:
  Pauses(Runtime& runtime, const RetryOptions& options)
      : runtime_(runtime), options_(options), begin_(runtime.now()), pause_(options.pause_min) {}

  /// False if there shall be no other try; true after a pause.
  bool wait() {
    uint64_t chance = 0;
    runtime_.random(std::as_writable_bytes(std::span(&chance, 1)));
    const Nanos half = std::max<Nanos>(pause_ / 2, 1);
    const Nanos until =
        runtime_.now() + half + static_cast<Nanos>(chance % static_cast<uint64_t>(half));
    if (++tries_ >= options_.tries_max || until - begin_ > options_.nanos_max) return false;
    pause_ = std::min(pause_ * 2, options_.pause_max);
    runtime_.sleep_until(until);
    return true;
  }

 private:
  Runtime& runtime_;
  const RetryOptions& options_;
  const Nanos begin_;
  Nanos pause_;
  uint32_t tries_ = 0;
};

/// The answer of the first try that is ok or fails for good, or of the last one. For requests that
/// may have their effect twice.
template <class Try>
auto retry(Runtime& runtime, const RetryOptions& options, const Try& attempt) {
  Pauses pauses(runtime, options);
  while (true) {
    auto answer = attempt();
    if (answer.ok() || !is_passing(answer.error()) || !pauses.wait()) return answer;
  }
}

}  // namespace sluice::io
