// Budget: one limit in bytes for everything that holds rows.
#pragma once

#include <cstdint>
#include <memory>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice {

/// Any thread.
class Budget {
 public:
  Budget(Runtime& runtime, uint64_t bytes_max);

  /// Waits until `bytes` fit under `limit` (at most bytes_max) or the monotonic `deadline` passes:
  /// kBusy (kDeadline). More than the limit at once: kInvalid (kPayloadTooLarge). After cancel():
  /// kCancelled.
  Status reserve(uint64_t bytes, uint64_t limit, Nanos deadline);
  /// Counts `bytes` that are there already, whatever the limit.
  void overdraw(uint64_t bytes);
  void release(uint64_t bytes);
  /// Bytes that were reserved, released with the last copy. The budget outlives it.
  std::shared_ptr<const void> hold(uint64_t bytes);
  /// Every waiting and later reserve() ends with kCancelled.
  void cancel();
  uint64_t used() const;
  uint64_t bytes_max() const { return bytes_max_; }

 private:
  Runtime& runtime_;
  const uint64_t bytes_max_;
  std::unique_ptr<Monitor> monitor_;
  uint64_t used_ = 0;
  bool cancelled_ = false;
};

}  // namespace sluice
