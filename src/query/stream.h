// Streams: the sorted rows of a part, and those of a partition that are not in parts yet.
#pragma once

#include <memory>
#include <optional>

#include "memtable/frozen.h"
#include "part/meta.h"
#include "query/merge.h"
#include "query/scan.h"
#include "sluice/io.h"

namespace sluice::query {

/// Reads nothing before its first row is asked for, and holds nothing after the last. Bucket, part
/// and plan outlive the stream. `lower`: what its rows are not less than in the first column of the
/// order. It is kCorrupt where a column of the order has a null.
std::unique_ptr<Stream> make_part_stream(Bucket& bucket, const part::Meta& part, const Plan& plan,
                                         std::optional<Value> lower);

/// The gatherer outlives the stream and gathers the plan's input.
std::unique_ptr<Stream> make_memtable_stream(memtable::Gatherer& gatherer,
                                             const memtable::Frozen::Partition& rows);

}  // namespace sluice::query
