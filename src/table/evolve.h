// Evolve: how a table's columns change, by field id. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "sluice/table_change.h"
#include "table/edit.h"
#include "table/metadata.h"

namespace sluice::table {

/// The metadata with a new current schema. A field id is never given twice, and what names a column
/// (key, time, the companion of its nanoseconds) follows a renamed one. kInvalid: where() is the
/// column, the message says what to do; nothing to change, a column that is unknown
/// (kUnknownColumn), named by two changes, dropped although key, time or partition need it, given
/// another type than its wide form (kTypeMismatch), or a name that is taken or not allowed.
Result<Metadata> evolve(Metadata metadata, const std::vector<SchemaChange>& changes);

/// The next version, with the columns so changed.
Result<Proposal> propose_alter(const Head& head, const std::vector<SchemaChange>& changes,
                               const Stamp& stamp);

/// What became of a column that an earlier schema had under this name: "was renamed to x", "was
/// dropped". Nothing if there is such a column now, or never was.
std::optional<std::string> fate_of(const Metadata& metadata, std::string_view name);

/// The metadata as of `snapshot`: its rows, its columns, and key and time by the names of then.
Metadata at_snapshot(const Metadata& metadata, const SnapshotEntry& snapshot);

}  // namespace sluice::table
