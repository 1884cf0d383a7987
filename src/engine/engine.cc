#include <algorithm>
#include <utility>

#include "base/back_off.h"
#include "base/budget.h"
#include "base/channel.h"
#include "base/check.h"
#include "engine/applier.h"
#include "engine/flusher.h"
#include "engine/lanes.h"
#include "engine/limits.h"
#include "engine/seeing.h"
#include "engine/shard.h"
#include "engine/sweeps.h"
#include "engine/table_ops.h"
#include "memtable/frozen.h"
#include "model/schema.h"
#include "query/view.h"
#include "sluice/engine.h"
#include "table/committer.h"
#include "wal/log.h"

namespace sluice {

namespace engine {
namespace {

// Who waits for memory looks this often for the end of replay.
constexpr Nanos kRecoveryPoll = 20 * kMillisecond;
// A wait for memory that is worth counting.
constexpr Nanos kStall = kMillisecond;

// Tables that can be read now raise the LSNs that the log goes on with, so that no LSN is given out
// twice.
Result<uint64_t> highest_mark(Bucket& bucket, const std::vector<TableName>& names) {
  uint64_t highest = 0;
  for (const TableName& name : names) {
    const Result<table::HeadPtr> head = table::load_head(bucket, name);
    if (!head.ok()) continue;  // its lane reports it
    for (const table::LogMarks& log : (*head)->marks.logs)
      highest = std::max(highest, log.lsns.highest());
    // The rest is left to this log. More is damage, and would not fit into `_version`.
    constexpr uint64_t kLsnMax = memtable::kLsnMax / 2;
    if (highest <= kLsnMax) continue;
    return Error({Code::kCorrupt, Reason::kOutOfRange,
                  "the table's marks name an LSN that no log reaches", name.to_string(), kLsnMax,
                  highest});
  }
  return highest;
}

class EngineOfTables : public Engine {
 public:
  EngineOfTables(Platform platform, EngineOptions options, std::unique_ptr<wal::Log> log)
      : runtime_(*platform.runtime),
        disk_(*platform.disk),
        bucket_(*platform.bucket),
        options_(std::move(options)),
        log_(std::move(log)),
        budget_(runtime_, bytes_for_rows(options_)),
        arrivals_(runtime_, budget_.bytes_max() / 4),
        lanes_(runtime_),
        news_(runtime_),
        shard_(runtime_, disk_, *log_, news_, options_),
        flusher_(runtime_, bucket_, lanes_, budget_, options_, news_),
        applier_(runtime_, lanes_, budget_, news_, flusher_, shard_, options_),
        sweeps_(runtime_, bucket_, lanes_, options_) {
    lanes_.segments = Segments(log_->segment_bases());
  }

  ~EngineOfTables() override {
    if (begin_closing()) static_cast<void>(stop());
  }

  void start(const std::vector<TableName>& names, Replay replay);

  Status create_table(const TableName& name, const TableSpec& spec) override;
  Status add_columns(const TableName& name, const std::vector<Field>& columns) override;
  Status alter(const TableName& name, const std::vector<SchemaChange>& changes,
               Nanos timeout) override;
  Status tag(const TableName& name, const Tag& tag) override;
  Status untag(const TableName& name, const std::string& tag) override;
  Result<ExpireReport> expire(const TableName& name, const ExpireOptions& options) override;
  Status rollback(const TableName& name, uint64_t snapshot_id) override;
  Status relocate(const TableName& name) override;
  Result<TableDescription> describe(const TableName& name) override;
  Result<std::vector<TableDescription>> tables() override;
  Status append(const TableName& name, Batch batch, AppendOptions options,
                Completion done) override;
  Result<Appended> append(const TableName& name, Batch batch, AppendOptions options) override;
  Result<FlushReport> flush(const TableName& name) override;
  Result<FlushReport> flush() override;
  Result<std::unique_ptr<Snapshot>> snapshot(const TableName& name) override;
  Result<uint64_t> source_position(const TableName& name, const std::string& source) override;
  Result<std::vector<SourcePosition>> sources(const TableName& name) override;
  Result<SweepReport> sweep(const TableName& name, const SweepOptions& options) override;
  EngineStatus status() override;
  std::vector<PartitionStatus> pending(size_t limit) override;
  Status close() override;

