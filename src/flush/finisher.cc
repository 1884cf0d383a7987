#include "flush/finisher.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::flush {

Finisher::Finisher(Runtime& runtime, size_t threads) : monitor_(runtime.monitor()) {
  if (threads < 2) return;
  for (size_t i = 0; i < std::min(threads, kFinishThreadsMax); ++i) {
    threads_.push_back(runtime.spawn("finish-" + std::to_string(i), [this] { work(); }));
  }
}

Finisher::~Finisher() {
  {
    MonitorLock lock(*monitor_);
    ended_ = true;
    monitor_->notify_all();
  }
  for (const auto& thread : threads_) thread->join();
}

Status Finisher::push(std::unique_ptr<Upload> upload) {
  if (threads_.empty()) return upload->finish();
  MonitorLock lock(*monitor_);
  while (!failure_ && waiting_.size() >= threads_.size()) monitor_->wait_until(kForever);
  if (failure_) return *failure_;
  waiting_.push_back(std::move(upload));
  monitor_->notify_all();
  return ok();
}

Status Finisher::wait() {
  MonitorLock lock(*monitor_);
  while (!waiting_.empty() || running_ > 0) monitor_->wait_until(kForever);
  return verdict();
}

void Finisher::work() {
  MonitorLock lock(*monitor_);
  for (;;) {
    while (waiting_.empty() && !ended_) monitor_->wait_until(kForever);
    if (waiting_.empty()) return;
    std::unique_ptr<Upload> upload = std::move(waiting_.back());
    waiting_.pop_back();
    ++running_;
    monitor_->unlock();
    const Status finished = upload->finish();
    upload.reset();
    monitor_->lock();
    --running_;
    if (!finished.ok() && !failure_) failure_ = finished.error();
    monitor_->notify_all();
  }
}

}  // namespace sluice::flush
