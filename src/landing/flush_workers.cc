#include "landing/flush_workers.h"

#include <algorithm>

#include "base/back_off.h"
#include "base/check.h"

namespace sluice::landing {
namespace {

/// Since when its oldest record is pending.
Nanos pending_since(const FlushWorker& worker) {
  return worker.flushing ? std::min(worker.since, worker.since_taken) : worker.since;
}

Nanos age_of(const FlushWorker& worker, Nanos now) {
  const Nanos since = pending_since(worker);
  return since == kForever ? 0 : std::max<Nanos>(now - since, 0);
}

FlushWorkerStatus status_of(const FlushWorker& worker, Nanos now) {
  FlushWorkerStatus status;
  status.partition = worker.partition;
  status.pending_records = worker.records;
  status.age = age_of(worker, now);
  status.flushing = worker.flushing;
  status.failures = worker.failures;
  if (!worker.flushing && worker.retry_at > now) status.retry_in = worker.retry_at - now;
  status.trouble = worker.trouble;
  return status;
}

}  // namespace

FlushWorkerPtr FlushWorkers::touch(std::string_view partition) {
  const auto known = workers_.find(partition);
  if (known != workers_.end()) return known->second;
  const auto worker = std::make_shared<FlushWorker>(std::string(partition), ++workers_made_);
  workers_.emplace(worker->partition, worker);
  return worker;
}

FlushWorkerPtr FlushWorkers::find(std::string_view partition) const {
  const auto known = workers_.find(partition);
  return known == workers_.end() ? nullptr : known->second;
}

std::vector<FlushWorkerPtr> FlushWorkers::all() const {
  std::vector<FlushWorkerPtr> all;
  for (const auto& [partition, worker] : workers_) all.push_back(worker);
  return all;
}

void FlushWorkers::wrote(std::string_view partition, uint64_t records, Nanos now) {
  const FlushWorkerPtr worker = touch(partition);
  ++worker->told;
  worker->records += records;
  worker->since = std::min(worker->since, now);
  schedule(worker, now);
}

void FlushWorkers::notify(std::string_view partition, Nanos now) {
  const FlushWorkerPtr worker = touch(partition);
  ++worker->told;
  worker->is_wanted = true;
  schedule(worker, now);
}

void FlushWorkers::hurry(FlushWorker& worker, Nanos now) {
  worker.is_wanted = true;
  worker.retry_at = 0;
  schedule(workers_.at(worker.partition), now);
}

void FlushWorkers::unschedule(const FlushWorkerPtr& worker) {
  if (worker->due_at != kForever) waiting_.erase({worker->due_at, worker->number});
  worker->due_at = kForever;
}

void FlushWorkers::enqueue(const FlushWorkerPtr& worker) {
  worker->queued = true;
  queue_.push_back(worker);
}

Nanos FlushWorkers::due_of(const FlushWorker& worker, Nanos now) const {
  if (worker.failures > 0) return worker.retry_at;
  if (worker.is_wanted || worker.records >= options_.max_records) return now;
  return time_after(worker.since, options_.interval);
}

/// Puts the worker where it belongs.
void FlushWorkers::schedule(const FlushWorkerPtr& worker, Nanos now) {
  if (worker->flushing || worker->queued) return;
  unschedule(worker);
  const Nanos due_at = due_of(*worker, now);
  if (due_at <= now) return enqueue(worker);
  worker->due_at = due_at;
  waiting_.emplace(std::pair(due_at, worker->number), worker);
}

FlushWorkerPtr FlushWorkers::take(Nanos now) {
  while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
    const FlushWorkerPtr worker = waiting_.begin()->second;
    unschedule(worker);
    enqueue(worker);
  }
  if (queue_.empty()) return nullptr;
  const FlushWorkerPtr worker = queue_.front();
  queue_.pop_front();
  worker->queued = false;
  worker->flushing = true;
  worker->is_wanted = false;
  worker->taken = worker->told;
  worker->records_taken = worker->records;
  worker->since_taken = std::exchange(worker->since, kForever);
  return worker;
}

void FlushWorkers::finish(const FlushWorkerPtr& worker, const Result<uint64_t>& flushed,
                          Nanos now) {
  CHECK(worker->flushing);
  worker->flushing = false;
  if (!flushed.ok()) {
    put_off(*worker, flushed.error(), now);
    return schedule(worker, now);
  }
  worker->done = worker->taken;
  worker->records -= worker->records_taken;
  worker->flushed_records += *flushed;
  worker->failures = 0;
  worker->retry_delay = 0;
  worker->retry_at = 0;
  worker->trouble.reset();
  ++flushes_;
  flushed_records_ += *flushed;
  if (worker->done == worker->told) {
    workers_.erase(worker->partition);
  } else {
    schedule(worker, now);
  }
}

void FlushWorkers::put_off(FlushWorker& worker, const Error& error, Nanos now) {
  ++retries_[error.code()];
  ++worker.failures;
  worker.trouble = error;
  worker.since = std::min(worker.since, worker.since_taken);
  worker.retry_delay = next_pause(worker.retry_delay, options_.retry_min, options_.retry_max);
  worker.retry_at = now + worker.retry_delay;
}

Nanos FlushWorkers::next() const {
  if (!queue_.empty()) return 0;
  return waiting_.empty() ? kForever : waiting_.begin()->first.first;
}

FlushWorkerPoolStatus FlushWorkers::status(Nanos now) const {
  FlushWorkerPoolStatus status;
  status.workers = workers_.size();
  status.flushes = flushes_;
  status.flushed_records = flushed_records_;
  status.retries = retries_;
  for (const auto& [partition, worker] : workers_) {
    status.flushing += worker->flushing ? 1 : 0;
    status.failing += worker->failures > 0 ? 1 : 0;
    status.pending_records += worker->records;
    status.oldest_age = std::max(status.oldest_age, age_of(*worker, now));
  }
  return status;
}

std::vector<FlushWorkerStatus> FlushWorkers::oldest(size_t limit, Nanos now) const {
  std::vector<FlushWorkerPtr> workers = all();
  const size_t count = std::min(limit, workers.size());
  std::partial_sort(workers.begin(), workers.begin() + static_cast<std::ptrdiff_t>(count),
                    workers.end(), [](const FlushWorkerPtr& a, const FlushWorkerPtr& b) {
                      return pending_since(*a) < pending_since(*b);
                    });
  std::vector<FlushWorkerStatus> oldest;
  for (size_t at = 0; at < count; ++at) oldest.push_back(status_of(*workers[at], now));
  return oldest;
}

}  // namespace sluice::landing
