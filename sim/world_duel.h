// A duel: two engines that both believe to own a table.
//
// One writes, and may fall asleep in the middle of a flush or of its commit. The other starts from
// a copy of the first one's disk, or without a log, on the same bucket. It may sweep, hours or days
// later, before or after it commits, so that the first one's objects, or the version that it was
// about to put, are swept; somebody may tidy up all old versions. Then the first one wakes up. One
// of them must stop with kFenced, every row that was acknowledged is in the table or still in the
// log of the one that stopped, and the table names nothing that is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/options.h"

namespace sluice::sim {

struct DuelPlan {
  uint64_t seed = 0;
  EngineOptions engine;
};

struct DuelReport {
  std::optional<std::string> violation;
  std::vector<std::string> tape;
  uint64_t operations = 0;
  uint64_t hash = 0;
};

DuelReport run_duel(const DuelPlan& plan, bool wants_tape);

}  // namespace sluice::sim