 private:
  LanePtr make_lane(const TableName& name);
  Result<table::HeadPtr> load(Lane& lane);
  Result<LanePtr> find(const TableName& name);
  Status check(const Passage& passage, const Batch& batch, const AppendOptions& options);
  Result<std::shared_ptr<const void>> wait_for_memory(uint64_t bytes, Nanos deadline);
  Result<std::shared_ptr<const void>> reserve(uint64_t bytes, Nanos deadline);
  Error count_refusal(const Error& error);
  Nanos deadline_of(Nanos timeout);
  Status wait_recovered();
  Status wait_applied(uint64_t lsn);
  Result<FlushReport> flush_lanes(std::vector<LanePtr> lanes, Nanos deadline);
  TableDescription describe_lane(const Lane& lane) const;
  bool begin_closing();
  Status stop();

  Runtime& runtime_;
  Disk& disk_;
  Bucket& bucket_;
  const EngineOptions options_;
  const std::unique_ptr<wal::Log> log_;
  Budget budget_;
  Budget arrivals_;  ///< of what came before the end of replay; a quarter that replay leaves free
  Lanes lanes_;
  Channel<ApplierEvent> news_;
  Shard shard_;
  Flusher flusher_;
  Applier applier_;
  Sweeps sweeps_;
  std::unique_ptr<Thread> shard_thread_;
  std::unique_ptr<Thread> applier_thread_;
  Status log_closed_;
};

LanePtr EngineOfTables::make_lane(const TableName& name) {
  const wal::RecoveredLog& recovered = log_->recovered();
  table::Writer writer{recovered.log_id, recovered.opening, {}};
  for (const wal::ChainLink& link : recovered.chain) {
    writer.chain.push_back({link.opening, link.base_lsn});
  }
  table::CommitterOptions options;
  options.snapshots_kept = options_.snapshots_kept;
  options.manifests_merged_at = options_.manifests_merged_at;
  options.grace = options_.sweep_grace;
  options.retry_min = options_.retry_min;
  options.retry_max = options_.retry_max;
  if (options_.listener) {
    options.on_retry = [listener = options_.listener, name](const Error& failure) {
      listener->on_trouble(name, failure);
    };
  }
  return std::make_shared<Lane>(
      name, recovered.log_id, recovered.opening,
      std::make_unique<table::Committer>(runtime_, bucket_, name, std::move(writer), options,
                                         [this] { return flusher_.cancelled(); }),
      memtable::Patience{options_.flush_rows, options_.flush_age});
}

// What waiting may cure is tried again for a short while: a table that is stopped here stays so
// until the next opening.
Result<table::HeadPtr> EngineOfTables::load(Lane& lane) {
  constexpr int kTriesMax = 6;
  Nanos delay = options_.retry_min;
  for (int tries = 1;; ++tries) {
    Result<table::HeadPtr> head = lane.committer().load();
    if (head.ok() || tries == kTriesMax) return head;
    const Code code = head.error().code();
    if (code != Code::kIo && code != Code::kBusy && code != Code::kFull) return head;
    runtime_.sleep_until(runtime_.now() + delay);
    delay = next_pause(delay, options_.retry_min, options_.retry_max);
  }
}

void EngineOfTables::start(const std::vector<TableName>& names, Replay replay) {
  for (const TableName& name : names) {
    LanePtr lane = make_lane(name);
    const Result<table::HeadPtr> head = load(*lane);
    if (head.ok()) {
      lane->set_head(*head);
    } else {
      lane->stop(head.error());
      if (options_.listener) options_.listener->on_trouble(name, head.error());
    }
    lanes_.add(std::move(lane));
  }
  shard_thread_ = runtime_.spawn("shard", [this, schemas = replay.schemas()]() mutable {
    log_closed_ = shard_.run(std::move(schemas));
  });
  applier_thread_ =
      runtime_.spawn("applier", [this, replay = std::make_shared<Replay>(std::move(replay))] {
        applier_.run(std::move(*replay));
      });
  sweeps_.start();
}

Result<LanePtr> EngineOfTables::find(const TableName& name) {
  MonitorLock lock(lanes_.monitor());
  LanePtr lane = lanes_.find(name);
  if (lane == nullptr) return Error(Code::kNotFound, "there is no such table", name.to_string());
  if (lane->head() == nullptr) return *lane->stopped();
  return lane;
}

Status EngineOfTables::create_table(const TableName& name, const TableSpec& spec) {
  TRY(TableName::parse(name.to_string()));  // the log names tables by their text
  TRY(model::check_table_spec(spec));
  LanePtr lane;
  {
    MonitorLock lock(lanes_.monitor());
    if (lanes_.failure) return *lanes_.failure;
    lane = lanes_.find(name);
  }
  if (lane == nullptr) {
    lane = make_lane(name);
    TRY(change(lanes_, *lane, [&] { return lane->committer().create(spec); }));
    MonitorLock lock(lanes_.monitor());
    if (lanes_.find(name) == nullptr) lanes_.add(lane);
    lane = lanes_.find(name);
  }
  const TableSpec have = TRY(describe(name)).spec;
  if (spec.partition && have.partition != spec.partition) {
    return Error(Code::kInvalid, Reason::kTypeMismatch,
                 "the table exists with another partition, which is fixed at creation: " +
                     format_partition(*have.partition),
                 name.to_string());
  }
  if (have.key != spec.key || have.time != spec.time) {
    return Error(Code::kInvalid, Reason::kTypeMismatch,
                 "the table exists with another key or time column; these are fixed at creation",
                 name.to_string());
  }
  return add_columns(name, spec.columns);
}

Status EngineOfTables::add_columns(const TableName& name, const std::vector<Field>& columns) {
  const LanePtr lane = TRY(find(name));
  const TableDescription now = TRY(describe(name));
  const std::vector<Field> missing = TRY(model::merge_columns(now.spec.columns, columns));
  if (missing.empty()) return ok();
  return change(lanes_, *lane, [&]() -> Result<table::HeadPtr> {
    TRY(lane->committer().claim());
    return lane->committer().add_columns(missing);
  });
}

Status EngineOfTables::alter(const TableName& name, const std::vector<SchemaChange>& changes,
                             Nanos timeout) {
  const FlushLane flush = [this](const LanePtr& lane, Nanos deadline) -> Status {
    TRY(flush_lanes({lane}, deadline));
    return ok();
  };
  const LanePtr lane = TRY(find(name));
  return engine::alter(runtime_, lanes_, lane, changes, flush, deadline_of(timeout));
}

Status EngineOfTables::tag(const TableName& name, const Tag& tag) {
  const LanePtr lane = TRY(find(name));
  return change(lanes_, *lane, [&] { return lane->committer().tag(tag); });
}

Status EngineOfTables::untag(const TableName& name, const std::string& tag) {
  const LanePtr lane = TRY(find(name));
  return change(lanes_, *lane, [&] { return lane->committer().untag(tag); });
}

Result<ExpireReport> EngineOfTables::expire(const TableName& name, const ExpireOptions& options) {
  const LanePtr lane = TRY(find(name));
  ExpireReport report;
  TRY(change(lanes_, *lane, [&] { return lane->committer().expire(options, report); }));
  return report;
}

Status EngineOfTables::rollback(const TableName& name, uint64_t snapshot_id) {
  const LanePtr lane = TRY(find(name));
  return change(lanes_, *lane, [&] { return lane->committer().rollback(snapshot_id); });
}

Status EngineOfTables::relocate(const TableName& name) {
  const LanePtr lane = TRY(find(name));
  return change(lanes_, *lane, [&] { return lane->committer().relocate(); });
}

TableDescription EngineOfTables::describe_lane(const Lane& lane) const {
  TableDescription description;
  description.name = lane.name();
  if (lane.head() != nullptr) description = query::describe(bucket_, lane.name(), *lane.head());
  description.unflushed_rows = lane.unflushed_rows();
  description.trouble = lane.stopped();
  return description;
}

Result<TableDescription> EngineOfTables::describe(const TableName& name) {
  const LanePtr lane = TRY(find(name));
  MonitorLock lock(lanes_.monitor());
  return describe_lane(*lane);
}

Result<std::vector<TableDescription>> EngineOfTables::tables() {
  MonitorLock lock(lanes_.monitor());
  std::vector<TableDescription> tables;
  for (const LanePtr& lane : lanes_.all()) tables.push_back(describe_lane(*lane));
  return tables;
}

// E2: everything that can be wrong with a batch is said here: nothing can fail after the log has
// it.
Status EngineOfTables::check(const Passage& passage, const Batch& batch,
                             const AppendOptions& options) {
  const std::string name = passage.lane()->name().to_string();
  if (batch.empty()) return Error(Code::kInvalid, "the batch has no rows", name);
  if (options.source && (options.source->source.empty() || options.source->position == 0 ||
                         options.source->source.size() > kSourceNameBytesMax)) {
    return Error({Code::kInvalid, Reason::kOutOfRange,
                  "a source has a name of 1 to 128 bytes and a position of at least 1",
                  options.source->source, kSourceNameBytesMax, options.source->source.size()});
  }
  const Status fits = model::check_batch_fits(passage.spec(), batch);
  if (!fits.ok()) return explain(fits.error(), passage.head());
  constexpr uint64_t kBatchBytes = wal::kPayloadBytesMax - kBatchHeadBytesMax;
  if (batch.bytes().size() > kBatchBytes) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the batch is too large for a frame of the log; send smaller ones", name,
                  kBatchBytes, batch.bytes().size()});
  }
  const uint64_t bytes = memtable::charge(batch);
  if (bytes > budget_.bytes_max() / 4) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the batch takes more than a quarter of the memory for rows; send smaller ones",
                  name, budget_.bytes_max() / 4, bytes});
  }
  return ok();
}

