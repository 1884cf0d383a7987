// Runs: the sorted rows of a part, and those of a partition that are not in parts yet.
#pragma once

#include <memory>

#include "memtable/frozen.h"
#include "part/meta.h"
#include "query/merge.h"
#include "query/scan.h"
#include "sluice/io.h"

namespace sluice::query {

/// Reads the footer. Part and plan outlive the run. The run is kCorrupt where a column of the
/// order has a null.
Result<std::unique_ptr<Run>> open_part_run(Bucket& bucket, const part::Meta& part,
                                           const Plan& plan);

/// The gatherer outlives the run and gathers the plan's input.
std::unique_ptr<Run> make_memtable_run(memtable::Gatherer& gatherer,
                                       const memtable::Frozen::Partition& rows);

}  // namespace sluice::query
