#include "sim/world_flush.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/disk.h"
#include "sim/workload_flush.h"
#include "sim/world_clones.h"
#include "sim/world_faults.h"
#include "sim/world_flush_duel.h"

namespace sluice::sim {
namespace {

constexpr uint64_t kStepsMax = 300'000;
constexpr uint64_t kLivesMax = 2;
constexpr uint32_t kDamagePermille = 150;
constexpr uint32_t kDuelPermille = 300;

/// What a process leaves.
struct FlushRemains {
  DiskState disk;
  BucketState bucket;
  FlushLedger ledger;
  Nanos wall = 1'700'000'000 * kSecond;
  bool tidy = true;  ///< no request went astray so far
  std::vector<std::string> tape;

  FlushRemains crash(Random& random) const {
    const CrashKind kind = random.chance(650) ? CrashKind::kPowerCut : CrashKind::kProcessDeath;
    FlushRemains found = *this;
    found.disk = disk.crash(random, kind);
    if (kind == CrashKind::kPowerCut) found.bucket.power_cut(random);
    const Nanos away = static_cast<Nanos>(random.below(7200)) * kSecond;
    found.wall += away;
    found.bucket.wall += away;
    found.tape.push_back(kind == CrashKind::kPowerCut ? "---- power cut" : "---- process death");
    return found;
  }
  /// Somebody changes a part of a flush that cannot have been committed.
  void damage(Random& random);
};

void FlushRemains::damage(Random& random) {
  std::vector<std::pair<uint64_t, std::string>> parts;
  for (const auto& [key, object] : bucket.objects) {
    const bool again = std::any_of(bucket.in_flight.begin(), bucket.in_flight.end(),
                                   [&](const auto& request) { return request.key == key; });
    if (!key.ends_with(".parquet") || again) continue;
    for (const uint64_t number : ledger.pending()) {
      const SentFlush& flush = ledger.flushes()[number];
      if ((flush.may_be & kCommitted) != 0 || key.find(flush.id) == std::string::npos) continue;
      parts.emplace_back(number, key);
    }
  }
  if (parts.empty()) return;
  const auto& [number, key] = parts[random.below(parts.size())];
  std::vector<std::byte> bytes = *bucket.objects[key].bytes;
  const uint64_t kind = random.below(3);
  if (kind == 0) {
    bucket.objects.erase(key);
  } else {
    if (kind == 1) bytes.resize(random.below(bytes.size()));
    if (kind == 2) bytes[random.below(bytes.size())] ^= std::byte{1};
    bucket.objects[key].bytes = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  }
  tape.push_back("---- " + std::string(kind == 0 ? "gone: " : "damaged: ") + key);
  ledger.damage(number, key);
}

struct FlushLifePlan {
  uint64_t seed = 0;
  DiskFaults disk;
  BucketFaults bucket;
  bool faults = false;
  bool astray = false;  ///< requests to the bucket, or their answers, may be
  FlushPlan clients;
  uint32_t rows_lost_permille = 0;
  /// Nothing may fail: everything that is pending is settled, and found to be so.
  bool proof = false;
  uint64_t first_operation = 0;
  uint32_t clones_max = 0;
  std::optional<uint64_t> crash_at;
};

using FlushClone = CloneOf<FlushRemains>;

using FlushLifeReport = LifeReportOf<FlushRemains>;

std::set<std::string> ids_of(const std::vector<AtomicFlushResult>& flushes) {
  std::set<std::string> ids;
  for (const AtomicFlushResult& flush : flushes) ids.insert(flush.flush_id);
  return ids;
}

class FlushLife {
 public:
  FlushLife(const FlushShape& shape, FlushRemains remains, const FlushLifePlan& plan,
            bool wants_tape)
      : plan_(plan),
        random_(mix64(plan.seed)),
        tidy_(remains.tidy && !plan.astray),
        ledger_(std::move(remains.ledger)),
        findings_{std::nullopt, wants_tape, std::move(remains.tape)},
        runtime_({.seed = plan.seed, .steps_max = kStepsMax, .wall = remains.wall}),
        disk_(runtime_, std::move(remains.disk), plan.disk),
        bucket_(runtime_, std::move(remains.bucket), plan.bucket),
        stage_{runtime_,   {&runtime_, &disk_, &bucket_}, bucket_, shape, ledger_, findings_,
               plan.faults} {
    stage_.stale = plan.bucket.stale_permille > 0;
    stage_.rows_lost_permille = plan.rows_lost_permille;
    stage_.random = random_.fork();
    if (wants_tape) runtime_.trace = &findings_.tape;
    runtime_.after_operation = [this](uint64_t count) {
      sampler_.offer(plan_.first_operation + count, [this] { return this->remains(); });
    };
  }

