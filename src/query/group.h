// Groups: rows → one row for each bucket of time and combination of values.
//
// Groups are held by their row key (row_key.h): the beginning of the bucket, then the values. Where
// partitions come in the order of time, a bucket that ends before the partition that is read is
// written and forgotten. Where the groups are too many for the memory, the greatest are dropped,
// and nothing from the least of those on is taken any more: it is the floor. What lies below is
// complete in the end; then the table is read again from the floor on.
#pragma once

#include <memory>

#include "query/scan.h"
#include "sluice/options.h"
#include "sluice/snapshot.h"

namespace sluice::query {

/// Groups ascending; the order of the options must be empty. kInvalid names the column, the zone,
/// or the option that aggregation does not take.
Result<std::unique_ptr<Cursor>> open_groups(const Contents& contents, const Grouping& grouping,
                                            const ScanOptions& options);

}  // namespace sluice::query
