#include "landing/persister.h"

#include <algorithm>

#include "base/ids.h"
#include "landing/entries.h"
#include "model/schema.h"

namespace sluice::landing {
namespace {

/// Of one chunk, before its caller is told to try again later.
constexpr int kConflictsMax = 8;

struct Place {
  std::string prefix;  ///< "com/", or empty
  TableName table;
};

/// Beside the names of a table's objects in a key of 512 bytes.
constexpr size_t kPathBytesMax = 300;

/// Of keys (sluice/io.h), each ended by '/'.
bool is_prefix(std::string_view prefix) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=+-";
  while (!prefix.empty()) {
    const size_t end = prefix.find('/');
    const std::string_view name = prefix.substr(0, end);
    const bool is_name = name.find_first_not_of(kAllowed) == std::string_view::npos &&
                         !name.empty() && name != "." && name != "..";
    if (!is_name) return false;
    prefix.remove_prefix(end + 1);
  }
  return true;
}

Result<Place> parse_path(const std::string& path) {
  const Error wrong(Code::kInvalid, Reason::kOutOfRange,
                    "a table's path is two names or more joined by '/': '" + path + "'",
                    "table_path");
  const size_t last = path.rfind('/');
  if (last == std::string::npos || last == 0) return wrong;
  const size_t before = path.rfind('/', last - 1);
  const size_t start = before == std::string::npos ? 0 : before + 1;
  const auto table =
      TableName::parse(path.substr(start, last - start) + "." + path.substr(last + 1));
  if (!table.ok() || path.size() > kPathBytesMax) return wrong;
  if (!is_prefix(std::string_view(path).substr(0, start))) return wrong;
  return Place{path.substr(0, start), *table};
}

FlushRange range_of(std::span<const WalEntry> entries) {
  FlushRange range{entries.front().lsn, entries.front().lsn, 0};
  for (const WalEntry& entry : entries) {
    range.min_lsn = std::min(range.min_lsn, entry.lsn);
    range.max_lsn = std::max(range.max_lsn, entry.lsn);
  }
  return range;
}

DeadLetter dead_letter(const WalEntry& entry, const Error& reason) {
  return {std::string(entry.source), std::string(entry.row_id), entry.lsn, std::string(entry.json),
          reason};
}

bool is_about_rows(const Error& error) {
  return error.code() == Code::kInvalid || error.code() == Code::kUnsupported;
}

/// The flush cannot be committed as it is, but its rows can be prepared anew.
bool is_void(const Error& error) {
  switch (error.code()) {
    case Code::kConflict:
    case Code::kCorrupt:
    case Code::kNotFound:
    case Code::kInvalid:
      return true;
    default:
      return false;
  }
}

}  // namespace

Persister::Persister(const WriterOptions& options, TableName table, std::string prefix)
    : options_(options),
      table_(std::move(table)),
      prefix_(std::move(prefix)),
      bucket_(*options.bucket, prefix_) {}

Result<std::unique_ptr<Persister>> Persister::open(const WriterOptions& options) {
  Place place = TRY(parse_path(options.table_path));
  std::unique_ptr<Persister> persister(
      new Persister(options, std::move(place.table), std::move(place.prefix)));
  const Status opened = persister->open_writer(options.create);
  const bool is_absent = !opened.ok() && opened.error().code() == Code::kNotFound;
  if (!opened.ok() && !is_absent) return opened.error();
  return persister;
}

AtomicFlushWriterOptions Persister::flush_options(std::optional<TableSpec> create) const {
  const PartitionSizes& sizes = sizes_of(options_.partition_mode);
  AtomicFlushWriterOptions options;
  options.table = table_;
  options.create = std::move(create);
  options.lsn_rule = options_.lsn_rule;
  options.misfit = options_.misfit;
  options.row_group_bytes = std::min(sizes.row_group_bytes, options_.block_target_bytes);
  options.part_bytes = options_.block_target_bytes;
  options.retry_min = options_.retry_backoff;
  options.retry_max = options_.retry_backoff << 3;
  options.commit_timeout = options_.commit_timeout;
  options.tries = options_.max_retries + 1;
  return options;
}

