// TableChange: what an operator does to a table besides writing rows into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/conflict.h"
#include "sluice/runtime.h"

namespace sluice {

/// One change of a table's columns, or of what it does with rows that do not fit them. The changes
/// of one call are one commit and speak of the table as it was before: so two columns can swap
/// their names, and a column can be dropped and another of its name be added. Columns are told
/// apart by field ids that are never used again: rows of before have null in an added column,
/// whatever it is called.
struct SchemaChange {
  enum class Kind : uint8_t {
    kAdd,
    kRename,      ///< key and time columns too; their roles go with them
    kDrop,        ///< not of key, time or partition. Its values stay in the parts and are not read
    kWiden,       ///< int to long, float to double
    kOnConflict,  ///< of no column: TableSpec::on_conflict
  };
  Kind kind = Kind::kAdd;
  std::string column;
  std::string new_name = {};  ///< of kRename
  /// Of kAdd. Of kWiden: what the column shall be, kNull for its wide form; anything else than that
  /// is refused.
  Type type = Type::kNull;
  bool narrow = false;  ///< of kAdd: stored in four bytes (TableSpec::narrow)
  OnConflict on_conflict = OnConflict::kReject;  ///< of kOnConflict
};

/// A name for a snapshot, which is kept as long as it has one.
struct Tag {
  std::string name;          ///< 1 to 255 bytes of printable UTF-8, not "main"
  uint64_t snapshot_id = 0;  ///< 0: the current one
  /// Of its snapshot, at which the tag goes when snapshots expire; absent: never.
  std::optional<Nanos> max_age = std::nullopt;
};

/// Which snapshots expire: all that are older than the one, and not among the last of the other;
/// at least one of the two is given. The current snapshot, those with a tag, and those of branches
/// that other programs made, stay.
struct ExpireOptions {
  std::optional<Nanos> older_than = std::nullopt;    ///< wall clock
  std::optional<uint32_t> keep_last = std::nullopt;  ///< absent: 1
  bool dry_run = false;                              ///< only tells
};
struct ExpiredSnapshot {
  uint64_t id = 0;
  Nanos wall_time = 0;
};
struct ExpireReport {
  std::vector<ExpiredSnapshot> expired;
  std::vector<std::string> tags;  ///< that were beyond their age
  uint64_t kept = 0;              ///< snapshots
};

}  // namespace sluice
