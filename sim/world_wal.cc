#include "sim/world_wal.h"

#include <iterator>
#include <utility>

#include "sim/disk.h"
#include "sim/workload_wal.h"
#include "sim/world_clones.h"
#include "sim/world_faults.h"

namespace sluice::sim {
namespace {

constexpr uint64_t kStepsMax = 300'000;
constexpr uint64_t kLivesMax = 3;

/// What a process leaves.
struct WalRemains {
  DiskState disk;
  WalLedger ledger;
  Nanos wall = 1'700'000'000 * kSecond;
  std::vector<std::string> tape;

  WalRemains crash(Random& random) const {
    const CrashKind kind = random.chance(650) ? CrashKind::kPowerCut : CrashKind::kProcessDeath;
    WalRemains found = *this;
    found.disk = disk.crash(random, kind);
    found.tape.push_back(kind == CrashKind::kPowerCut ? "---- power cut" : "---- process death");
    return found;
  }
};

/// For some operations nothing of one kind works.
struct FaultSpell {
  DiskFaults disk;
  uint64_t from = 0;  ///< so many operations of the life before it
  uint64_t to = 0;    ///< and at its end; 0: there is none
};

struct FaultKind {
  const char* name;
  uint32_t DiskFaults::*permille;
};
constexpr FaultKind kFaultKinds[] = {
    {"full", &DiskFaults::full_permille}, {"write", &DiskFaults::write_permille},
    {"sync", &DiskFaults::sync_permille}, {"directory sync", &DiskFaults::sync_dir_permille},
    {"name", &DiskFaults::name_permille}, {"read", &DiskFaults::read_permille}};

FaultSpell spell_of(const FaultKind& kind, uint64_t from, uint64_t operations) {
  FaultSpell spell{.disk = {}, .from = from, .to = from + operations};
  spell.disk.*kind.permille = 1000;
  return spell;
}

struct WalLifePlan {
  uint64_t seed = 0;
  DiskFaults disk;
  FaultSpell spell;
  WalPlan work;
  uint32_t openings = 1;
  /// Nothing may fail: what is found is found again, and so is the archive.
  bool proof = false;
  uint64_t first_operation = 0;
  uint32_t clones_max = 0;
  std::optional<uint64_t> crash_at;

  bool may_fail() const {
    return spell.to > 0 || disk != DiskFaults{.write_nanos_max = disk.write_nanos_max};
  }
};

using WalLifeReport = LifeReportOf<WalRemains>;

class WalLife {
 public:
  WalLife(const WalShape& shape, WalRemains remains, const WalLifePlan& plan, bool wants_tape)
      : plan_(plan),
        random_(mix64(plan.seed)),
        sampler_(plan.clones_max, plan.crash_at, random_.fork()),
        ledger_(std::move(remains.ledger)),
        findings_{std::nullopt, wants_tape, std::move(remains.tape)},
        runtime_({.seed = plan.seed, .steps_max = kStepsMax, .wall = remains.wall}),
        disk_(runtime_, std::move(remains.disk), plan.disk),
        stage_(std::make_unique<WalStage>(runtime_, disk_, shape, ledger_, findings_,
                                          random_.fork())) {
    if (wants_tape) runtime_.trace = &findings_.tape;
    if (plan.spell.to > 0 && plan.spell.from == 0) disk_.set_faults(plan.spell.disk);
    runtime_.after_operation = [this](uint64_t count) {
      if (plan_.spell.to > 0 && count == plan_.spell.from) disk_.set_faults(plan_.spell.disk);
      if (plan_.spell.to > 0 && count == plan_.spell.to) disk_.set_faults(plan_.disk);
      sampler_.offer(plan_.first_operation + count, [this] { return this->remains(); });
    };
  }

  WalLifeReport run() {
    return run_life(
        runtime_, findings_, sampler_, [this] { plan_.proof ? prove() : main(); },
        [this] { return remains(); }, [this] { static_cast<void>(stage_.release()); });
  }

 private:
  WalRemains remains() { return {disk_.state(), ledger_, runtime_.wall_now(), findings_.tape}; }

  void main() {
    for (uint32_t opening = 0; opening < plan_.openings; ++opening) {
      if (!stage_->open(plan_.disk, plan_.may_fail())) return stage_->end(false);
      WalPlan work = plan_.work;
      work.seed += opening;
      stage_->work(work);
      stage_->end(random_.chance(700));
    }
  }

  void prove() {
    stage_->retain_all();
    if (!stage_->open({}, false)) return stage_->end(false);
    const std::vector<FoundRecord> first = stage_->found();
    stage_->check_archive();
    for (const bool closes : {false, true, false}) {
      stage_->end(closes);
      if (findings_.violation || !stage_->open({}, false)) break;
      if (stage_->found() != first) findings_.violate("a second recovery finds something else");
    }
    stage_->end(false);
  }

  const WalLifePlan& plan_;
  Random random_;
  CloneSampler<WalRemains> sampler_;
  WalLedger ledger_;
  Findings findings_;
  SimRuntime runtime_;
  SimDisk disk_;
  std::unique_ptr<WalStage> stage_;
};

class WalWorld {
 public:
  explicit WalWorld(const WorldOptions& options)
      : options_(options), random_(options.seed), shape_(draw_wal_shape(random_)) {}

