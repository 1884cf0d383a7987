// Merge: sorted streams of rows → one sorted stream, in which the last write of a row wins.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sluice/batch.h"
#include "sluice/result.h"
#include "sluice/snapshot.h"

namespace sluice::query {

/// Rows in order, a batch at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  /// The next 1 to 8192 rows, or nothing at the end. The columns of the order are never null.
  virtual Result<std::optional<Batch>> next() = 0;
  /// No row has less in the first column of the order; nothing: unknown. A stream that says so is
  /// not asked for rows before the merge has come there.
  virtual std::optional<Value> lower() const { return std::nullopt; }
};

/// How the rows of a stream are sorted, by indexes of columns; values in the order of
/// memtable/frozen.h.
struct Order {
  std::vector<size_t> columns;    ///< key, then time
  std::optional<size_t> version;  ///< of rows equal in `columns` the one with the greatest stays,
                                  ///< and no stream holds two such rows; none: all stay, by stream
};

/// Holds one batch of each stream that it has come to and not to the end of, and what it is about
/// to return. One thread.
class Merge {
 public:
  /// Every stream yields batches of `schema`.
  Merge(SchemaPtr schema, Order order, std::vector<std::unique_ptr<Stream>> streams);

  /// The next 1 to 8192 rows, or nothing at the end. After an error it is useless.
  Result<std::optional<Batch>> next();

 private:
  /// A stream's loaded batch and the first row of it that is still to come.
  struct Head {
    std::unique_ptr<Stream> stream;
    size_t rank = 0;
    std::optional<Value> lower;
    Batch batch;
    std::vector<ColumnView> columns;
    uint32_t row = 0;
  };
  struct Pick {
    const Head* head;
    uint32_t row;
    uint32_t count;
  };
  struct Later;

  Status start();
  Result<bool> load(Head& head);
  Result<bool> advance(Head& head, uint32_t rows);
  Status wake();
  bool is_due(const Head& sleeper, uint32_t row) const;
  Result<bool> settle();
  void next_current();
  Status drop_rival();
  Result<std::optional<Batch>> take_rest();
  bool precedes_rivals(uint32_t row) const;
  uint32_t run_rows() const;
  uint32_t fitting_rows(uint32_t rows) const;
  uint64_t bytes_of_next(uint32_t rows) const;
  void copy_picks();
  int compare(const Head& a, uint32_t row_a, const Head& b, uint32_t row_b) const;
  bool wins_tie(const Head& a, const Head& b) const;

  const SchemaPtr schema_;
  const Order order_;
  std::vector<Head> heads_;
  std::vector<Head*> waiting_;   // a heap, the least in front
  std::vector<Head*> sleeping_;  // not asked for rows yet, the least bound last
  Head* current_ = nullptr;      // at the end: null
  bool started_ = false;
  std::vector<Pick> picks_;  // rows to be copied, of batches still loaded
  BatchBuilder out_;
  uint64_t out_rows_ = 0;  // picks included
  uint64_t out_bytes_ = 0;
};

}  // namespace sluice::query
