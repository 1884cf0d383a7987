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

/// `database.collection`: each part 1 to 100 characters of [A-Za-z0-9_-], not starting with a dash.
struct TableName {
  std::string database;
  std::string collection;
  /// kInvalid: not of this form. Names that were put together by hand are checked where they come
  /// in: Engine::create_table.
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
  /// Columns of type bool, long, string, binary or timestamp; never null in a row.
  std::vector<std::string> key;
  std::string time;  ///< a timestamp column, never null in a row; empty: none
};

/// What an ack means. The rows take the same way, whatever the class.
enum class AckClass : uint8_t {
  kMemory,  ///< ordered and handed to the operating system; a power cut may lose it
  kLog,     ///< a sync covers it: it survives a power cut
  kTable,   ///< in the table, and a listing has confirmed it. Does not hurry the flush
};

/// Engine::open refuses what is out of its limits.
struct EngineOptions {
  uint64_t segment_bytes = 64ull << 20;  ///< of a log segment; 64 KiB to 1 GiB
  uint64_t memory_bytes = 256ull << 20;  ///< everything the engine holds; 8 MiB to 1 TiB

  // A table's memtable is flushed when it holds so much, or when half of the memory for rows is
  // taken and it is the largest.
  uint64_t flush_bytes = 64ull << 20;  ///< 1 B to 1 TiB
  uint64_t flush_rows = 5'000'000;     ///< 1 to 2^32
  Nanos flush_age = 60 * kSecond;      ///< of its oldest row; kForever: never by age
  uint32_t flush_threads = 1;          ///< tables that are flushed at a time; 1 to 64

  uint64_t row_group_bytes = 16ull << 20;  ///< encoded, of Parquet; 64 KiB to 1 GiB
  uint64_t part_bytes = 192ull << 20;      ///< a part is ended at this size; 64 KiB to 1 TiB
  int zstd_level = 1;                      ///< of Parquet pages; 1 to 19

  // Back-off of a failing flush, doubled up to retry_max; 1 ns to 365 days.
  Nanos retry_min = 50 * kMillisecond;
  Nanos retry_max = 30 * kSecond;
  Nanos close_flush = 30 * kSecond;  ///< how long close() tries, up to 365 days; 0: it does not

  uint32_t snapshots_kept = 100;       ///< besides one an hour for 7 days; 1 to 1,000,000
  uint32_t manifests_merged_at = 100;  ///< a commit merges them when there are more; 2 to 10,000
  std::shared_ptr<Listener> listener;  ///< told of flushes, recoveries and troubles; may be null
};

}  // namespace sluice
