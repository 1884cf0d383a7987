// The pool's threads. Each: 1 take a worker that is due  2 flush its partition, without the monitor
// 3 put it off or let it go, and tell who waits  4 with none due, wait for the next.
// Owns: the workers, the threads. Does not own: what a flush is.
#include <algorithm>
#include <utility>

#include "landing/flush_workers.h"
#include "landing/positive.h"

namespace sluice {
namespace {

using landing::FlushWorkerPtr;

constexpr uint32_t kThreadsMax = 64;

Status check(const FlushWorkerPoolOptions& options) {
  TRY(landing::check_positive({{"threads", options.threads},
                               {"max_records", options.max_records},
                               {"interval", options.interval},
                               {"retry_min", options.retry_min},
                               {"partition_records_max", options.partition_records_max},
                               {"partitions_max", options.partitions_max}}));
  const char* wrong = nullptr;
  if (options.threads > kThreadsMax) wrong = "threads";
  if (options.retry_max < options.retry_min) wrong = "retry_max";
  if (options.close_wait < 0) wrong = "close_wait";
  if (wrong == nullptr) return ok();
  return Error(Code::kInvalid, Reason::kOutOfRange, "the option is out of its limits", wrong);
}

Error closed() {
  return Error(Code::kCancelled, Reason::kClosed, "the pool is closed");
}

class Pool final : public FlushWorkerPool {
 public:
  Pool(Runtime& runtime, const FlushWorkerPoolOptions& options, FlushPartition flush)
      : runtime_(runtime),
        options_(options),
        flush_(std::move(flush)),
        monitor_(runtime.monitor()),
        workers_(options) {
    for (uint32_t number = 0; number < options.threads; ++number) {
      threads_.push_back(runtime.spawn("flush-" + std::to_string(number), [this] { run(); }));
    }
  }
  ~Pool() override {
    // What is not flushed is the log's.
    (void)close();
    for (const auto& thread : threads_) thread->join();
  }

  Status admit(std::string_view partition, Nanos timeout) override;
  Status wrote(std::string_view partition, uint64_t records) override {
    return tell([&](Nanos now) { workers_.wrote(partition, records, now); });
  }
  Status notify(std::string_view partition) override {
    return tell([&](Nanos now) { workers_.notify(partition, now); });
  }
  Result<FlushedPartitions> flush(std::string_view partition, Nanos timeout) override;
  Result<FlushedPartitions> flush_all(Nanos timeout) override;
  FlushWorkerPoolStatus status() override {
    MonitorLock lock(*monitor_);
    return workers_.status(runtime_.now());
  }
  std::vector<FlushWorkerStatus> workers(size_t limit) override {
    MonitorLock lock(*monitor_);
    return workers_.oldest(limit, runtime_.now());
  }
  Status close() override;

 private:
  void run();
  template <class Tell>
  Status tell(const Tell& what);
  std::optional<Error> hindrance(std::string_view partition) const;
  Result<FlushedPartitions> wait_for(const std::vector<FlushWorkerPtr>& wanted, Nanos deadline);

