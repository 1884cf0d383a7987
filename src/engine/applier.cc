#include "engine/applier.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/shard.h"
#include "model/schema.h"

namespace sluice::engine {

namespace {

// Ages and retries are looked at this often; sizes after every round.
constexpr Nanos kCheckEvery = 50 * kMillisecond;
// While replay waits for memory it looks this often for flushes that ended.
constexpr Nanos kReplayPoll = 5 * kMillisecond;
constexpr uint64_t kReplayRound = 32;  // frames

// Whether another try of a flush can only end the same way. Its rows stay in the log.
bool is_for_good(const Error& error) {
  switch (error.code()) {
    case Code::kFenced:
    case Code::kCorrupt:
    case Code::kNotFound:
    case Code::kInvalid:
    case Code::kUnsupported:
      return true;
    default:
      return false;
  }
}

Error closed() {
  return Error(Code::kCancelled, Reason::kClosed, "the engine is closed");
}

}  // namespace

Applier::Applier(Runtime& runtime, Lanes& lanes, Budget& budget, Channel<ApplierEvent>& inbox,
                 Flusher& flusher, Shard& shard, const EngineOptions& options)
    : runtime_(runtime),
      lanes_(lanes),
      budget_(budget),
      inbox_(inbox),
      flusher_(flusher),
      shard_(shard),
      options_(options) {}

void Applier::run(Replay replay) {
  const Status replayed = replay_all(std::move(replay));
  if (!replayed.ok()) fail(replayed.error());
  replaying_ = false;
  handle_all(std::exchange(deferred_, {}));
  while (!stopped_) {
    trim();
    look_after_flushes(runtime_.now() + kCheckEvery);
  }
  fail(closed());
}

Status Applier::replay_all(Replay replay) {
  const Nanos start = runtime_.now();
  RecoveryReport report;
  while (std::optional<ReplayedRun> next = TRY(replay.next())) {
    const uint64_t rows = next->run.batch.rows();
    if (TRY(apply_replayed(std::move(*next)))) report.rows_replayed += rows;
    if (replay.frames() % kReplayRound == 0) look_after_flushes(runtime_.now());
    if (stopped_) return closed();
  }
  report.frames_replayed = replay.frames();
  report.log_bytes = replay.log_bytes();
  report.torn_bytes = replay.torn_bytes();
  report.duration = runtime_.now() - start;
  end_replay(replay.end_lsn(), replay.take_schemas());
  if (options_.listener) options_.listener->on_recovered(report);
  return ok();
}

// Whether the run is held now.
Result<bool> Applier::apply_replayed(ReplayedRun next) {
  const uint64_t lsn = next.run.lsn;
  LanePtr lane;
  bool held = false;
  {
    MonitorLock lock(lanes_.monitor());
    lane = lanes_.find(next.table);
    held = lane != nullptr && !lane->covers(next.run) && !lane->stopped();
  }
  if (lane == nullptr) {
    return Error(Code::kNotFound,
                 "the log holds rows of a table that is gone; put the table's directory back",
                 next.table.to_string());
  }
  held = held && admit(*lane, next.run.batch);
  const uint64_t bytes = held ? memtable::charge(next.run.batch) : 0;
  if (held) TRY(reserve_for_replay(bytes));
  MonitorLock lock(lanes_.monitor());
  const bool applied = lane->apply(std::move(next.run), runtime_.now());
  if (held && !applied) budget_.release(bytes);
  CHECK(held || !applied);
  lanes_.applied_lsn = lsn;
  return applied;
}

// Another table may stand where the rows' own one was: then the lane stops, and the log keeps them.
bool Applier::admit(Lane& lane, const Batch& batch) {
  std::optional<Error> unfit;
  {
    MonitorLock lock(lanes_.monitor());
    const Status fits = model::check_batch_fits(*lane.spec(), batch);
    if (fits.ok()) return true;
    unfit = Error(Code::kCorrupt, fits.error().reason(),
                  "the log holds rows that do not fit the table: " + fits.error().message(),
                  fits.error().where());
    budget_.release(lane.stop(*unfit));
  }
  if (options_.listener) options_.listener->on_trouble(lane.name(), *unfit);
  return false;
}

void Applier::look_after_flushes(Nanos until) {
  start_due_flushes();
  handle_all(inbox_.drain(until));
}

// Memory comes back only through flushes, and only this loop takes them in: so it waits by looking
// after them. A batch that was accepted under a larger limit goes beyond this one, alone.
Status Applier::reserve_for_replay(uint64_t bytes) {
  const uint64_t within = std::min(bytes, budget_.bytes_max() / 4);
  for (;;) {
    const Status reserved = budget_.reserve(within, budget_.bytes_max(), runtime_.now());
    if (reserved.ok()) budget_.overdraw(bytes - within);
    if (reserved.ok() || reserved.error().code() != Code::kBusy) return reserved;
    look_after_flushes(runtime_.now() + kReplayPoll);
    if (stopped_) return closed();
  }
}

// The shard hears of it before the callers that wait for it do.
void Applier::end_replay(uint64_t end_lsn, Dictionary schemas) {
  Recovered recovered;
  recovered.schemas = std::move(schemas);
  {
    MonitorLock lock(lanes_.monitor());
    for (const LanePtr& lane : lanes_.all()) {
      for (const auto& [source, position] : lane->positions()) {
        recovered.positions.emplace_back(lane, SourcePosition{source, position});
      }
    }
  }
  shard_.push(std::move(recovered));
  MonitorLock lock(lanes_.monitor());
  lanes_.applied_lsn = std::max(lanes_.applied_lsn, end_lsn);
  lanes_.recovered = true;
  lanes_.monitor().notify_all();
}

// What the log holds cannot be read: nothing is flushed past the gap, nothing is trimmed, everybody
// is told.
void Applier::fail(const Error& error) {
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    if (!lanes_.failure) lanes_.failure = error;
    for (const LanePtr& lane : lanes_.all()) {
      if (!lane->stopped()) budget_.release(lane->stop(error));
      answer_settled(*lane, answers);
    }
    lanes_.monitor().notify_all();
  }
  answer(std::move(answers));
}

