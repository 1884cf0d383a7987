// What is done to the commits of a host, as plans of its line.
#pragma once

#include <functional>

#include "sim/line.h"

namespace sluice::torture {

using Plan = std::function<sim::Trouble(const sim::Change&)>;

/// The first commit arrives late, and its sender dies over it.
inline Plan late_and_dead() {
  return [commits = 0](const sim::Change& change) mutable {
    if (!change.commits()) return sim::Trouble::kNone;
    return ++commits == 1 ? sim::Trouble::kLate : sim::Trouble::kCut;
  };
}

/// Commit number `number`, counted from 1, sleeps before its effect.
inline Plan sleep_before_commit(int number) {
  return [number, commits = 0](const sim::Change& change) mutable {
    const bool sleeps = change.commits() && ++commits == number;
    return sleeps ? sim::Trouble::kSleepBefore : sim::Trouble::kNone;
  };
}

/// The first removal sleeps before its effect.
inline Plan sleep_before_remove() {
  return [slept = false](const sim::Change& change) mutable {
    if (slept || change.verb != sim::Change::Verb::kRemove) return sim::Trouble::kNone;
    slept = true;
    return sim::Trouble::kSleepBefore;
  };
}

/// The first commit has its effect, but no answer, and its sender dies over it.
inline Plan lost_and_dead() {
  return [committed = false](const sim::Change& change) mutable {
    if (committed) return sim::Trouble::kCut;
    committed = change.commits();
    return committed ? sim::Trouble::kAnswerLost : sim::Trouble::kNone;
  };
}

/// The line is cut when the first commit has had its effect.
inline Plan cut_behind_commit() {
  return [committed = false](const sim::Change& change) mutable {
    if (committed) return sim::Trouble::kCut;
    committed = change.commits();
    return sim::Trouble::kNone;
  };
}

/// The first `count` puts of manifests and lists fail.
inline Plan fail_manifests(int count) {
  return [count](const sim::Change& change) mutable {
    const bool is_manifest =
        change.verb == sim::Change::Verb::kPutIfAbsent && change.key.ends_with(".avro");
    return is_manifest && count-- > 0 ? sim::Trouble::kFails : sim::Trouble::kNone;
  };
}

}  // namespace sluice::torture
