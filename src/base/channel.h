// Channel: values from many threads to the one loop that owns the state.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "sluice/runtime.h"

namespace sluice {

/// Unbounded: what goes in is bounded by whoever reserves memory for it. push() from any thread,
/// the rest from one.
template <class T>
class Channel {
 public:
  explicit Channel(Runtime& runtime) : monitor_(runtime.monitor()) {}

  /// False, and `value` untouched, once the channel is closed.
  bool push(T&& value) {
    MonitorLock lock(*monitor_);
    if (closed_) return false;
    values_.push_back(std::move(value));
    monitor_->notify_all();
    return true;
  }

  /// Everything pushed so far, in order; waits for the first value until the monotonic `deadline`.
  std::vector<T> drain(Nanos deadline) {
    MonitorLock lock(*monitor_);
    if (values_.empty()) monitor_->wait_until(deadline);
    return std::exchange(values_, {});
  }

  /// Nothing goes in any more; returns what was left.
  std::vector<T> close() {
    MonitorLock lock(*monitor_);
    closed_ = true;
    return std::exchange(values_, {});
  }

 private:
  std::unique_ptr<Monitor> monitor_;
  std::vector<T> values_;
  bool closed_ = false;
};

}  // namespace sluice
