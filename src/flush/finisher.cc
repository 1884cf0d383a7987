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

void Finisher::push(std::unique_ptr<Upload> upload, size_t partition) {
  if (threads_.empty()) return finish({std::move(upload), partition});
  MonitorLock lock(*monitor_);
  while (waiting_.size() >= threads_.size()) monitor_->wait_until(kForever);
  waiting_.push_back({std::move(upload), partition});
  monitor_->notify_all();
}

const std::vector<PartitionFailure>& Finisher::wait() {
  MonitorLock lock(*monitor_);
  while (!waiting_.empty() || running_ > 0) monitor_->wait_until(kForever);
  return failures_;
}

void Finisher::finish(Waiting waiting) {
  const Status finished = waiting.upload->finish();
  waiting.upload.reset();
  if (finished.ok()) return;
  MonitorLock lock(*monitor_);
  failures_.push_back({waiting.partition, finished.error()});
}

void Finisher::work() {
  for (;;) {
    Waiting next;
    {
      MonitorLock lock(*monitor_);
      while (waiting_.empty() && !ended_) monitor_->wait_until(kForever);
      if (waiting_.empty()) return;
      next = std::move(waiting_.back());
      waiting_.pop_back();
      ++running_;
      monitor_->notify_all();
    }
    finish(std::move(next));
    MonitorLock lock(*monitor_);
    --running_;
    monitor_->notify_all();
  }
}

}  // namespace sluice::flush
