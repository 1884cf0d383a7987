// flush: Frozen → parts. A pure task: it puts objects under names of its own and changes nothing
// else.
//
// Steps: 1 for each partition in order, and in it each group, open an upload  2 gather, encode and
// write rows in chunks 3 finish: the part is durable. Owns its uploads; of a partition that fails
// it removes the parts that it finished.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "flush/finisher.h"
#include "flush/part_end.h"
#include "memtable/device_rows.h"
#include "memtable/frozen.h"
#include "part/meta.h"
#include "part/writer.h"
#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::flush {

/// The user's and the system's columns of the parts, as the table has them.
struct Layout {
  /// Keys are `<prefix>/data/<flush id>-<attempt>-<n>.parquet`, of a group's part
  /// `<prefix>/data/<flush id>-<attempt>-<n>-g<group>.parquet`.
  std::string prefix;
  SchemaPtr columns;  ///< what is gathered: user columns, then `_version` in a keyed table
  std::vector<part::WriterColumn> part_columns;
  part::WriterOptions writer;
  uint64_t part_bytes = 192ull << 20;  ///< a part is ended at this size
  RowLimits group_rows;                ///< of parts by groups
  uint64_t epoch = 0;                  ///< of `_version`
};

struct Job {
  FlushId flush;
  const memtable::Frozen* rows = nullptr;
  const Layout* layout = nullptr;
  std::function<bool()> cancelled;  ///< asked between chunks
  /// All rows by device, in the order of groups (memtable::Devices::arrange): a part holds one.
  /// Null: parts hold any.
  const std::vector<memtable::DeviceRows>* devices = nullptr;
};

/// All parts or none. Runs on the calling thread, and on threads that end before it returns.
/// kCancelled; else the bucket's and writer's errors.
Result<std::vector<part::Meta>> flush(Runtime& runtime, Bucket& bucket, const Job& job);

struct Outcome {
  std::vector<part::Meta> parts;           ///< of the partitions that have all of theirs
  std::vector<PartitionFailure> failures;  ///< one of each other partition, by their order
};
/// The same, but a partition whose parts could not be put (kIo, kFull, kBusy) holds up no other. An
/// error: none was put, or so many failed that the bucket is to blame.
Result<Outcome> flush_each(Runtime& runtime, Bucket& bucket, const Job& job);

/// Removes parts that no table names and never will; best effort (a sweeper finds what is left).
void discard(Bucket& bucket, const std::vector<part::Meta>& parts);

}  // namespace sluice::flush
