#include "engine/replay.h"

namespace sluice::engine {

Replay::Replay(const wal::Log& log, std::unique_ptr<wal::LogReader> reader, Dictionary schemas)
    : reader_(std::move(reader)),
      schemas_(std::move(schemas)),
      end_lsn_(log.recovered().base_lsn - 1),
      log_bytes_(log.stats().bytes),
      torn_bytes_(log.recovered().repair.torn_bytes) {}

Result<Replay> Replay::start(const wal::Log& log) {
  const wal::RecoveredLog& recovered = log.recovered();
  Dictionary schemas = TRY(Dictionary::decode(recovered.application));
  if (recovered.last_lsn < recovered.first_lsn) return Replay(log, nullptr, std::move(schemas));
  auto reader = TRY(log.read({recovered.first_lsn, recovered.last_lsn}));
  return Replay(log, std::move(reader), std::move(schemas));
}

Result<std::optional<ReplayedRun>> Replay::next() {
  while (reader_ != nullptr) {
    const std::optional<wal::LogFrame> frame = TRY(reader_->next());
    if (!frame) break;
    ++frames_;
    std::optional<ReplayedRun> run = TRY(decode(*frame));
    if (run) return run;
  }
  return std::optional<ReplayedRun>();
}

Result<std::optional<ReplayedRun>> Replay::decode(const wal::LogFrame& frame) {
  std::optional<ReplayedRun> none;
  const uint16_t type = frame.type & ~wal::kRequiredBit;
  if (type == kSchemaRecord) {
    schemas_.add(frame.lsn, TRY(decode_schema_record(frame.payload)));
    return none;
  }
  if (type != kBatchRecord) {
    if ((frame.type & wal::kRequiredBit) == 0) return none;
    return Error({Code::kUnsupported, Reason::kVersion,
                  "the log holds a record type that this version does not know; use a newer one",
                  "lsn " + std::to_string(frame.lsn), kBatchRecord, type});
  }
  BatchRecord record = TRY(decode_batch_record(frame.payload));
  const SchemaRecord* schema = schemas_.find(record.head.schema_lsn);
  if (schema == nullptr) {
    return Error({Code::kCorrupt, Reason::kDecodeFailure,
                  "a batch in the log refers to a schema that the log does not hold",
                  "lsn " + std::to_string(frame.lsn), 0, record.head.schema_lsn});
  }
  ReplayedRun replayed;
  replayed.table = schema->table;
  replayed.run.lsn = frame.lsn;
  replayed.run.batch = TRY(Batch::decode(schema->schema, record.batch));
  if (!record.head.source.empty()) {
    auto& name = sources_[record.head.source];
    if (name == nullptr) name = std::make_shared<const std::string>(std::move(record.head.source));
    replayed.run.source = name;
    replayed.run.position = record.head.position;
  }
  return std::optional<ReplayedRun>(std::move(replayed));
}

ReplayAhead::ReplayAhead(Runtime& runtime, Replay replay)
    : replay_(std::move(replay)),
      monitor_(runtime.monitor()),
      thread_(runtime.spawn("replay", [this] { work(); })) {}

ReplayAhead::~ReplayAhead() {
  {
    MonitorLock lock(*monitor_);
    stopped_ = true;
    monitor_->notify_all();
  }
  thread_->join();
}

Result<std::optional<ReplayedRun>> ReplayAhead::next() {
  MonitorLock lock(*monitor_);
  while (ahead_.empty()) monitor_->wait_until(kForever);
  Next next = std::move(ahead_.front());
  ahead_.pop_front();
  if (next.ok() && next->has_value()) ahead_bytes_ -= (*next)->run.batch.bytes().size();
  monitor_->notify_all();
  return next;
}

void ReplayAhead::work() {
  for (bool is_more = true; is_more;) {
    Next next = replay_.next();
    is_more = next.ok() && next->has_value();
    const uint64_t bytes = is_more ? (*next)->run.batch.bytes().size() : 0;
    MonitorLock lock(*monitor_);
    while (!stopped_ && !ahead_.empty() && ahead_bytes_ + bytes > kAheadBytes) {
      monitor_->wait_until(kForever);
    }
    if (stopped_) return;
    ahead_.push_back(std::move(next));
    ahead_bytes_ += bytes;
    monitor_->notify_all();
  }
}

Status verify_log(const wal::Log& log) {
  Replay replay = TRY(Replay::start(log));
  while (TRY(replay.next()).has_value()) {
  }
  return ok();
}

}  // namespace sluice::engine
