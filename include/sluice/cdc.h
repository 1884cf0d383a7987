// Entries of a change stream: rows as JSON text, with the place that the stream gave them.
#pragma once

#include <cstdint>
#include <string_view>

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

}  // namespace sluice
