// What an engine tells of itself: figures for metrics and for people.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sluice/options.h"
#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice {

/// Upper ends of the buckets in which durations are counted; a last bucket holds what is longer.
inline constexpr std::array<Nanos, 12> kDurationBuckets = {
    kMillisecond,      2 * kMillisecond,  5 * kMillisecond,   10 * kMillisecond,
    25 * kMillisecond, 50 * kMillisecond, 100 * kMillisecond, 250 * kMillisecond,
    kSecond,           5 * kSecond,       30 * kSecond,       120 * kSecond};

struct DurationCounts {
  std::array<uint64_t, kDurationBuckets.size() + 1> counts{};  ///< not cumulative
  uint64_t count = 0;
  Nanos sum = 0;
  void add(Nanos duration);
};

/// Counters are since the open. Ages are on the monotonic clock.
struct EngineStatus {
  // The log.
  uint64_t durable_lsn = 0;  ///< up to here a finished sync has confirmed the log
  uint64_t applied_lsn = 0;  ///< up to here snapshots see it
  uint64_t log_bytes = 0;
  uint64_t log_segments = 0;
  uint64_t pinned_segments = 0;  ///< that hold rows which are in no table yet
  uint64_t syncs = 0;
  bool recovering = false;       ///< the log is being replayed
  bool full = false;             ///< appends are refused until the disk has more room
  std::optional<Error> failure;  ///< the log or its replay failed: nothing is accepted any more

  // Writers.
  uint64_t appends = 0;          ///< batches acknowledged, duplicates included
  uint64_t rows_appended = 0;    ///< of those that were no duplicates
  uint64_t appends_refused = 0;  ///< kBusy or kFull: back-pressure, not bad batches
  uint64_t stalls = 0;           ///< appends that had to wait for memory or a quota
  Nanos stall_time = 0;          ///< the sum of those waits

  // Rows in memory.
  uint64_t memory_bytes_used = 0;  ///< by rows that are not in their tables yet
  uint64_t memory_bytes_max = 0;   ///< the limit of that
  uint64_t unflushed_rows = 0;
  uint64_t pending_partitions = 0;  ///< with such rows
  Nanos oldest_unflushed_age = 0;   ///< of the oldest such row since it was applied; 0: none

  // Flushes: one is of some partitions of one table.
  uint64_t flushes_waiting = 0;  ///< frozen, and no thread has taken them yet
  uint64_t flushes_running = 0;
  uint64_t flushes = 0;  ///< that are in their tables
  uint64_t rows_flushed = 0;
  uint64_t parts_flushed = 0;
  uint64_t bytes_flushed = 0;      ///< of parts
  DurationCounts flush_durations;  ///< of flushes, from the start of one to its confirmation
  std::map<Code, uint64_t> flush_failures;  ///< tries that failed, by cause
  std::optional<Nanos> last_flush_age;      ///< since the newest flush was confirmed
  uint64_t tables_stopped = 0;              ///< that take nothing more
};

/// `db.coll` and the partition in it: "2026-11-21" of a table by days, else `name=value` joined by
/// '/' as in Iceberg's paths; "-" in a table without partitions.
struct PartitionName {
  TableName table;
  std::string partition;
  std::string to_string() const;  ///< "db:coll:partition"
  friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
};

/// The worker of a partition: it exists while there are rows to flush.
struct PartitionStatus {
  PartitionName name;
  uint64_t rows = 0;       ///< not in the table yet
  uint64_t first_lsn = 0;  ///< the oldest of them: what it pins of the log
  Nanos oldest_age = 0;    ///< since that was applied
  bool flushing = false;
  uint32_t failures = 0;         ///< tries in a row that failed
  Nanos retry_in = 0;            ///< until the next
  std::optional<Error> trouble;  ///< why the last one failed
};

}  // namespace sluice
