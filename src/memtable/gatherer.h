// Gatherer: rows of a Frozen, taken out in its order as batches.
#pragma once

#include <cstdint>
#include <vector>

#include "memtable/frozen.h"
#include "model/codec.h"
#include "sluice/batch.h"

namespace sluice::memtable {

inline constexpr uint64_t kGatherBytes = 4ull << 20;

/// Takes rows out of a Frozen, which outlives it. One thread. Holds views of up to kViewsMax
/// columns of runs.
class Gatherer {
 public:
  /// `columns` are found by name; a column that a run lacks is null. A column named kVersionColumn
  /// gets make_version(epoch, LSN of the row).
  Gatherer(const Frozen& frozen, SchemaPtr columns, uint64_t epoch);
  /// The rows from `first` on: `count` (at most 65536) of them, or fewer (at least one) where a
  /// batch of them would exceed kGatherBytes, or where they lie in so many runs that views of all
  /// columns would exceed kViewsMax.
  Result<Batch> rows(size_t first, size_t count);
  static constexpr size_t kViewsMax = 1u << 16;

 private:
  /// A row by the slot of its run.
  struct Place {
    uint32_t slot;
    uint32_t row;
  };
  void resolve(size_t first, size_t count);
  void add_slot(uint32_t run);
  /// A column of the run in the slot.
  const ColumnView& view(size_t slot, size_t column) const {
    return views_[slot * columns_->size() + column];
  }
  bool is_version(size_t column) const;
  model::ColumnShape shape_of(size_t column) const;
  void fill(size_t column, model::Encoding::Space space);
  void fill_validity(size_t column, uint64_t* validity) const;
  void fill_versions(std::byte* values) const;
  void fill_texts(size_t column, model::Encoding::Space space) const;
  template <class T>
  void fill_values(size_t column, std::byte* values);

  const Frozen& frozen_;
  SchemaPtr columns_;
  uint64_t epoch_;
  // Runs that were touched, their views kept from batch to batch.
  std::vector<uint32_t> slot_of_run_;
  std::vector<uint32_t> run_of_slot_;
  std::vector<ColumnView> views_;  // [slot][column]
  std::vector<bool> may_be_null_;  // by column: in some run of a slot
  // The batch at hand.
  std::vector<Place> places_;
  std::vector<const std::byte*> bases_;  // by slot: the values of the column at hand
};

}  // namespace sluice::memtable
