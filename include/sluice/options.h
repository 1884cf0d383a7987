// Options of an engine and of a table, with their defaults and limits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "sluice/conflict.h"
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

/// What a partition takes of a column, as Iceberg defines it.
enum class Transform : uint8_t {
  kIdentity,  ///< the value itself: bool, long, string, binary, timestamp
  kBucket,    ///< one of so many, by the value's hash: long, string, binary, timestamp
  kDay,       ///< this and the next two: of a timestamp, in UTC
  kHour,
  kMonth,
};

struct PartitionField {
  std::string column;
  Transform transform = Transform::kIdentity;
  uint32_t buckets = 0;  ///< of kBucket, 1 to 65,536; else 0
  friend bool operator==(const PartitionField&, const PartitionField&) = default;
};
/// "day(time),bucket(16,id),region"; a name that is not of letters, digits and _ in double quotes,
/// a double quote in it doubled; "none" for no fields. kInvalid: found() is the offset of what was
/// not understood.
Result<std::vector<PartitionField>> parse_partition(std::string_view text);
/// The text that is parsed to `fields`.
std::string format_partition(const std::vector<PartitionField>& fields);

/// What a table is. Key, time column and partition are fixed at creation; columns can be added.
///   key and time   one row per (key, time): the last write wins
///   key            one row per key: the last write wins
///   time           append-only, in the order of time
///   neither        append-only
struct TableSpec {
  std::vector<Field> columns;
  /// Columns of type bool, long, string, binary or timestamp; never null in a row.
  std::vector<std::string> key;
  std::string time;  ///< a timestamp column, never null in a row; empty: none
  /// Rows of one partition lie in parts of their own, and a query reads those partitions that its
  /// filter may pass: at most 16 fields, in a table with key of its key and time alone. Empty:
  /// none. Absent: the UTC day of `time`, if there is one.
  std::optional<std::vector<PartitionField>> partition = std::nullopt;
  /// Columns of type long or double that are stored in four bytes, as Iceberg's int or float. A
  /// value that does not fit, or that a float does not hold exactly, is refused. Until they are
  /// widened (Engine::alter); an existing table's columns keep the width that they have.
  std::vector<std::string> narrow = {};
  /// What becomes of rows that do not fit, unless who brings them was told otherwise. Can be
  /// changed (Engine::alter); an existing table keeps its own.
  OnConflict on_conflict = OnConflict::kReject;
};

/// What an ack means. The rows take the same way, whatever the class.
enum class AckClass : uint8_t {
  kMemory,  ///< ordered and handed to the operating system; a power cut may lose it
  kLog,     ///< a sync covers it: it survives a power cut
  kTable,   ///< in the table, and a listing has confirmed it. Does not hurry the flush
};

/// When an engine that was opened takes its first batch.
enum class StartUp : uint8_t {
  kInstant,  ///< at once: the newest segment is verified, older ones while they are replayed
  kStrict,   ///< when the whole log has been read and verified; Engine::open waits for it
};

/// Parts of a table with key and time lie apart by groups of devices: the values of its key's first
/// column. A device stays in its group for good; new ones, sorted, fill the first with room.
struct DeviceGroups {
  uint32_t devices_max = 50;         ///< of a group; 1 to 1,000,000
  uint64_t part_rows_max = 100'000;  ///< 1 to 2^32; only a device of more rows is cut
  uint64_t part_rows_min = 1'000;  ///< a smaller part is not ended by its bytes; not above the max
  uint64_t part_bytes_max = 64ull << 20;  ///< 64 KiB to 1 TiB
};

/// Engine::open refuses what is out of its limits.
struct EngineOptions {
  uint64_t segment_bytes = 64ull << 20;  ///< of a log segment; 64 KiB to 1 GiB
  uint64_t memory_bytes = 256ull << 20;  ///< everything the engine holds; 8 MiB to 1 TiB
  StartUp start_up = StartUp::kInstant;

  // A partition is flushed when it holds so many rows, when its oldest row is so old, and when the
  // log rolled over a segment that holds rows of it.
  uint64_t flush_rows = 5'000'000;  ///< 1 to 2^32
  Nanos flush_age = 60 * kSecond;   ///< kForever: never by age
  // All partitions of a table are flushed when it holds so much, or when half of the memory for
  // rows is taken and it holds the most.
  uint64_t flush_bytes = 64ull << 20;  ///< 1 B to 1 TiB
  /// When more segments than this hold rows that are in no table yet, the partitions that pin the
  /// oldest are flushed; 1 to 100,000.
  uint32_t pinned_segments_max = 5;
  /// A row whose time lies further back makes its partition due within a second; kForever: none
  /// does. From 1 s.
  Nanos cold_age = kForever;
  uint32_t flush_threads = 2;  ///< flushes that run at a time; 1 to 64
  std::optional<DeviceGroups> device_groups = std::nullopt;  ///< absent: parts hold any

  /// What of the log a table may pin while it cannot commit: beyond it its writers, and no others,
  /// wait, and then are told kBusy (kQuota); 1 MiB to 1 TiB. Nobody's rows leave the log for it.
  uint64_t table_log_bytes = 1ull << 30;
  /// Appends are refused (kFull) while the log's disk has less left, so that flushes, trims and the
  /// shutdown still find room; 0 to 1 TiB.
  uint64_t disk_reserve_bytes = 64ull << 20;

  uint64_t row_group_bytes = 16ull << 20;  ///< encoded, of Parquet; 64 KiB to 1 GiB
  uint64_t part_bytes = 192ull << 20;      ///< a part is ended at this size; 64 KiB to 1 TiB
  int zstd_level = 1;                      ///< of Parquet pages; 1 to 19

  // Back-off of a failing flush, doubled up to retry_max; 1 ns to 365 days.
  Nanos retry_min = 50 * kMillisecond;
  Nanos retry_max = 30 * kSecond;
  Nanos close_flush = 30 * kSecond;  ///< how long close() tries, up to 365 days; 0: it does not

  uint32_t snapshots_kept = 100;       ///< besides one an hour for 7 days; 1 to 1,000,000
  uint32_t manifests_merged_at = 100;  ///< a commit merges them when there are more; 2 to 10,000
  // What nothing names any more is deleted once it is so old: what another process reads must be
  // younger, no flush may take half as long, and all that write to a table need the same value.
  Nanos sweep_grace = 24 * 3600 * kSecond;  ///< 1 hour to 365 days
  Nanos sweep_interval = 3600 * kSecond;    ///< between two sweeps; from 1 s; kForever: none

  std::shared_ptr<Listener> listener;  ///< told of flushes, recoveries and troubles; may be null
};

}  // namespace sluice
