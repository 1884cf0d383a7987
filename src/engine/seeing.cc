#include "engine/seeing.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace sluice::engine {

namespace {

PartitionStatus describe(const Lane& lane, const memtable::Pending& pending, Nanos now) {
  PartitionStatus status;
  status.name = {lane.name(), pending.partition->name};
  status.rows = pending.rows;
  status.first_lsn = pending.first_lsn;
  status.oldest_age = now - pending.oldest;
  return status;
}

PartitionStatus describe(const Lane& lane, const Cut& cut, const memtable::Pending& pending,
                         Nanos now) {
  PartitionStatus status = describe(lane, pending, now);
  status.flushing = true;
  status.failures = cut.failures;
  if (!cut.running && cut.retry_at > now) status.retry_in = cut.retry_at - now;
  status.trouble = cut.trouble;
  return status;
}

// A partition that is in a cut may have newer rows too.
void add(PartitionStatus& into, const memtable::Pending& pending) {
  into.rows += pending.rows;
}

}  // namespace

std::vector<PartitionStatus> pending_partitions(const Lanes& lanes, Nanos now, size_t limit) {
  std::vector<PartitionStatus> all;
  for (const LanePtr& lane : lanes.all()) {
    std::map<std::string, PartitionStatus> of_lane;
    for (const Cut& cut : lane->cuts()) {
      for (const auto& [name, pending] : cut.partitions) {
        of_lane.emplace(name, describe(*lane, cut, pending, now));
      }
    }
    for (const auto& [name, pending] : lane->active().partitions()) {
      const auto [entry, is_new] = of_lane.try_emplace(name, describe(*lane, pending, now));
      if (!is_new) add(entry->second, pending);
    }
    for (auto& [name, status] : of_lane) all.push_back(std::move(status));
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.first_lsn < b.first_lsn; });
  if (all.size() > limit) all.resize(limit);
  return all;
}

void fill(const Lanes& lanes, Nanos now, EngineStatus& status) {
  std::optional<uint64_t> oldest;
  std::optional<Nanos> since;
  for (const LanePtr& lane : lanes.all()) {
    if (lane->stopped()) ++status.tables_stopped;
    status.unflushed_rows += lane->unflushed_rows();
    const auto first = lane->oldest_unflushed();
    if (first) oldest = std::min(oldest.value_or(*first), *first);
    status.pending_partitions += lane->active().partitions().size();
    for (const auto& [name, pending] : lane->active().partitions()) {
      since = std::min(since.value_or(pending.oldest), pending.oldest);
    }
    for (const Cut& cut : lane->cuts()) {
      for (const auto& [name, pending] : cut.partitions) {
        if (!lane->active().partitions().contains(name)) ++status.pending_partitions;
        since = std::min(since.value_or(pending.oldest), pending.oldest);
      }
      if (cut.running) ++status.flushes_running;
    }
  }
  if (oldest) status.pinned_segments = lanes.segments.pinned_by(*oldest);
  if (since) status.oldest_unflushed_age = now - *since;
  status.applied_lsn = lanes.applied_lsn;
  status.recovering = !lanes.recovered;
  status.failure = lanes.failure;
}

}  // namespace sluice::engine
