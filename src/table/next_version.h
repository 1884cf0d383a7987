// NextVersion: what every edit begins and ends with.
#pragma once

#include <string>
#include <vector>

#include "table/edit.h"

namespace sluice::table {

/// The next version of a table, so far unchanged.
Metadata next_version(const Head& head, const Stamp& stamp);
void own(Metadata& metadata, const Writer& writer, uint64_t epoch);

/// A snapshot on top of the current one, and its end: what every summary says, and the default
/// expiry.
SnapshotEntry begin_snapshot(Metadata& next, const Stamp& stamp);
void end_snapshot(Metadata& next, SnapshotEntry snapshot, const Marks& marks,
                  const CommitterOptions& options);
/// A total of the parent's summary; without a parent, zero.
Result<uint64_t> parent_total(const SnapshotEntry* parent, const std::string& name);
/// kInvalid: parts outside the table, named twice, or of another partitioning.
Status check_parts(const Metadata& metadata, const std::vector<part::Meta>& parts);

Proposal with_head(Metadata metadata, Marks marks, std::vector<NewObject> objects = {});

}  // namespace sluice::table
