#include "engine/seeing.h"

#include <algorithm>
#include <utility>

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

std::vector<PartitionStatus> pending_partitions(const Lanes& lanes, Nanos now, size_t limit) {
  std::vector<PartitionStatus> pending;
  for (const LanePtr& lane : lanes.all()) {
    const auto first_lsn = lane->oldest_unflushed();
    if (!first_lsn) continue;
    PartitionStatus status;
    status.name = {lane->name(), "-"};
    status.rows = lane->unflushed_rows();
    status.first_lsn = *first_lsn;
    if (lane->has_active()) status.oldest_age = now - lane->active().oldest();
    status.flushing = lane->flushing();
    pending.push_back(std::move(status));
  }
  std::sort(pending.begin(), pending.end(),
            [](const auto& a, const auto& b) { return a.first_lsn < b.first_lsn; });
  if (pending.size() > limit) pending.resize(limit);
  return pending;
}

}  // namespace engine
}  // namespace sluice
