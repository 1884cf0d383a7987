#include "engine/sweeps.h"

#include <algorithm>

#include "base/turn.h"
#include "sluice/events.h"
#include "table/sweeper.h"

namespace sluice::engine {

Sweeps::Sweeps(Runtime& runtime, Bucket& bucket, Lanes& lanes, const EngineOptions& options)
    : runtime_(runtime),
      bucket_(bucket),
      lanes_(lanes),
      options_(options),
      monitor_(runtime.monitor()) {}

Sweeps::~Sweeps() {
  stop();
}

void Sweeps::start() {
  if (options_.sweep_interval == kForever) return;
  thread_ = runtime_.spawn("sweeper", [this] { run(); });
}

void Sweeps::stop() {
  {
    MonitorLock lock(*monitor_);
    stopped_ = true;
    monitor_->notify_all();
  }
  if (thread_) thread_->join();
  thread_.reset();
}

void Sweeps::run() {
  constexpr Nanos kFirst = 60 * kSecond;
  Nanos span = std::min(kFirst, options_.sweep_interval);
  while (wait(span)) {
    sweep_claimed();
    span = options_.sweep_interval;
  }
}

/// False: the loop shall end.
bool Sweeps::wait(Nanos span) {
  MonitorLock lock(*monitor_);
  const Nanos now = runtime_.now();
  const Nanos deadline = span > kForever - now ? kForever : now + span;
  while (!stopped_ && runtime_.now() < deadline) monitor_->wait_until(deadline);
  return !stopped_;
}

void Sweeps::sweep_claimed() {
  std::vector<LanePtr> lanes;
  {
    MonitorLock lock(lanes_.monitor());
    lanes = lanes_.all();
    std::erase_if(lanes, [](const LanePtr& lane) { return lane->stopped() || !lane->claimed(); });
  }
  for (const LanePtr& lane : lanes) {
    const Result<SweepReport> swept = sweep(lane, {});
    if (!swept.ok() && options_.listener) {
      options_.listener->on_trouble(lane->name(), swept.error());
    }
    MonitorLock lock(*monitor_);
    if (stopped_) return;
  }
}

Result<SweepReport> Sweeps::sweep(const LanePtr& lane, const SweepOptions& options) {
  const Turn alone(*monitor_, turn_taken_);
  const Nanos start = runtime_.now();
  table::SweepRequest request;
  request.grace = options.grace.value_or(options_.sweep_grace);
  request.dry_run = options.dry_run;
  table::Survey survey;
  {
    const LanePass pass(lanes_, *lane, LanePass::Kind::kSweep);
    CommitTurn turn(lanes_, *lane);
    {
      MonitorLock lock(lanes_.monitor());
      if (lane->stopped()) return *lane->stopped();
      request.pinned = lane->pinned();
    }
    survey = TRY(table::survey(runtime_, bucket_, lane->committer(), request));
    MonitorLock lock(lanes_.monitor());
    lane->set_head(lane->committer().head());
  }
  survey.report.table = lane->name();
  survey.report.dry_run = options.dry_run;
  if (options.dry_run) return std::move(survey.report);
  TRY(table::carry_out(bucket_, survey));
  if (options_.listener) {
    options_.listener->on_sweep({lane->name(), survey.report.swept.size(),
                                 survey.report.swept_bytes, survey.report.young,
                                 survey.report.touched, runtime_.now() - start});
  }
  return std::move(survey.report);
}

}  // namespace sluice::engine
