// GatherAhead: takes rows out of a Frozen and, while the caller encodes them, the next ones on a
// thread of its own: gathering waits for memory, encoding for the processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "memtable/gatherer.h"
#include "sluice/runtime.h"

namespace sluice::flush {

/// One thread calls. The Frozen outlives it. Memory: two batches of memtable::kGatherBytes.
class GatherAhead {
 public:
  GatherAhead(Runtime& runtime, const memtable::Frozen& frozen, SchemaPtr columns, uint64_t epoch);
  ~GatherAhead();
  GatherAhead(const GatherAhead&) = delete;
  GatherAhead& operator=(const GatherAhead&) = delete;

  struct Range {
    size_t first = 0;
    size_t end = 0;
  };
  /// The first rows of a range that is not empty: at most `count`, or fewer (at least one) as
  /// Gatherer::rows, whose errors it has. It is best followed by a call for the rest of the range.
  Result<Batch> rows(Range range, size_t count);

 private:
  void gather_next(Range rest, size_t count);
  std::optional<Result<Batch>> take(size_t first);
  void work();

  Runtime& runtime_;
  const std::unique_ptr<Monitor> monitor_;
  memtable::Gatherer gatherer_;  // the thread's own while `wanted_` is not empty
  Range wanted_;
  size_t gathered_from_ = 0;
  std::optional<Result<Batch>> gathered_;
  bool ended_ = false;
  std::unique_ptr<Thread> thread_;  // none until a range has more rows than one batch
};

}  // namespace sluice::flush
