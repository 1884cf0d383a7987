// Format 0 of a table: which objects it has, how they are named, what they may weigh.
//
//   <db>/<coll>/                                     the table's prefix; its address is `location`
//     metadata/vN.metadata.json                      version N, 1 and up, by put-if-absent; the
//                                                    highest N is the head
//     metadata/version-hint.text                     digits of N, a lower bound, for other readers
//     metadata/<commit id>-m<n>.avro                 manifest n of a commit
//     metadata/snap-<snapshot id>-<commit id>.avro   manifest list of a snapshot
//     marks/<commit id>.json                         marks (marks.h)
//     groups/<commit id>.bin                         devices and their groups (roster.h)
//     data/<flush id>-<attempt>-<n>.parquet          parts
//     data/<flush id>-<attempt>-<n>-g<group>.parquet parts of one group of devices
//
// `metadata/` stays flat and holds no other `*.metadata.json`: readers search it. Every object but
// the hint is immutable, and its name is never used for other bytes. Inside the library a name is
// always a key; the address form (`location` + the rest of the key) is made by the codecs only.
// `location` is written when the table is made, and kept when its directory moves: all recorded
// addresses begin with it, and reading strips it. A relocation (relocate.h) writes all of them
// anew.
//
// Every object but the hint carries a checksum of itself (checksum.h). The hint is a number that
// other programs read, and has none: it may lag, be absent or be no number without harm to us; one
// that is too high says that the head is missing (T11).
//
// Ladder: a table whose property sluice.format is above kFormat is kUnsupported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "sluice/options.h"

namespace sluice::table {

inline constexpr uint64_t kFormat = 0;              ///< property sluice.format, and of marks
inline constexpr int64_t kIcebergFormat = 2;        ///< format-version
inline constexpr int32_t kPartitionIdFirst = 1000;  ///< field ids of the partition fields
inline constexpr int32_t kPartitionIdMax = 1 << 20;
inline constexpr int32_t kNoPartitionId = 999;  ///< last-partition-id without partition field
inline constexpr int32_t kSortOrderId = 1;      ///< of the one order that a table may declare

// Properties of the table.
inline constexpr std::string_view kFormatProperty = "sluice.format";
inline constexpr std::string_view kKeyProperty = "sluice.key";  ///< JSON array of column names
inline constexpr std::string_view kTimeProperty = "sluice.time";
/// "keep" or "refuse"; absent: reject.
inline constexpr std::string_view kOnConflictProperty = "sluice.on-conflict";
inline constexpr std::string_view kEpochProperty = "sluice.epoch";
inline constexpr std::string_view kOwnerProperty = "sluice.owner";  ///< opening id
inline constexpr std::string_view kLogProperty = "sluice.log";      ///< log id of the owner
inline constexpr std::string_view kCommitProperty = "sluice.commit-id";
inline constexpr std::string_view kMarksProperty = "sluice.marks";    ///< address of the marks
inline constexpr std::string_view kGroupsProperty = "sluice.groups";  ///< of the newest roster

// System columns: their names begin with '_', which no user column does but model::kRestColumn.
/// The companion of a timestamp column: the nanoseconds below its microsecond.
std::string nanos_column(std::string_view timestamp);
inline constexpr std::string_view kVersionColumn = "_version";  ///< long, in tables with a key

// Limits. What would exceed one is not committed; what exceeds one when read is corrupt.
inline constexpr uint64_t kMetadataBytesMax = 256ull << 20;
inline constexpr uint64_t kManifestBytesMax = 256ull << 20;
inline constexpr uint64_t kMarksBytesMax = 64ull << 20;
inline constexpr uint64_t kManifestBytesTarget = 8ull << 20;  ///< a manifest is ended at this size
inline constexpr size_t kColumnsMax = 10'000;
inline constexpr size_t kMetadataLogMax = 100;
// Half of what `_version` holds: only a damaged number exceeds it.
inline constexpr uint64_t kEpochMax = 1ull << 22;

std::string table_prefix(const TableName& name);
std::string metadata_key(std::string_view prefix, uint64_t version);
/// The version that `key` is the metadata of; nothing if it is another object.
std::optional<uint64_t> metadata_version(std::string_view prefix, std::string_view key);
/// What all metadata keys of the table, and few others, begin with.
std::string metadata_key_start(std::string_view prefix);
std::string hint_key(std::string_view prefix);
std::string manifest_key(std::string_view prefix, const CommitId& commit, size_t index);
std::string manifest_list_key(std::string_view prefix, int64_t snapshot_id, const CommitId& commit);
std::string marks_key(std::string_view prefix, const CommitId& commit);
std::string groups_key(std::string_view prefix, const CommitId& commit);
/// The commit that put the roster `key`; nothing if it is another object.
std::optional<CommitId> groups_commit(std::string_view prefix, std::string_view key);
/// The group whose devices alone the part `key` holds; nothing: it holds any.
std::optional<uint32_t> part_group(std::string_view key);

/// What an object of the table is, by its name.
enum class ObjectKind : uint8_t {
  kForeign,  ///< not a name that this page gives: another program's, or another version's
  kMetadata,
  kHint,
  kManifest,
  kManifestList,
  kMarks,
  kGroups,
  kPart,
};
ObjectKind object_kind(std::string_view prefix, std::string_view key);

/// "location/rest" of the key "prefix/rest", which must be one.
std::string to_address(std::string_view location, std::string_view prefix, std::string_view key);
/// The key of a recorded address; nothing if it lies outside `location`.
std::optional<std::string> to_key(std::string_view location, std::string_view prefix,
                                  std::string_view address);

}  // namespace sluice::table
