// Buffer: the rows of one table that are in the log but not yet in a part, in the order of the log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/runtime.h"

namespace sluice::memtable {

/// One applied batch and where it came from. Copying copies handles.
struct Run {
  Batch batch;
  uint64_t lsn = 0;
  std::shared_ptr<const std::string> source;  ///< null: none
  uint64_t position = 0;                      ///< of the source, after this batch
};

/// Memory that a run costs until it is released: its bytes, and its rows in the index that sorts
/// them.
inline constexpr uint64_t kIndexBytesPerRow = 32;
inline constexpr uint64_t kRunBytes = 128;
inline uint64_t charge(const Batch& batch) {
  return batch.bytes().size() + batch.rows() * kIndexBytesPerRow + kRunBytes;
}

/// Not thread-safe: the owner guards it. Runs are immutable, so a copy of runs() may be read by
/// anyone.
class Buffer {
 public:
  /// LSNs must rise; anything else is a bug. `now` is monotonic.
  void append(Run run, Nanos now);
  /// Forgets the runs for which `covered` is true; what remains keeps its order and age.
  template <class Covered>
  void drop(Covered covered) {
    Buffer kept;
    for (Run& run : runs_) {
      if (!covered(run)) kept.append(std::move(run), oldest_);
    }
    *this = std::move(kept);
  }
  bool empty() const { return runs_.empty(); }
  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }  ///< the sum of charge()
  uint64_t first_lsn() const { return runs_.front().lsn; }
  uint64_t last_lsn() const { return runs_.back().lsn; }
  Nanos oldest() const { return oldest_; }  ///< when the first run was appended
  const std::vector<Run>& runs() const { return runs_; }

 private:
  std::vector<Run> runs_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  Nanos oldest_ = 0;
};

}  // namespace sluice::memtable
