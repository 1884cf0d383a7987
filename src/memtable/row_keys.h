// RowKeys: the keys of the rows of runs: which are equal, and which comes first.
//
// Order of values: false < true, integers and timestamps by number, strings and binary by bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "memtable/buffer.h"
#include "sluice/batch.h"
#include "sluice/options.h"

namespace sluice::memtable {

struct RowRef {
  uint32_t run = 0;  ///< by its place among the runs
  uint32_t row = 0;
};

/// Holds views into the runs, which outlive it. One thread.
class RowKeys {
 public:
  /// Every run has the key's columns.
  RowKeys(const std::vector<Run>& runs, const TableSpec& spec);

  bool empty() const { return columns_.empty(); }  ///< the table has no key
  /// The bytes of its value in the key's first column, which lie in the run.
  std::string_view first_value(RowRef at) const;
  /// Of the key, whose first value is known.
  uint64_t hash(std::string_view first_value, RowRef at) const;
  /// Whether the keys are equal where their first values are.
  bool rest_equal(RowRef a, RowRef b) const;
  /// Negative, zero or positive.
  int compare(RowRef a, RowRef b) const;

  /// Every row that prefix() is asked of is shown to this before the first is.
  void survey(RowRef at);
  /// Orders like compare() where two differ; where they are equal the keys may still differ, unless
  /// prefix_is_key().
  uint64_t prefix(RowRef at) const;
  bool prefix_is_key() const { return columns_.size() == 1 && fits_a_word(); }

 private:
  const ColumnView& first(RowRef at) const { return columns_[0][at.run]; }
  /// What the surveyed texts have in common is left out; seven bytes and their count fill a word.
  bool fits_a_word() const { return longest_ - shared_.value_or("").size() <= 7; }

  std::vector<std::vector<ColumnView>> columns_;  // [key column][run]
  bool begins_with_text_ = false;
  // Of the first column's texts that were surveyed.
  std::optional<std::string_view> shared_;  // what all begin with
  size_t longest_ = 0;                      // bytes
};

}  // namespace sluice::memtable
