// What the lives of all worlds share: clones of what they hold after operations, an even sample of
// them and the one that is asked for; and how a life is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/random.h"
#include "sim/runtime.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace sluice::sim {

template <class Remains>
struct CloneOf {
  uint64_t operation = 0;
  Remains remains;
};

template <class Remains>
struct Clones {
  std::vector<CloneOf<Remains>> sampled;
  std::optional<CloneOf<Remains>> asked;
};

/// Reservoir sampling: in the end every operation had the same chance.
template <class Remains>
class CloneSampler {
 public:
  CloneSampler(uint32_t clones_max, std::optional<uint64_t> crash_at, Random random)
      : clones_max_(clones_max), crash_at_(crash_at), random_(random) {}

  /// `take` makes the clone, if it is wanted.
  template <class Take>
  void offer(uint64_t operation, Take take) {
    if (operation == crash_at_) clones_.asked = {operation, take()};
    ++offered_;
    std::vector<CloneOf<Remains>>& sampled = clones_.sampled;
    if (sampled.size() < clones_max_) {
      sampled.push_back({operation, take()});
    } else if (clones_max_ > 0) {
      const uint64_t slot = random_.below(offered_);
      if (slot < clones_max_) sampled[slot] = {operation, take()};
    }
  }
  Clones<Remains> end() { return std::move(clones_); }

 private:
  const uint32_t clones_max_;
  const std::optional<uint64_t> crash_at_;
  Random random_;
  uint64_t offered_ = 0;
  Clones<Remains> clones_;
};

/// What a life leaves, and what is known of it.
template <class Remains>
struct LifeReportOf {
  Remains end;
  Clones<Remains> clones;
  std::optional<std::string> violation;
  uint64_t operations = 0;
  uint64_t hash = 0;
};

/// Runs `main` to its end. `take` makes a clone; `let_go` forgets what is stuck in the run.
template <class Remains, class Main, class Take, class LetGo>
LifeReportOf<Remains> run_life(SimRuntime& runtime, Findings& findings,
                               CloneSampler<Remains>& sampler, Main main, Take take, LetGo let_go) {
  const RunReport run = runtime.run(main);
  if (!run.ok()) {
    findings.violate(run.to_string());
    let_go();
  }
  return {take(), sampler.end(), findings.violation, runtime.operations(), runtime.trace_hash()};
}

/// Looks into the crash that was asked for, or into every one until `report` has a violation. True:
/// there is nothing more to do.
template <class Remains, class Look>
bool look_into_crashes(const Clones<Remains>& clones, const WorldOptions& options,
                       const WorldReport& report, Look look) {
  if (options.crash_at) {
    if (clones.asked) look(*clones.asked);
    return clones.asked.has_value();
  }
  for (const CloneOf<Remains>& clone : clones.sampled) {
    look(clone);
    if (report.violation) return true;
  }
  return false;
}

}  // namespace sluice::sim
