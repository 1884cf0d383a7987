#include "engine/table_ops.h"

#include "table/evolve.h"

namespace sluice::engine {

namespace {

Error too_late(const Lane& lane) {
  return Error(Code::kBusy, Reason::kDeadline,
               "the table's columns are being changed, and that did not end in time",
               lane.name().to_string());
}

/// The lane's gate, shut for a scope.
class ShutGate {
 public:
  /// Waits for other alterations, then for the batches that have entered.
  static Result<ShutGate> shut(Runtime& runtime, Lanes& lanes, Lane& lane, Nanos deadline) {
    MonitorLock lock(lanes.monitor());
    while (lane.gate_shut) {
      if (runtime.now() >= deadline) return too_late(lane);
      lanes.monitor().wait_until(deadline);
    }
    ShutGate gate(lanes, lane);
    while (lane.entered > 0) {
      if (runtime.now() >= deadline) {
        gate.open();
        return Error(Code::kBusy, Reason::kDeadline,
                     "appends that wait for memory hold the change up; it can be tried again",
                     lane.name().to_string());
      }
      lanes.monitor().wait_until(deadline);
    }
    return gate;
  }
  ShutGate(ShutGate&& other) noexcept
      : lanes_(other.lanes_), lane_(std::exchange(other.lane_, nullptr)) {}
  ~ShutGate() {
    if (lane_ == nullptr) return;
    MonitorLock lock(lanes_.monitor());
    open();
  }

 private:
  ShutGate(Lanes& lanes, Lane& lane) : lanes_(lanes), lane_(&lane) { lane.gate_shut = true; }
  /// Under the monitor.
  void open() {
    lane_->gate_shut = false;
    lanes_.monitor().notify_all();
    lane_ = nullptr;
  }

  Lanes& lanes_;
  Lane* lane_;
};

}  // namespace

Status change(Lanes& lanes, Lane& lane, const std::function<Result<table::HeadPtr>()>& commit) {
  CommitTurn turn(lanes, lane);
  const table::HeadPtr head = TRY(commit());
  MonitorLock lock(lanes.monitor());
  if (lane.stopped()) return *lane.stopped();
  lane.set_head(head);
  return ok();
}

Result<Passage> Passage::enter(Runtime& runtime, Lanes& lanes, const TableName& name,
                               Nanos deadline) {
  MonitorLock lock(lanes.monitor());
  for (;;) {
    if (lanes.failure) return *lanes.failure;
    if (lanes.closing) return Error(Code::kCancelled, Reason::kClosed, "the engine is closing");
    const LanePtr lane = lanes.find(name);
    if (lane == nullptr) return Error(Code::kNotFound, "there is no such table", name.to_string());
    if (lane->stopped()) return *lane->stopped();
    if (!lane->gate_shut && !lane->throttled) {
      ++lane->entered;
      return Passage(lanes, lane);
    }
    if (runtime.now() >= deadline) return lane->throttled ? *lane->throttled : too_late(*lane);
    lanes.monitor().wait_until(deadline);
  }
}

Passage::~Passage() {
  if (lane_ == nullptr) return;
  MonitorLock lock(lanes_.monitor());
  --lane_->entered;
  if (lane_->gate_shut) lanes_.monitor().notify_all();
}

Error explain(const Error& unfit, const table::Head& head) {
  if (unfit.reason() != Reason::kUnknownColumn) return unfit;
  const auto fate = table::fate_of(head.metadata, unfit.where());
  if (!fate) return unfit;
  return Error(unfit.code(), unfit.reason(), unfit.message() + "; it " + *fate, unfit.where());
}

Status alter(Runtime& runtime, Lanes& lanes, const LanePtr& lane,
             const std::vector<SchemaChange>& changes, const FlushLane& flush, Nanos deadline) {
  const auto check = [&]() -> Status {
    table::HeadPtr head;
    {
      MonitorLock lock(lanes.monitor());
      head = lane->head();
    }
    TRY(table::evolve(head->metadata, changes));
    return ok();
  };
  TRY(check());
  const ShutGate gate = TRY(ShutGate::shut(runtime, lanes, *lane, deadline));
  TRY(check());  // another alteration may have been first
  TRY(flush(lane, deadline));
  return change(lanes, *lane, [&] { return lane->committer().alter(changes); });
}

}  // namespace sluice::engine
