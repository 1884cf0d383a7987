// Options of an engine and of a table, with their defaults and limits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/runtime.h"

namespace sluice {

class Listener;

/// `database.collection`: each 1 to 100 characters of [A-Za-z0-9_-], not starting with a dash.
struct TableName {
  std::string database;
  std::string collection;
  static Result<TableName> parse(std::string_view text);
  std::string to_string() const { return database + "." + collection; }
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

/// What a table is. Key and time column are fixed at creation; columns can be added.
///   key and time   one row per (key, time): the last write wins; partitioned by UTC day of time
///   key            one row per key: the last write wins; unpartitioned
///   time           append-only, partitioned by UTC day of time
///   neither        append-only, unpartitioned
struct TableSpec {
  std::vector<Field> columns;
  std::vector<std::string>
      key;  ///< columns of type bool, long, string, binary or timestamp; never null in a row
  std::string time;  ///< a timestamp column, never null in a row; empty: none
};

/// What an ack means.
enum class AckClass : uint8_t {
  kMemory,  ///< accepted and ordered; a crash may lose it
  kLog,     ///< durable in the log
  kTable,   ///< in the table, confirmed
};

struct EngineOptions {
  uint64_t segment_bytes = 64ull << 20;  ///< log segment size; 64 KiB to 1 GiB
  uint64_t memory_bytes = 256ull << 20;  ///< everything the engine holds; at least 8 MiB
  uint64_t flush_bytes =
      64ull << 20;  ///< a table's memtable is flushed at this size (at most memory/4)
  uint64_t flush_rows = 5'000'000;         ///< or at this many rows
  Nanos flush_age = 60 * kSecond;          ///< or when its oldest row is this old
  uint32_t flush_threads = 1;              ///< 1 to 64
  uint64_t row_group_bytes = 16ull << 20;  ///< encoded bytes of a Parquet row group
  uint64_t part_bytes = 192ull << 20;      ///< a part is ended at this size
  int zstd_level = 1;
  Nanos retry_min = 50 * kMillisecond;  ///< back-off of a failing flush, doubled up to retry_max
  Nanos retry_max = 30 * kSecond;
  Nanos close_flush = 30 * kSecond;    ///< how long close() tries to flush; 0: it does not
  uint32_t snapshots_kept = 100;       ///< besides one an hour for 7 days
  uint32_t manifests_merged_at = 100;  ///< a commit merges manifests when there are more
  std::shared_ptr<Listener> listener;  ///< told of flushes, recoveries and troubles; may be null
};

}  // namespace sluice
