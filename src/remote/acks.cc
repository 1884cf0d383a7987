#include "remote/acks.h"

#include <utility>

namespace sluice::remote {

void Acks::expect() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return untold_ < kUntoldMax || is_closed_; });
  ++untold_;
}

void Acks::give_up() {
  told();
}

void Acks::add(uint64_t call, Result<Appended> verdict) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return;
  ready_.push_back({call, std::move(verdict)});
  changed_.notify_all();
}

std::optional<Acks::Ack> Acks::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || is_closed_; });
  if (is_closed_) return std::nullopt;
  Ack ack = std::move(ready_.front());
  ready_.pop_front();
  return ack;
}

void Acks::told() {
  const std::lock_guard lock(mutex_);
  --untold_;
  changed_.notify_all();
}

void Acks::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return untold_ == 0 || is_closed_; });
  is_closed_ = true;
  changed_.notify_all();
}

void Acks::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  ready_.clear();
  changed_.notify_all();
}

}  // namespace sluice::remote
