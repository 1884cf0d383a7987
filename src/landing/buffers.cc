// CdcBuffer and SizeBasedBuffer.
#include <algorithm>

#include "landing/positive.h"
#include "landing/row_limits.h"
#include "sluice/cdc.h"

namespace sluice {
// ---- cursors

void SourceCursors::raise(std::string_view source, uint64_t lsn) {
  const auto found = lsns_.find(source);
  if (found == lsns_.end()) {
    lsns_.emplace(source, lsn);
  } else {
    found->second = std::max(found->second, lsn);
  }
}

std::optional<uint64_t> SourceCursors::of(std::string_view source) const {
  const auto found = lsns_.find(source);
  return found == lsns_.end() ? std::nullopt : std::optional(found->second);
}

Result<bool> SourceCursors::compare_and_set(std::string_view source,
                                            std::optional<uint64_t> expected, int64_t wanted) {
  if (wanted < 0) {
    return Error(Code::kInvalid, Reason::kOutOfRange, "a cursor is not negative",
                 std::string(source));
  }
  Attempt attempt{std::string(source), expected, of(source), static_cast<uint64_t>(wanted)};
  const bool goes_on = !attempt.current || attempt.wanted > *attempt.current;
  attempt.done = attempt.current == expected && goes_on;
  if (attempt.done) lsns_[attempt.source] = attempt.wanted;
  attempts_.push_back(attempt);
  if (attempts_.size() > kAttemptsKept) attempts_.pop_front();
  if (logger_) logger_(attempt);
  return attempt.done;
}

// ---- CdcBuffer

CdcBuffer::CdcBuffer(CdcBufferOptions options)
    : options_(std::move(options)), cursors_(options_.cursor_logger) {}

Result<CdcBuffer> CdcBuffer::create(CdcBufferOptions options) {
  TRY(landing::check_positive({{"buffer_size", options.buffer_size},
                               {"buffer_timeout", options.buffer_timeout},
                               {"target_block_size", options.target_block_size},
                               {"max_buffer_size", options.max_buffer_size}}));
  return CdcBuffer(std::move(options));
}

Status CdcBuffer::add(std::string_view source, std::span<const WalEntry> entries, Nanos now) {
  if (entries.empty()) return ok();
  Status fits = landing::check_rows(entries);
  if (fits.ok())
    fits = landing::check_room(entry_bytes(entries), bytes(), options_.max_buffer_size);
  if (!fits.ok()) {
    refused_ += entries.size();
    return fits;
  }
  if (is_empty()) {
    first_entry_time_ = now;
    range_ = {entries.front().lsn, entries.front().lsn};
  }
  for (const WalEntry& entry : entries) {
    range_.min_lsn = std::min(range_.min_lsn, entry.lsn);
    range_.max_lsn = std::max(range_.max_lsn, entry.lsn);
    cursors_.raise(source, entry.lsn);
  }
  store_.append(source, entries);
  accepted_ += entries.size();
  return ok();
}

Status CdcBuffer::add(std::string_view source, const CdcEntry& entry, Nanos now) {
  const WalEntry row = wal_entry_of(entry, source);
  return add(source, std::span(&row, 1), now);
}

bool CdcBuffer::should_flush(Nanos now) const {
  return time_to_flush(now) == 0;
}

std::optional<Nanos> CdcBuffer::time_to_flush(Nanos now) const {
  if (is_empty()) return std::nullopt;
  if (size() >= options_.buffer_size || bytes() >= options_.target_block_size) return 0;
  if (options_.buffer_timeout == kForever) return std::nullopt;
  const Nanos age = std::max<Nanos>(now - first_entry_time_, 0);
  return std::max<Nanos>(options_.buffer_timeout - age, 0);
}

std::optional<LsnRange> CdcBuffer::lsn_range() const {
  return is_empty() ? std::nullopt : std::optional(range_);
}

DrainedEntries CdcBuffer::drain() {
  CdcBufferState before = state();
  drained_ += size();
  return {store_.take(), std::move(before)};
}

CdcBufferState CdcBuffer::state() const {
  CdcBufferState state;
  state.count = size();
  state.bytes = bytes();
  state.cursors = cursors_.all();
  if (is_empty()) return state;
  state.min_lsn = range_.min_lsn;
  state.max_lsn = range_.max_lsn;
  state.first_entry_time = first_entry_time_;
  return state;
}

CdcBufferStats CdcBuffer::stats() const {
  const double limit = static_cast<double>(options_.max_buffer_size);
  return {state(), static_cast<double>(bytes()) / limit, accepted_, refused_, drained_};
}

// ---- SizeBasedBuffer

Result<SizeBasedBuffer> SizeBasedBuffer::create(uint64_t target_bytes, uint64_t max_bytes) {
  TRY(landing::check_positive({{"target_bytes", target_bytes}, {"max_bytes", max_bytes}}));
  if (target_bytes > max_bytes) {
    return Error({Code::kInvalid, Reason::kOutOfRange, "target_bytes is above max_bytes",
                  "target_bytes", max_bytes, target_bytes});
  }
  return SizeBasedBuffer(target_bytes, max_bytes);
}

Result<bool> SizeBasedBuffer::add(std::span<const WalEntry> entries) {
  TRY(landing::check_rows(entries));
  TRY(landing::check_room(entry_bytes(entries), bytes(), max_bytes_));
  store_.append(entries);
  return bytes() >= target_bytes_;
}

}  // namespace sluice
