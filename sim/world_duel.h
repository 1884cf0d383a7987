// A duel: two engines that both believe to own a table.
//
// One writes, and may fall asleep in the middle of a commit. The other starts from a copy of the
// first one's disk, or without a log, on the same bucket; somebody may tidy up old versions of the
// metadata. Then the first one wakes up. One of them must stop with kFenced, and every row that was
// acknowledged is in the table or still in the log of the one that stopped.
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
