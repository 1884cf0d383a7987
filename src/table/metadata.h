// Metadata: the value of `vN.metadata.json`, Iceberg format version 2, and its JSON codec.
// Source: the Apache Iceberg table specification, and what independent readers really need of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "part/meta.h"
#include "sluice/options.h"
#include "sluice/result.h"

namespace sluice::table {

struct TableSchema {
  int32_t schema_id = 0;
  std::vector<part::Column> columns;  ///< system columns (`_version`, `_<time>_ns`) included
  std::vector<int32_t> identifier_field_ids;  ///< key (and time)
  const part::Column* find(std::string_view name) const;
  const part::Column* find(int32_t field_id) const;
  /// The schema as Iceberg JSON, also for a part's footer.
  std::string to_json() const;
  friend bool operator==(const TableSchema&, const TableSchema&) = default;
};

struct SnapshotEntry {
  int64_t id = 0;
  std::optional<int64_t> parent;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  int32_t schema_id = 0;
  std::string manifest_list;  ///< key
  std::map<std::string, std::string> summary;
};

struct PartitionSpecField {
  int32_t source_id = 0;
  int32_t field_id = 0;
  std::string name;  ///< stays when the column is renamed
  Transform transform = Transform::kIdentity;
  uint32_t buckets = 0;
  friend bool operator==(const PartitionSpecField&, const PartitionSpecField&) = default;
};

/// A name of a snapshot: a tag of ours, or what another program made.
struct SnapshotRef {
  int64_t snapshot_id = 0;
  std::string kind;  ///< "tag", "branch"
  std::optional<int64_t> max_age_ms = std::nullopt;
  std::map<std::string, std::string> others = {};  ///< further members, as JSON
  friend bool operator==(const SnapshotRef&, const SnapshotRef&) = default;
};

struct Metadata {
  uint64_t version = 0;  ///< N of the file's name; not in the JSON
  std::string uuid;
  std::string prefix;    ///< key prefix of the table, "db/coll"; not in the JSON
  std::string location;  ///< address of the prefix when the table was made or relocated
  int64_t last_updated_ms = 0;
  int64_t last_sequence_number = 0;
  int32_t last_column_id = 0;
  std::vector<TableSchema> schemas;
  int32_t current_schema_id = 0;
  std::vector<PartitionSpecField> partition;  ///< of the only spec, 0
  /// The columns of the declared sort order, ascending; empty: none is declared.
  std::vector<int32_t> sort_source_ids;
  std::vector<SnapshotEntry> snapshots;
  std::optional<int64_t> current_snapshot_id;
  /// By name. Of "main" only what is said besides: its snapshot is the current one.
  std::map<std::string, SnapshotRef> refs;
  std::vector<std::pair<int64_t, int64_t>> snapshot_log;      ///< (timestamp ms, snapshot id)
  std::vector<std::pair<int64_t, std::string>> metadata_log;  ///< (timestamp ms, key)
  std::vector<std::string> key_columns;                       ///< property sluice.key, in order
  std::string time_column;                                    ///< property sluice.time
  OnConflict on_conflict = OnConflict::kReject;               ///< property sluice.on-conflict
  uint64_t epoch = 0;                                         ///< property sluice.epoch
  std::string owner;       ///< property sluice.owner: opening id, hex
  std::string log;         ///< property sluice.log: log id of the owner, hex
  std::string commit_id;   ///< property sluice.commit-id, hex
  std::string marks_key;   ///< property sluice.marks; empty: no marks yet
  std::string groups_key;  ///< property sluice.groups; empty: no device has a group
  std::map<std::string, std::string> other_properties;

  const TableSchema& schema() const;
  const SnapshotEntry* current_snapshot() const;
  /// The user's columns, key, time and partition.
  TableSpec spec() const;

  /// All of them, as they are recorded.
  std::map<std::string, std::string> properties() const;

  /// Keys become addresses under `location`; decode strips the recorded location again, so that a
  /// moved directory opens. kCorrupt names what is missing or wrong; kUnsupported for a newer
  /// format, or for a table that Sluice did not make.
  std::string encode() const;
  static Result<Metadata> decode(std::string_view text, uint64_t version, std::string prefix);
};

part::PhysicalType physical_type(Type type);
/// Of a long or a double: the form of four bytes.
part::PhysicalType narrow_type(Type type);
/// "long", "timestamptz": as Iceberg calls it.
std::string_view iceberg_type(part::PhysicalType type);
Type logical_type(part::PhysicalType type);

}  // namespace sluice::table
