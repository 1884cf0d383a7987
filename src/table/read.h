// Reading a table out of a bucket. Nothing here writes; any thread may call.
//
// An object that committed metadata names must be there: when it is not, that is kCorrupt, never
// kNotFound. where() is the object's key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "part/meta.h"
#include "sluice/io.h"
#include "sluice/options.h"
#include "table/groups.h"
#include "table/head.h"
#include "table/manifest.h"

namespace sluice::table {

/// Reads the newest head of a table without being a writer. kNotFound: no such table. kCorrupt: a
/// version is missing that the hint names: what is below it must not pass for the newest.
Result<HeadPtr> load_head(Bucket& bucket, const TableName& name);
/// The same for one that knows a head (or null), and gets that one back if it is the newest: then
/// nothing is read but the listing. kCorrupt also if the known head is gone.
Result<HeadPtr> newer_head(Bucket& bucket, const TableName& name, const HeadPtr& known);
/// All tables of the bucket, sorted: every `<db>/<coll>/metadata/` that holds a `vN.metadata.json`
/// or a hint.
Result<std::vector<TableName>> list_tables(Bucket& bucket);
/// The live parts of the current snapshot, in manifest order.
Result<std::vector<part::Meta>> read_parts(Bucket& bucket, const Metadata& metadata);

/// All versions of the table that have metadata, ascending.
Result<std::vector<uint64_t>> list_versions(Bucket& bucket, std::string_view prefix);
/// The version that the hint names; 0 without a hint. kCorrupt: it is no number.
Result<uint64_t> read_hint(Bucket& bucket, std::string_view prefix);
/// A listing that lacks the version is stale if the version is there; else missing_head().
Status check_version_is_there(Bucket& bucket, std::string_view prefix, uint64_t version);
Error missing_head(std::string_view prefix, uint64_t version);
Result<Metadata> read_metadata(Bucket& bucket, const std::string& prefix, uint64_t version);
/// Empty marks if `metadata` names none.
Result<Marks> read_marks(Bucket& bucket, const Metadata& metadata);
/// Empty groups if `metadata` names none. What `known` (may be null) holds is not read again.
Result<GroupsPtr> read_groups(Bucket& bucket, const Metadata& metadata, const GroupsPtr& known);
/// The keys of the rosters that `metadata` names; reads but one head.
Result<std::vector<std::string>> list_rosters(Bucket& bucket, const Metadata& metadata);
Result<std::vector<ManifestFile>> read_manifest_list(Bucket& bucket, const Metadata& metadata,
                                                     const SnapshotEntry& snapshot);
Result<std::vector<ManifestEntry>> read_manifest(Bucket& bucket, const Metadata& metadata,
                                                 const ManifestFile& file);

}  // namespace sluice::table
