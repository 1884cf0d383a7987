#include "engine/applier.h"

#include <algorithm>
#include <utility>

#include "base/back_off.h"
#include "base/check.h"
#include "engine/shard.h"
#include "model/schema.h"

namespace sluice::engine {

namespace {

// While replay waits for memory it looks this often for flushes that ended.
constexpr Nanos kReplayPoll = 5 * kMillisecond;
constexpr uint64_t kReplayRoundBytes = 1 << 20;

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
      options_(options),
      due_(options) {}

void Applier::run(Replay replay) {
  const Status replayed = replay_all(std::move(replay));
  if (!replayed.ok()) fail(replayed.error());
  replaying_ = false;
  handle_all(std::exchange(deferred_, {}));
  while (!stopped_) {
    trim();
    look_after_flushes(next_look());
  }
  fail(closed());
}

Status Applier::replay_all(Replay replay) {
  const Nanos start = runtime_.now();
  RecoveryReport report;
  ReplayAhead ahead(runtime_, std::move(replay));
  uint64_t round_bytes = 0;
  while (std::optional<ReplayedRun> next = TRY(ahead.next())) {
    const uint64_t rows = next->run.batch.rows();
    round_bytes += next->run.batch.bytes().size();
    if (TRY(apply_replayed(std::move(*next)))) report.rows_replayed += rows;
    if (round_bytes >= kReplayRoundBytes) {
      look_after_flushes(runtime_.now());
      round_bytes = 0;
    }
    if (stopped_) return closed();
  }
  replay = std::move(ahead.ended());
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
  memtable::Run& run = next.run;
  const uint64_t lsn = run.lsn;
  LanePtr lane;
  {
    MonitorLock lock(lanes_.monitor());
    lane = lanes_.find(next.table);
  }
  if (lane == nullptr) {
    return Error(Code::kNotFound,
                 "the log holds rows of a table that is gone; put the table's directory back",
                 next.table.to_string());
  }
  if (is_wanted(*lane, run) && admit(*lane, run.batch)) {
    run.shares = memtable::share_out(run.batch, *lane->spec());
    bool held = false;
    {
      MonitorLock lock(lanes_.monitor());
      held = lane->prune(run);
    }
    if (held) run.held = TRY(reserve_for_replay(memtable::charge(run.batch)));
  }
  MonitorLock lock(lanes_.monitor());
  lanes_.applied_lsn = lsn;
  return lane->apply(std::move(run), runtime_.now(), cold_before());
}

bool Applier::is_wanted(const Lane& lane, const memtable::Run& run) const {
  MonitorLock lock(lanes_.monitor());
  return !lane.stopped() && !lane.covers_all(run);
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
    lane.stop(*unfit);
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
Result<std::shared_ptr<const void>> Applier::reserve_for_replay(uint64_t bytes) {
  const uint64_t within = std::min(bytes, budget_.bytes_max() / 4);
  for (;;) {
    const uint64_t limit = budget_.bytes_max() - budget_.bytes_max() / 4;  // the rest: arrivals
    const Status reserved = budget_.reserve(within, limit, runtime_.now());
    if (reserved.ok()) {
      budget_.overdraw(bytes - within);
      return budget_.hold(bytes);
    }
    if (reserved.error().code() != Code::kBusy) return reserved.error();
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
      if (!lane->stopped()) lane->stop(error);
      answer_settled(*lane, answers);
    }
    for (const auto& waiter : std::exchange(settled_, {})) waiter->verdict = waiter->outcome;
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
    } else if (auto* rolled = std::get_if<Rolled>(&event)) {
      handle(std::move(*rolled));
    } else {
      handle(std::move(std::get<FlushRequest>(event)));
    }
  }
}

void Applier::handle(Applied applied) {
  Lane& lane = *applied.lane;
  const uint64_t lsn = applied.run.lsn;
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    if (!applied.run.batch.empty()) {
      CHECK(lsn > lanes_.applied_lsn);  // E3
      lanes_.applied_lsn = lsn;
      lane.apply(std::move(applied.run), runtime_.now(), cold_before());
    }
    if (applied.done) lane.table_acks.push_back({lsn, std::move(applied.done)});
    answer_settled(lane, answers);
    lanes_.monitor().notify_all();
  }
  answer(std::move(answers));
}

void Applier::handle(FlushRequest request) {
  Answers answers;
  bool pending = false;
  const uint64_t lsn = lanes_.applied_lsn;
  {
    MonitorLock lock(lanes_.monitor());
    for (size_t i = 0; i < request.lanes.size(); ++i) {
      Lane& lane = *request.lanes[i];
      pending = pending || (lane.oldest_unflushed() && !lane.stopped());
      lane.try_again_now();
      request.waiters[i]->lsn = lsn;
      request.waiters[i]->lost = request.lost;
      lane.waiters.push_back(std::move(request.waiters[i]));
      answer_settled(lane, answers);
    }
    lanes_.monitor().notify_all();
  }
  if (pending) shard_.push(Roll{lsn});
  answer(std::move(answers));
}

