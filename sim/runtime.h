// SimRuntime: threads as fibers on one operating system thread, time and chance from one seed.
//
// At every step the scheduler picks one of the fibers that can run, by seed. When none can, the
// clock jumps to the next deadline; when there is no deadline either, that is a deadlock, and
// run() says who waits for what. Everything that happens is folded into one trace hash, so that
// two runs of a seed can be compared.
//
// Objects of a run (an engine, its clients) must live inside `main` or outlive the SimRuntime: what
// is stuck or killed is dropped with its stack, and no destructor on it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/random.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::sim {

class SimMonitor;

struct RuntimeOptions {
  uint64_t seed = 1;
  uint32_t switch_permille = 50;         ///< a seam call lets another fiber run first
  uint32_t spurious_permille = 10;       ///< a wait returns at once, without a reason
  uint64_t steps_max = 10'000'000;       ///< more fiber switches mean that the run does not end
  Nanos now = kSecond;                   ///< monotonic clock at the start
  Nanos wall = 1'700'000'000 * kSecond;  ///< wall clock at the start
};

enum class Outcome : uint8_t {
  kEnded,
  kDeadlock,  ///< some fibers wait for each other
  kEndless,   ///< more than steps_max steps
};

struct RunReport {
  Outcome outcome = Outcome::kEnded;
  /// One line per fiber that had not ended and was dropped: its name and what it waits for.
  std::vector<std::string> dropped;
  bool ok() const { return outcome == Outcome::kEnded; }
  /// "deadlock; <fiber>; ..." of a run that did not end.
  std::string to_string() const;
};

/// What one storage call did.
struct Operation {
  std::string_view verb;
  std::string_view name;
  std::string_view to = {};  ///< the second name of a rename
  bool ranged = false;       ///< offset and bytes mean something
  uint64_t offset = 0;
  uint64_t bytes = 0;
  ByteView content = {};
  bool failed = false;
  /// "write x 0+4096", "rename a b", "sync x fails".
  std::string to_string() const;
};

class SimRuntime final : public Runtime {
 public:
  explicit SimRuntime(const RuntimeOptions& options);
  ~SimRuntime() override;

  // Outside run() nothing else can run: a sleep moves the clock, a wait for a notice returns at the
  // deadline, a spawned fiber starts with the next run().
  Nanos now() override { return now_; }
  Nanos wall_now() override { return now_ + wall_offset_; }
  void sleep_until(Nanos deadline) override;
  void random(std::span<std::byte> out) override;
  std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body) override;
  std::unique_ptr<Monitor> monitor() override;

  /// Runs `main` as a fiber until it and every other fiber have ended, or until that is hopeless.
  RunReport run(std::function<void()> main);
  /// The process is dead: from now on no storage call has an effect, each answers kCancelled. The
  /// fibers go on for a while without waiting for time or notices, so that their destructors run;
  /// what has not ended soon is dropped with its stack. That leak is intended. Whoever observes the
  /// program asks killed() first: what it says after its death was never said.
  void kill();
  bool killed() const { return killed_; }
  void step_wall_clock(Nanos by) { wall_offset_ += by; }
  /// The process stands still for so long, and its clocks count that: what was due meanwhile is due
  /// at once.
  void suspend(Nanos span) { now_ += span; }

  /// Called after every storage call that may have changed something durable, in the fiber that
  /// made it and before it learns the outcome: the moment to clone the states. `operation` counts
  /// these calls from 1.
  std::function<void(uint64_t operation)> after_operation;
  /// Receives a line per such call.
  std::vector<std::string>* trace = nullptr;

  uint64_t operations() const { return operations_; }
  uint64_t steps() const { return steps_; }
  uint64_t trace_hash() const { return hash_; }

  // For the simulated storage.
  /// A stream of chance of the caller's own.
  Random fork_random() { return dice_.fork(); }
  void maybe_yield();
  /// Lets up to `nanos_max` pass, then other fibers run if they like: a call's way to the device.
  /// kCancelled if the process is dead by then; otherwise the caller has its effect at once.
  Status enter(Nanos nanos_max);
  /// Folds a call without effect (a read) into the hash.
  void observed(const Operation& operation);
  /// Folds, counts, traces and shows a call that may have had an effect.
  void took_effect(const Operation& operation);

 private:
  friend class SimMonitor;
  friend class SimThread;
  struct Task;
  struct Wait;

  void fold(uint64_t value) { hash_ = mix64(hash_ + value) + 0x9e3779b97f4a7c15u; }
  std::shared_ptr<Task> start(std::string name, std::function<void()> body);
  void park(const Wait& wait);
  bool can_run(const Task& task) const;
  Task* choose();
  bool jump_to_next_deadline();
  void step(Task& task);
  void drop_all(RunReport& report);

  const RuntimeOptions options_;
  Random dice_;     // the schedule and the clocks
  Random entropy_;  // what the program sees as random
  Nanos now_;
  Nanos wall_offset_;
  uint64_t hash_ = 0;
  uint64_t steps_ = 0;
  uint64_t steps_max_;
  uint64_t operations_ = 0;
  uint64_t tasks_started_ = 0;
  uint64_t monitors_made_ = 0;
  bool killed_ = false;
  Task* current_ = nullptr;
  std::vector<std::shared_ptr<Task>> tasks_;  // not ended, in the order of their start
  std::vector<Task*> candidates_;
};

}  // namespace sluice::sim
