// Verification of one table: reads everything but the pages of its parts, changes nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "part/meta.h"
#include "sluice/inspect.h"
#include "sluice/io.h"
#include "sluice/options.h"
#include "table/groups.h"

namespace sluice::table {

struct TableVerdict {
  uint64_t snapshots = 0;
  int32_t device_field = 0;       ///< of the key's first column; 0: there is no key
  GroupsPtr groups;               ///< of the newest version; null: none, or they cannot be read
  std::vector<part::Meta> parts;  ///< of all snapshots, there and of the right size; to be read
  std::vector<Finding> findings;  ///< empty: nothing is wrong so far
};

/// Checks that all versions parse and follow one another, that marks only rise, that a device
/// keeps its group (T16), that every object
/// carries a checksum that fits, and that for each snapshot of the head all objects are there:
/// manifest list, manifests, and every part with its exact size, named once, counted exactly by
/// manifests and summary. What is wrong becomes a finding, and what does not depend on it is still
/// checked; objects that nothing names are none. kNotFound: no such table; another error: the
/// table's names cannot be listed.
Result<TableVerdict> verify_table(Bucket& bucket, const TableName& name);

}  // namespace sluice::table
