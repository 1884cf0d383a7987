// For tests: what goes wrong, and where.
#pragma once

#include <atomic>
#include <mutex>

#include "sluice/result.h"

namespace sluice::landing {

enum class Fault : uint8_t {
  kFailBefore,  ///< an error, and no effect
  kAnswerLost,  ///< the effect, and an error
  kFull,        ///< kFull, and no effect
  kDeath,       ///< no effect, and from now on nothing but errors
  kDeathAfter,  ///< the effect, and from now on nothing but errors
};

/// Counts operations from 1; a fault hits exactly one of them.
class Script {
 public:
  void fail_at(uint64_t operation, Fault fault) {
    const std::lock_guard lock(mutex_);
    fail_at_ = operation;
    fault_ = fault;
    again_after_ = 0;
    operations_ = 0;
    dead_ = false;
  }
  /// That operation and the one `later` behind it, without effect.
  void fail_twice(uint64_t operation, uint64_t later) {
    fail_at(operation, Fault::kFailBefore);
    again_after_ = later;
  }
  void revive() { fail_at(0, Fault::kFailBefore); }
  uint64_t operations() const { return operations_; }
  bool was_hit() const { return fail_at_ > 0 && operations_ >= fail_at_; }

  /// Runs `effect` or not; what the caller is told.
  template <class Effect>
  Status run(Effect effect) {
    const std::lock_guard lock(mutex_);
    if (dead_) return error(Code::kIo);
    const uint64_t operation = ++operations_;
    if (again_after_ > 0 && operation == fail_at_ + again_after_) return error(Code::kIo);
    if (operation != fail_at_) return effect();
    dead_ = fault_ >= Fault::kDeath;
    if (fault_ == Fault::kFull) return error(Code::kFull);
    if (fault_ == Fault::kAnswerLost || fault_ == Fault::kDeathAfter) {
      const Status done = effect();
      return done.ok() ? Status(error(Code::kIo)) : done;
    }
    return error(Code::kIo);
  }

 private:
  static Error error(Code code) {
    return Error(code, Reason::kUnknownOutcome, "planned by the test");
  }
  std::mutex mutex_;
  std::atomic<uint64_t> operations_ = 0;
  uint64_t fail_at_ = 0;
  uint64_t again_after_ = 0;  ///< 0: the first one only
  Fault fault_ = Fault::kFailBefore;
  bool dead_ = false;
};

}  // namespace sluice::landing
