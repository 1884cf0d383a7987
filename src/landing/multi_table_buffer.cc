#include <algorithm>

#include "landing/positive.h"
#include "sluice/cdc.h"

namespace sluice {

MultiTableBuffer::MultiTableBuffer(MultiTableBufferOptions options)
    : options_(std::move(options)),
      share_bytes_(options_.max_bytes / 2 / options_.max_tables),
      free_bytes_(options_.max_bytes - share_bytes_ * options_.max_tables) {}

Result<MultiTableBuffer> MultiTableBuffer::create(MultiTableBufferOptions options) {
  TRY(landing::check_positive(
      {{"max_bytes", options.max_bytes}, {"max_tables", options.max_tables}}));
  TRY(CdcBuffer::create(options.table));
  if (options.max_bytes / 2 < options.max_tables) {
    return Error({Code::kInvalid, Reason::kOutOfRange, "half of max_bytes is no share for each",
                  "max_tables", options.max_bytes / 2, options.max_tables});
  }
  return MultiTableBuffer(std::move(options));
}

Result<CdcBuffer*> MultiTableBuffer::find_or_make(std::string_view table) {
  const auto found = buffers_.find(table);
  if (found != buffers_.end()) return &found->second;
  if (buffers_.size() >= options_.max_tables) {
    return Error({Code::kBusy, Reason::kOutOfRange,
                  "there is a buffer for as many tables as there may be: remove one",
                  std::string(table), options_.max_tables, buffers_.size() + 1});
  }
  CdcBuffer made = TRY(CdcBuffer::create(options_.table));
  return &buffers_.emplace(table, std::move(made)).first->second;
}

Result<const CdcBuffer*> MultiTableBuffer::buffer(std::string_view table) {
  const CdcBuffer* found = TRY(find_or_make(table));
  return found;
}

Status MultiTableBuffer::add(std::string_view table, std::string_view source,
                             std::span<const WalEntry> entries, Nanos now) {
  if (entries.empty()) return ok();
  CdcBuffer& buffer = *TRY(find_or_make(table));
  const uint64_t before = buffer.bytes();
  const uint64_t after = before + entry_bytes(entries);
  const uint64_t borrowed = beyond_share(before);
  const uint64_t limit = share_bytes_ + borrowed + free_bytes_;
  const uint64_t limit_ever = options_.max_bytes - share_bytes_ * (options_.max_tables - 1);
  if (after - before > limit_ever) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the entries are larger than a table's may ever be: cut them", std::string(table),
                  limit_ever, after - before});
  }
  if (after > limit) {
    return Error({Code::kBusy, Reason::kPayloadTooLarge,
                  "the table has its share of the buffer, and nothing is free: flush it",
                  std::string(table), limit, after});
  }
  TRY(buffer.add(source, entries, now));
  free_bytes_ -= beyond_share(after) - borrowed;
  total_bytes_ += after - before;
  return ok();
}

Status MultiTableBuffer::add(std::string_view source, const CdcEntry& entry, Nanos now) {
  const WalEntry row = wal_entry_of(entry, source);
  return add(entry.table, source, std::span(&row, 1), now);
}

std::vector<std::string> MultiTableBuffer::ready_to_flush(Nanos now) const {
  std::vector<std::pair<Nanos, std::string>> ready;
  for (const auto& [table, buffer] : buffers_) {
    if (buffer.should_flush(now)) ready.emplace_back(*buffer.state().first_entry_time, table);
  }
  std::sort(ready.begin(), ready.end());
  std::vector<std::string> tables;
  for (auto& [since, table] : ready) tables.push_back(std::move(table));
  return tables;
}

std::optional<Nanos> MultiTableBuffer::min_time_to_flush(Nanos now) const {
  std::optional<Nanos> least;
  for (const auto& [table, buffer] : buffers_) {
    const std::optional<Nanos> time = buffer.time_to_flush(now);
    if (time && (!least || *time < *least)) least = time;
  }
  return least;
}

SourceCursors* MultiTableBuffer::cursors(std::string_view table) {
  const auto found = buffers_.find(table);
  return found == buffers_.end() ? nullptr : &found->second.cursors();
}

DrainedEntries MultiTableBuffer::drain(CdcBuffer& buffer) {
  free_bytes_ += beyond_share(buffer.bytes());
  total_bytes_ -= buffer.bytes();
  return buffer.drain();
}

DrainedEntries MultiTableBuffer::drain(std::string_view table) {
  const auto found = buffers_.find(table);
  return found == buffers_.end() ? DrainedEntries() : drain(found->second);
}

std::map<std::string, DrainedEntries> MultiTableBuffer::drain_all() {
  std::map<std::string, DrainedEntries> drained;
  for (auto& [table, buffer] : buffers_) {
    if (!buffer.is_empty()) drained.emplace(table, drain(buffer));
  }
  return drained;
}

Status MultiTableBuffer::remove_buffer(std::string_view table) {
  const auto found = buffers_.find(table);
  if (found == buffers_.end()) {
    return Error(Code::kNotFound, "there is no buffer for the table", std::string(table));
  }
  if (!found->second.is_empty()) {
    return Error({Code::kBusy, Reason::kIncompletePayload, "the buffer holds entries: drain it",
                  std::string(table), 0, found->second.size()});
  }
  buffers_.erase(found);
  return ok();
}

std::map<std::string, CdcBufferStats> MultiTableBuffer::all_stats() const {
  std::map<std::string, CdcBufferStats> stats;
  for (const auto& [table, buffer] : buffers_) stats.emplace(table, buffer.stats());
  return stats;
}

uint64_t MultiTableBuffer::total_entries() const {
  uint64_t total = 0;
  for (const auto& [table, buffer] : buffers_) total += buffer.size();
  return total;
}

}  // namespace sluice
