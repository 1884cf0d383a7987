// A duel of two AtomicFlushWriters over one table.
//
// One may fall asleep in the middle of a commit. The other starts from a copy of the first one's
// disk, or from an empty one, settles what it finds, and writes. Then the first one wakes up. One
// of them must be refused, and each flush is in the table once, or not, as it was answered.
#pragma once

#include <cstdint>

#include "sim/workload_flush.h"
#include "sim/world_duel.h"

namespace sluice::sim {

DuelReport run_flush_duel(const FlushShape& shape, uint64_t seed, bool wants_tape);

}  // namespace sluice::sim
