// Seeing: what the engine tells of itself, gathered from its lanes.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/lanes.h"
#include "sluice/status.h"

namespace sluice::engine {

/// Engine::pending(). Under the lanes' monitor.
std::vector<PartitionStatus> pending_partitions(const Lanes& lanes, Nanos now, size_t limit);

/// What the lanes know of Engine::status(). Under their monitor.
void fill(const Lanes& lanes, Nanos now, EngineStatus& status);

}  // namespace sluice::engine
