// Refs: the names of snapshots, and their JSON in the metadata.
#pragma once

#include "table/json.h"
#include "table/metadata.h"

namespace sluice::table {

/// The member `refs` of the metadata.
void write_refs(JsonWriter& json, const Metadata& metadata);
/// kCorrupt: main is not the current snapshot, or a reference that is no object with a snapshot and
/// a kind. What is said of it besides is kept as it is.
Status read_refs(const JsonValue& root, Metadata& metadata);

}  // namespace sluice::table
