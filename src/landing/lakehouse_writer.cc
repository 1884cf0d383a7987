// LakehouseWriter: a buffer before a Persister.
//
// Owns: the strategy, what is pending, the pressure (under the monitor); the Persister, which one
// thread at a time has (`busy_`). Rows leave the buffer for `pending_`, and that when they are in
// the table, so that every row is counted somewhere until then.
#include "sluice/parent.h"

#include <algorithm>
#include <deque>

#include "base/turn.h"
#include "landing/persister.h"
#include "landing/positive.h"
#include "landing/row_limits.h"

namespace sluice {
namespace {

constexpr uint64_t kPendingUnhealthy = 10;
constexpr uint64_t kEntriesDegraded = 50'000;
constexpr Nanos kRetryDelay = 30 * kSecond;
constexpr uint64_t kBlockBytesMin = 64u << 10;

Status check(WriterOptions& options) {
  const PartitionSizes& sizes = sizes_of(options.partition_mode);
  if (options.block_target_bytes == 0) options.block_target_bytes = sizes.block_target_bytes;
  if (options.block_bytes_max == 0) options.block_bytes_max = sizes.block_bytes_max;
  TRY(landing::check_positive({{"bucket", options.bucket != nullptr},
                               {"disk", options.disk != nullptr},
                               {"runtime", options.runtime != nullptr},
                               {"buffer_size", options.buffer_size},
                               {"buffer_timeout", options.buffer_timeout},
                               {"max_buffer_size", options.max_buffer_size},
                               {"retry_backoff", options.retry_backoff},
                               {"commit_timeout", options.commit_timeout}}));
  const char* wrong = nullptr;
  if (options.block_target_bytes < kBlockBytesMin) wrong = "block_target_bytes";
  if (options.block_bytes_max < options.block_target_bytes) wrong = "block_bytes_max";
  if (options.max_retries >= 100) wrong = "max_retries";
  if (wrong == nullptr) return ok();
  return Error(Code::kInvalid, Reason::kOutOfRange, "the option is out of its limits", wrong);
}

class Lakehouse final : public LakehouseWriter {
 public:
  Lakehouse(WriterOptions options, std::shared_ptr<BufferStrategy> strategy,
            BackpressureController pressure, std::unique_ptr<landing::Persister> persister)
      : options_(std::move(options)),
        runtime_(*options_.runtime),
        monitor_(runtime_.monitor()),
        strategy_(std::move(strategy)),
        pressure_(std::move(pressure)),
        persister_(std::move(persister)) {}

  Status receive(std::string_view source, std::span<const WalEntry> entries) override;
  FlushResult flush() override;
  Result<FlushResult> flush(std::span<const WalEntry> entries) override;
  RetryResult retry_pending_blocks() override;
  CompactResult compact() override;
  bool should_flush() override;
  std::optional<Nanos> time_to_flush() override;
  std::optional<Nanos> next_alarm_time() override;
  LakehouseStats stats() override;

 private:
  Status persist(std::deque<landing::Chunk>& chunks, landing::Outcome& outcome);
  FlushResult finish(FlushResult result, landing::Outcome outcome, const Status& done, Nanos began);
  Status check_room(uint64_t more) const;
  Status reserve(uint64_t bytes);
  bool take_buffer();
  void keep(landing::Chunk chunk);
  void count_pending();
  void weigh();
  void tell(const FlushResult& result);

