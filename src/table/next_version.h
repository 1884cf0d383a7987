// NextVersion: what every edit begins and ends with.
#pragma once

#include <vector>

#include "table/edit.h"

namespace sluice::table {

/// The next version of a table, so far unchanged.
Metadata next_version(const Head& head, const Stamp& stamp);
void own(Metadata& metadata, const Writer& writer, uint64_t epoch);
Proposal with_head(Metadata metadata, Marks marks, std::vector<NewObject> objects = {});

}  // namespace sluice::table
