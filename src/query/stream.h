// Streams: the sorted rows of a part, and those of a partition that are not in parts yet.
#pragma once

#include <memory>
#include <optional>

#include "memtable/gatherer.h"
#include "part/meta.h"
#include "part/reader.h"
#include "query/merge.h"
#include "query/scan.h"
#include "sluice/io.h"

namespace sluice::query {

/// What each of so many parts that are merged may hold while it is read: the shares of scan.h.
part::ReadOptions share_of(size_t parts, size_t columns);

/// Reads nothing before its first row is asked for, and holds nothing after the last. Bucket, part
/// and plan outlive the stream. `reading`: how much it holds in between. `lower`: what its rows are
/// not less than in the first column of the order. It is kCorrupt where a column of the order has a
/// null.
std::unique_ptr<Stream> make_part_stream(Bucket& bucket, const part::Meta& part, const Plan& plan,
                                         part::ReadOptions reading, std::optional<Value> lower);

/// The gatherer outlives the stream and gathers the plan's input.
std::unique_ptr<Stream> make_memtable_stream(memtable::Gatherer& gatherer,
                                             const memtable::Frozen::Partition& rows);

}  // namespace sluice::query
