#include "engine/lanes.h"

namespace sluice::engine {

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

}  // namespace sluice::engine