// Rows that are being replayed need room, or nothing would ever be flushed; and whoever writes
// meanwhile is not to wait for their flushes: he has a quarter of his own.
Result<std::shared_ptr<const void>> EngineOfTables::wait_for_memory(uint64_t bytes,
                                                                    Nanos deadline) {
  for (;;) {
    bool recovered = false;
    {
      MonitorLock lock(lanes_.monitor());
      recovered = lanes_.recovered;
    }
    Budget& budget = recovered ? budget_ : arrivals_;
    const uint64_t limit = budget.bytes_max() - (recovered ? arrivals_.used() : 0);
    const Nanos now = runtime_.now();
    const Nanos until =
        recovered && arrivals_.used() == 0 ? deadline : std::min(deadline, now + kRecoveryPoll);
    const Status reserved = budget.reserve(bytes, limit, until);
    if (reserved.ok()) return budget.hold(bytes);
    if (reserved.error().code() != Code::kBusy || now >= deadline) return reserved.error();
  }
}

Result<std::shared_ptr<const void>> EngineOfTables::reserve(uint64_t bytes, Nanos deadline) {
  const Nanos start = runtime_.now();
  Result<std::shared_ptr<const void>> held = wait_for_memory(bytes, deadline);
  const Nanos waited = runtime_.now() - start;
  if (waited > kStall || !held.ok()) {
    MonitorLock lock(lanes_.monitor());
    lanes_.figures.count_stall(waited);
  }
  if (!held.ok()) return count_refusal(held.error());
  return held;
}

