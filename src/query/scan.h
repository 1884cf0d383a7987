// Scan: the rows of a table, merged from its parts and its unflushed rows, filtered, in order.
//
// Partition by partition, in the order of their values. Steps of a partition: 1 open its parts and
// its unflushed rows as sorted streams, skipping what cannot pass (prune.h)  2 merge: the last
// write wins 3 filter, for only now is it known which version of a row counts. Rows without key and
// time have no order between parts: there each part is a partition of its own, in the order of
// commits; and so are rows without key for those who do not ask for their order.
//
// Memory: a part is read from when the merge comes to its least value in the first column of the
// order until its rows end. The parts of a partition share 32 MiB of bytes read ahead, 262,144 rows
// in batches, 32 MiB of text in them, and one decompressor. These shares end at 4 KiB a column and
// 64 rows a part. What is not shared: each part that is read from holds its footer and, for every
// column, a page (ours are 64 KiB), a dictionary (ours have at most 512 KiB of values) and 1024
// decoded rows, so that what a scan holds grows with the parts that overlap: by about 0.1 MiB a
// part and column, and by up to 1 MiB more where a dictionary is full.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "memtable/gatherer.h"
#include "part/meta.h"
#include "part/reader.h"
#include "query/live_parts.h"
#include "query/merge.h"
#include "query/partition_filter.h"
#include "query/prune.h"
#include "query/row_key.h"
#include "sluice/io.h"
#include "sluice/snapshot.h"
#include "table/metadata.h"

namespace sluice::query {

/// What a scan will do, decided before anything is read.
struct Plan {
  SchemaPtr output;                            ///< what the user asked for
  SchemaPtr input;                             ///< columns of output, filter and order
  std::vector<part::ReadColumn> read_columns;  ///< of `input`
  Order order;                                 ///< of the streams
  std::optional<Predicate> filter;             ///< bound
  std::vector<SortColumn> sort;                ///< what the user wants, of `input`
  PartitionFilter partitions;                  ///< by `filter`
  OrderTerm::Direction direction = OrderTerm::Direction::kAscending;  ///< of the partitions
  std::vector<part::Range> ranges;
};

/// The same order by names of `columns` alone. kInvalid (kUnknownColumn).
Result<std::vector<OrderTerm>> expand_order(const std::vector<OrderTerm>& order,
                                            const std::vector<Field>& columns,
                                            const TableSpec& spec);

/// Of the options: the columns, the filter, the times and the order. kInvalid: kUnknownColumn,
/// kTypeMismatch, kMissingColumn (`from` or `to` without a time column).
Result<Plan> plan_scan(const table::Metadata& metadata, const ScanOptions& options);
/// For those who do not mind how rows are ordered: where no row replaces another, parts need not be
/// read together.
void forget_order(Plan& plan);
/// Whether a scan yields the rows in the order that the user wants.
bool is_in_order(const Plan& plan, const TableSpec& spec);

/// Where the rows are. Everything outlives those who read.
struct Contents {
  Bucket& bucket;
  const table::Metadata& metadata;
  LiveParts& parts;
  const memtable::Frozen& unflushed;
  uint64_t epoch = 0;  ///< of the unflushed rows
};

/// Rows of one batch that passed the filter.
struct Passed {
  Batch batch;                                ///< of the plan's input
  std::vector<ColumnView> columns;            ///< of the batch
  std::optional<std::vector<uint32_t>> rows;  ///< ascending; absent: all
  uint32_t count() const { return rows ? static_cast<uint32_t>(rows->size()) : batch.rows(); }
  uint32_t row(uint32_t at) const { return rows ? (*rows)[at] : at; }
};

Passed make_passed(Batch batch);

/// One thread. The same plan over the same contents yields the same rows in the same order.
class Scan {
 public:
  /// Partitions before `first_partition` are left out. The plan outlives the scan.
  static Result<std::unique_ptr<Scan>> open(const Contents& contents, const Plan& plan,
                                            size_t first_partition = 0);
  virtual ~Scan() = default;
  /// The next rows, at least one, or nothing at the end. After an error it is useless.
  virtual Result<std::optional<Passed>> next() = 0;
  /// The partition that the last rows came from, counted from 0 in the order of the plan.
  virtual size_t partition() const = 0;
  /// No row of it, nor of those that come after it in an ascending plan, is before that time;
  /// nothing if the partitions are not in the order of time.
  virtual std::optional<Nanos> start() const = 0;
};

/// A scan as the user sees it: projected, and ended by a limit. The plan is the cursor's.
Result<std::unique_ptr<Cursor>> open_cursor(const Contents& contents, Plan plan, uint64_t limit);

}  // namespace sluice::query
