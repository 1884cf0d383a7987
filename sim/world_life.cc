#include "sim/world_life.h"

#include <algorithm>
#include <utility>

#include "sluice/inspect.h"

namespace sluice::sim {
namespace {

constexpr uint64_t kStepsMax = 3'000'000;
constexpr uint32_t kTriesMax = 3;
constexpr uint32_t kVerifyPermille = 100;

RuntimeOptions runtime_options(const LifePlan& plan, Nanos wall, Random& random) {
  constexpr uint32_t kSwitch[] = {5, 30, 100};
  RuntimeOptions options;
  options.seed = plan.seed;
  options.switch_permille = kSwitch[random.below(std::size(kSwitch))];
  options.steps_max = kStepsMax;
  options.wall = wall;
  return options;
}

class Life {
 public:
  Life(const std::vector<SimTable>& tables, Remains remains, const LifePlan& plan, bool wants_tape)
      : plan_(plan),
        random_(mix64(plan.seed)),
        ledger_(std::move(remains.ledger)),
        findings_{std::nullopt, wants_tape, std::move(remains.tape)},
        runtime_(runtime_options(plan, remains.wall, random_)),
        disk_(runtime_, std::move(remains.disk), plan.disk),
        bucket_(runtime_, std::move(remains.bucket), plan.bucket),
        stage_{runtime_,   {&runtime_, &disk_, &bucket_}, tables, ledger_, findings_, 0,
               plan.faults} {
    if (wants_tape) runtime_.trace = &findings_.tape;
    runtime_.after_operation = [this](uint64_t count) {
      sampler_.offer(plan_.first_operation + count, [this] { return this->remains(); });
    };
  }

  LifeReport run() {
    stage_.rotten = plan_.rotten;
    stage_.leaps = plan_.clients.sweeps > 0 || plan_.clients.holds;
    stage_.stale = plan_.bucket.stale_permille > 0;
    return run_life(
        runtime_, findings_, sampler_, [this] { plan_.rotten ? look_at_rot() : main(); },
        [this] { return remains(); }, [this] { static_cast<void>(stage_.engine.release()); });
  }

 private:
  Remains remains() {
    return {disk_.state(), bucket_.state(), ledger_, runtime_.wall_now(), findings_.tape};
  }

  void main() {
    for (uint32_t opening = 0; opening < plan_.openings; ++opening) {
      if (plan_.proof && opening == 0) check_committed();
      const uint64_t opened = ledger_.tick();
      if (!open()) break;
      make_tables();
      Clients clients(stage_, plan_.clients);
      const auto auditor = runtime_.spawn("auditor", [&] { check_recovery(opened); });
      clients.run();
      auditor->join();
      if (plan_.rolls_back) stage_.roll_back(0);
      if (plan_.proof && opening == 0) prove();
      if (plan_.proves_sweeps && opening == 0) prove_sweeps();
      end_opening();
      if (clients.unanswered() > 0) findings_.violate("an append was never answered");
      if (findings_.violation) break;
    }
    if (plan_.proof && random_.chance(kVerifyPermille)) verify_all();
  }

  void look_at_rot() {
    if (!open()) return;
    std::map<uint32_t, Reading> seen;
    const uint64_t begin = ledger_.tick();
    for (uint32_t table = 0; table < stage_.tables.size(); ++table) {
      if (!ledger_.has_table(table)) continue;
      auto rows = stage_.read_and_check(table, Promise::kNothing);
      if (rows) seen[table] = std::move(*rows);
    }
    end_opening();
    if (reporter_->torn_bytes() > 0) return;
    for (const auto& [table, rows] : seen) {
      const auto wrong =
          find_violation(ledger_, stage_.tables[table], table, rows, Promise::kDurable, begin);
      if (wrong) findings_.violate("in silence, after rot, " + *wrong);
    }
  }

  bool open() {
    reporter_ = std::make_shared<Reporter>(findings_);
    EngineOptions options = plan_.engine;
    options.listener = reporter_;
    for (uint32_t tries = 0; tries < kTriesMax; ++tries) {
      findings_.note("open");
      auto engine = Engine::open(stage_.platform, options);
      if (engine.ok()) {
        stage_.engine = std::move(*engine);
        return true;
      }
      stage_.expect_explained("opening", engine.error());
      if (!plan_.faults) break;
    }
    return false;
  }

  void make_tables() {
    for (uint32_t table = 0; table < stage_.tables.size(); ++table) {
      if (ledger_.shapes(table).was_altered()) continue;
      const SimTable& wanted = stage_.tables[table];
      for (uint32_t tries = 0; tries < kTriesMax; ++tries) {
        const Status made = stage_.engine->create_table(wanted.name, wanted.spec);
        if (made.ok()) {
          ledger_.table_made(table);
          break;
        }
        stage_.expect_explained("making " + wanted.name.to_string(), made.error());
      }
    }
  }