Status Persister::open_writer(std::optional<TableSpec> create) {
  const Platform platform{options_.runtime, options_.disk, &bucket_};
  writer_ = TRY(AtomicFlushWriter::open(platform, flush_options(std::move(create))));
  const FlushRecoveryResult recovered = TRY(writer_->recover_pending_flushes());
  for (const auto* list : {&recovered.recovered, &recovered.retried}) {
    for (const AtomicFlushResult& flush : *list) earlier_.push_back(flush.flush_id);
  }
  // Files that cannot be read stay where they are.
  for (const FailedFlush& failed : recovered.failed) {
    if (FlushId::parse(failed.name)) earlier_.push_back(failed.name);
  }
  return ok();
}

/// The columns are those that the rows show; what has no value yet becomes no column.
Status Persister::make_table(std::span<const WalEntry> entries) {
  TableSpec spec;
  const EntryShape shape = TRY(shape_of(entries, entries.size(), nullptr, options_.misfit));
  for (const source::Column& column : shape.columns) {
    const bool is_ours = !model::is_user_column(column.field.name);
    if (column.field.type != Type::kNull && !is_ours) spec.columns.push_back(column.field);
  }
  if (spec.columns.empty()) {
    spec.columns.push_back({std::string(model::kRestColumn), Type::kString});
  }
  return open_writer(std::move(spec));
}

// ---- earlier flushes

Status Persister::settle_one(const std::string& flush_id) {
  const auto committed = writer_->commit_flush(flush_id);
  if (committed.ok() || committed.error().reason() == Reason::kCommitted) return ok();
  if (!is_void(committed.error())) return committed.error();
  // Nobody was told that its rows are persisted: whoever sent them sends them again.
  const Status gone = writer_->rollback_flush(flush_id);
  const bool is_settled = gone.ok() || gone.error().code() == Code::kExists ||
                          gone.error().code() == Code::kNotFound ||
                          gone.error().reason() == Reason::kCommitted;
  return is_settled ? ok() : gone;
}

Status Persister::settle_earlier() {
  while (!earlier_.empty()) {
    TRY(settle_one(earlier_.back()));
    earlier_.pop_back();
  }
  return ok();
}

// ---- chunks

Status Persister::persist(std::deque<Chunk>& chunks, Outcome& outcome) {
  if (writer_ != nullptr) TRY(settle_earlier());
  while (!chunks.empty()) {
    const bool is_prepared = !chunks.front().flush.flush_id.empty();
    TRY(is_prepared ? commit(chunks, outcome) : prepare(chunks, outcome));
  }
  return ok();
}

Status Persister::prepare(std::deque<Chunk>& chunks, Outcome& outcome) {
  Chunk& chunk = chunks.front();
  if (writer_ == nullptr) {
    const Status made = make_table(chunk.entries);
    if (!made.ok()) return refuse_or_cut(chunks, made.error(), outcome);
    TRY(settle_earlier());
  }
  roll_back_leftovers();
  auto prepared = prepare_rows(chunk.entries);
  if (!prepared.ok()) {
    if (prepared.error().code() != Code::kExists) {
      return refuse_or_cut(chunks, prepared.error(), outcome);
    }
    outcome.rows += chunk.entries.size();
    outcome.known += chunk.entries.size();
    chunks.pop_front();
    return ok();
  }
  chunk.flush = *std::move(prepared);
  uint64_t largest = 0;
  for (const BlockMetadata& block : chunk.flush.blocks) largest = std::max(largest, block.bytes);
  if (largest <= options_.block_bytes_max) return ok();
  TRY(give_up_flush(chunk));
  return refuse_or_cut(
      chunks,
      Error({Code::kInvalid, Reason::kPayloadTooLarge, "the row is larger than a block may be", "",
             options_.block_bytes_max, largest}),
      outcome);
}