// Who waits is served also where no segment could be ended.
void Applier::handle(Rolled rolled) {
  {
    MonitorLock lock(lanes_.monitor());
    if (rolled.told) lanes_.segments.end(rolled.told->last_lsn);
    for (const LanePtr& lane : lanes_.all()) {
      if (!rolled.told && lane->waiters.empty()) continue;
      lane->flush_through = std::max(lane->flush_through, rolled.through);
    }
  }
  if (rolled.told && options_.listener) options_.listener->on_segment(*rolled.told);
}

// The listener hears of a flush before anybody who waits for it goes on.
void Applier::handle(FlushDone done) {
  tell_listener(done);
  Lane& lane = *done.lane;
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    --running_;
    complete(lane, done);
    answer_settled(lane, answers);
    lanes_.monitor().notify_all();
  }
  answer(std::move(answers));
}

void Applier::tell_listener(const FlushDone& done) const {
  if (options_.listener == nullptr) return;
  const TableName& table = done.lane->name();
  if (done.verdict.ok()) {
    options_.listener->on_flush(done.report);
    for (const auto& [partition, error] : done.left) options_.listener->on_trouble(table, error);
  } else if (done.verdict.error().code() != Code::kCancelled) {
    options_.listener->on_trouble(table, done.verdict.error());
  }
}

void Applier::complete(Lane& lane, const FlushDone& done) {
  if (lane.stopped()) return;
  lane.find(done.cut)->running = false;
  if (done.verdict.ok()) {
    lanes_.figures.count(done.report, runtime_.now());
    lane.release(done.cut, done.head, done.left);
    for (auto& waiter : lane.waiters) {
      waiter->report.rows += done.report.rows;
      waiter->report.rows_replaced += done.report.rows_replaced;
      waiter->report.partitions += done.report.partitions.size();
      waiter->report.parts += done.report.parts;
      waiter->report.bytes += done.report.bytes;
    }
    if (!done.left.empty()) put_off(*lane.find(done.cut), done.left.begin()->second);
    return;
  }
  const Error& error = done.verdict.error();
  if (done.head != nullptr) {
    lane.rebase(done.cut, done.head);
  } else if (is_for_good(error)) {
    lane.stop(error);
  } else {
    put_off(*lane.find(done.cut), error);
  }
}

void Applier::put_off(Cut& cut, const Error& error) {
  lanes_.figures.count(error);
  ++cut.failures;
  cut.trouble = error;
  cut.retry_delay = next_pause(cut.retry_delay, options_.retry_min, options_.retry_max);
  cut.retry_at = runtime_.now() + cut.retry_delay;
}

// Answers those whose rows are all in the table, or never will be.
void Applier::answer_settled(Lane& lane, Answers& answers) {
  const uint64_t oldest = lane.oldest_unflushed().value_or(UINT64_MAX);
  const auto is_settled = [&](uint64_t lsn) { return lane.stopped() || lsn < oldest; };
  std::erase_if(lane.waiters, [&](const auto& waiter) {
    if (!is_settled(waiter->lsn)) return false;
    const std::optional<Error>& error = lane.stopped() ? lane.stopped() : waiter->lost;
    waiter->outcome = error ? Status(*error) : ok();
    settled_.push_back(waiter);
    return true;
  });
  std::erase_if(lane.table_acks, [&](Lane::TableAck& ack) {
    if (!is_settled(ack.lsn)) return false;
    answers.emplace_back(std::move(ack.done), lane.stopped() ? Result<Appended>(*lane.stopped())
                                                             : Appended{ack.lsn, false});
    return true;
  });
}

// With no more flushes than threads under way, what becomes due meanwhile goes into one.
void Applier::start_due_flushes() {
  const Nanos now = runtime_.now();
  std::vector<std::pair<LanePtr, uint64_t>> started;
  Answers answers;
  {
    MonitorLock lock(lanes_.monitor());
    const std::vector<LanePtr> lanes = lanes_.all();
    look_at_pinned_segments(lanes);
    const Lane* largest = largest_when_short(lanes);
    for (size_t turn = 0; turn < lanes.size(); ++turn) {
      const LanePtr& lane = lanes[(first_served_ + turn) % lanes.size()];
      start_due_of(lane, now, lane.get() == largest, started, answers);
    }
    ++first_served_;
    throttle(lanes);
  }
  answer(std::move(answers));
  for (auto& [lane, cut] : started) flusher_.submit(std::move(lane), cut);
}

