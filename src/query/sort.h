// Sort: rows in an order of the user's, within memory, however many they are.
//
// Rows are held with a sort key: the values of the order, then where the row stands in the scan, so
// that no two are equal. Where rows are too many for the memory the greater half is dropped, and
// nothing from the least of those on is taken any more: it is the floor. At the end what is held is
// written; then the input is read again for the rest. A limit drops what it cannot reach, so that a
// short one needs one reading. Where partitions are in the order of its first column, they are
// sorted one by one.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "query/row_key.h"
#include "query/scan.h"
#include "sluice/options.h"
#include "sluice/snapshot.h"

namespace sluice::query {

/// Rows in steps that can be read again: every reading yields the same.
class Reading {
 public:
  virtual ~Reading() = default;
  virtual Result<std::optional<Passed>> next() = 0;
  /// Of the last rows, counted from 0.
  virtual size_t step() const = 0;
};

struct SortInput {
  SchemaPtr schema;
  /// Leaves out the steps before the first that is asked for.
  std::function<Result<std::unique_ptr<Reading>>(size_t first_step)> read;
  bool steps_in_order = false;  ///< no row of a step comes, in the order, before one of an earlier
};

struct SortOptions {
  std::vector<SortColumn> order;
  std::vector<size_t> key;  ///< columns of the input that make the key of limit_per_key
  SchemaPtr output;         ///< some columns of the input
  uint64_t limit = UINT64_MAX;
  uint64_t limit_per_key = UINT64_MAX;
  uint64_t memory_bytes = kQueryMemoryDefault;
};

/// The cursor ends with kInvalid (kOutOfRange) when the keys of a limit per key do not fit in the
/// memory.
std::unique_ptr<Cursor> make_sorted(SortInput input, SortOptions options);

/// The rows of a table by the order of the plan. Takes the limits and the memory of the options.
Result<std::unique_ptr<Cursor>> open_sorted_scan(const Contents& contents, Plan plan,
                                                 const ScanOptions& options);
/// The groups of a table by the order of the options, which names columns of the groups.
Result<std::unique_ptr<Cursor>> open_sorted_groups(const Contents& contents,
                                                   const Grouping& grouping,
                                                   const ScanOptions& options);

}  // namespace sluice::query
