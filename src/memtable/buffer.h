// Buffer: the rows of one table that are in the log but not yet in a part, in the order of the log,
// counted by partition.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/share.h"
#include "sluice/batch.h"
#include "sluice/runtime.h"

namespace sluice::memtable {

/// Rows of one applied batch, and where it came from. Copying copies handles.
struct Run {
  Batch batch;
  uint64_t lsn = 0;
  std::shared_ptr<const std::string> source = nullptr;  ///< null: none
  uint64_t position = 0;                                ///< of the source, after this batch
  /// The run's rows are those of the batch that lie in these partitions; empty: all of them.
  std::vector<Share> shares = {};
  /// The memory that the batch was accounted for; freed with the last copy. May be null.
  std::shared_ptr<const void> held = nullptr;

  uint64_t rows() const;
};

/// Memory that a run costs until it is released: its bytes, and its rows in the index that sorts
/// them.
inline constexpr uint64_t kIndexBytesPerRow = 32;
inline constexpr uint64_t kRunBytes = 128;
inline uint64_t charge(const Batch& batch) {
  return batch.bytes().size() + batch.rows() * kIndexBytesPerRow + kRunBytes;
}

/// When rows of a partition have waited long enough, and how many may wait.
struct Patience {
  uint64_t rows_max = UINT64_MAX;
  Nanos age_max = kForever;
};

/// What a buffer holds of one partition.
struct Pending {
  std::shared_ptr<const PartitionId> partition;
  uint64_t rows = 0;
  uint64_t first_lsn = 0;
  Nanos oldest = 0;      ///< when the first of them was applied
  Nanos due = kForever;  ///< when they have waited long enough
};
using PendingMap = std::map<std::string, Pending, std::less<>>;  ///< by the partition's name

/// Not thread-safe: the owner guards it. Batches are immutable, so a copy of runs() may be read by
/// anyone.
class Buffer {
 public:
  explicit Buffer(Patience patience = {}) : patience_(patience) {}

  /// LSNs must rise, and every run has shares; anything else is a bug. `now` is monotonic.
  void append(Run run, Nanos now);
  /// The partition's rows are due at `at`, if they are not earlier.
  void hurry(const std::string& partition, Nanos at);

  /// The rows of the partitions that `wanted` says yes to leave.
  std::vector<Run> take(const std::function<bool(const Pending&)>& wanted);
  /// Takes back what was taken, under the ages that it had.
  void put_back(std::vector<Run> runs, const PendingMap& ages);
  /// Forgets the shares for which `covered` is true; what remains keeps its order and age.
  void drop(const std::function<bool(const Run&, const Share&)>& covered);

  bool empty() const { return runs_.empty(); }
  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }  ///< the sum of charge()
  uint64_t first_lsn() const { return runs_.front().lsn; }
  uint64_t last_lsn() const { return runs_.back().lsn; }
  const std::vector<Run>& runs() const { return runs_; }
  const PendingMap& partitions() const { return partitions_; }
  /// No partition is due by age before, or has more rows than one may have. Never too late.
  Nanos next_due() const { return next_due_; }

 private:
  Nanos due_at(const Pending& pending) const;
  void recount(const PendingMap& ages);
  void sum_up();

  Patience patience_;
  std::vector<Run> runs_;
  PendingMap partitions_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  Nanos next_due_ = kForever;
};

}  // namespace sluice::memtable
