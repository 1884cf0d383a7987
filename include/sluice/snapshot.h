// Snapshot: one consistent, immutable view of a table, and the queries over it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "sluice/options.h"
#include "sluice/period.h"
#include "sluice/result.h"

namespace sluice {

struct TableDescription {
  TableName name;
  TableSpec spec;
  std::string location;      ///< address of the table for other programs
  std::string metadata;      ///< address of its newest metadata file
  uint64_t version = 0;      ///< metadata version
  uint64_t snapshot_id = 0;  ///< 0: no snapshot yet
  uint64_t snapshots = 0;
  uint64_t parts = 0;
  uint64_t stored_rows = 0;  ///< rows in parts, superseded ones included
  uint64_t stored_bytes = 0;
  uint64_t unflushed_rows = 0;
  Nanos last_commit_wall_time = 0;  ///< 0: never
  /// Why the table takes no rows. Of a table that cannot be read, only this and the name are known.
  std::optional<Error> trouble;
};

/// One value of a row, or a literal of a predicate.
struct Value {
  Type type = Type::kNull;
  bool boolean = false;
  int64_t int64 = 0;  ///< long; timestamp in nanoseconds
  double real = 0;
  std::string bytes;  ///< string and binary
  bool is_null() const { return type == Type::kNull; }
};

/// A filter over rows, with SQL's three-valued logic: a row passes when the predicate is true.
struct Predicate {
  enum class Op : uint8_t { kAnd, kOr, kNot, kEq, kNe, kLt, kLe, kGt, kGe, kIsNull, kIsNotNull };
  Op op = Op::kAnd;
  std::vector<Predicate> operands;  ///< of kAnd, kOr (two or more), kNot (one)
  std::string column;               ///< of the others
  Value value;                      ///< of the comparisons
};
/// `temp > 20 and (city = 'Oslo' or not wet = true) and note is not null`: SQL spelling, names
/// optionally in double quotes, strings in single quotes. kInvalid: found() is the offset of what
/// was not understood.
Result<Predicate> parse_predicate(std::string_view text);

struct Aggregate {
  enum class Function : uint8_t { kCount, kSum, kAvg, kMin, kMax, kFirst, kLast };
  Function function = Function::kCount;
  std::string column;  ///< empty for count(*)
  std::string label;   ///< as the user wrote it: "avg(x)"
};
/// "count(*),avg(x)".
Result<std::vector<Aggregate>> parse_aggregates(std::string_view text);

/// One term of an order. Nulls come last in both directions; a NaN is greater than every number;
/// strings and binary are in the order of their bytes.
struct OrderTerm {
  enum class Direction : uint8_t { kAscending, kDescending };
  /// A column; or, where the table has none of that name, "time" for its time column or "key" for
  /// its key columns.
  std::string column;
  Direction direction = Direction::kAscending;
  friend bool operator==(const OrderTerm&, const OrderTerm&) = default;
};
/// "time:desc,temp,\"odd name\":asc"; also the label of an aggregate: "avg(x):desc".
Result<std::vector<OrderTerm>> parse_order(std::string_view text);

inline constexpr uint64_t kQueryMemoryDefault = 64ull << 20;
inline constexpr uint64_t kQueryMemoryMin = 1ull << 20;

struct ScanOptions {
  std::vector<std::string> columns;  ///< empty: all, in table order
  std::optional<Predicate> where;
  std::optional<Nanos> from;  ///< time column >= from
  std::optional<Nanos> to;    ///< time column < to
  /// Empty: the order of the cursor. Rows that it does not tell apart are in the order of the scan.
  std::vector<OrderTerm> order;
  uint64_t limit = UINT64_MAX;          ///< rows of the result
  uint64_t limit_per_key = UINT64_MAX;  ///< the first so many rows of each key, by `order`
  /// What ordering, grouping and limits per key may hold, besides what a scan needs to read. Where
  /// rows or groups are more than that the table is read again for the rest, as often as needed.
  uint64_t memory_bytes = kQueryMemoryDefault;
};

/// What rows are summed up to. One row of the result for each bucket and each combination of values
/// in `by` that there are rows of: nulls are a value of their own, and all NaNs one. Without
/// `every` and `by` there is always exactly one row.
struct Grouping {
  std::vector<Aggregate> aggregates;
  std::optional<Period> every;  ///< of the time column
  std::string zone = "UTC";     ///< whose calendar `every` follows
  std::vector<std::string> by;  ///< columns; "key" as in an order
};

/// Rows in order of (partition, key, time), or of (partition, time) without a key. Not thread-safe.
class Cursor {
 public:
  virtual ~Cursor() = default;
  /// The next rows (1 to 8192), or nothing at the end. After an error every call returns that
  /// error.
  virtual Result<std::optional<Batch>> next() = 0;
  virtual const SchemaPtr& schema() const = 0;
};

/// An earlier state of a table: a snapshot by its id or its tag, or the one that was current at a
/// time, rollbacks counted. When that one has expired, no other is taken instead.
struct AsOf {
  std::optional<uint64_t> snapshot_id;  ///< or else:
  Nanos time = 0;
  std::string tag = {};  ///< not empty: this counts
};
/// Digits alone are an id, `tag:NAME` is a tag, anything else a time.
Result<AsOf> parse_as_of(std::string_view text);

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual const TableDescription& table() const = 0;
  /// The cursor must not outlive the snapshot. kInvalid (kUnknownColumn, kTypeMismatch,
  /// kMissingColumn) names the column.
  virtual Result<std::unique_ptr<Cursor>> scan(const ScanOptions& options) = 0;
  /// Columns: the time column with the beginning of the bucket, if there are any; those of `by`;
  /// one per aggregate, named by its label. Rows in that order, ascending, unless `options.order`
  /// names another of these columns. `limit` counts these rows; `columns` and `limit_per_key` must
  /// be unset. The cursor must not outlive the snapshot.
  virtual Result<std::unique_ptr<Cursor>> aggregate(const Grouping& grouping,
                                                    const ScanOptions& options) = 0;
};

}  // namespace sluice
