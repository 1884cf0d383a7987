// Verification of one table: reads everything but the pages of its parts, changes nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "part/meta.h"
#include "sluice/inspect.h"
#include "sluice/io.h"
#include "sluice/options.h"

namespace sluice::table {

struct TableVerdict {
  uint64_t snapshots = 0;
  std::vector<part::Meta> parts;  ///< live in the current snapshot, for the caller to read
  std::vector<Finding> findings;  ///< empty: nothing is wrong so far
};

/// Checks that the recent versions parse and follow one another, that marks only rise, and that for
/// each snapshot of the head all objects are there: manifest list, manifests, and every part with
/// its exact size, named once, counted exactly by manifests and summary. What is wrong becomes a
/// finding. kNotFound: no such table; another error: the table's names cannot be listed.
Result<TableVerdict> verify_table(Bucket& bucket, const TableName& name);

}  // namespace sluice::table
