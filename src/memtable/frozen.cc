#include "memtable/frozen.h"

#include <utility>

#include "base/check.h"

namespace sluice::memtable {

int64_t make_version(uint64_t epoch, uint64_t lsn) {
  CHECK(epoch <= kEpochMax && lsn <= kLsnMax);
  return static_cast<int64_t>(epoch << kVersionLsnBits | lsn);
}

Frozen::Frozen(std::vector<Run> runs, const TableSpec& spec) : runs_(std::move(runs)) {
  find_nanos(spec);
  RowSort sort(runs_, spec);
  order_ = sort.take_order();
  rows_ = sort.rows();
  partitions_ = sort.take_partitions();
  replaced_ = sort.replaced();
}

void Frozen::find_nanos(const TableSpec& spec) {
  has_nanos_.assign(spec.columns.size(), false);
  for (size_t column = 0; column < spec.columns.size(); ++column) {
    if (spec.columns[column].type != Type::kTimestamp) continue;
    for (const Run& run : runs_) {
      const auto index = run.batch.schema()->find(spec.columns[column].name);
      if (!index || has_nanos_[column]) continue;
      const ColumnView view = run.batch.column(*index);
      if (view.type == Type::kNull) continue;
      int64_t remainders = 0;
      for (size_t row = 0; row < view.rows; ++row) remainders |= view.int64(row) % kMicrosecond;
      has_nanos_[column] = remainders != 0;
    }
  }
}

}  // namespace sluice::memtable
