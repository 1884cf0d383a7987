#include "landing/atomic_flush.h"

#include <algorithm>
#include <set>
#include <utility>

#include "landing/blocks.h"
#include "landing/later.h"
#include "table/format.h"

namespace sluice {
namespace {

/// A commit that failed: the flush stays prepared, and the caller needs its id.
Result<AtomicFlushResult> name_flush(Result<AtomicFlushResult> committed, const std::string& id) {
  if (committed.ok()) return committed;
  return committed.error().at(id);
}

Status check_options(const AtomicFlushWriterOptions& options) {
  constexpr Nanos kLongest = 365 * 86'400 * kSecond;
  const auto within = [](uint64_t value, uint64_t least, uint64_t most) {
    return value >= least && value <= most;
  };
  const auto is_span = [&](Nanos span) { return span >= 1 && span <= kLongest; };
  const char* wrong = nullptr;
  if (options.location.empty() == !options.table) wrong = "location, or else table";
  if (options.create && !options.table) wrong = "create";
  if (!within(options.row_group_bytes, 64u << 10, 1u << 30)) wrong = "row_group_bytes";
  if (!within(options.part_bytes, 64u << 10, 1ull << 40)) wrong = "part_bytes";
  if (options.zstd_level < 1 || options.zstd_level > 19) wrong = "zstd_level";
  if (!is_span(options.retry_min) || options.retry_max < options.retry_min ||
      !is_span(options.retry_max)) {
    wrong = "retry_min, retry_max";
  }
  if (!is_span(options.commit_timeout)) wrong = "commit_timeout";
  if (options.tries < 1 || options.tries > 100) wrong = "tries";
  if (wrong == nullptr) return ok();
  return Error(Code::kInvalid, Reason::kOutOfRange, "an option is missing or out of its limits",
               wrong);
}

}  // namespace

Result<std::unique_ptr<AtomicFlushWriter>> AtomicFlushWriter::open(
    const Platform& platform, AtomicFlushWriterOptions options) {
  TRY(check_options(options));
  if (options.table) TRY(TableName::parse(options.table->to_string()));
  auto intents = TRY(landing::Intents::open(*platform.runtime, *platform.disk));
  auto writer = std::make_unique<landing::Writer>(platform, std::move(options), std::move(intents));
  TRY(writer->start());
  return std::unique_ptr<AtomicFlushWriter>(std::move(writer));
}

Result<AtomicFlushResult> AtomicFlushWriter::atomic_flush(std::span<const Batch> batches,
                                                          const FlushRange& range) {
  const AtomicFlushResult prepared = TRY(prepare_flush(batches, range));
  return name_flush(commit_flush(prepared.flush_id), prepared.flush_id);
}

Result<AtomicFlushResult> AtomicFlushWriter::atomic_flush(std::span<const WalEntry> entries,
                                                          const FlushRange& range) {
  const AtomicFlushResult prepared = TRY(prepare_flush(entries, range));
  return name_flush(commit_flush(prepared.flush_id), prepared.flush_id);
}

namespace landing {

Writer::Writer(const Platform& platform, AtomicFlushWriterOptions options,
               std::unique_ptr<Intents> intents)
    : runtime_(*platform.runtime),
      bucket_(*platform.bucket),
      options_(std::move(options)),
      intents_(std::move(intents)),
      monitor_(runtime_.monitor()) {}

Status Writer::start() {
  Identity::Opening opening{OpeningId::draw(runtime_), intents_->next_ticket()};
  const OpeningId* marked = nullptr;
  if (options_.table) {
    Ledger::Options options{*options_.table,    options_.create,    options_.lsn_rule,
                            options_.retry_min, options_.retry_max, options_.commit_timeout};
    auto ledger =
        Ledger::open(runtime_, bucket_, std::move(options), intents_->identity(), opening.id);
    if (!ledger.ok()) return answer(ledger.error());
    ledger_ = *std::move(ledger);
    opening.first_ticket = std::max(opening.first_ticket, ledger_->next_ticket());
    marked = ledger_->marked_opening();
  }
  TRY(intents_->begin_opening(opening, marked));
  next_ticket_ = opening.first_ticket;
  const std::string prefix = is_alone() ? options_.location : ledger_->prefix();
  for (Intents::Found& found : intents_->take_found()) {
    Flush flush;
    flush.plan.flush = found.name.flush;
    flush.plan.ticket = found.name.ticket;
    flush.plan.prefix = prefix;
    flush.state = found.name.state;
    if (!found.intent.ok()) {
      flush.damage = found.intent.error();
    } else if (found.intent->plan.prefix != prefix || found.intent->plan.with_table == is_alone()) {
      flush.damage = Error(Code::kCorrupt, Reason::kForeign,
                           "the flush was prepared for " + found.intent->plan.prefix +
                               ", which this writer does not serve",
                           to_string(found.name));
    } else {
      flush.plan = found.intent->plan;
      flush.parts = std::move(found.intent->parts);
      if (flush.parts) flush.named = flush.parts->metas;
    }
    if (flush.state == IntentState::kCommitted && !flush.parts && !flush.damage) {
      flush.damage = Error(Code::kCorrupt, Reason::kDecodeFailure,
                           "the flush is committed, but the record of its parts is damaged",
                           to_string(found.name));
    }
    flushes_.emplace(flush.plan.flush.hex(), std::move(flush));
  }
  return ok();
}

// ---- who works on what

Writer::Hold::~Hold() {
  MonitorLock lock(*writer_.monitor_);
  const auto found = writer_.flushes_.find(id_);
  if (found != writer_.flushes_.end()) found->second.busy = false;
  writer_.monitor_->notify_all();
}

Status Writer::with_ledger(const std::function<Status()>& work) {
  {
    MonitorLock lock(*monitor_);
    while (ledger_busy_) monitor_->wait_until(kForever);
    ledger_busy_ = true;
  }
  Status done = work();
  MonitorLock lock(*monitor_);
  ledger_busy_ = false;
  monitor_->notify_all();
  return done;
}

/// What the table did not say in time may be asked again.
Error Writer::answer(const Error& error) const {
  if (error.code() != Code::kCancelled) return error;
  return Error(Code::kIo, Reason::kUnknownOutcome, "the table gives no answer: ask again",
               options_.table->to_string());
}

Status Writer::ask_ledger(const std::function<Status()>& work) {
  Status done = with_ledger(work);
  if (!done.ok()) return answer(done.error());
  return done;
}

Error Writer::settled_answer(bool was_committed, IntentState wanted) const {
  const bool wants_commit = wanted == IntentState::kCommitted;
  const Code code = was_committed == wants_commit ? Code::kExists : Code::kInvalid;
  if (was_committed) return Error(code, Reason::kCommitted, "the flush is committed");
  return Error(code, Reason::kRolledBack, "the flush is rolled back");
}

Result<Writer::Flush*> Writer::take(const std::string& flush_id, IntentState wanted) {
  MonitorLock lock(*monitor_);
  const auto found = flushes_.find(flush_id);
  if (found == flushes_.end()) {
    const auto settled = settled_.find(flush_id);
    if (settled != settled_.end()) return settled_answer(settled->second, wanted).at(flush_id);
    return Error(Code::kNotFound, Reason::kUnknownFlush, "no such flush", flush_id);
  }
  Flush& flush = found->second;
  if (flush.busy) {
    return Error(Code::kBusy, Reason::kInProgress, "another thread works on the flush", flush_id);
  }
  const bool is_committed = flush.state == IntentState::kCommitted && !flush.unsure;
  if (is_committed) return settled_answer(true, wanted).at(flush_id);
  if (wanted == IntentState::kCommitted) {
    if (flush.damage) return *flush.damage;
    if (flush.state == IntentState::kRollback) {
      if (!flush.unsure) return settled_answer(false, wanted).at(flush_id);
      return Error(Code::kInvalid, Reason::kUnknownOutcome,
                   "a rollback of the flush has begun: roll it back again", flush_id);
    }
    if (!flush.parts) {
      return Error(Code::kInvalid, Reason::kUnprepared, "the flush was never prepared to its end",
                   flush_id);
    }
  }
  flush.busy = true;
  return &flush;
}

void Writer::settle(const Flush& flush, bool committed) {
  const std::string id = flush.plan.flush.hex();
  MonitorLock lock(*monitor_);
  flushes_.erase(id);
  if (settled_.emplace(id, committed).second) settled_order_.push_back(id);
  if (settled_order_.size() <= kSettledMax) return;
  settled_.erase(settled_order_.front());
  settled_order_.pop_front();
}

size_t Writer::pending_flush_count() {
  MonitorLock lock(*monitor_);
  size_t count = 0;
  for (const auto& [id, flush] : flushes_) {
    count += flush.state != IntentState::kCommitted || flush.unsure ? 1 : 0;
  }
  return count;
}

// ---- prepare

Result<AtomicFlushResult> Writer::prepare_flush(std::span<const Batch> batches,
                                                const FlushRange& range) {
  return prepare({batches, {}, {}}, range, {});
}

Result<AtomicFlushResult> Writer::prepare_flush(std::span<const WalEntry> entries,
                                                const FlushRange& range) {
  TRY(check_entries(entries, range));
  if (!numbers_by_source() || entries.empty()) return prepare({{}, entries, {}}, range, {});
  NewRows rows = TRY(leave_out_known(entries));
  if (rows.entries.empty()) {
    return Error(Code::kExists, Reason::kCommitted, "all these LSNs are in the table");
  }
  AtomicFlushResult result =
      TRY(prepare({{}, rows.entries, rows.numbers}, range, std::move(rows.lsns)));
  result.rows_known = entries.size() - rows.entries.size();
  return result;
}

Result<NewRows> Writer::leave_out_known(std::span<const WalEntry> entries) {
  NewRows rows;
  const Status read = ask_ledger([&]() -> Status {
    rows = TRY(
        find_new_rows(entries, [&](std::string_view source) { return ledger_->known_of(source); }));
    return ok();
  });
  TRY(read);
  return rows;
}

Result<Plan> Writer::begin_flush(const FlushRange& range, SourceLsns lsns) {
  if (range.min_lsn > range.max_lsn || range.max_lsn > kLsnMax) {
    return Error({Code::kInvalid, Reason::kOutOfRange, "the LSNs of the flush are no range",
                  "max_lsn", range.min_lsn, range.max_lsn});
  }
  Flush flush;
  flush.plan.flush = FlushId::draw(runtime_);
  flush.plan.range = range;
  flush.plan.lsns = std::move(lsns);
  flush.plan.created_wall_time = runtime_.wall_now();
  flush.plan.with_table = !is_alone();
  flush.plan.prefix = is_alone() ? options_.location : table::table_prefix(*options_.table);
  flush.busy = true;
  flush.checked = true;
  MonitorLock lock(*monitor_);
  if (next_ticket_ > kTicketMax) {
    return Error(Code::kInvalid, Reason::kOutOfRange, "the writer has given out all its numbers");
  }
  flush.plan.ticket = next_ticket_++;
  Plan plan = flush.plan;
  flushes_.emplace(plan.flush.hex(), std::move(flush));
  return plan;
}

/// With a table: whether these LSNs may come.
Status Writer::admit(const FlushRange& range) {
  if (is_alone()) return ok();
  return ask_ledger([&]() -> Status {
    switch (ledger_->known(range)) {
      case Known::kNew:
        return ok();
      case Known::kCommitted:
        return Error(Code::kExists, Reason::kCommitted, "all these LSNs are in the table");
      case Known::kPartly:
        return Error(Code::kConflict, Reason::kSequenceViolation,
                     "some of these LSNs are in the table, some are not");
      case Known::kForgotten:
        break;
    }
    return Error(Code::kInvalid, Reason::kSequenceViolation,
                 "these LSNs are so old that the table does not know whether it has them");
  });
}

Result<AtomicFlushResult> Writer::prepare(const GivenRows& rows, const FlushRange& range,
                                          SourceLsns lsns) {
  const bool empty =
      rows.entries.empty() && std::all_of(rows.batches.begin(), rows.batches.end(),
                                          [](const Batch& batch) { return batch.empty(); });
  if (empty) return Error(Code::kInvalid, Reason::kNoEntries, "No entries to flush");
  const bool is_admitted = !lsns.empty();
  const Plan plan = TRY(begin_flush(range, std::move(lsns)));
  Flush* flush = nullptr;
  {
    MonitorLock lock(*monitor_);
    flush = &flushes_.find(plan.flush.hex())->second;
  }
  const Hold hold(*this, *flush);
  const Status admitted = is_admitted ? ok() : admit(range);
  if (admitted.ok()) return prepare_held(*flush, rows);
  MonitorLock lock(*monitor_);
  flushes_.erase(plan.flush.hex());
  return admitted.error();
}

Result<Prepared> Writer::make_parts(const Flush& flush, const GivenRows& rows,
                                    std::function<Status()> before_visible,
                                    std::function<Status(const Parts&)> record) {
  const Preparation job{
      runtime_,
      bucket_,
      options_,
      ledger_.get(),
      [this](const std::function<Status()>& work) { return ask_ledger(work); },
      flush.plan,
      flush.parts ? std::span<const part::Meta>(flush.parts->metas) : std::span<const part::Meta>(),
      std::move(before_visible),
      std::move(record)};
  return prepare_parts(job, rows);
}

Result<AtomicFlushResult> Writer::prepare_held(Flush& flush, const GivenRows& rows) {
  const Plan plan = flush.plan;
  // The intent's syncs run while the rows are encoded; nothing is visible before both ended.
  Later intent(runtime_, "intent", [this, plan] { return intents_->create(plan); });
  bool recorded = false;
  const auto record = [&](const Parts& parts) -> Status {
    flush.named.insert(flush.named.end(), parts.metas.begin(), parts.metas.end());
    // What a failed sync left in the file is not written over.
    if (std::exchange(recorded, true)) return intents_->replace(plan, parts);
    return intents_->add_parts(plan, parts);
  };
  auto prepared = make_parts(
      flush, rows, [&] { return intent.wait(); }, record);
  const Status created = intent.wait();
  if (!prepared.ok()) return give_up(flush, created.ok(), prepared.error());
  flush.rows_replaced = prepared->rows_replaced;
  flush.parts = std::move(prepared->parts);
  return describe(plan, *flush.parts);
}

/// A prepare that failed is rolled back; if that fails too, the flush stays, to be rolled back or
/// recovered.
Error Writer::give_up(Flush& flush, bool has_intent, const Error& cause) {
  Status gone = ok();
  if (has_intent) gone = change_state(flush, IntentState::kRollback);
  if (gone.ok()) gone = remove_objects_and_intent(flush);
  if (gone.ok()) {
    settle(flush, false);
    return cause;
  }
  return Error({cause.code(), cause.reason(), cause.message(), flush.plan.flush.hex(),
                cause.expected(), cause.found()});
}

}  // namespace landing
}  // namespace sluice
