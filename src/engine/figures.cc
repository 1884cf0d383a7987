#include "engine/figures.h"

#include <algorithm>

namespace sluice {

void DurationCounts::add(Nanos duration) {
  const auto* end = std::lower_bound(kDurationBuckets.begin(), kDurationBuckets.end(), duration);
  ++counts[static_cast<size_t>(end - kDurationBuckets.begin())];
  ++count;
  sum += duration;
}

std::string PartitionName::to_string() const {
  return table.database + ":" + table.collection + ":" + partition;
}

namespace engine {

void Figures::count(const FlushCompleteEvent& flush, Nanos now) {
  ++status_.flushes;
  status_.rows_flushed += flush.rows;
  status_.parts_flushed += flush.parts;
  status_.bytes_flushed += flush.bytes;
  status_.flush_durations.add(flush.duration);
  last_flush_ = now;
}

void Figures::count_stall(Nanos waited) {
  ++status_.stalls;
  status_.stall_time += waited;
}

EngineStatus Figures::status(Nanos now) const {
  EngineStatus status = status_;
  if (last_flush_) status.last_flush_age = now - *last_flush_;
  return status;
}

}  // namespace engine
}  // namespace sluice