void Applier::start_due_of(const LanePtr& lane, Nanos now, bool of_all, Started& started,
                           Answers& answers) {
  const auto start = [&](uint64_t cut) {
    lane->find(cut)->running = true;
    ++running_;
    started.emplace_back(lane, cut);
  };
  for (const Cut* cut : due_.again(*lane, now)) {
    if (running_ < options_.flush_threads) start(cut->number);
  }
  if (running_ >= options_.flush_threads || !due_.has_due(*lane, now, of_all)) return;
  const Cut* cut = due_.freeze(*lane, lanes_.applied_lsn, now, of_all);  // E4
  if (cut != nullptr) return start(cut->number);
  answer_settled(*lane, answers);
  lanes_.monitor().notify_all();
}

// Memory comes back only through flushes.
const Lane* Applier::largest_when_short(const std::vector<LanePtr>& lanes) const {
  if (budget_.used() <= budget_.bytes_max() / 2) return nullptr;
  const Lane* largest = nullptr;
  for (const LanePtr& lane : lanes) {
    if (!due_.can_freeze(*lane)) continue;
    if (!largest || lane->active().bytes() > largest->active().bytes()) largest = lane.get();
  }
  return largest;
}

// One cold partition does not keep the log from being trimmed.
void Applier::look_at_pinned_segments(const std::vector<LanePtr>& lanes) {
  uint64_t oldest = UINT64_MAX;
  for (const LanePtr& lane : lanes) {
    if (!lane->stopped()) oldest = std::min(oldest, lane->oldest_unflushed().value_or(UINT64_MAX));
  }
  if (oldest == UINT64_MAX) return;
  const uint64_t end = lanes_.segments.end_before(options_.pinned_segments_max, oldest);
  for (const LanePtr& lane : lanes) lane->flush_through = std::max(lane->flush_through, end);
}

// A table that cannot commit keeps its share of memory and log, and takes no more: the other
// tables' writers go on.
void Applier::throttle(const std::vector<LanePtr>& lanes) {
  const auto failing = static_cast<uint64_t>(
      std::count_if(lanes.begin(), lanes.end(), [](const auto& lane) { return lane->fails(); }));
  bool lifted = false;
  for (const LanePtr& lane : lanes) {
    std::optional<Error> error;
    if (lane->fails()) error = over_its_share(*lane, failing);
    lifted = lifted || (lane->throttled && !error);
    lane->throttled = std::move(error);
  }
  if (lifted) lanes_.monitor().notify_all();
}

std::optional<Error> Applier::over_its_share(const Lane& lane, uint64_t failing) const {
  const uint64_t memory = budget_.bytes_max() / 2 / std::max<uint64_t>(failing, 2);
  const uint64_t oldest = lane.oldest_unflushed().value_or(UINT64_MAX);
  const uint64_t log = lanes_.segments.pinned_by(oldest) * options_.segment_bytes;
  const bool by_memory = lane.bytes() > memory;
  if (!by_memory && log <= options_.table_log_bytes) return std::nullopt;
  std::string cause;
  for (const Cut& cut : lane.cuts()) {
    if (cut.trouble && cause.empty()) cause = cut.trouble->message();
  }
  return Error({Code::kBusy, Reason::kQuota,
                "the table cannot commit and has its share of memory and log; back off until it "
                "can: " +
                    cause,
                lane.name().to_string(), by_memory ? memory : options_.table_log_bytes,
                by_memory ? lane.bytes() : log});
}

// With every thread busy nothing can start before one of them tells that it has ended.
Nanos Applier::next_look() const {
  if (running_ >= options_.flush_threads) return kForever;
  const Nanos now = runtime_.now();
  MonitorLock lock(lanes_.monitor());
  Nanos next = kForever;
  for (const LanePtr& lane : lanes_.all()) next = std::min(next, due_.next(*lane, now));
  return next;
}

// Rows of times before are cold; INT64_MIN: none are.
Nanos Applier::cold_before() const {
  if (options_.cold_age == kForever) return INT64_MIN;
  return runtime_.wall_now() - options_.cold_age;
}

// E6: the log is trimmed only below the oldest row that only the log holds; every flush behind it
// was confirmed. Who waits for a flush hears of it when the log is trimmed.
void Applier::trim() {
  Trim trim;
  {
    MonitorLock lock(lanes_.monitor());
    if (lanes_.failure) return;
    trim.lsn = lanes_.applied_lsn;
    for (const LanePtr& lane : lanes_.all()) {
      const auto oldest = lane->oldest_unflushed();
      if (oldest) trim.lsn = std::min(trim.lsn, *oldest - 1);
    }
    lanes_.segments.trim(trim.lsn);
  }
  if (trim.lsn <= trimmed_lsn_ && settled_.empty()) return;
  trimmed_lsn_ = std::max(trimmed_lsn_, trim.lsn);
  if (!settled_.empty()) {
    trim.done = [&lanes = lanes_, waiters = std::exchange(settled_, {})] {
      MonitorLock lock(lanes.monitor());
      for (const auto& waiter : waiters) waiter->verdict = waiter->outcome;
      lanes.monitor().notify_all();
    };
  }
  shard_.push(std::move(trim));
}

}  // namespace sluice::engine
