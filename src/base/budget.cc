#include "base/budget.h"

#include <algorithm>

#include "base/check.h"

namespace sluice {

Budget::Budget(Runtime& runtime, uint64_t bytes_max)
    : runtime_(runtime), bytes_max_(bytes_max), monitor_(runtime.monitor()) {}

Status Budget::reserve(uint64_t bytes, uint64_t limit, Nanos deadline) {
  limit = std::min(limit, bytes_max_);
  if (bytes > limit) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the batch needs more memory than the engine may use; send smaller batches", "",
                  limit, bytes});
  }
  MonitorLock lock(*monitor_);
  while (!cancelled_ && used_ + bytes > limit) {
    if (runtime_.now() >= deadline) {
      return Error({Code::kBusy, Reason::kDeadline,
                    "memory is full of rows that wait for their flush; back off and retry", "",
                    limit, used_ + bytes});
    }
    monitor_->wait_until(deadline);
  }
  if (cancelled_) return Error(Code::kCancelled, Reason::kClosed, "the engine is closing");
  used_ += bytes;
  return ok();
}

void Budget::overdraw(uint64_t bytes) {
  MonitorLock lock(*monitor_);
  used_ += bytes;
}

void Budget::release(uint64_t bytes) {
  MonitorLock lock(*monitor_);
  CHECK(bytes <= used_);
  used_ -= bytes;
  monitor_->notify_all();
}

std::shared_ptr<const void> Budget::hold(uint64_t bytes) {
  struct Held {
    Held(Budget& of, uint64_t count) : budget(of), bytes(count) {}
    ~Held() { budget.release(bytes); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    Budget& budget;
    const uint64_t bytes;
  };
  return std::make_shared<const Held>(*this, bytes);
}

void Budget::cancel() {
  MonitorLock lock(*monitor_);
  cancelled_ = true;
  monitor_->notify_all();
}

uint64_t Budget::used() const {
  MonitorLock lock(*monitor_);
  return used_;
}

}  // namespace sluice
