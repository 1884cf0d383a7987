#include "flush/gather_ahead.h"

#include <algorithm>
#include <utility>

namespace sluice::flush {

GatherAhead::GatherAhead(Runtime& runtime, const memtable::Frozen& frozen, SchemaPtr columns,
                         uint64_t epoch)
    : runtime_(runtime),
      monitor_(runtime.monitor()),
      gatherer_(frozen, std::move(columns), epoch) {}

GatherAhead::~GatherAhead() {
  if (thread_ == nullptr) return;
  {
    MonitorLock lock(*monitor_);
    ended_ = true;
    monitor_->notify_all();
  }
  thread_->join();
}

Result<Batch> GatherAhead::rows(Range range, size_t count) {
  const size_t most = std::min(count, range.end - range.first);
  std::optional<Result<Batch>> ahead = take(range.first);
  Result<Batch> batch = ahead ? std::move(*ahead) : gatherer_.rows(range.first, most);
  if (!batch.ok()) return batch;
  // The call before may have wanted more at a time, or of a longer range.
  if (batch->rows() > most) batch = batch->slice(0, static_cast<uint32_t>(most));
  const size_t next = range.first + batch->rows();
  if (next < range.end) gather_next({next, range.end}, count);
  return batch;
}

void GatherAhead::gather_next(Range rest, size_t count) {
  if (thread_ == nullptr) thread_ = runtime_.spawn("gather", [this] { work(); });
  MonitorLock lock(*monitor_);
  wanted_ = {rest.first, std::min(rest.end, rest.first + count)};
  monitor_->notify_all();
}

// From here on the gatherer is the caller's.
std::optional<Result<Batch>> GatherAhead::take(size_t first) {
  MonitorLock lock(*monitor_);
  while (wanted_.first < wanted_.end) monitor_->wait_until(kForever);
  std::optional<Result<Batch>> taken = std::exchange(gathered_, std::nullopt);
  if (gathered_from_ != first) taken.reset();
  return taken;
}

void GatherAhead::work() {
  for (;;) {
    Range wanted;
    {
      MonitorLock lock(*monitor_);
      while (wanted_.first == wanted_.end && !ended_) monitor_->wait_until(kForever);
      if (ended_) return;
      wanted = wanted_;
    }
    Result<Batch> batch = gatherer_.rows(wanted.first, wanted.end - wanted.first);
    MonitorLock lock(*monitor_);
    gathered_ = std::move(batch);
    gathered_from_ = wanted.first;
    wanted_ = {};
    monitor_->notify_all();
  }
}

}  // namespace sluice::flush