  const WriterOptions options_;
  Runtime& runtime_;
  const std::unique_ptr<Monitor> monitor_;
  // Under the monitor.
  std::shared_ptr<BufferStrategy> strategy_;
  BackpressureController pressure_;
  LakehouseStats counted_;  ///< but for the buffer, the pressure and the health
  Nanos tried_at_ = 0;      ///< when pending blocks were tried last
  bool busy_ = false;
  // Of whose turn it is.
  std::unique_ptr<landing::Persister> persister_;
  std::deque<landing::Chunk> pending_;
};

// ---- buffer

/// Of all that the writer holds.
Status Lakehouse::check_room(uint64_t more) const {
  const uint64_t held = strategy_->stats().state.bytes + counted_.pending_bytes;
  return landing::check_room(more, held, options_.max_buffer_size);
}

void Lakehouse::weigh() {
  const CdcBufferState state = strategy_->stats().state;
  pressure_.update({state.count + counted_.pending_entries, state.bytes + counted_.pending_bytes,
                    counted_.pending_blocks});
}

Status Lakehouse::receive(std::string_view source, std::span<const WalEntry> entries) {
  if (source.empty()) {
    return Error(Code::kInvalid, Reason::kIncompletePayload, "entries need a source", "source");
  }
  if (entries.empty()) return ok();
  const Nanos now = runtime_.now();
  MonitorLock lock(*monitor_);
  if (pressure_.is_applied()) {
    const auto millis = static_cast<uint64_t>(pressure_.suggested_delay() / kMillisecond);
    return Error({Code::kBusy, Reason::kDeadline,
                  "the writer is under pressure: send the entries again later", "", 0, millis});
  }
  TRY(check_room(entry_bytes(entries)));
  const Status taken = strategy_->append(source, entries, now);
  weigh();
  return taken;
}

bool Lakehouse::should_flush() {
  const Nanos now = runtime_.now();
  MonitorLock lock(*monitor_);
  return strategy_->should_flush(now);
}

std::optional<Nanos> Lakehouse::time_to_flush() {
  const Nanos now = runtime_.now();
  MonitorLock lock(*monitor_);
  return strategy_->time_to_flush(now);
}

std::optional<Nanos> Lakehouse::next_alarm_time() {
  const Nanos now = runtime_.now();
  MonitorLock lock(*monitor_);
  if (counted_.pending_blocks > 0) return tried_at_ + kRetryDelay;
  const std::optional<Nanos> left = strategy_->time_to_flush(now);
  return left ? std::optional(now + *left) : std::nullopt;
}

LakehouseStats Lakehouse::stats() {
  MonitorLock lock(*monitor_);
  LakehouseStats stats = counted_;
  stats.buffer = strategy_->stats();
  stats.pressure = pressure_.pressure();
  stats.suggested_delay = pressure_.suggested_delay();
  const uint64_t entries = stats.buffer.state.count + stats.pending_entries;
  if (stats.pending_blocks > 0 || entries > kEntriesDegraded) stats.health = Health::kDegraded;
  if (stats.pending_blocks > kPendingUnhealthy) stats.health = Health::kUnhealthy;
  return stats;
}

// ---- flush

void Lakehouse::count_pending() {
  counted_.pending_blocks = pending_.size() + persister_->earlier_count();
  counted_.pending_entries = 0;
  counted_.pending_bytes = 0;
  for (const landing::Chunk& chunk : pending_) {
    counted_.pending_entries += chunk.entries.size();
    counted_.pending_bytes += entry_bytes(chunk.entries);
  }
  weigh();
}

/// Adds to `outcome`.
Status Lakehouse::persist(std::deque<landing::Chunk>& chunks, landing::Outcome& outcome) {
  landing::Outcome more;
  const Status done = persister_->persist(chunks, more);
  outcome.rows += more.rows;
  outcome.known += more.known;
  {
    MonitorLock lock(*monitor_);
    counted_.rows_persisted += more.rows - more.known;
    counted_.rows_known += more.known;
    counted_.dead_letters += more.dead_letters.size();
  }
  std::move(more.blocks.begin(), more.blocks.end(), std::back_inserter(outcome.blocks));
  std::move(more.dead_letters.begin(), more.dead_letters.end(),
            std::back_inserter(outcome.dead_letters));
  return done;
}

FlushResult Lakehouse::finish(FlushResult result, landing::Outcome outcome, const Status& done,
                              Nanos began) {
  result.row_count = outcome.rows;
  result.known_count = outcome.known;
  result.blocks = std::move(outcome.blocks);
  result.dead_letters = std::move(outcome.dead_letters);
  if (!result.blocks.empty()) result.block_path = result.blocks.front().key;
  const Nanos now = runtime_.now();
  result.duration = now - began;
  MonitorLock lock(*monitor_);
  tried_at_ = now;
  count_pending();
  if (!done.ok()) {
    result.status = FlushStatus::kBuffered;
    result.error = done.error();
    result.retry_scheduled = done.error().code() != Code::kFenced;
  } else if (result.status == FlushStatus::kPersisted) {
    ++counted_.flushes;
  }
  return result;
}

void Lakehouse::tell(const FlushResult& result) {
  if (result.status != FlushStatus::kEmpty && options_.hooks.on_flush) {
    options_.hooks.on_flush(result);
  }
}

FlushResult Lakehouse::flush() {
  const Nanos began = runtime_.now();
  FlushResult result;
  {
    const Turn turn(*monitor_, busy_);
    landing::Outcome outcome;
    if (!pending_.empty()) result.status = FlushStatus::kPersisted;
    Status done = persist(pending_, outcome);
    // While earlier rows wait, later ones stay where they are, behind them.
    if (done.ok() && take_buffer()) {
      result.status = FlushStatus::kPersisted;
      done = persist(pending_, outcome);
    }
    result = finish(std::move(result), std::move(outcome), done, began);
  }
  tell(result);
  return result;
}

/// Whether there was anything in it.
bool Lakehouse::take_buffer() {
  MonitorLock lock(*monitor_);
  DrainedEntries drained = strategy_->flush();
  if (drained.entries.empty()) return false;
  pending_.push_back({std::move(drained.entries), std::move(drained.owner), {}, 0});
  count_pending();
  return true;
}

Result<FlushResult> Lakehouse::flush(std::span<const WalEntry> entries) {
  const Nanos began = runtime_.now();
  FlushResult result;
  if (entries.empty()) return result;
  TRY(landing::check_rows(entries));
  {
    const Turn turn(*monitor_, busy_);
    TRY(reserve(entry_bytes(entries)));
    landing::Outcome earlier;
    landing::Outcome outcome;
    std::deque<landing::Chunk> chunks;
    chunks.push_back({{entries.begin(), entries.end()}, nullptr, {}, 0});
    Status done = persist(pending_, earlier);
    if (done.ok()) done = persist(chunks, outcome);
    for (landing::Chunk& chunk : chunks) keep(std::move(chunk));
    result.status = FlushStatus::kPersisted;
    std::move(earlier.dead_letters.begin(), earlier.dead_letters.end(),
              std::back_inserter(outcome.dead_letters));
    result = finish(std::move(result), std::move(outcome), done, began);
  }
  tell(result);
  return result;
}

/// Room for rows that may have to be kept, until count_pending().
Status Lakehouse::reserve(uint64_t bytes) {
  MonitorLock lock(*monitor_);
  TRY(check_room(bytes));
  counted_.pending_bytes += bytes;
  return ok();
}

/// Rows of a caller who goes on: they become ours.
void Lakehouse::keep(landing::Chunk chunk) {
  EntryStore store;
  store.append(chunk.entries);
  OwnedEntries owned = store.take();
  chunk.entries = std::move(owned.entries);
  chunk.owner = std::move(owned.owner);
  pending_.push_back(std::move(chunk));
}

RetryResult Lakehouse::retry_pending_blocks() {
  const Nanos began = runtime_.now();
  RetryResult retried;
  FlushResult result;
  {
    const Turn turn(*monitor_, busy_);
    const size_t before = pending_.size() + persister_->earlier_count();
    landing::Outcome outcome;
    if (!pending_.empty()) result.status = FlushStatus::kPersisted;
    const Status done = persist(pending_, outcome);
    retried.failed = pending_.size() + persister_->earlier_count();
    retried.succeeded = before > retried.failed ? before - retried.failed : 0;
    retried.dead_letters = outcome.dead_letters;
    result = finish(std::move(result), std::move(outcome), done, began);
  }
  tell(result);
  return retried;
}

CompactResult Lakehouse::compact() {
  CompactResult result;
  result.error = Error(Code::kUnsupported, "blocks are not merged yet", options_.table_path);
  if (options_.hooks.on_compact) options_.hooks.on_compact(result);
  return result;
}

}  // namespace

std::string_view to_string(FlushStatus status) {
  switch (status) {
    case FlushStatus::kPersisted:
      return "persisted";
    case FlushStatus::kBuffered:
      return "buffered";
    case FlushStatus::kEmpty:
      break;
  }
  return "empty";
}

WriterOptions writer_options(WriterPreset preset) {
  WriterOptions options;
  switch (preset) {
    case WriterPreset::kBase:
      break;
    case WriterPreset::kExample:
      options.buffer_size = 5'000;
      options.buffer_timeout = 3 * kSecond;
      break;
    case WriterPreset::kEdgeCache:
      options.buffer_size = 50'000;
      options.buffer_timeout = 30 * kSecond;
      options.partition_mode = PartitionMode::kStandard;
      break;
    case WriterPreset::kEnterprise:
      options.buffer_size = 100'000;
      options.buffer_timeout = 60 * kSecond;
      options.partition_mode = PartitionMode::kEnterprise;
      break;
  }
  return options;
}

Result<std::unique_ptr<LakehouseWriter>> LakehouseWriter::open(WriterOptions options) {
  TRY(check(options));
  std::shared_ptr<BufferStrategy> strategy = options.strategy;
  if (strategy == nullptr) {
    CdcBufferOptions buffer;
    buffer.buffer_size = options.buffer_size;
    buffer.buffer_timeout = options.buffer_timeout;
    buffer.target_block_size = options.block_target_bytes;
    buffer.max_buffer_size = options.max_buffer_size;
    strategy = TRY(make_buffer_strategy(FlushRule::kHybrid, std::move(buffer)));
  }
  // What is due weighs half of what is too much.
  BackpressureOptions pressure;
  pressure.full_entries = options.buffer_size;
  pressure.full_bytes = std::min(2 * options.block_target_bytes, options.max_buffer_size);
  BackpressureController controller = TRY(BackpressureController::create(pressure));
  auto persister = TRY(landing::Persister::open(options));
  auto writer = std::make_unique<Lakehouse>(std::move(options), std::move(strategy),
                                            std::move(controller), std::move(persister));
  // What cannot be settled now is pending.
  static_cast<void>(writer->retry_pending_blocks());
  return std::unique_ptr<LakehouseWriter>(std::move(writer));
}

}  // namespace sluice