  void check_committed() {
    for (uint32_t table = 0; table < stage_.tables.size(); ++table) {
      if (!ledger_.has_table(table)) continue;
      stage_.read_and_check(table, Promise::kCommitted);
      stage_.check_groups(table);
      stage_.look_back(table);
    }
  }

  void check_recovery(uint64_t opened) {
    for (uint32_t table = 0; table < stage_.tables.size(); ++table) {
      if (!ledger_.has_table(table)) continue;
      const auto rows = stage_.check_recovery(table, opened);
      if (!rows || !plan_.proof) continue;
      const auto before = proven_.find(table);
      if (before != proven_.end() && before->second != ids_of(rows->rows)) {
        findings_.violate("a second recovery changed " + stage_.tables[table].name.to_string());
      }
    }
  }

  void prove() {
    stage_.flush(std::nullopt);
    for (uint32_t table = 0; table < stage_.tables.size(); ++table) {
      const auto rows = stage_.read_and_check(table, Promise::kCommitted);
      if (rows) proven_[table] = ids_of(rows->rows);
      if (ledger_.has_table(table)) stage_.check_groups(table);
      stage_.look_back(table);
    }
  }

  /// What no version names is gone in the end, and nothing else is.
  void prove_sweeps() {
    const bool quiet = bucket_.state().in_flight.empty();
    // Whether it is worth an empty commit tells the clock of the process, which may be behind.
    const Nanos behind = std::max<Nanos>(bucket_.state().wall - runtime_.wall_now(), 0);
    runtime_.suspend(plan_.engine.sweep_grace + behind + kSecond);
    for (uint32_t table = 0; table < stage_.tables.size(); ++table) {
      if (!ledger_.has_table(table)) continue;
      stage_.sweep(table, {});
      stage_.look_back(table);
      stage_.read_kept(table);
      stage_.read_and_check(table, Promise::kCommitted);
    }
    if (quiet) stage_.expect_no_orphans();
  }

  void end_opening() {
    if (random_.chance(500)) {
      const uint64_t begin = ledger_.tick();
      findings_.note("close");
      const Status closed = stage_.engine->close();
      if (!closed.ok()) stage_.expect_explained("closing", closed.error());
      if (closed.ok()) ledger_.flushed(0, std::nullopt, begin);
    }
    findings_.note("destroy");
    stage_.engine.reset();
    ledger_.process_ended(0);
  }

  void verify_all() {
    const auto report = verify(stage_.platform);
    if (!report.ok()) return stage_.expect_explained("verify", report.error());
    for (const Finding& finding : report->findings) {
      findings_.violate("verify: " + finding.object + ": " + finding.error.to_string());
    }
  }

  const LifePlan& plan_;
  Random random_;
  CloneSampler<Remains> sampler_{plan_.clones_max, plan_.crash_at, random_.fork()};
  Ledger ledger_;
  Findings findings_;
  SimRuntime runtime_;
  SimDisk disk_;
  SimBucket bucket_;
  Stage stage_;
  std::shared_ptr<Reporter> reporter_;
  std::map<uint32_t, std::vector<uint64_t>> proven_;  // ids by table, after the flush
};

}  // namespace

Remains Remains::crash(Random& random) const {
  const CrashKind kind = random.chance(650) ? CrashKind::kPowerCut : CrashKind::kProcessDeath;
  Remains found = *this;
  found.disk = disk.crash(random, kind);
  if (kind == CrashKind::kPowerCut) found.bucket.power_cut(random);
  found.ledger.process_ended(0);
  const uint64_t away_max = random.chance(200) ? 72 * 3600 : 7200;
  const Nanos away = static_cast<Nanos>(random.below(away_max)) * kSecond;
  found.wall += away;
  found.bucket.wall += away;
  found.tape.push_back(kind == CrashKind::kPowerCut ? "---- power cut" : "---- process death");
  return found;
}

void Remains::rot(Random& random) {
  std::vector<std::string> segments;
  for (const auto& [name, file] : disk.names()) {
    if (name.ends_with(".seg") && disk.file(file).cache().bytes > 0) segments.push_back(name);
  }
  if (segments.empty()) return;
  const std::string& name = segments[random.below(segments.size())];
  const uint64_t offset = random.below(disk.file(*disk.find(name)).cache().bytes);
  disk.rot(name, offset, random);
  tape.push_back("---- rot in " + name + " at " + std::to_string(offset));
}

LifeReport live(const std::vector<SimTable>& tables, Remains remains, const LifePlan& plan,
                bool wants_tape) {
  return Life(tables, std::move(remains), plan, wants_tape).run();
}

}  // namespace sluice::sim