Result<AtomicFlushResult> Persister::prepare_rows(std::span<const WalEntry> entries) {
  auto prepared = writer_->prepare_flush(entries, range_of(entries));
  // A prepare that could not be undone: it is never committed, so that can wait.
  if (!prepared.ok() && FlushId::parse(prepared.error().where())) {
    leftovers_.push_back(prepared.error().where());
  }
  return prepared;
}

void Persister::roll_back_leftovers() {
  std::erase_if(leftovers_, [this](const std::string& id) {
    const Status gone = writer_->rollback_flush(id);
    return gone.ok() || gone.error().code() == Code::kExists ||
           gone.error().code() == Code::kNotFound;
  });
}

/// ok: its rows can be prepared anew without being there twice.
Status Persister::give_up_flush(Chunk& chunk) {
  const Status gone = writer_->rollback_flush(chunk.flush.flush_id);
  const bool is_gone =
      gone.ok() || gone.error().code() == Code::kExists || gone.error().code() == Code::kNotFound;
  if (!is_gone) return gone;
  chunk.flush = {};
  return ok();
}

Status Persister::commit(std::deque<Chunk>& chunks, Outcome& outcome) {
  Chunk& chunk = chunks.front();
  const auto committed = writer_->commit_flush(chunk.flush.flush_id);
  const bool is_there = committed.ok() || (committed.error().code() == Code::kExists &&
                                           committed.error().reason() == Reason::kCommitted);
  if (!is_there) {  // L7: nothing is promised of it
    if (!is_void(committed.error()) || ++chunk.conflicts > kConflictsMax) return committed.error();
    return give_up_flush(chunk);
  }
  outcome.rows += chunk.entries.size();
  outcome.known += chunk.flush.rows_known;
  for (BlockMetadata& block : chunk.flush.blocks) {
    block.key.insert(0, prefix_);
    outcome.blocks.push_back(std::move(block));
  }
  chunks.pop_front();
  return ok();
}

/// A chunk that was refused for its rows; any other error is the caller's.
Status Persister::refuse_or_cut(std::deque<Chunk>& chunks, const Error& reason, Outcome& outcome) {
  if (!is_about_rows(reason)) return reason;
  Chunk chunk = std::move(chunks.front());
  std::vector<WalEntry>& entries = chunk.entries;
  size_t at = entries.size() == 1 ? 0 : entries.size();
  // An error of one row says which; whether it does is found out by that row alone.
  if (at != 0 && reason.found() < at && writer_ != nullptr) {
    const size_t suspect = reason.found();
    const bool is_refused =
        reason.reason() == Reason::kSequenceViolation || is_refused_alone(entries[suspect]);
    if (is_refused) at = suspect;
  }
  chunks.pop_front();
  if (at < entries.size()) {
    outcome.dead_letters.push_back(dead_letter(entries[at], reason));
    entries.erase(entries.begin() + static_cast<ptrdiff_t>(at));
    if (!entries.empty()) chunks.push_front(std::move(chunk));
    return ok();
  }
  const auto middle = entries.begin() + static_cast<ptrdiff_t>(entries.size() / 2);
  Chunk second;
  second.owner = chunk.owner;
  second.entries.assign(middle, entries.end());
  entries.erase(middle, entries.end());
  chunks.push_front(std::move(second));
  chunks.push_front(std::move(chunk));
  return ok();
}

bool Persister::is_refused_alone(const WalEntry& entry) {
  const auto prepared = prepare_rows(std::span(&entry, 1));
  if (prepared.ok()) leftovers_.push_back(prepared->flush_id);
  return !prepared.ok() && is_about_rows(prepared.error());
}

}  // namespace sluice::landing
