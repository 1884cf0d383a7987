// Aggregation: many rows → one value for each aggregate. Nulls are ignored; of no values the count
// is 0 and the rest null.
//
//   count(*), count(x)   long
//   sum(x)               long of longs, exact or an error; double of doubles
//   avg(x)               double, of longs and doubles
//   min(x), max(x)       the type of the column, any
//   first(x), last(x)    the type of the column, any: the value with the least or greatest time; of
//                        equal times the one written first or last, and of rows written in one
//                        batch the one that comes first or last in a scan
//
// A NaN makes sum and avg NaN; min and max ignore it, unless there is nothing else; first and last
// take it as any value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "query/scan.h"
#include "sluice/batch.h"
#include "sluice/options.h"
#include "sluice/result.h"
#include "sluice/snapshot.h"

namespace sluice::query {

/// The aggregates of one query. What they know of rows is kept by the caller, in states.
class Aggregation {
 public:
  /// What one aggregate knows of the rows of one group.
  struct State {
    __int128 whole = 0;   ///< sum of longs, 2^64 of them fit; or a chosen long, time or bool
    double real = 0;      ///< sum of doubles; or a chosen double
    uint64_t count = 0;   ///< values
    Nanos time = 0;       ///< of the chosen value of first and last
    int64_t version = 0;  ///< likewise
    std::string bytes;    ///< a chosen string or binary
  };

  /// kInvalid: no aggregate, kUnknownColumn, kTypeMismatch, kMissingColumn (no time column).
  static Result<Aggregation> make(const std::vector<Aggregate>& aggregates, const TableSpec& spec);

  /// The columns that are needed, each once; maybe none.
  std::vector<std::string> columns() const;
  /// Of the result.
  std::vector<Field> fields() const;
  size_t size() const { return cells_.size(); }
  /// Says where the columns stand in the batches that follow.
  void bind(const Schema& input);

  /// Adds the rows [first, first + count) of those that passed to size() states. Returns by how
  /// many bytes the states have grown.
  int64_t add(std::span<State> states, const Passed& passed, uint32_t first, uint32_t count) const;
  /// One row, in columns `column` and following. kInvalid (kOutOfRange): a sum is no long.
  Status write(std::span<const State> states, BatchBuilder& out, size_t column) const;

 private:
  struct Cell {
    Aggregate aggregate;
    Type type = Type::kNull;  ///< of the column
    std::optional<size_t> column = {};
  };

  std::vector<Cell> cells_;
  std::string time_name_;  // empty: not needed
  std::optional<size_t> time_;
  std::optional<size_t> version_;
};

}  // namespace sluice::query
