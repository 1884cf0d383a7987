// Life: one opening of an engine, in the simulator without faults, recorded.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sluice/engine.h"
#include "tests/golden/recorder.h"

namespace sluice::golden {

/// What an opening finds, and leaves.
struct Storage {
  sim::DiskState disk;
  sim::BucketState bucket;
};

/// Used within run() only. Every call is one of the engine's; the test fails if one does.
class Life {
 public:
  Life(sim::SimRuntime& runtime, Platform platform, Tape& tape, std::function<void()> die)
      : runtime_(runtime), platform_(platform), tape_(tape), die_(std::move(die)) {}

  Tape& tape() { return tape_; }
  Engine& engine() { return *engine_; }
  /// With parts by groups of so many devices; 0: parts hold any.
  void open(uint32_t group_devices = 0);
  /// Flushes what is left.
  void close();
  /// demo.events: key `device`, time `at`, string `note`.
  void create_table();
  /// A row of device `device` on day `day` since 1970. Returns at once; "ack ..." is said when the
  /// engine answers.
  void send(const std::string& device, int64_t day, AckClass ack = AckClass::kLog,
            size_t note_bytes = 0);
  /// Until nothing happens any more but by a timer of seconds.
  void settle();
  /// The lines that were said when the engine answered. The answer and the trim that follows are
  /// in no order, so it is no line itself.
  Lines flush();
  /// What the next life finds is what is there now, as if the process died. It goes on meanwhile.
  void die() { die_(); }
  void die_at_next_ack() { dies_at_ack_ = true; }

 private:
  sim::SimRuntime& runtime_;
  Platform platform_;
  Tape& tape_;
  const std::function<void()> die_;
  bool dies_at_ack_ = false;
  std::unique_ptr<Engine> engine_;
};

/// Lives, and returns what is left. `seed` decides the schedule and the random ids.
Storage live(Tape& tape, Storage found, uint64_t seed, const std::function<void(Life&)>& life);

inline const TableName kTable{"demo", "events"};

}  // namespace sluice::golden
