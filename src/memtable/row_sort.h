// RowSort: the rows of runs in the order of a part: by partition, key and time; the last write of a
// key and time wins. Rows of a table without key keep the order of the log where partition and time
// are equal.
//
// Steps: 1 number the rows by partition and key, as these are met  2 sort the keys  3 deal the rows
// out by number: those of a key keep the order in which they came, mostly that of time already
// 4 key by key: sort by time what is not, drop what was replaced. Where so many rows have a key of
// their own that numbering them gains nothing, they are numbered by partition alone and step 4
// compares keys as well.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "memtable/buffer.h"
#include "memtable/row_keys.h"
#include "model/partition.h"
#include "sluice/options.h"

namespace sluice::memtable {

/// Rows [first, first + count) of the order belong to one partition.
struct PartitionRows {
  model::PartitionTuple values;
  size_t first = 0;
  size_t count = 0;
};

/// Sorts when it is made. One thread. At its peak 32 bytes a row and what a model::Partitioner
/// holds; what is left is 16 bytes a row.
class RowSort {
 public:
  struct Row {
    uint64_t word;  ///< of no use outside
    RowRef at;
  };

  /// Every run fits the table. Fewer than 2^32 rows.
  RowSort(const std::vector<Run>& runs, const TableSpec& spec);

  std::unique_ptr<Row[]> take_order() { return std::move(order_); }
  size_t rows() const { return rows_; }            ///< after the last write won
  uint64_t replaced() const { return replaced_; }  ///< rows that lost
  std::vector<PartitionRows> take_partitions() { return std::move(partitions_); }

 private:
  /// The rows of one partition, and of one key while keys are numbered.
  struct Group {
    uint32_t partition = 0;
    RowRef first;
    std::string_view value;  // the first of its key
  };
  struct Slot {
    uint32_t tag = 0;         // the hash's upper half; the lower half is the place
    uint32_t next_group = 0;  // 0: empty
  };

  std::vector<model::PartitionTuple> number_rows();
  uint32_t group_of(uint32_t partition, RowRef at);
  uint32_t group_of_key(uint32_t partition, RowRef at);
  uint32_t add_group(Group group);
  uint64_t hash(const Group& group) const;
  void grow();
  void number_by_partition();
  std::vector<uint32_t> place_partitions(std::vector<model::PartitionTuple> tuples);
  std::vector<uint32_t> rank_groups(const std::vector<uint32_t>& places);
  void deal_rows(const std::vector<uint32_t>& ranked);
  void set_words(uint32_t run);
  void survey_rows();
  bool is_settled(size_t begin, size_t end) const;
  void settle(size_t begin, size_t end, PartitionRows& partition);
  void sort(size_t begin, size_t end);
  int64_t time_of(RowRef at) const;
  bool is_replaced(const Row& row, const Row& next) const;

  const std::vector<Run>& runs_;
  const TableSpec& spec_;
  RowKeys keys_;
  std::vector<ColumnView> times_;  // by run; empty if the table has no time
  std::vector<uint32_t> numbers_;  // of the rows' groups
  std::vector<Group> groups_;
  std::vector<size_t> ends_;  // by group: its rows so far, later where they end in the order
  std::vector<Slot> slots_;   // of groups; a power of two, at most half full, probed in line
  size_t groups_max_ = 0;
  bool by_key_ = false;          // the groups are of keys
  std::vector<uint64_t> words_;  // of the rows of the run at hand
  std::unique_ptr<Row[]> order_;
  size_t rows_ = 0;
  uint64_t replaced_ = 0;
  std::vector<PartitionRows> partitions_;
};

}  // namespace sluice::memtable
