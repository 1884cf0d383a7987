#include "engine/shard.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/check.h"

namespace sluice::engine {

namespace {

// A round is written in pieces of about this size, so that a full segment is rolled in time.
constexpr uint64_t kWriteBytes = 4ull << 20;
constexpr Nanos kIdleAfter = kMillisecond;
constexpr Nanos kRoomCheckEvery = kSecond;

}  // namespace

Shard::Shard(Runtime& runtime, Disk& disk, wal::Log& log, Channel<ApplierEvent>& applier,
             const EngineOptions& options)
    : runtime_(runtime),
      disk_(disk),
      log_(log),
      applier_(applier),
      reserve_bytes_(options.disk_reserve_bytes),
      inbox_(runtime) {}

void Shard::push(ShardEvent event) {
  if (!inbox_.push(std::move(event))) turn_away(std::move(event));
}

// E9: a roll may come before the end of replay, and its checkpoint replaces the one that was found.
Status Shard::run(Dictionary schemas) {
  schemas_ = std::move(schemas);
  for (bool running = true; running;) {
    Group group = collect(next_events());
    running = !group.stop;
    commit(group);
    clean_up(std::move(group));
  }
  for (ShardEvent& event : inbox_.close()) turn_away(std::move(event));
  applier_.push(Stop{});
  return log_.close();
}

// A pause long enough that nobody's next append is delayed by it is used to mark the last sync.
std::vector<ShardEvent> Shard::next_events() {
  std::vector<ShardEvent> events = inbox_.drain(runtime_.now() + kIdleAfter);
  while (events.empty()) {
    const Status marked = log_.idle();
    static_cast<void>(
        marked);  // a mark narrows the residue; whatever ails the log, the next append is told
    // Nobody may write any more because the disk is said to be full: so it is looked at unasked.
    events = inbox_.drain(full_ ? runtime_.now() + kRoomCheckEvery : kForever);
    if (events.empty() && full_) static_cast<void>(check_room());
  }
  return events;
}

void Shard::turn_away(ShardEvent event) {
  if (auto* trimmed = std::get_if<Trim>(&event); trimmed != nullptr && trimmed->done) {
    trimmed->done();
  }
  auto* append = std::get_if<Append>(&event);
  if (append == nullptr) return;
  Pending batch{std::move(*append)};
  refuse(batch, Error(Code::kCancelled, Reason::kClosed, "the engine is closed"));
}

Shard::Group Shard::collect(std::vector<ShardEvent> events) {
  Group group;
  for (ShardEvent& event : events) {
    if (auto* append = std::get_if<Append>(&event)) {
      group.batches.push_back({std::move(*append)});
    } else if (auto* request = std::get_if<FlushRequest>(&event)) {
      group.tail.emplace_back(std::move(*request));
    } else if (auto* wanted = std::get_if<Roll>(&event)) {
      group.roll = std::max(group.roll, wanted->lsn);
    } else if (auto* trim_event = std::get_if<Trim>(&event)) {
      group.trim = std::max(group.trim.value_or(0), trim_event->lsn);
      if (trim_event->done) group.trimmed.push_back(std::move(trim_event->done));
    } else if (auto* recovered = std::get_if<Recovered>(&event)) {
      serve_sources(std::move(*recovered));
    } else {
      group.stop = true;
    }
  }
  return group;
}

void Shard::serve_sources(Recovered recovered) {
  for (auto& [lane, known] : recovered.positions) {
    uint64_t& position = positions_[{lane->name(), known.source}];
    position = std::max(position, known.position);
  }
  recovered.schemas.merge(std::move(schemas_));
  schemas_ = std::move(recovered.schemas);
  recovered_ = true;
}

void Shard::commit(Group& group) {
  const Status room = group.batches.empty() ? ok() : check_room();
  for (Pending& batch : group.batches) {
    if (room.ok()) break;
    ++refused_;
    refuse(batch, room.error());
  }
  Status verdict = room.ok() ? write(group.batches) : ok();
  if (verdict.ok() && log_.appended_lsn() > log_.durable_lsn()) {
    verdict = log_.sync();
    ++syncs_;
  }
  for (Pending& batch : group.batches) {
    // A roll may have synced it before the log failed: what is durable is accepted, and readers
    // wait for it.
    const bool durable = batch.lsn != 0 && batch.lsn <= log_.durable_lsn();
    if (!batch.answered) finish(std::move(batch), durable ? ok() : verdict);
  }
  const bool loses = !verdict.ok() && log_.appended_lsn() > log_.durable_lsn();
  for (ApplierEvent& event : group.tail) {
    auto* request = std::get_if<FlushRequest>(&event);
    if (loses && request != nullptr) request->lost = verdict.error();
    applier_.push(std::move(event));
  }
  tell_ended();
}

void Shard::tell_ended() {
  for (WriteNotification& ended : std::exchange(ended_, {})) {
    const uint64_t last_lsn = ended.last_lsn;
    applier_.push(Rolled{last_lsn, std::move(ended)});
  }
}

// What flushes, trims and the shutdown need is left to them.
Status Shard::check_room() {
  Result<uint64_t> free = disk_.free_bytes();
  if (free.ok() && *free < reserve_bytes_) {
    log_.release_spares();
    free = disk_.free_bytes();
  }
  full_ = free.ok() && *free < reserve_bytes_;
  if (!full_) return ok();
  return Error({Code::kFull, Reason::kNone,
                "the log's disk has less left than its reserve; free space, then send again",
                "disk_reserve_bytes", reserve_bytes_, *free});
}

// A flush that somebody waits for leaves no frame of its own in the log.
void Shard::clean_up(Group group) {
  if (log_.active_base() <= group.roll && log_.appended_lsn() >= log_.active_base()) {
    const Status rolled = roll();
    static_cast<void>(rolled);  // the segment is trimmed with a later one
    tell_ended();
  }
  if (group.roll > 0) applier_.push(Rolled{group.roll, std::nullopt});
  if (group.trim && recovered_) trim(*group.trim);
  for (const auto& tell : group.trimmed) tell();
}

// Afterwards every batch that is not answered is in the log, or repeats one that is. Only a
// poisoned log ends the writing; after any other error nothing of the piece was appended.
Status Shard::write(std::vector<Pending>& batches) {
  for (size_t first = 0; first < batches.size();) {
    size_t end = first;
    for (uint64_t bytes = 0; end < batches.size() && bytes < kWriteBytes; ++end) {
      bytes += batches[end].append.run.batch.bytes().size();
    }
    const std::span<Pending> piece = std::span(batches).subspan(first, end - first);
    const Status written = write_piece(piece);
    if (!written.ok() && written.error().code() == Code::kPoisoned) return written;
    for (Pending& batch : piece) {
      if (!written.ok() && !batch.answered) refuse(batch, written.error());
    }
    if (log_.wants_roll()) TRY(roll());
    first = end;
  }
  return ok();
}

// A roll that failed leaves a longer segment and is tried again after the next piece: what is in
// the log stays accepted. Only a poisoned log promises nothing.
Status Shard::roll() {
  const uint64_t base_lsn = log_.active_base();
  const Status rolled = log_.roll(schemas_.encode());
  if (rolled.ok()) {
    ended_.push_back({0,
                      wal::segment_name(base_lsn),
                      log_.active_base() - 1,
                      {touched_.begin(), touched_.end()}});
    touched_.clear();
    return ok();
  }
  return rolled.error().code() == Code::kPoisoned ? rolled : ok();
}

struct Shard::Piece {
  uint64_t next_lsn = 0;
  std::deque<std::vector<std::byte>> heads;  // the records point into them
  std::vector<wal::RecordView> records;
  std::vector<std::pair<uint64_t, SchemaRecord>> schemas;
  std::map<SourceKey, uint64_t> positions;
};

// Whether the batch is news of its source. E7: one that is not is acknowledged after the sync that
// covers its first copy.
Result<bool> Shard::is_news(const Append& append, Piece& piece) const {
  const memtable::Run& run = append.run;
  if (run.source == nullptr) return true;
  if (!recovered_) {
    return Error(Code::kBusy, "the log is being replayed; sources are served afterwards");
  }
  const SourceKey key{append.lane->name(), *run.source};
  const auto known = positions_.find(key);
  uint64_t& position = piece.positions[key];
  if (known != positions_.end()) position = std::max(position, known->second);
  if (run.position <= position) return false;
  if (append.previous > position) {
    return Error({Code::kInvalid, Reason::kSequenceViolation,
                  "an earlier batch of the source is missing; send again from the known position",
                  *run.source, position, append.previous});
  }
  position = run.position;
  return true;
}

void Shard::stage(Pending& batch, Piece& piece) const {
  const memtable::Run& run = batch.append.run;
  const TableName& table = batch.append.lane->name();
  const SchemaPtr& schema = run.batch.schema();
  BatchHead head{0, run.source ? *run.source : "", run.position};
  if (const auto bound = bound_.find(table); bound != bound_.end()) {
    for (const auto& [known, lsn] : bound->second) {
      if (known == schema || *known == *schema) head.schema_lsn = lsn;
    }
  }
  for (const auto& [lsn, fresh] : piece.schemas) {
    if (fresh.table == table && *fresh.schema == *schema) head.schema_lsn = lsn;
  }
  if (head.schema_lsn == 0) {
    head.schema_lsn = piece.next_lsn++;
    piece.schemas.emplace_back(head.schema_lsn, SchemaRecord{table, schema});
    piece.heads.push_back(encode(piece.schemas.back().second));
    piece.records.push_back(
        {.type = kSchemaRecord | wal::kRequiredBit, .head = piece.heads.back()});
  }
  piece.heads.push_back(encode(head));
  piece.records.push_back({.type = kBatchRecord | wal::kRequiredBit,
                           .head = piece.heads.back(),
                           .body = run.batch.bytes()});
  batch.lsn = piece.next_lsn++;
}

Status Shard::write_piece(std::span<Pending> batches) {
  Piece piece;
  piece.next_lsn = log_.appended_lsn() + 1;
  for (Pending& batch : batches) {
    const Result<bool> news = is_news(batch.append, piece);
    if (!news.ok()) {
      refuse(batch, news.error());
    } else if (*news) {
      stage(batch, piece);
    }
  }
  if (piece.records.empty()) return ok();
  TRY(log_.append(piece.records));
  CHECK(log_.appended_lsn() + 1 == piece.next_lsn);
  for (auto& [lsn, record] : piece.schemas) {
    bound_[record.table].emplace_back(record.schema, lsn);
    schemas_.add(lsn, std::move(record));
  }
  for (const auto& [key, position] : piece.positions) positions_[key] = position;
  for (const Pending& batch : batches) {
    if (batch.lsn == 0) continue;
    for (const memtable::Share& share : batch.append.run.shares) {
      touched_.insert({batch.append.lane->name(), share.partition->name});
    }
  }
  for (Pending& batch : batches) {
    if (batch.answered || batch.append.ack != AckClass::kMemory) continue;
    const Completion done = std::exchange(batch.append.done, nullptr);
    if (done) done(Appended{batch.lsn, batch.lsn == 0});
  }
  return ok();
}

// E1: called after the sync that covers the batch. It goes to the applier before its ack, so that a
// flush asked for after the ack finds it there.
void Shard::finish(Pending batch, const Status& verdict) {
  if (!verdict.ok()) return refuse(batch, verdict.error());
  Append& append = batch.append;
  Completion done = std::move(append.done);
  ++appends_;
  const bool wait_for_table = append.ack == AckClass::kTable;
  if (batch.lsn == 0) {
    append.run.held = nullptr;
    if (wait_for_table) {
      const auto duplicate = [done](const Result<Appended>& ack) {
        ack.ok() ? done(Appended{0, true}) : done(ack);
      };
      memtable::Run nothing;
      nothing.lsn = log_.durable_lsn();
      applier_.push(Applied{append.lane, std::move(nothing), duplicate});
    } else if (done) {
      done(Appended{0, true});
    }
    return;
  }
  rows_ += append.run.batch.rows();
  append.run.lsn = batch.lsn;
  applier_.push(Applied{append.lane, std::move(append.run),
                        wait_for_table ? std::exchange(done, nullptr) : nullptr});
  if (done) done(Appended{batch.lsn, false});
}

void Shard::refuse(Pending& batch, const Error& error) {
  batch.answered = true;
  batch.append.run.held = nullptr;
  if (batch.append.done) batch.append.done(error);
}

// E9: no frame is trimmed before every schema that later frames refer to is known: the checkpoint
// carries them, and keeps those of earlier openings as long as a segment of theirs is left: replay
// reads all of it. A trim that failed costs space only, and the next one takes it along; a poisoned
// log says so to the next append.
void Shard::trim(uint64_t lsn) {
  const std::vector<wal::Lsn> bases = log_.segment_bases();
  if (bases.size() < 2 || bases[1] > lsn + 1) return;  // no segment would go
  const uint64_t base = log_.recovered().base_lsn;
  if (log_.stats().segments == 1) schemas_.drop_before(base);
  const Status trimmed = log_.trim(lsn, schemas_.encode());
  static_cast<void>(trimmed);
}

}  // namespace sluice::engine