  Runtime& runtime_;
  const FlushWorkerPoolOptions options_;
  const FlushPartition flush_;
  const std::unique_ptr<Monitor> monitor_;
  landing::FlushWorkers workers_;
  bool closing_ = false;  ///< nothing more is told
  bool stopped_ = false;  ///< nothing more is begun
  std::vector<std::unique_ptr<Thread>> threads_;
};

void Pool::run() {
  MonitorLock lock(*monitor_);
  while (!stopped_) {
    const FlushWorkerPtr worker = workers_.take(runtime_.now());
    if (worker == nullptr) {
      monitor_->wait_until(workers_.next());
      continue;
    }
    monitor_->unlock();
    const Result<uint64_t> flushed = flush_(worker->partition);
    monitor_->lock();
    workers_.finish(worker, flushed, runtime_.now());
    monitor_->notify_all();
  }
}

template <class Tell>
Status Pool::tell(const Tell& what) {
  MonitorLock lock(*monitor_);
  if (closing_) return closed();
  const Nanos next = workers_.next();
  what(runtime_.now());
  // Threads sleep until `next`.
  if (workers_.next() < next) monitor_->notify_all();
  return ok();
}

/// Why the partition takes no more.
std::optional<Error> Pool::hindrance(std::string_view partition) const {
  const FlushWorkerPtr worker = workers_.find(partition);
  if (worker == nullptr && workers_.size() >= options_.partitions_max) {
    return Error({Code::kBusy, Reason::kDeadline, "too many partitions wait to be flushed",
                  std::string(partition), options_.partitions_max, workers_.size()});
  }
  if (worker == nullptr || worker->records < options_.partition_records_max) return std::nullopt;
  std::string why = "too many of its records wait to be flushed";
  if (worker->trouble) why += ": " + worker->trouble->to_string();
  return Error({Code::kBusy, Reason::kDeadline, std::move(why), std::string(partition),
                options_.partition_records_max, worker->records});
}

Status Pool::admit(std::string_view partition, Nanos timeout) {
  MonitorLock lock(*monitor_);
  const Nanos deadline = landing::time_after(runtime_.now(), timeout);
  for (;;) {
    if (closing_) return closed();
    const std::optional<Error> hindered = hindrance(partition);
    if (!hindered) return ok();
    if (runtime_.now() >= deadline) return *hindered;
    monitor_->wait_until(deadline);
  }
}

/// Under the monitor.
Result<FlushedPartitions> Pool::wait_for(const std::vector<FlushWorkerPtr>& wanted,
                                         Nanos deadline) {
  std::vector<std::pair<uint64_t, uint64_t>> before;  // what was told, and flushed
  for (const FlushWorkerPtr& worker : wanted) {
    before.emplace_back(worker->told, worker->flushed_records);
    workers_.hurry(*worker, runtime_.now());
  }
  monitor_->notify_all();
  FlushedPartitions flushed;
  for (size_t at = 0; at < wanted.size(); ++at) {
    const landing::FlushWorker& worker = *wanted[at];
    while (worker.done < before[at].first) {
      if (stopped_) return closed();
      if (runtime_.now() >= deadline) {
        std::string why = "the flush did not end in time";
        if (worker.trouble) why += ": " + worker.trouble->to_string();
        return Error(Code::kBusy, Reason::kDeadline, std::move(why), worker.partition);
      }
      monitor_->wait_until(deadline);
    }
    ++flushed.partitions;
    flushed.records += worker.flushed_records - before[at].second;
  }
  return flushed;
}

Result<FlushedPartitions> Pool::flush(std::string_view partition, Nanos timeout) {
  MonitorLock lock(*monitor_);
  if (closing_) return closed();
  const FlushWorkerPtr worker = workers_.find(partition);
  if (worker == nullptr) return FlushedPartitions();
  return wait_for({worker}, landing::time_after(runtime_.now(), timeout));
}

Result<FlushedPartitions> Pool::flush_all(Nanos timeout) {
  MonitorLock lock(*monitor_);
  if (closing_) return closed();
  return wait_for(workers_.all(), landing::time_after(runtime_.now(), timeout));
}

Status Pool::close() {
  MonitorLock lock(*monitor_);
  if (std::exchange(closing_, true)) return ok();
  const Nanos deadline = landing::time_after(runtime_.now(), options_.close_wait);
  for (const FlushWorkerPtr& worker : workers_.all()) workers_.hurry(*worker, runtime_.now());
  monitor_->notify_all();
  while (!workers_.empty() && runtime_.now() < deadline) monitor_->wait_until(deadline);
  stopped_ = true;
  monitor_->notify_all();
  if (workers_.empty()) return ok();
  const FlushWorkerStatus oldest = workers_.oldest(1, runtime_.now()).front();
  std::string why = std::to_string(workers_.size()) + " partitions were not flushed in time";
  if (oldest.trouble) why += ": " + oldest.trouble->to_string();
  return Error(Code::kBusy, Reason::kDeadline, std::move(why), oldest.partition);
}

}  // namespace

Result<std::unique_ptr<FlushWorkerPool>> FlushWorkerPool::start(Runtime& runtime,
                                                                FlushWorkerPoolOptions options,
                                                                FlushPartition flush) {
  TRY(check(options));
  return std::unique_ptr<FlushWorkerPool>(
      std::make_unique<Pool>(runtime, options, std::move(flush)));
}

}  // namespace sluice
