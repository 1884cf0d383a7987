#include "engine/due.h"

#include <algorithm>

namespace sluice::engine {

namespace {

// While the bucket fails every flush fails: more of them would only knock more often.
constexpr size_t kCutsMax = 8;
constexpr Nanos kCheckEvery = 50 * kMillisecond;

}  // namespace

bool Due::can_freeze(const Lane& lane) const {
  const auto& partitions = lane.active().partitions();
  return !lane.stopped() && lane.cuts().size() < kCutsMax &&
         std::any_of(partitions.begin(), partitions.end(),
                     [&](const auto& entry) { return !lane.is_in_cut(entry.first); });
}

bool Due::has_due(const Lane& lane, Nanos now, bool of_all) const {
  if (lane.stopped() || lane.active().empty() || lane.cuts().size() >= kCutsMax) return false;
  return of_all || lane.active().bytes() >= options_.flush_bytes ||
         lane.active().first_lsn() <= lane.flush_through || lane.active().next_due() <= now;
}

const Cut* Due::freeze(Lane& lane, uint64_t applied_lsn, Nanos now, bool of_all) const {
  const bool all = of_all || lane.active().bytes() >= options_.flush_bytes;
  return lane.freeze(applied_lsn, [&](const memtable::Pending& pending) {
    return all || pending.first_lsn <= lane.flush_through || pending.due <= now ||
           pending.rows >= options_.flush_rows;
  });
}

std::vector<Cut*> Due::again(Lane& lane, Nanos now) const {
  std::vector<Cut*> due;
  if (lane.stopped()) return due;
  for (const Cut& cut : lane.cuts()) {
    if (!cut.running && cut.retry_at <= now) due.push_back(lane.find(cut.number));
  }
  return due;
}

// What is due may be in a cut already: then it is not asked at every turn.
Nanos Due::next(const Lane& lane, Nanos now) const {
  Nanos next = kForever;
  if (lane.stopped()) return next;
  if (!lane.active().empty()) next = lane.active().next_due();
  if (!lane.cuts().empty() && next != kForever) next = std::max(next, now + kCheckEvery);
  for (const Cut& cut : lane.cuts()) {
    if (!cut.running) next = std::min(next, cut.retry_at);
  }
  return next;
}

}  // namespace sluice::engine
