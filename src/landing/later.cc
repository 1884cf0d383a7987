#include "landing/later.h"

#include <utility>

namespace sluice::landing {

Later::Later(Runtime& runtime, std::string name, std::function<Status()> work)
    : monitor_(runtime.monitor()),
      thread_(runtime.spawn(std::move(name), [this, todo = std::move(work)] {
        Status outcome = todo();
        MonitorLock lock(*monitor_);
        outcome_ = std::move(outcome);
        monitor_->notify_all();
      })) {}

Later::~Later() {
  thread_->join();
}

Status Later::wait() {
  MonitorLock lock(*monitor_);
  while (!outcome_) monitor_->wait_until(kForever);
  return *outcome_;
}

}  // namespace sluice::landing