Error EngineOfTables::count_refusal(const Error& error) {
  MonitorLock lock(lanes_.monitor());
  if (error.code() == Code::kBusy) lanes_.figures.count_refusal();
  return error;
}

Status EngineOfTables::append(const TableName& name, Batch batch, AppendOptions options,
                              Completion done) {
  if (options.source) TRY(wait_recovered());
  const Nanos deadline = deadline_of(options.timeout);
  Result<Passage> entered = Passage::enter(runtime_, lanes_, name, deadline);
  if (!entered.ok()) return count_refusal(entered.error());
  const Passage passage = std::move(*entered);
  TRY(check(passage, batch, options));
  Append append;
  append.lane = passage.lane();
  append.run.held = TRY(reserve(memtable::charge(batch), deadline));
  append.run.shares = memtable::share_out(batch, passage.spec());
  append.run.batch = std::move(batch);
  append.ack = options.ack;
  if (options.source) {
    append.run.source = std::make_shared<const std::string>(std::move(options.source->source));
    append.run.position = options.source->position;
    append.previous = options.source->previous;
  }
  append.done = done ? std::move(done) : [](const Result<Appended>&) {};
  shard_.push(std::move(append));
  return ok();
}

Result<Appended> EngineOfTables::append(const TableName& name, Batch batch, AppendOptions options) {
  struct Ack {
    std::unique_ptr<Monitor> monitor;
    std::optional<Result<Appended>> verdict;
  };
  const auto ack = std::make_shared<Ack>(Ack{runtime_.monitor(), {}});
  TRY(append(name, std::move(batch), std::move(options), [ack](Result<Appended> verdict) {
    MonitorLock lock(*ack->monitor);
    ack->verdict = std::move(verdict);
    ack->monitor->notify_all();
  }));
  MonitorLock lock(*ack->monitor);
  while (!ack->verdict) ack->monitor->wait_until(kForever);
  return *ack->verdict;
}

