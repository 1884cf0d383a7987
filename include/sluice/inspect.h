// Inspection of a data directory that no engine has open, or that one has: nothing here writes or
// takes a lock.
//
// What is damaged is reported, and the rest is shown: a Finding names each object that could not be
// read. What another process adds meanwhile may be missed, what it trims is not. Any thread may
// call any function.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/engine.h"
#include "sluice/platform.h"
#include "sluice/result.h"

namespace sluice {

struct Finding {
  Error error;              ///< kCorrupt, kNotFound, kUnsupported, kIo
  std::string object;       ///< segment file or object key
  uint64_t offset = 0;      ///< bytes; 0 also if the object as a whole is meant
  std::string advice = {};  ///< of verify(): what the operator does about it
};

struct VerifyReport {
  uint64_t segments = 0;
  uint64_t frames = 0;
  uint64_t log_bytes = 0;
  uint64_t torn_bytes = 0;  ///< behind the log's accepted end; not damage
  uint64_t tables = 0;
  uint64_t snapshots = 0;
  uint64_t parts = 0;
  uint64_t rows = 0;
  uint64_t orphans = 0;  ///< objects of tables that nothing names: not damage; a sweep deletes them
  uint64_t orphan_bytes = 0;
  std::vector<Finding> findings;
};

/// Reads and checks everything: every frame of the log, and of every table the metadata, marks,
/// manifest lists, manifests and parts (each page decoded, rows and bytes counted against the
/// manifest; each object's checksum of itself). Goes on after each finding. Objects that nothing
/// names are no damage. A log that lacks segments which the tables were written from is found
/// under the name "log".
/// `watch` (may be empty) is shown the report as it grows: after the log, and after each part.
using VerifyWatch = std::function<void(const VerifyReport& so_far)>;
Result<VerifyReport> verify(Platform platform, const VerifyWatch& watch = nullptr);

/// A view of one committed table, without the log's lock.
Result<std::unique_ptr<Snapshot>> committed_snapshot(Platform platform, const TableName& name);
/// The same of an earlier commit: its rows and its columns. kNotFound: no such snapshot is kept;
/// the message says which are.
Result<std::unique_ptr<Snapshot>> committed_snapshot(Platform platform, const TableName& name,
                                                     const AsOf& as_of);

// ---- The log and the tables

/// One file of the log, as far as it can be read.
struct SegmentDescription {
  std::string file;
  uint64_t file_bytes = 0;
  std::string log_id, opening_id, segment_id;  ///< hex; empty: the header cannot be read
  uint64_t base_lsn = 0;                       ///< of the first record
  uint64_t last_lsn = 0;                       ///< base_lsn - 1: no record
  uint64_t batches = 0;
  uint64_t schemas = 0;
  uint64_t rows = 0;
  uint64_t marks = 0;
  uint64_t confirmed_end = 0;  ///< the highest offset that a mark says was synced
  uint64_t accepted_end = 0;   ///< offset behind the last valid frame
  uint64_t torn_bytes = 0;     ///< behind the accepted end of the newest segment; not damage
  std::optional<Error> damage;
};

/// Batches of a source, or of none, by its positions.
struct UnflushedSource {
  std::string source;  ///< empty: batches without source
  uint64_t batches = 0;
  uint64_t rows = 0;
  uint64_t last_position = 0;
};

/// The rows of one table that the log holds and the committed table does not: acknowledged, or
/// about to be. The next flush commits them, unless there is an obstacle. Of a table that another
/// copy of this log has written to, all rows that this copy holds: its marks say nothing of them.
struct UnflushedRows {
  TableName table;
  uint64_t batches = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;  ///< in the log
  uint64_t first_lsn = 0;
  uint64_t last_lsn = 0;
  std::vector<UnflushedSource> sources;
  std::optional<Error> obstacle;  ///< why no engine can flush them as things are
};

struct LogOpening {
  std::string id;         ///< hex
  uint64_t base_lsn = 0;  ///< of its first record
};

struct LogDescription {
  std::string log_id;  ///< hex; empty: there is no log yet
  std::vector<LogOpening> openings;
  uint64_t trim_lsn = 0;   ///< no record at or below it is needed, says the newest checkpoint
  uint64_t first_lsn = 0;  ///< of the records left
  uint64_t last_lsn = 0;   ///< first_lsn - 1: none is left
  std::vector<SegmentDescription> segments;  ///< oldest first
  std::vector<UnflushedRows> unflushed;      ///< by table; tables without such rows left out
  /// The oldest record that a table needs, which keeps its segment and all later ones; 0: none.
  uint64_t pinned_lsn = 0;
  std::vector<Finding> findings;
};

struct Inspection {
  LogDescription log;
  /// Sorted by name; unflushed_rows are counted from the log. A table that cannot be read, or whose
  /// unflushed rows cannot be flushed, says so in its `trouble`.
  std::vector<TableDescription> tables;
};
/// Reads the whole log and the head of each table. An error only if the tables cannot be listed.
Result<Inspection> inspect(Platform platform);

// ---- One table

struct SnapshotDescription {
  uint64_t id = 0;
  uint64_t parent = 0;  ///< 0: none
  uint64_t sequence_number = 0;
  Nanos wall_time = 0;
  std::string operation;  ///< "append"
  uint64_t schema_id = 0;
  std::string commit_id;  ///< hex; empty: not one of ours
  uint64_t added_rows = 0;
  uint64_t added_parts = 0;
  uint64_t added_bytes = 0;
  uint64_t rows = 0;
  uint64_t parts = 0;
  uint64_t bytes = 0;
};

/// A row of partition p is in the table if its number is at most max(low_water, exceptions[p]).
struct MarkDescription {
  std::string of;       ///< log id, hex; or the source
  std::string opening;  ///< that wrote the entry, hex; empty for a source
  uint64_t low_water = 0;
  std::map<std::string, uint64_t> exceptions;
};

struct ColumnDescription {
  uint64_t field_id = 0;
  std::string name;
  std::string type;  ///< Iceberg's: "long", "timestamptz"
  bool required = false;
  bool is_systems = false;  ///< Sluice's own
};

/// A name of a snapshot.
struct RefDescription {
  std::string name;
  std::string kind;  ///< "tag"; "branch", of main too
  uint64_t snapshot_id = 0;
};

/// Since when a snapshot was the current one.
struct HistoryEntry {
  Nanos wall_time = 0;
  uint64_t snapshot_id = 0;
};

struct TableInspection {
  TableDescription table;
  std::string recorded_location;  ///< that other programs are told
  std::vector<ColumnDescription> columns;
  std::vector<std::string> sort_columns;  ///< of the declared order, ascending
  std::map<std::string, std::string> properties;
  std::vector<RefDescription> refs;
  std::vector<HistoryEntry> history;  ///< oldest first, without a gap
  uint64_t epoch = 0;
  std::string owner_opening_id, owner_log_id, commit_id;  ///< hex
  std::vector<SnapshotDescription> snapshots;             ///< oldest first; kept ones only
  std::vector<MarkDescription> logs;                      ///< LSNs
  std::vector<MarkDescription> sources;                   ///< positions
  std::vector<Finding> findings;
};
/// Of the newest version that can be read. kNotFound: no such table.
Result<TableInspection> inspect_table(Platform platform, const TableName& name);

/// Bounds hold for every row of the part; texts may be cut, an upper one then rounded up.
struct Bounds {
  std::string column;
  std::optional<Value> lower;
  std::optional<Value> upper;
};

/// "time_day" and "2014-01-31". Binary values are hexadecimal digits.
struct PartitionText {
  std::string field;
  std::optional<std::string> value;  ///< absent: null
};

struct PartDescription {
  std::string key;                       ///< object key
  std::vector<PartitionText> partition;  ///< empty: unpartitioned
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::string flush_id;         ///< hex, from the key; empty: not one of ours
  uint64_t added_snapshot = 0;  ///< that added it
  /// LSNs that the flush took rows from; 0: the snapshots that tell are expired.
  uint64_t first_lsn = 0;
  uint64_t last_lsn = 0;
  Nanos added_wall_time = 0;   ///< of that snapshot, or else of the object
  std::vector<Bounds> bounds;  ///< of the key columns and the time, in this order
};

struct PartList {
  uint64_t snapshot_id = 0;  ///< 0: the table is empty
  std::vector<PartDescription> parts;
  std::vector<Finding> findings;
};
/// The live parts of a snapshot (0: of the newest), by partition, then in order of commits.
/// kNotFound: no such table or snapshot; the message names those that are kept.
Result<PartList> inspect_parts(Platform platform, const TableName& name, uint64_t snapshot_id);

}  // namespace sluice
