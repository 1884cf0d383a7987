#include "sluice/wal_entry.h"

#include <utility>

namespace sluice {

WalEntry wal_entry_of(const CdcEntry& entry, std::string_view source) {
  WalEntry kept;
  kept.lsn = entry.lsn;
  kept.timestamp_ms = entry.timestamp_ms;
  kept.operation = entry.operation;
  kept.row_id = entry.row_id;
  kept.source = source;
  kept.json = entry.after.empty() ? entry.before : entry.after;
  if (kept.json.empty()) kept.json = "{}";
  return kept;
}

uint64_t entry_bytes(const WalEntry& entry) {
  constexpr uint64_t kHeader = 24;
  constexpr uint64_t kChecksum = 4;
  return kHeader + entry.row_id.size() + entry.json.size() + kChecksum;
}

uint64_t entry_bytes(std::span<const WalEntry> entries) {
  uint64_t bytes = 0;
  for (const WalEntry& entry : entries) bytes += entry_bytes(entry);
  return bytes;
}

void EntryStore::append(std::span<const WalEntry> entries) {
  for (size_t first = 0; first < entries.size();) {
    size_t end = first + 1;
    while (end < entries.size() && entries[end].source == entries[first].source) ++end;
    append(entries[first].source, entries.subspan(first, end - first));
    first = end;
  }
}

void EntryStore::append(std::string_view source, std::span<const WalEntry> entries) {
  if (entries.empty()) return;
  if (texts_ == nullptr) texts_ = std::make_shared<std::deque<std::string>>();
  size_t length = source.size();
  for (const WalEntry& entry : entries) length += entry.row_id.size() + entry.json.size();
  // One string a call: a deque moves none of those that are there.
  std::string& text = texts_->emplace_back();
  text.reserve(length);
  const auto copy = [&](std::string_view part) {
    const size_t at = text.size();
    text += part;
    return std::string_view(text).substr(at);
  };
  const std::string_view kept_source = copy(source);
  for (const WalEntry& entry : entries) {
    WalEntry& kept = entries_.emplace_back(entry);
    kept.source = kept_source;
    kept.row_id = copy(entry.row_id);
    kept.json = copy(entry.json);
    bytes_ += entry_bytes(entry);
  }
}

OwnedEntries EntryStore::take() {
  OwnedEntries taken{std::exchange(entries_, {}), std::exchange(texts_, nullptr)};
  bytes_ = 0;
  return taken;
}

}  // namespace sluice