void Applier::answer(Answers answers) {
  for (auto& [done, verdict] : answers) done(std::move(verdict));
}

void Applier::handle_all(std::vector<ApplierEvent> events) {
  for (ApplierEvent& event : events) {
    if (std::holds_alternative<Stop>(event)) {
      stopped_ = true;
    } else if (auto* done = std::get_if<FlushDone>(&event)) {
      handle(std::move(*done));
    } else if (replaying_) {
      deferred_.push_back(std::move(event));
    } else if (auto* applied = std::get_if<Applied>(&event)) {
      handle(std::move(*applied));
    } else {
      handle(std::move(std::get<FlushRequest>(event)));
    }
  }
}

void Applier::handle(Applied applied) {
  Lane& lane = *applied.lane;
  const uint64_t lsn = applied.run.lsn;
  const uint64_t bytes = applied.run.batch.empty() ? 0 : memtable::charge(applied.run.batch);
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    if (bytes > 0) {
      CHECK(lsn > lanes_.applied_lsn);  // E3
      lanes_.applied_lsn = lsn;
      if (!lane.apply(std::move(applied.run), runtime_.now())) budget_.release(bytes);
    }
    if (applied.done) lane.table_acks.push_back({lsn, std::move(applied.done)});
    answer_settled(lane, answers);
    lanes_.monitor().notify_all();
  }
  answer(std::move(answers));
}

void Applier::handle(FlushRequest request) {
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    for (size_t i = 0; i < request.lanes.size(); ++i) {
      Lane& lane = *request.lanes[i];
      request.waiters[i]->lsn = lanes_.applied_lsn;
      request.waiters[i]->lost = request.lost;
      lane.waiters.push_back(std::move(request.waiters[i]));
      answer_settled(lane, answers);
    }
    lanes_.monitor().notify_all();
  }
  answer(std::move(answers));
}

// The listener hears of a flush before anybody who waits for it goes on.
void Applier::handle(FlushDone done) {
  tell_listener(done);
  Lane& lane = *done.lane;
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    lane.flush_queued = false;
    complete(lane, done);
    answer_settled(lane, answers);
    lanes_.monitor().notify_all();
  }
  answer(std::move(answers));
}

void Applier::tell_listener(const FlushDone& done) const {
  if (options_.listener == nullptr) return;
  if (done.verdict.ok()) {
    options_.listener->on_flush(done.report);
  } else if (done.verdict.error().code() != Code::kCancelled) {
    options_.listener->on_trouble(done.lane->name(), done.verdict.error());
  }
}