Nanos EngineOfTables::deadline_of(Nanos timeout) {
  const Nanos now = runtime_.now();
  return timeout > kForever - now ? kForever : now + timeout;
}

Status EngineOfTables::wait_recovered() {
  MonitorLock lock(lanes_.monitor());
  while (!lanes_.recovered && !lanes_.failure) lanes_.monitor().wait_until(kForever);
  return lanes_.failure ? Status(*lanes_.failure) : ok();
}

Status EngineOfTables::wait_applied(uint64_t lsn) {
  MonitorLock lock(lanes_.monitor());
  while ((!lanes_.recovered || lanes_.applied_lsn < lsn) && !lanes_.failure) {
    lanes_.monitor().wait_until(kForever);
  }
  return lanes_.failure ? Status(*lanes_.failure) : ok();
}

Result<FlushReport> EngineOfTables::flush_lanes(std::vector<LanePtr> lanes, Nanos deadline) {
  FlushRequest request;
  for (size_t i = 0; i < lanes.size(); ++i) {
    request.waiters.push_back(std::make_shared<FlushWaiter>());
  }
  const auto waiters = request.waiters;
  request.lanes = std::move(lanes);
  {
    MonitorLock lock(lanes_.monitor());
    if (lanes_.failure) return *lanes_.failure;
  }
  shard_.push(std::move(request));
  FlushReport sum;
  Status verdict;  // the first error; the other tables are waited for
  MonitorLock lock(lanes_.monitor());
  for (const auto& waiter : waiters) {
    while (!waiter->verdict && !lanes_.failure) {
      if (runtime_.now() >= deadline) {
        return Error(Code::kBusy, Reason::kDeadline,
                     "the flush did not end in time; its rows stay in the log");
      }
      lanes_.monitor().wait_until(deadline);
    }
    const Status flushed = waiter->verdict ? *waiter->verdict : Status(*lanes_.failure);
    if (verdict.ok()) verdict = flushed;
    sum.rows += waiter->report.rows;
    sum.rows_replaced += waiter->report.rows_replaced;
    sum.partitions += waiter->report.partitions;
    sum.parts += waiter->report.parts;
    sum.bytes += waiter->report.bytes;
  }
  TRY(verdict);
  return sum;
}

Result<FlushReport> EngineOfTables::flush(const TableName& name) {
  std::vector<LanePtr> lanes{TRY(find(name))};
  return flush_lanes(std::move(lanes), kForever);
}

Result<FlushReport> EngineOfTables::flush() {
  return flush_lanes(lanes_.to_flush(runtime_, kForever), kForever);
}

Result<std::unique_ptr<Snapshot>> EngineOfTables::snapshot(const TableName& name) {
  const LanePtr lane = TRY(find(name));
  TRY(wait_applied(log_->durable_lsn()));
  query::View view;
  view.name = name;
  {
    MonitorLock lock(lanes_.monitor());
    if (lane->stopped()) return *lane->stopped();
    view.head = lane->head();
    lane->pin(view.head);
    view.runs = lane->unflushed_runs();
  }
  // A later opening's rows win over every row in the parts, whether it has claimed the table
  // already or not.
  view.epoch = view.head->metadata.epoch + 1;
  return query::make_snapshot(bucket_, std::move(view));
}

