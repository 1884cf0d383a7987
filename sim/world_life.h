// A life: one simulated process on what an earlier one left, from its start to its end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/oracle.h"
#include "sim/runtime.h"
#include "sim/workload.h"
#include "sim/world_clones.h"
#include "sluice/options.h"

namespace sluice::sim {

/// What a process leaves: its storage, and what the world knows at that moment.
struct Remains {
  DiskState disk;
  BucketState bucket;
  Ledger ledger;
  Nanos wall = 1'700'000'000 * kSecond;
  std::vector<std::string> tape;

  /// What the next process finds after a crash at this moment.
  Remains crash(Random& random) const;
  /// Flips a bit of the log.
  void rot(Random& random);
};

struct LifePlan {
  uint64_t seed = 0;
  EngineOptions engine;
  DiskFaults disk;
  BucketFaults bucket;
  bool faults = false;
  ClientPlan clients;
  uint32_t openings = 1;    ///< of the engine, in one process
  bool rolls_back = false;  ///< the first table, when the clients have gone
  /// Nothing may fail: the rows are read back from the table and from the engine, before and after
  /// a flush, and the second opening shows what the first one showed.
  bool proof = false;
  /// Beside that: once all is old, a sweep leaves what kept versions name and nothing else.
  bool proves_sweeps = false;
  /// A byte of the log has rotted. The engine may say so, or may have cut the end of its log and
  /// say that: else it shows everything, and in no case anything wrong.
  bool rotten = false;

  // Crashes: clones of what the world holds after an operation. The first one has number
  // first_operation + 1.
  uint64_t first_operation = 0;
  uint32_t clones_max = 0;           ///< an even sample of all operations
  std::optional<uint64_t> crash_at;  ///< and this one
};

using Clone = CloneOf<Remains>;

using LifeReport = LifeReportOf<Remains>;

LifeReport live(const std::vector<SimTable>& tables, Remains remains, const LifePlan& plan,
                bool wants_tape);

}  // namespace sluice::sim
