// Retention: which snapshots a table keeps, under which names, and which of them is current. Pure.
//
// The log of snapshots says which one was current when. Its times rise whatever the clock does
// (T9), and it begins behind the last snapshot that is gone: so what it says of a time is right.
//
// References of kinds that we do not know (branches, which other programs make) are kept as they
// were read, and so are their snapshots with all ancestors: our commits move `main` only, so
// nothing of them is lost, and there is no reason to refuse the table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/result.h"
#include "sluice/snapshot.h"
#include "sluice/table_change.h"
#include "table/edit.h"

namespace sluice::table {

inline constexpr std::string_view kMainRef = "main";

/// Forgets snapshots: kept are the last `kept_count`, the last one of each hour for seven days, the
/// current one, and those that references name. Tags beyond their age go first.
void expire_by_default(Metadata& metadata, uint32_t kept_count);

/// The next version with fewer snapshots, and which are gone; no head: there is none to expire.
/// Parts and manifests stay until a sweep. kInvalid: options that say nothing.
struct Expiry {
  std::optional<Proposal> proposal;
  ExpireReport report;
};
Result<Expiry> propose_expiry(const Head& head, const ExpireOptions& options, const Stamp& stamp);

/// Nothing if the tag names that snapshot already. kNotFound: no such snapshot is kept; kExists:
/// the name is taken by another snapshot; kInvalid: a name that is none.
Result<std::optional<Proposal>> propose_tag(const Head& head, const Tag& tag, const Stamp& stamp);
/// kNotFound: no such tag. kInvalid: it is no tag.
Result<Proposal> propose_untag(const Head& head, const std::string& name, const Stamp& stamp);

/// Makes a kept snapshot current and claims the table anew; marks, positions and the epoch do not
/// go back (T5, T13). Nothing if it is current. kNotFound: no such snapshot is kept.
Result<std::optional<Proposal>> propose_rollback(const Head& head, int64_t snapshot_id,
                                                 const Writer& writer, const Stamp& stamp);

/// The snapshot that `as_of` means: by id, by tag, or the one that was current then. kNotFound
/// names what is kept, also when the snapshot of that time has expired: never another one instead.
Result<const SnapshotEntry*> find_snapshot(const Metadata& metadata, const AsOf& as_of);

/// A wall clock time.
Nanos commit_time(const SnapshotEntry& snapshot);

}  // namespace sluice::table