Result<uint64_t> EngineOfTables::source_position(const TableName& name, const std::string& source) {
  for (const SourcePosition& known : TRY(sources(name))) {
    if (known.source == source) return known.position;
  }
  return uint64_t{0};
}

Result<std::vector<SourcePosition>> EngineOfTables::sources(const TableName& name) {
  const LanePtr lane = TRY(find(name));
  TRY(wait_applied(log_->durable_lsn()));
  MonitorLock lock(lanes_.monitor());
  std::vector<SourcePosition> sources;
  for (const auto& [source, position] : lane->positions()) sources.push_back({source, position});
  return sources;
}

Result<SweepReport> EngineOfTables::sweep(const TableName& name, const SweepOptions& options) {
  if (options.grace) TRY(check_grace(*options.grace));
  return sweeps_.sweep(TRY(find(name)), options);
}

EngineStatus EngineOfTables::status() {
  const Nanos now = runtime_.now();
  EngineStatus status;
  {
    MonitorLock lock(lanes_.monitor());
    status = lanes_.figures.status(now);
    fill(lanes_, now, status);
  }
  const wal::LogStats log = log_->stats();
  status.durable_lsn = log_->durable_lsn();
  status.log_bytes = log.bytes;
  status.log_segments = log.segments;
  status.syncs = shard_.syncs();
  status.appends = shard_.appends();
  status.rows_appended = shard_.rows();
  status.appends_refused += shard_.refused();
  status.full = shard_.is_full();
  status.memory_bytes_used = budget_.used() + arrivals_.used();
  status.memory_bytes_max = budget_.bytes_max();
  status.flushes_waiting = flusher_.waiting();
  status.flushes_running -= std::min(status.flushes_running, status.flushes_waiting);
  return status;
}

std::vector<PartitionStatus> EngineOfTables::pending(size_t limit) {
  MonitorLock lock(lanes_.monitor());
  return pending_partitions(lanes_, runtime_.now(), limit);
}

Status EngineOfTables::close() {
  if (!begin_closing()) return ok();
  Result<FlushReport> flushed = FlushReport{};
  if (options_.close_flush > 0) {
    const Nanos deadline = runtime_.now() + options_.close_flush;
    flushed = flush_lanes(lanes_.to_flush(runtime_, deadline), deadline);
  }
  const Status stopped = stop();
  return flushed.ok() ? stopped : Status(flushed.error());
}

// Whether the caller is the one to do it.
bool EngineOfTables::begin_closing() {
  MonitorLock lock(lanes_.monitor());
  return !std::exchange(lanes_.closing, true);
}

// What the shard still has in its inbox becomes durable; rows stay in
// the log.
Status EngineOfTables::stop() {
  budget_.cancel();
  arrivals_.cancel();
  shard_.push(Stop{});
  flusher_.stop();
  sweeps_.stop();
  shard_thread_->join();
  applier_thread_->join();
  return log_closed_;
}

}  // namespace
}  // namespace engine

Result<std::unique_ptr<Engine>> Engine::open(Platform platform, EngineOptions options) {
  CHECK(platform.runtime && platform.disk && platform.bucket);
  TRY(engine::check_options(options));
  // W15: nothing is read that another opening may still change.
  std::unique_ptr<DiskLock> lock = TRY(wal::Log::lock(*platform.disk));
  const std::vector<TableName> names = TRY(table::list_tables(*platform.bucket));
  wal::LogOptions log_options;
  log_options.segment_bytes = options.segment_bytes;
  log_options.lsn_floor = TRY(engine::highest_mark(*platform.bucket, names));
  auto log = TRY(wal::Log::open(*platform.runtime, *platform.disk, log_options, std::move(lock)));
  if (options.start_up == StartUp::kStrict) TRY(engine::verify_log(*log));
  engine::Replay replay = TRY(engine::Replay::start(*log));
  auto opened =
      std::make_unique<engine::EngineOfTables>(platform, std::move(options), std::move(log));
  opened->start(names, std::move(replay));
  return std::unique_ptr<Engine>(std::move(opened));
}

}  // namespace sluice
