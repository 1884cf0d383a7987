// Frozen: an immutable set of runs in the order of a part: by partition, key and time; the last
// write of a key wins.
//
// Order of values: false < true, integers and timestamps by number, strings and binary by bytes.
// Rows of a table without key keep the order of the log where partition and time are equal.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "memtable/buffer.h"
#include "model/partition.h"
#include "sluice/batch.h"
#include "sluice/options.h"

namespace sluice::memtable {

/// epoch and LSN in one number: the order in which writes of one key win. 23 bits of epoch, 40 bits
/// of LSN.
inline constexpr int kVersionLsnBits = 40;
inline constexpr uint64_t kLsnMax = (1ull << kVersionLsnBits) - 1;
inline constexpr uint64_t kEpochMax = (1ull << 23) - 1;
int64_t make_version(uint64_t epoch, uint64_t lsn);
inline constexpr std::string_view kVersionColumn = "_version";

class Frozen {
 public:
  /// Rows [first, first + count) of the order belong to one partition.
  struct Partition {
    model::PartitionTuple values;
    size_t first = 0;
    size_t count = 0;
  };

  /// Sorts. Takes about kIndexBytesPerRow bytes a row, and what a model::Partitioner holds, freed
  /// with the object. Every run must fit the table (model/schema.h check_batch_fits); anything else
  /// is a bug. Fewer than 2^32 runs.
  Frozen(std::vector<Run> runs, const TableSpec& spec);

  uint64_t rows() const { return order_.size(); }       ///< after the last write won
  uint64_t rows_replaced() const { return replaced_; }  ///< rows that lost
  const std::vector<Partition>& partitions() const { return partitions_; }
  /// Timestamp columns of the spec that hold a remainder below a microsecond, by index.
  const std::vector<bool>& has_nanos() const { return has_nanos_; }

 private:
  friend class Gatherer;
  struct Row {
    uint32_t partition;  // in their order, once they are sorted
    uint32_t run;
    uint32_t row;
    uint64_t prefix;
    int64_t time;
  };
  void collect(const TableSpec& spec);
  void order_partitions(std::vector<model::PartitionTuple> tuples);
  void find_nanos(const TableSpec& spec);
  void sort_rows();
  void drop_replaced();
  void count_partitions();
  int compare_keys(const Row& a, const Row& b) const;

  std::vector<Run> runs_;
  std::vector<std::vector<ColumnView>> keys_;  // [key column][run]
  std::vector<Row> order_;
  std::vector<Partition> partitions_;
  std::vector<bool> has_nanos_;
  uint64_t replaced_ = 0;
  bool prefix_is_key_ = false;
};

inline constexpr uint64_t kGatherBytes = 4ull << 20;

/// Takes rows out of a Frozen, which outlives it. One thread.
class Gatherer {
 public:
  /// `columns` are found by name; a column that a run lacks is null. A column named kVersionColumn
  /// gets make_version(epoch, LSN of the row).
  Gatherer(const Frozen& frozen, SchemaPtr columns, uint64_t epoch);
  /// The rows from `first` on: `count` (at most 65536) of them, or fewer (at least one) where they
  /// are so long that a batch of them would exceed kGatherBytes.
  Result<Batch> rows(size_t first, size_t count);

 private:
  struct RowRef {
    uint32_t slot;
    uint32_t row;
  };
  void resolve(size_t first, size_t count);
  void gather_column(BatchBuilder& out, size_t column);
  template <class Append>
  void each(BatchBuilder& out, size_t column, Append append) const;

  const Frozen& frozen_;
  SchemaPtr columns_;
  uint64_t epoch_;
  std::vector<uint32_t> slot_of_run_;
  std::vector<uint32_t> touched_;
  std::vector<RowRef> rows_;
  std::vector<ColumnView> views_;
};

}  // namespace sluice::memtable