  FlushLifeReport run() {
    return run_life(
        runtime_, findings_, sampler_, [this] { plan_.proof ? prove() : main(); },
        [this] { return remains(); }, [this] { static_cast<void>(stage_.writer.release()); });
  }

 private:
  FlushRemains remains() {
    return {disk_.state(), bucket_.state(), ledger_, runtime_.wall_now(), tidy_, findings_.tape};
  }

  void main() {
    if (!stage_.open()) return;
    (void)stage_.recover();
    FlushClients(stage_, plan_.clients).run();
    stage_.writer.reset();
  }

  void prove() {
    const bool quiet = bucket_.state().in_flight.empty();
    if (!stage_.open()) return;
    const auto first = stage_.recover();
    if (!first) return;
    check_second_recovery(*first, quiet);
    stage_.check_committed();
    settle_all();
    for (const FailedFlush& failed : first->failed) {
      if (!ledger_.find(failed.name)) roll_back_unknown(failed);
    }
    stage_.check_committed();
    if (stage_.writer->has_pending_flushes()) findings_.violate("something is pending still");
    stage_.writer.reset();

    if (!stage_.open()) return;
    const auto nothing = stage_.recover();
    if (nothing && !(nothing->recovered.empty() && nothing->retried.empty() &&
                     nothing->failed.empty() && nothing->rolled_back.empty())) {
      findings_.violate("a recovery found something to do after all was settled");
    }
    stage_.check_committed();
    if (tidy_) check_leftovers();
    if (stage_.shape.alone) stage_.consume();
    if (!stage_.writer->committed_blocks().empty()) findings_.violate("cleared blocks are offered");
    stage_.check_committed();
    stage_.writer.reset();
  }

  void check_second_recovery(const FlushRecoveryResult& first, bool quiet) {
    const auto before = bucket_.state().objects;
    const size_t pending = stage_.writer->pending_flush_count();
    const auto second = stage_.recover();
    if (!second || !quiet) return;  // what lands late may mend a flush
    std::set<std::string> expected = ids_of(first.recovered);
    expected.merge(ids_of(first.retried));
    if (ids_of(second->recovered) != expected || !second->retried.empty()) {
      findings_.violate("a second recovery found other flushes");
    }
    if (stage_.writer->pending_flush_count() != pending) {
      findings_.violate("a second recovery changed what is pending");
    }
    const auto& after = bucket_.state().objects;
    const bool same = std::equal(before.begin(), before.end(), after.begin(), after.end(),
                                 [](const auto& a, const auto& b) { return a.first == b.first; });
    if (!same) findings_.violate("a second recovery changed the bucket");
  }

  void settle_all() {
    for (const uint64_t number : ledger_.pending()) {
      const bool whole = ledger_.flushes()[number].may_be == kPrepared &&
                         ledger_.flushes()[number].damaged.empty();
      const bool commits = whole && random_.chance(600);
      commits ? stage_.commit(number) : stage_.roll_back(number);
      // Another flush of the same rows may have been committed.
      if (commits && is_open(number)) stage_.roll_back(number);
      if (is_open(number)) findings_.violate("cannot be settled: " + ledger_.name(number));
      for (int again = 0; again < 2 && random_.chance(300); ++again) {
        random_.chance(500) ? stage_.commit(number) : stage_.roll_back(number);
      }
    }
  }

  /// All is settled: every part is one of a flush that may be committed.
  void check_leftovers() {
    for (const auto& [key, object] : bucket_.state().objects) {
      if (!key.ends_with(".parquet")) continue;
      const size_t name = key.rfind('/') + 1;
      const auto number = ledger_.find(key.substr(name, key.find('-', name) - name));
      if (number && (ledger_.flushes()[*number].may_be & kCommitted) != 0) continue;
      if (!number && ledger_.may_have_committed_without_answer()) continue;
      findings_.violate("a part is left behind: " + key);
    }
  }

  bool is_open(uint64_t number) const {
    return (ledger_.flushes()[number].may_be & (kUnfinished | kPrepared)) != 0;
  }

  /// Its prepare was never answered.
  void roll_back_unknown(const FailedFlush& failed) {
    const Status answer = stage_.writer->rollback_flush(failed.name);
    if (answer.ok()) return;
    findings_.violate("cannot be rolled back: " + failed.name + ": " + answer.error().to_string());
  }

