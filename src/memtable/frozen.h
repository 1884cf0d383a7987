// Frozen: an immutable set of runs in the order of a part: by partition, key and time; the last
// write of a key wins. For parts by groups of devices: by partition, group, key and time
// (device_rows.h).
//
// Order of values: false < true, integers and timestamps by number, strings and binary by bytes.
// Rows of a table without key keep the order of the log where partition and time are equal.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "memtable/buffer.h"
#include "memtable/row_sort.h"
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
  using Partition = PartitionRows;

  /// Sorts. Takes about kIndexBytesPerRow bytes a row, and what a model::Partitioner holds, freed
  /// with the object. Every run must fit the table (model/schema.h check_batch_fits); anything else
  /// is a bug. Fewer than 2^32 rows.
  Frozen(std::vector<Run> runs, const TableSpec& spec);

  uint64_t rows() const { return rows_; }               ///< after the last write won
  uint64_t rows_replaced() const { return replaced_; }  ///< rows that lost
  const std::vector<Partition>& partitions() const { return partitions_; }
  /// Timestamp columns of the spec that hold a remainder below a microsecond, by index.
  const std::vector<bool>& has_nanos() const { return has_nanos_; }

 private:
  friend class Gatherer;
  friend class Devices;
  void find_nanos(const TableSpec& spec);

  std::vector<Run> runs_;
  std::unique_ptr<RowSort::Row[]> order_;
  size_t rows_ = 0;
  std::vector<Partition> partitions_;
  std::vector<bool> has_nanos_;
  uint64_t replaced_ = 0;
};

}  // namespace sluice::memtable
