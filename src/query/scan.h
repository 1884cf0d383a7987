// Scan: the rows of a table, merged from its parts and its unflushed rows, filtered, in order.
//
// Partition by partition, in the order of days. Steps of a partition: 1 open its parts and its
// unflushed rows as sorted streams, skipping what cannot pass (prune.h)  2 merge: the last write
// wins 3 filter, for only now is it known which version of a row counts  4 project. Rows without
// key and time have no order between parts: there each part is a step of its own, in the order of
// commits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "memtable/frozen.h"
#include "part/meta.h"
#include "part/reader.h"
#include "query/merge.h"
#include "query/prune.h"
#include "sluice/io.h"
#include "sluice/snapshot.h"
#include "table/metadata.h"

namespace sluice::query {

/// What a scan will do, decided before anything is read.
struct Plan {
  SchemaPtr output;
  SchemaPtr input;                             ///< columns of output, filter and order
  std::vector<part::ReadColumn> read_columns;  ///< of `input`
  Order order;                                 ///< of the streams
  std::optional<Predicate> filter;             ///< bound
  Interval days;                               ///< of the time column
  std::vector<part::Range> ranges;
  uint64_t limit = UINT64_MAX;
};

/// kInvalid: kUnknownColumn, kTypeMismatch, kMissingColumn (`from` or `to` without a time column).
Result<Plan> plan_scan(const table::Metadata& metadata, const ScanOptions& options);

/// Where the rows are. Everything outlives the cursor.
struct Contents {
  Bucket& bucket;
  const table::Metadata& metadata;
  const std::vector<part::Meta>& parts;  ///< in the order of commits
  const memtable::Frozen& unflushed;
  uint64_t epoch = 0;  ///< of the unflushed rows
};

Result<std::unique_ptr<Cursor>> open_cursor(const Contents& contents, Plan plan);

}  // namespace sluice::query