  const FlushLifePlan& plan_;
  Random random_;
  CloneSampler<FlushRemains> sampler_{plan_.clones_max, plan_.crash_at, random_.fork()};
  const bool tidy_;
  FlushLedger ledger_;
  Findings findings_;
  SimRuntime runtime_;
  SimDisk disk_;
  SimBucket bucket_;
  FlushStage stage_;
};

class FlushWorld {
 public:
  explicit FlushWorld(const WorldOptions& options) : options_(options), random_(options.seed) {}

  WorldReport run() {
    shape_ = draw_flush_shape(random_);
    if (!shape_.alone && random_.chance(kDuelPermille)) return duel();
    FlushRemains remains;
    remains.ledger.alone = shape_.alone;
    remains.ledger.unique = shape_.rule == LsnRule::kUnique;
    const uint64_t lives = 1 + random_.below(kLivesMax);
    for (uint64_t life = 0; life < lives; ++life) {
      FlushLifePlan plan = draw_plan(random_);
      plan.clients = draw_clients(random_);
      plan.first_operation = report_.operations;
      plan.clones_max = options_.crashes_max;
      plan.crash_at = options_.crash_at;
      remains.tape.push_back("==== life " + std::to_string(life + 1));
      FlushLifeReport told = absorb(live(std::move(remains), plan), std::nullopt);
      report_.operations += told.operations;
      if (report_.violation) return std::move(report_);
      const auto look = [this](const FlushClone& clone) { look_into(clone); };
      if (look_into_crashes(told.clones, options_, report_, look)) return std::move(report_);
      Random next = random_.fork();
      const std::vector<FlushClone>& clones = told.clones.sampled;
      const bool dies = !clones.empty() && next.chance(600);
      const FlushRemains& last = dies ? clones[next.below(clones.size())].remains : told.end;
      remains = last.crash(next);
    }
    prove(std::move(remains), random_.next(), std::nullopt);
    return std::move(report_);
  }

 private:
  WorldReport duel() {
    DuelReport told = run_flush_duel(shape_, random_.next(), options_.wants_tape);
    WorldReport report;
    report.violation = std::move(told.violation);
    report.tape = std::move(told.tape);
    report.operations = told.operations;
    report.hash = told.hash;
    return report;
  }

  FlushLifeReport live(FlushRemains remains, const FlushLifePlan& plan) const {
    return FlushLife(shape_, std::move(remains), plan, options_.wants_tape).run();
  }

  static FlushPlan draw_clients(Random& random) {
    FlushPlan plan;
    plan.seed = random.next();
    plan.clients = random.chance(600) ? 1 : 1 + static_cast<uint32_t>(random.below(3));
    plan.errands = 1 + static_cast<uint32_t>(random.below(5));
    return plan;
  }

  static FlushLifePlan draw_plan(Random& random) {
    FlushLifePlan plan;
    plan.seed = random.next();
    const bool disk = random.chance(300);
    const bool bucket = random.chance(500);
    if (disk) plan.disk = draw_disk_faults(random);
    if (bucket) plan.bucket = draw_bucket_faults(random);
    plan.astray = bucket;
    plan.faults = disk || bucket;
    constexpr uint32_t kLost[] = {0, 0, 300, 1000};
    plan.rows_lost_permille = kLost[random.below(std::size(kLost))];
    return plan;
  }

  void look_into(const FlushClone& clone) {
    Random random(mix64(options_.seed) + clone.operation);
    FlushRemains remains = clone.remains.crash(random);
    ++report_.crash_states;
    if (random.chance(kDamagePermille)) remains.damage(random);
    if (random.chance(300)) {
      FlushLifePlan plan = draw_plan(random);
      if (random.chance(300)) plan.clients = draw_clients(random);
      plan.clones_max = 1;
      FlushLifeReport told = absorb(live(std::move(remains), plan), clone.operation);
      if (report_.violation) return;
      const std::vector<FlushClone>& clones = told.clones.sampled;
      const bool again = !clones.empty() && random.chance(800);
      remains = (again ? clones[0].remains : told.end).crash(random);
      ++report_.crash_states;
    }
    prove(std::move(remains), random.next(), clone.operation);
  }

  void prove(FlushRemains remains, uint64_t seed, std::optional<uint64_t> crash_at) {
    Random random(seed);
    FlushLifePlan plan;
    plan.seed = random.next();
    plan.rows_lost_permille = random.chance(700) ? 0 : 1000;
    plan.proof = true;
    absorb(live(std::move(remains), plan), crash_at);
  }

  FlushLifeReport absorb(FlushLifeReport told, std::optional<uint64_t> crash_at) {
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
  FlushShape shape_;
  WorldReport report_;
};

}  // namespace

WorldReport run_flush_world(const WorldOptions& options) {
  return FlushWorld(options).run();
}

}  // namespace sluice::sim
