// A world of an AtomicFlushWriter: everything that follows from one seed. Small flushes, several
// lives, and the crashes that are looked into on the way: every operation of a short life.
//
// A crash is looked into as in world.h: the clone is opened again, perhaps with faults, damaged
// parts and a crash in the middle of its recovery, and in the end without faults: then what was
// prepared is settled, and the oracle decides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/world.h"

namespace sluice::sim {

WorldReport run_flush_world(const WorldOptions& options);

}  // namespace sluice::sim
