#include "sim/world_flush_duel.h"

#include <memory>
#include <utility>

#include "sim/disk.h"
#include "sim/line.h"
#include "sim/world_faults.h"

namespace sluice::sim {
namespace {

constexpr uint64_t kStepsMax = 300'000;
constexpr uint32_t kTriesMax = 40;

class FlushDuel {
 public:
  FlushDuel(const FlushShape& shape, uint64_t seed, bool wants_tape)
      : shape_(shape),
        random_(seed),
        faults_(random_.chance(500)),
        runtime_({.seed = random_.next(), .steps_max = kStepsMax}),
        bucket_(runtime_, {}, faults_ ? draw_bucket_faults(random_) : BucketFaults()),
        first_disk_(runtime_),
        first_line_(runtime_, bucket_) {
    ledger_.unique = shape.rule == LsnRule::kUnique;
    ledger_.contested = true;
    findings_.wants_tape = wants_tape;
    if (wants_tape) runtime_.trace = &findings_.tape;
  }

  DuelReport run() {
    const RunReport run = runtime_.run([this] { main(); });
    if (!run.ok()) findings_.violate(run.to_string());
    return {findings_.violation, std::move(findings_.tape), runtime_.operations(),
            runtime_.trace_hash()};
  }

 private:
  void main() {
    FlushStage first = stage({&runtime_, &first_disk_, &first_line_});
    if (!first.open()) return;
    work(first);
    DiskState copy = copy_disk();
    const bool copies_late = random_.chance(700);
    const auto sleeper = start_commit(first);
    if (copies_late) copy = copy_disk();
    if (random_.chance(200)) copy = DiskState();  // the log is lost, the table is kept

    SimDisk second_disk(runtime_, std::move(copy));
    FlushStage second = stage({&runtime_, &second_disk, &bucket_});
    const bool opened = second.open();
    if (opened) take_over(second);
    const bool second_owns = opened && goes_on(second);

    findings_.note("the first writer wakes up");
    first_line_.wake();
    if (sleeper) sleeper->join();
    const bool first_owns = goes_on(first);
    if (first_owns && second_owns) findings_.violate("both writers go on");
    if (!first_owns && !second_owns && !stale()) findings_.violate("no writer goes on");
    bucket_.set_faults({});
    (first_owns ? first : second).faults = false;
    if (first_owns || second_owns) settle_all(first_owns ? first : second);
    first.writer.reset();
    second.writer.reset();
  }

  bool stale() const { return !bucket_.state().recent.empty(); }

  FlushStage stage(Platform platform) {
    FlushStage stage{runtime_, platform, bucket_, shape_, ledger_, findings_, faults_, true, true};
    stage.random = random_.fork();
    return stage;
  }

  void work(FlushStage& stage) {
    FlushPlan plan;
    plan.seed = random_.next();
    plan.clients = 1;
    plan.errands = 1 + static_cast<uint32_t>(random_.below(4));
    FlushClients(stage, plan).run();
  }

  DiskState copy_disk() {
    const CrashKind kind = random_.chance(500) ? CrashKind::kPowerCut : CrashKind::kProcessDeath;
    return first_disk_.state().crash(random_, kind);
  }

  /// The first writer commits, and perhaps falls asleep over it.
  std::unique_ptr<Thread> start_commit(FlushStage& first) {
    const auto number = first.prepare(ledger_.add_group(3, 0));
    if (!number) return nullptr;
    first_line_.trouble_next_commit(random_.chance(600) ? Trouble::kSleepBefore
                                                        : Trouble::kSleepAfter);
    auto sleeper = runtime_.spawn("sleeping-commit", [this, &first, number = *number] {
      ledger_.begin_commit(number);
      const std::string id = ledger_.flushes()[number].id;
      const auto answer = first.writer->commit_flush(id);
      findings_.note("woken: " + (answer.ok() ? "ok" : answer.error().to_string()));
      first.judge(ledger_.woken(number, answer.ok()));
    });
    runtime_.sleep_until(runtime_.now() + 2 * kSecond);
    findings_.note(first_line_.asleep() ? "the first writer sleeps" : "nobody sleeps");
    return sleeper;
  }

  void take_over(FlushStage& second) {
    (void)second.recover();
    for (const uint64_t number : ledger_.pending()) {
      if (random_.chance(300)) continue;
      random_.chance(500) ? second.commit(number) : second.roll_back(number);
    }
    work(second);
  }

  /// Whether the writer still gets rows into the table.
  bool goes_on(FlushStage& stage) {
    for (uint32_t tries = 0; tries < kTriesMax; ++tries) {
      const auto number = stage.prepare(ledger_.add_group(1, 0));
      if (number && stage.commit(*number)) return true;
      if (stage.fenced) return false;
    }
    return false;
  }

  void settle_all(FlushStage& winner) {
    for (const uint64_t number : ledger_.pending()) {
      random_.chance(500) ? winner.commit(number) : winner.roll_back(number);
    }
    winner.check_committed();
  }

  const FlushShape& shape_;
  Random random_;
  const bool faults_;
  Findings findings_;
  FlushLedger ledger_;
  SimRuntime runtime_;
  SimBucket bucket_;
  SimDisk first_disk_;
  Line first_line_;
};

}  // namespace

DuelReport run_flush_duel(const FlushShape& shape, uint64_t seed, bool wants_tape) {
  return FlushDuel(shape, seed, wants_tape).run();
}

}  // namespace sluice::sim
