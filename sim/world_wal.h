// A world of a SegmentedWal: everything that follows from one seed. Writers, a GroupCommitter,
// readers that follow, truncations with an archive, keys that turn, a close in the midst of it, on
// a disk with all its faults; several lives, and the crashes that are looked into on the way.
//
// A crash is looked into as in world.h: the clone is opened again, perhaps with faults, clients and
// a crash of its own, and in the end without faults: then the oracle decides, twice.
#pragma once

#include "sim/world.h"

namespace sluice::sim {

WorldReport run_wal_world(const WorldOptions& options);

}  // namespace sluice::sim
