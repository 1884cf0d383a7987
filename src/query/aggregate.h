// Aggregation: many rows → one. Nulls are ignored; of no values the count is 0 and the rest null.
//
//   count(*), count(x)   long
//   sum(x)               long of longs, exact or an error; double of doubles
//   avg(x)               double, of longs and doubles
//   min(x), max(x)       the type of the column, any
//
// A NaN makes sum and avg NaN; min and max ignore it, unless there is nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/result.h"
#include "sluice/snapshot.h"

namespace sluice::query {

class Aggregation {
 public:
  /// kInvalid: no aggregate, kUnknownColumn, kTypeMismatch.
  static Result<Aggregation> make(const std::vector<Aggregate>& aggregates,
                                  const std::vector<Field>& columns);

  /// The columns that add() needs, at least one.
  std::vector<std::string> columns() const;
  void add(const Batch& batch);
  /// One row; columns are named by the labels. kInvalid (kOutOfRange): a sum is no long.
  Result<Batch> finish() const;

 private:
  /// What one aggregate knows of the rows so far.
  struct Cell {
    Aggregate aggregate;
    Type type = Type::kNull;  ///< of the column
    uint64_t count = 0;
    __int128 whole = 0;  ///< sum of longs: 2^64 of them fit
    double real = 0;     ///< sum of doubles
    Value extreme;       ///< least or greatest; null: none yet
    Type result_type() const;
    void add(const ColumnView& view);
    void add_sum(const ColumnView& view);
    void add_extreme(const ColumnView& view);
    Status write(BatchBuilder& out, size_t column) const;
  };

  std::string any_column_;  // counts rows where no aggregate names one
  std::vector<Cell> cells_;
};

}  // namespace sluice::query
