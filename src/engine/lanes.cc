#include "engine/lanes.h"

#include <algorithm>

namespace sluice::engine {

Segments::Segments(const std::vector<uint64_t>& bases) {
  for (size_t at = 1; at < bases.size(); ++at) ends_.push_back(bases[at] - 1);
}

void Segments::trim(uint64_t lsn) {
  while (!ends_.empty() && ends_.front() <= lsn) ends_.pop_front();
}

uint64_t Segments::pinned_by(uint64_t oldest) const {
  const auto first = std::lower_bound(ends_.begin(), ends_.end(), oldest);
  return static_cast<uint64_t>(ends_.end() - first) + 1;
}

uint64_t Segments::end_before(uint64_t count, uint64_t oldest) const {
  const uint64_t pinned = pinned_by(oldest);
  if (pinned <= count) return 0;
  return ends_[ends_.size() - (count - 1) - 1];
}

LanePtr Lanes::find(const TableName& name) const {
  const auto found = lanes_.find(name);
  return found == lanes_.end() ? nullptr : found->second;
}

void Lanes::add(LanePtr lane) {
  const TableName name = lane->name();
  lanes_.emplace(name, std::move(lane));
}

std::vector<LanePtr> Lanes::all() const {
  std::vector<LanePtr> all;
  for (const auto& [name, lane] : lanes_) all.push_back(lane);
  return all;
}

std::vector<LanePtr> Lanes::to_flush(Runtime& runtime, Nanos deadline) {
  MonitorLock lock(*monitor_);
  while (!recovered && !failure && runtime.now() < deadline) monitor_->wait_until(deadline);
  std::vector<LanePtr> lanes = all();
  std::erase_if(lanes, [this](const LanePtr& lane) {
    return recovered && lane->stopped() && !lane->oldest_unflushed();
  });
  return lanes;
}

CommitTurn::CommitTurn(Lanes& lanes, Lane& lane) : lanes_(lanes), lane_(lane) {
  MonitorLock lock(lanes_.monitor());
  while (lane_.commit_turn_taken) lanes_.monitor().wait_until(kForever);
  lane_.commit_turn_taken = true;
}

CommitTurn::~CommitTurn() {
  MonitorLock lock(lanes_.monitor());
  lane_.commit_turn_taken = false;
  lanes_.monitor().notify_all();
}

// There is one sweep at a time (engine/sweeps.h).
LanePass::LanePass(Lanes& lanes, Lane& lane, Kind kind) : lanes_(lanes), lane_(lane), kind_(kind) {
  MonitorLock lock(lanes_.monitor());
  if (kind_ == Kind::kFlush) {
    while (lane_.sweeping) lanes_.monitor().wait_until(kForever);
    ++lane_.flushes;
  } else {
    lane_.sweeping = true;
    while (lane_.flushes > 0) lanes_.monitor().wait_until(kForever);
  }
}

LanePass::~LanePass() {
  MonitorLock lock(lanes_.monitor());
  if (kind_ == Kind::kFlush) {
    --lane_.flushes;
  } else {
    lane_.sweeping = false;
  }
  lanes_.monitor().notify_all();
}

}  // namespace sluice::engine