  WorldReport run() {
    if (options_.sweeps_faults) return sweep();
    WalRemains remains;
    for (uint64_t left = 1 + random_.below(kLivesMax); left > 0; --left) {
      WalLifePlan plan = draw_plan(random_);
      plan.first_operation = report_.operations;
      plan.clones_max = options_.crashes_max;
      plan.crash_at = options_.crash_at;
      remains.tape.emplace_back("==== life");
      WalLifeReport told = live(std::move(remains), plan, std::nullopt);
      report_.operations += told.operations;
      const auto look = [this](const CloneOf<WalRemains>& clone) { look_into(clone); };
      const bool is_over =
          report_.violation || look_into_crashes(told.clones, options_, report_, look);
      if (is_over) return std::move(report_);
      remains = next(told, random_, 600);
    }
    prove(std::move(remains), random_.next(), std::nullopt);
    return std::move(report_);
  }

 private:
  WorldReport sweep() {
    WalLifePlan plan = draw_plan(random_);
    plan.disk = {.write_nanos_max = plan.disk.write_nanos_max};
    plan.spell = {};
    const uint64_t operations = live({}, plan, std::nullopt).operations;
    for (const FaultKind& kind : kFaultKinds) {
      for (uint64_t from = 0; from <= operations && !report_.violation; ++from) {
        plan.spell = spell_of(kind, from, 1);
        const WalLifeReport told = live({}, plan, std::nullopt);
        report_.operations += told.operations;
        ++report_.crash_states;
        if (!report_.violation) prove(told.end.crash(random_), random_.next(), std::nullopt);
        if (!report_.violation) continue;
        report_.violation = std::string(kind.name) + " fails behind operation " +
                            std::to_string(from) + ": " + *report_.violation;
      }
    }
    return std::move(report_);
  }

  static FaultSpell draw_spell(Random& random) {
    const FaultKind& kind = kFaultKinds[random.below(std::size(kFaultKinds))];
    const uint64_t from = 1 + random.below(200);
    return spell_of(kind, from, 1 + random.below(4));
  }

  static WalLifePlan draw_plan(Random& random) {
    WalLifePlan plan;
    plan.seed = random.next();
    const uint64_t kind = random.below(4);
    if (kind < 2) plan.disk = draw_disk_faults(random);
    if (kind == 2) plan.spell = draw_spell(random);
    plan.disk.write_nanos_max = random.chance(300) ? kMillisecond : 0;
    plan.openings = 1 + static_cast<uint32_t>(random.below(2));
    plan.work.seed = random.next();
    plan.work.writers = 1 + static_cast<uint32_t>(random.below(5));
    plan.work.steps = 1 + static_cast<uint32_t>(random.below(20));
    plan.work.errands = static_cast<uint32_t>(random.below(16));
    plan.work.follows = random.chance(600);
    plan.work.closes = random.chance(200);
    return plan;
  }

  /// What is left of a life that ended, or was ended in its midst.
  static WalRemains next(const WalLifeReport& told, Random& random, uint32_t dies_permille) {
    Random dice = random.fork();
    const auto& clones = told.clones.sampled;
    const bool dies = !clones.empty() && dice.chance(dies_permille);
    return (dies ? clones[dice.below(clones.size())].remains : told.end).crash(dice);
  }

  void look_into(const CloneOf<WalRemains>& clone) {
    Random random(mix64(options_.seed) + clone.operation);
    WalRemains remains = clone.remains.crash(random);
    ++report_.crash_states;
    if (random.chance(400)) {
      WalLifePlan plan = draw_plan(random);
      plan.openings = 1;
      plan.work.steps = static_cast<uint32_t>(random.below(4));
      plan.clones_max = 1;
      const WalLifeReport told = live(std::move(remains), plan, clone.operation);
      if (report_.violation) return;
      remains = next(told, random, 800);
      ++report_.crash_states;
    }
    prove(std::move(remains), random.next(), clone.operation);
  }

  void prove(WalRemains remains, uint64_t seed, std::optional<uint64_t> crash_at) {
    WalLifePlan plan;
    plan.seed = seed;
    plan.proof = true;
    live(std::move(remains), plan, crash_at);
  }

  WalLifeReport live(WalRemains remains, const WalLifePlan& plan,
                     std::optional<uint64_t> crash_at) {
    WalLifeReport told = WalLife(shape_, std::move(remains), plan, options_.wants_tape).run();
    report_.hash = mix64(report_.hash ^ told.hash);
    if (told.violation && !report_.violation) {
      report_.violation = told.violation;
      report_.tape = told.end.tape;
      report_.crash_at = crash_at;
    }
    return told;
  }

  const WorldOptions options_;
  Random random_;
  const WalShape shape_;
  WorldReport report_;
};

}  // namespace

WorldReport run_wal_world(const WorldOptions& options) {
  return WalWorld(options).run();
}

}  // namespace sluice::sim
