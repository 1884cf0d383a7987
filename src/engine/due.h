// Due: which partitions are to be flushed, and when. Decisions only: it starts nothing.
//
// A partition is due   by rows or age (memtable::Patience), or because its rows are cold
//                      because the log ended a segment that holds rows of it
//                      because it pins the oldest of too many segments
//                      because somebody waits for it
// All of a table are   when the table holds so many bytes, or when memory runs short and it holds
//                      the most
// Guarded by the lanes' monitor.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/lanes.h"

namespace sluice::engine {

class Due {
 public:
  explicit Due(const EngineOptions& options) : options_(options) {}

  /// Whether some partition with rows is in no cut, and one more is allowed.
  bool can_freeze(const Lane& lane) const;
  /// Whether something of the lane may be due; `of_all`: the lane has to give memory back.
  bool has_due(const Lane& lane, Nanos now, bool of_all) const;
  /// Freezes what is due of the lane; null: nothing that is not in a cut.
  const Cut* freeze(Lane& lane, uint64_t applied_lsn, Nanos now, bool of_all) const;
  /// Failed cuts of the lane whose time has come again.
  std::vector<Cut*> again(Lane& lane, Nanos now) const;
  /// Nothing of the lane is due before, unless something is said or applied.
  Nanos next(const Lane& lane, Nanos now) const;

 private:
  const EngineOptions options_;
};

}  // namespace sluice::engine