void Applier::complete(Lane& lane, const FlushDone& done) {
  if (lane.stopped()) return;
  if (done.verdict.ok()) {
    budget_.release(lane.release(done.head));
    lane.retry_delay = 0;
    for (auto& waiter : lane.waiters) {
      waiter->report.rows += done.report.rows;
      waiter->report.rows_replaced += done.report.rows_replaced;
      waiter->report.parts += done.report.parts;
      waiter->report.bytes += done.report.bytes;
    }
    return;
  }
  const Error& error = done.verdict.error();
  if (done.head != nullptr) {
    budget_.release(lane.rebase(done.head));
  } else if (is_for_good(error)) {
    budget_.release(lane.stop(error));
  } else {
    lane.retry_delay = std::clamp(lane.retry_delay * 2, options_.retry_min, options_.retry_max);
    lane.retry_at = runtime_.now() + lane.retry_delay;
  }
}

// Answers those whose rows are all in the table, or never will be.
void Applier::answer_settled(Lane& lane, Answers& answers) {
  const uint64_t oldest = lane.oldest_unflushed().value_or(UINT64_MAX);
  const auto is_settled = [&](uint64_t lsn) { return lane.stopped() || lsn < oldest; };
  std::erase_if(lane.waiters, [&](const auto& waiter) {
    if (!is_settled(waiter->lsn)) return false;
    const std::optional<Error>& error = lane.stopped() ? lane.stopped() : waiter->lost;
    waiter->verdict = error ? Status(*error) : ok();
    return true;
  });
  std::erase_if(lane.table_acks, [&](Lane::TableAck& ack) {
    if (!is_settled(ack.lsn)) return false;
    answers.emplace_back(std::move(ack.done), lane.stopped() ? Result<Appended>(*lane.stopped())
                                                             : Appended{ack.lsn, false});
    return true;
  });
}

bool Applier::is_due(const Lane& lane, Nanos now, const Lane* largest) const {
  if (lane.stopped() || lane.flush_queued || now < lane.retry_at) return false;
  if (lane.flushing()) return true;  // a try failed, and its time has come again
  if (!lane.has_active()) return false;
  const memtable::Buffer& active = lane.active();
  return active.bytes() >= options_.flush_bytes || active.rows() >= options_.flush_rows ||
         now - active.oldest() >= options_.flush_age || !lane.waiters.empty() || &lane == largest;
}

void Applier::start_due_flushes() {
  const Nanos now = runtime_.now();
  std::vector<LanePtr> due;
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    const std::vector<LanePtr> lanes = lanes_.all();
    const Lane* largest = nullptr;
    if (budget_.used() > budget_.bytes_max() / 2) {
      for (const LanePtr& lane : lanes) {
        if (lane->flushing() || !lane->has_active()) continue;
        if (!largest || lane->active().bytes() > largest->active().bytes()) largest = lane.get();
      }
    }
    for (const LanePtr& lane : lanes) {
      if (!is_due(*lane, now, largest)) continue;
      if (!lane->flushing()) {
        budget_.release(lane->drop_covered());  // E10
        if (!lane->has_active()) {
          answer_settled(*lane, answers);
          lanes_.monitor().notify_all();
          continue;
        }
        lane->freeze(lanes_.applied_lsn);  // E4
      }
      lane->flush_queued = true;
      due.push_back(lane);
    }
  }
  answer(std::move(answers));
  for (LanePtr& lane : due) flusher_.submit(std::move(lane));
}

// E6: the log is trimmed only below the oldest row that only the log holds; every flush behind it
// was confirmed.
void Applier::trim() {
  uint64_t lsn = 0;
  {
    MonitorLock lock(lanes_.monitor());
    if (lanes_.failure) return;
    lsn = lanes_.applied_lsn;
    for (const LanePtr& lane : lanes_.all()) {
      const auto oldest = lane->oldest_unflushed();
      if (oldest) lsn = std::min(lsn, *oldest - 1);
    }
  }
  if (lsn <= trimmed_lsn_) return;
  trimmed_lsn_ = lsn;
  shard_.push(Trim{lsn});
}

}  // namespace sluice::engine
