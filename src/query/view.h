// View: everything that a snapshot reads from, immutable; and the snapshot over it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "memtable/buffer.h"
#include "sluice/io.h"
#include "sluice/snapshot.h"
#include "table/committer.h"

namespace sluice::query {

struct View {
  TableName name;
  table::HeadPtr head;              ///< its current snapshot's parts
  std::vector<memtable::Run> runs;  ///< rows that are not in those parts, in the order of the log
  uint64_t epoch = 0;               ///< of the runs' versions: at least the head's
};

/// The table as a kept snapshot has it: its rows and its columns. kNotFound names those that are
/// kept.
Result<table::HeadPtr> head_as_of(const table::Head& newest, const AsOf& as_of);

/// What the head says of the table, unflushed rows excluded.
TableDescription describe(const Bucket& bucket, const TableName& name, const table::Head& head);

/// Nothing is read before the first scan; each manifest is read once.
std::unique_ptr<Snapshot> make_snapshot(Bucket& bucket, View view);

}  // namespace sluice::query
