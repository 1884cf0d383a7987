// A world: everything that follows from one seed. Options, tables, clients, faults, schedule,
// several lives, and the crashes that are looked into on the way.
//
// A crash is a clone of the durable state after an operation, while the engine runs on. The clone
// is opened again, perhaps with faults and a crash of its own, and in the end without faults: then
// the oracle decides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::sim {

enum class WorldKind : uint8_t {
  kMixed,   ///< engines, and some duels
  kEngine,  ///< one engine after another
  kDuel,    ///< two engines at once: world_duel.h
  kFlush,   ///< an AtomicFlushWriter: world_flush.h
  kWal,     ///< a SegmentedWal: world_wal.h
};

struct WorldOptions {
  WorldKind kind = WorldKind::kMixed;
  uint64_t seed = 1;
  uint32_t crashes_max = 16;  ///< a life: an even sample of its operations
  /// Only the crash after this operation is looked into, besides what the world itself runs into.
  std::optional<uint64_t> crash_at;
  /// Of a log: instead of drawn faults and crashes, one life again and again, each time with
  /// another operation that fails, in each way, and then a crash.
  bool sweeps_faults = false;
  bool wants_tape = false;
};

struct WorldReport {
  std::optional<std::string> violation;
  std::optional<uint64_t> crash_at;  ///< the crash behind the violation; none: it needed no crash
  std::vector<std::string> tape;     ///< what happened before it, if asked for
  uint64_t crash_states = 0;
  uint64_t operations = 0;
  uint64_t hash = 0;
};

WorldReport run_world(const WorldOptions& options);

}  // namespace sluice::sim
