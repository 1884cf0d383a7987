// Entries of a change stream: rows as JSON text, with the place that the stream gave them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

enum class Operation : uint8_t { kInsert = 0, kUpdate = 1, kDelete = 2 };
std::string_view to_string(Operation operation);  ///< "insert", "update", "delete"

/// One change. A view: what it points to lives until the call that takes it returns.
struct WalEntry {
  uint64_t lsn = 0;          ///< its place in the stream; 0 to 2^63 - 1
  int64_t timestamp_ms = 0;  ///< UTC since 1970
  Operation operation = Operation::kInsert;
  std::string_view row_id;  ///< UTF-8; empty: none
  std::string_view source;  ///< who sent it, UTF-8; empty: nobody in particular
  std::string_view json;    ///< the row: one JSON object, `{}` at least
};

// A part of entries has these columns besides those of the rows. Their names begin with '_', which
// no column of a user does but `_rest`.
//   _op      string     "insert", "update", "delete"
//   _lsn     long       WalEntry::lsn
//   _ts      timestamp  WalEntry::timestamp_ms
//   _row_id  string     WalEntry::row_id, null if it is empty
//   _source  string     WalEntry::source, null if it is empty
inline constexpr std::string_view kOperationColumn = "_op";
inline constexpr std::string_view kLsnColumn = "_lsn";
inline constexpr std::string_view kTimestampColumn = "_ts";
inline constexpr std::string_view kRowIdColumn = "_row_id";
inline constexpr std::string_view kSourceColumn = "_source";

/// One change as a sender describes it: of one table, with images of the row. A view like WalEntry.
struct CdcEntry {
  uint64_t lsn = 0;  ///< its sequence number within its source; 0 to 2^63 - 1
  int64_t timestamp_ms = 0;
  Operation operation = Operation::kInsert;
  std::string_view table;
  std::string_view row_id;
  std::string_view before;  ///< JSON of the row before the change; empty: absent
  std::string_view after;   ///< and after it
};
/// What is kept of it: the row after the change, else before it, else `{}`.
WalEntry wal_entry_of(const CdcEntry& entry, std::string_view source);

/// What an entry counts in every limit below: 24 + row id + row + 4 bytes.
uint64_t entry_bytes(const WalEntry& entry);
uint64_t entry_bytes(std::span<const WalEntry> entries);

/// Entries and what they point to.
struct OwnedEntries {
  std::vector<WalEntry> entries;
  std::shared_ptr<const void> owner;
};

/// Copies of entries, in the order in which they came.
class EntryStore {
 public:
  EntryStore() = default;
  EntryStore(EntryStore&&) = default;
  EntryStore& operator=(EntryStore&&) = default;
  void append(std::span<const WalEntry> entries);
  /// With `source` in place of theirs.
  void append(std::string_view source, std::span<const WalEntry> entries);
  OwnedEntries take();  ///< all; it is empty afterwards
  size_t count() const { return entries_.size(); }
  uint64_t bytes() const { return bytes_; }
  const std::vector<WalEntry>& entries() const { return entries_; }

 private:
  std::vector<WalEntry> entries_;
  std::shared_ptr<std::deque<std::string>> texts_;
  uint64_t bytes_ = 0;
};

}  // namespace sluice
