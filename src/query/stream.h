// Streams: the sorted rows of a part, and those of a partition that are not in parts yet.
#pragma once

#include <memory>

#include "memtable/frozen.h"
#include "part/meta.h"
#include "query/merge.h"
#include "query/scan.h"
#include "sluice/io.h"

namespace sluice::query {

/// Reads the footer. Part and plan outlive the stream. The stream is kCorrupt where a column of the
/// order has a null.
Result<std::unique_ptr<Stream>> open_part_stream(Bucket& bucket, const part::Meta& part,
                                                 const Plan& plan);

/// The gatherer outlives the stream and gathers the plan's input.
std::unique_ptr<Stream> make_memtable_stream(memtable::Gatherer& gatherer,
                                             const memtable::Frozen::Partition& rows);

}  // namespace sluice::query
