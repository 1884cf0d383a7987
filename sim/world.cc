#include "sim/world.h"

#include <iterator>
#include <utility>

#include "sim/world_duel.h"
#include "sim/world_faults.h"
#include "sim/world_flush.h"
#include "sim/world_life.h"
#include "sim/world_wal.h"

namespace sluice::sim {
namespace {

constexpr uint32_t kDuelPermille = 150;
constexpr uint32_t kRotPermille = 100;
constexpr uint32_t kProofOfSweepsPermille = 250;
constexpr uint64_t kLivesMax = 3;

ClientPlan draw_clients(Random& random) {
  ClientPlan plan;
  plan.seed = random.next();
  plan.writers = 1 + static_cast<uint32_t>(random.below(4));
  plan.batches = 1 + static_cast<uint32_t>(random.below(12));
  plan.sources = static_cast<uint32_t>(random.below(3));
  plan.source_batches = static_cast<uint32_t>(random.below(6));
  plan.flushes = static_cast<uint32_t>(random.below(4));
  plan.reads = static_cast<uint32_t>(random.below(4));
  if (random.chance(350)) plan.alterations = 1 + static_cast<uint32_t>(random.below(5));
  plan.keepings = random.chance(300) ? 1 + static_cast<uint32_t>(random.below(5)) : 0;
  plan.steps_clock = random.chance(300);
  plan.pause_max = static_cast<Nanos>(pick(random, {1, 5, 50})) * kMillisecond;
  plan.holds = random.chance(200);
  if (random.chance(400)) {
    plan.sweeps = 1 + static_cast<uint32_t>(random.below(4));
    plan.renewals_permille = random.chance(150) ? 700 : 0;
  }
  return plan;
}

/// Small, so that a flush has several groups, and a group several parts.
DeviceGroups draw_groups(Random& random) {
  DeviceGroups groups;
  groups.devices_max = 1 + static_cast<uint32_t>(random.below(kGroupDevicesMax));
  groups.part_rows_max = pick(random, {10, 40, 1000});
  groups.part_rows_min = 1 + random.below(groups.part_rows_max);
  groups.part_bytes_max = 64 << 10;
  return groups;
}

/// All that write to a table have the same grace.
EngineOptions draw_engine_options(Random& random, Nanos grace) {
  EngineOptions options;
  options.sweep_grace = grace;
  options.sweep_interval = static_cast<Nanos>(pick(random, {600, 3600, 100'000})) * kSecond;
  options.segment_bytes = 64 << 10;
  options.memory_bytes = 8 << 20;
  options.flush_bytes = pick(random, {16 << 10, 100 << 10, 2 << 20});
  options.flush_rows = 5 + random.below(496);
  options.flush_age = static_cast<Nanos>(pick(random, {5, 50, 1000})) * kMillisecond;
  options.flush_threads = 1 + static_cast<uint32_t>(random.below(3));
  options.pinned_segments_max = 1 + static_cast<uint32_t>(random.below(5));
  options.cold_age = random.chance(300) ? 3600 * kSecond : kForever;
  options.table_log_bytes = random.chance(300) ? 1 << 20 : 1 << 30;
  options.disk_reserve_bytes = random.chance(300) ? 128 << 10 : 0;
  options.start_up = random.chance(200) ? StartUp::kStrict : StartUp::kInstant;
  options.row_group_bytes = 64 << 10;
  options.part_bytes = pick(random, {64 << 10, 1 << 20});
  options.retry_min = static_cast<Nanos>(pick(random, {1, 10})) * kMillisecond;
  options.retry_max = static_cast<Nanos>(pick(random, {50, 1000})) * kMillisecond;
  options.snapshots_kept = static_cast<uint32_t>(pick(random, {1, 5, 100}));
  options.manifests_merged_at = static_cast<uint32_t>(pick(random, {2, 10, 100}));
  if (random.chance(500)) options.device_groups = draw_groups(random);
  return options;
}

class World {
 public:
  explicit World(const WorldOptions& options)
      : options_(options),
        random_(options.seed),
        grace_(static_cast<Nanos>(pick(random_, {1, 1, 6, 24})) * 3600 * kSecond) {}

  WorldReport run() {
    const bool drawn = random_.chance(kDuelPermille);
    const bool duel =
        options_.kind == WorldKind::kMixed ? drawn : options_.kind == WorldKind::kDuel;
    if (duel) {
      DuelReport told =
          run_duel({random_.next(), draw_engine_options(random_, grace_)}, options_.wants_tape);
      report_.operations = told.operations;
      report_.hash = told.hash;
      found(told.violation, told.tape, std::nullopt);
    } else {
      tables_ = draw_tables(random_);
      tell();
    }
    return std::move(report_);
  }

 private:
  void tell() {
    Remains remains;
    const uint64_t lives = 1 + random_.below(kLivesMax);
    for (uint64_t life = 0; life < lives; ++life) {
      LifePlan plan = draw_plan(random_);
      plan.clients = draw_clients(random_);
      plan.openings = 1 + static_cast<uint32_t>(random_.below(2));
      plan.rolls_back = random_.chance(150);
      plan.first_operation = report_.operations;
      plan.clones_max = options_.crashes_max;
      plan.crash_at = options_.crash_at;
      remains.tape.push_back("==== life " + std::to_string(life + 1));
      LifeReport told = absorb(live(tables_, std::move(remains), plan, options_.wants_tape), {});
      report_.operations += told.operations;
      const auto look = [this](const Clone& clone) { look_into(clone); };
      if (report_.violation || look_into_crashes(told.clones, options_, report_, look)) return;
      Random next = random_.fork();
      const std::vector<Clone>& clones = told.clones.sampled;
      const bool dies = !clones.empty() && next.chance(600);
      const Remains& last = dies ? clones[next.below(clones.size())].remains : told.end;
      remains = last.crash(next);
    }
    prove(std::move(remains), random_.next(), std::nullopt);
  }

  void look_into(const Clone& clone) {
    Random random(mix64(options_.seed) + clone.operation);
    Remains remains = clone.remains.crash(random);
    ++report_.crash_states;
    if (random.chance(kRotPermille)) look_at_rot(remains, random.fork(), clone.operation);
    if (report_.violation) return;
    if (random.chance(400)) {
      LifePlan plan = draw_plan(random);
      if (random.chance(500)) {
        plan.clients = draw_clients(random);
        plan.clients.batches = 1 + plan.clients.batches / 4;
      }
      plan.clones_max = 1;
      LifeReport told =
          absorb(live(tables_, std::move(remains), plan, options_.wants_tape), clone.operation);
      if (report_.violation) return;
      const std::vector<Clone>& clones = told.clones.sampled;
      const bool again = !clones.empty() && random.chance(700);
      remains = (again ? clones[0].remains : told.end).crash(random);
      ++report_.crash_states;
    }
    prove(std::move(remains), random.next(), clone.operation);
  }

  void look_at_rot(Remains remains, Random random, uint64_t crash_at) {
    remains.rot(random);
    LifePlan plan;
    plan.seed = random.next();
    plan.engine = draw_engine_options(random, grace_);
    plan.rotten = true;
    absorb(live(tables_, std::move(remains), plan, options_.wants_tape), crash_at);
  }

  void prove(Remains remains, uint64_t seed, std::optional<uint64_t> crash_at) {
    Random random(seed);
    LifePlan plan;
    plan.seed = random.next();
    plan.engine = draw_engine_options(random, grace_);
    plan.openings = 2;
    plan.proof = true;
    plan.proves_sweeps = random.chance(kProofOfSweepsPermille);
    absorb(live(tables_, std::move(remains), plan, options_.wants_tape), crash_at);
  }

  LifePlan draw_plan(Random& random) const {
    LifePlan plan;
    plan.seed = random.next();
    plan.engine = draw_engine_options(random, grace_);
    const bool disk = random.chance(400);
    const bool bucket = random.chance(500);
    if (disk) plan.disk = draw_disk_faults(random);
    if (bucket) plan.bucket = draw_bucket_faults(random);
    plan.faults = disk || bucket;
    return plan;
  }

  LifeReport absorb(LifeReport told, std::optional<uint64_t> crash_at) {
    report_.hash = mix64(report_.hash ^ told.hash);
    found(told.violation, told.end.tape, crash_at);
    return told;
  }

  void found(const std::optional<std::string>& violation, const std::vector<std::string>& tape,
             std::optional<uint64_t> crash_at) {
    if (!violation || report_.violation) return;
    report_.violation = violation;
    report_.tape = tape;
    report_.crash_at = crash_at;
  }

  const WorldOptions options_;
  Random random_;
  const Nanos grace_;
  std::vector<SimTable> tables_;
  WorldReport report_;
};

}  // namespace

WorldReport run_world(const WorldOptions& options) {
  if (options.kind == WorldKind::kFlush) return run_flush_world(options);
  if (options.kind == WorldKind::kWal) return run_wal_world(options);
  return World(options).run();
}

}  // namespace sluice::sim
