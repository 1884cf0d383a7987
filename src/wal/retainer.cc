#include "wal/retainer.h"

#include <utility>

namespace sluice::wal {

Retainer::Retainer(Runtime& runtime, std::function<Attempted()> attempt)
    : runtime_(runtime),
      attempt_(std::move(attempt)),
      monitor_(runtime.monitor()),
      thread_(runtime.spawn("wal-retention", [this] { run(); })) {}

Retainer::~Retainer() {
  stop();
}

void Retainer::wake() {
  const MonitorLock lock(*monitor_);
  woken_ = true;
  monitor_->notify_all();
}

Status Retainer::verdict() const {
  const MonitorLock lock(*monitor_);
  return last_.verdict;
}

void Retainer::stop() {
  if (thread_ == nullptr) return;
  {
    const MonitorLock lock(*monitor_);
    stopped_ = true;
    monitor_->notify_all();
  }
  thread_->join();
  thread_.reset();
}

void Retainer::run() {
  const MonitorLock lock(*monitor_);
  while (!stopped_) {
    if (!woken_ && runtime_.now() < last_.next) {
      monitor_->wait_until(last_.next);
      continue;
    }
    woken_ = false;
    monitor_->unlock();
    Attempted attempted = attempt_();
    monitor_->lock();
    last_ = std::move(attempted);
  }
}

}  // namespace sluice::wal
