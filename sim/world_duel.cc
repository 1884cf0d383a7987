#include "sim/world_duel.h"

#include <memory>
#include <utility>

#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/line.h"
#include "sim/workload.h"

namespace sluice::sim {
namespace {

constexpr uint64_t kStepsMax = 3'000'000;
constexpr uint64_t kNumbersLeftOut = 1000;
constexpr uint32_t kTable = 0;  // the only one

// Ledger::log: what the first engine was sent before and after the other one's disk was copied.
constexpr uint32_t kLogBeforeCopy = 0;
constexpr uint32_t kFirstLog = 1;
constexpr uint32_t kSecondLog = 2;

bool is_metadata(std::string_view key) {
  return key.ends_with(".metadata.json");
}

BucketFaults draw_faults(Random& random) {
  BucketFaults faults;
  if (random.chance(500)) return faults;
  faults.busy_permille = 5;
  faults.lost_permille = 10;
  faults.answer_lost_permille = 20;
  faults.late_permille = 20;
  faults.duplicated_permille = 20;
  return faults;
}

class Duel {
 public:
  Duel(const DuelPlan& plan, bool wants_tape)
      : random_(plan.seed),
        engine_options_(plan.engine),
        copies_log_(random_.chance(500)),
        runtime_({.seed = random_.next(), .steps_max = kStepsMax}),
        bucket_(runtime_, {}, draw_faults(random_)),
        first_disk_(runtime_),
        first_line_(runtime_, bucket_),
        second_line_(runtime_, bucket_) {
    engine_options_.listener = std::make_shared<Reporter>(findings_);
    findings_.wants_tape = wants_tape;
    tables_ = draw_tables(random_);
    tables_.resize(1);
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
    Stage first = stage({&runtime_, &first_disk_, &first_line_}, first_ledger_, kLogBeforeCopy);
    if (!open(first)) return;
    work(first, 1 + random_.below(8));
    if (random_.chance(300)) sweep_during_flush(first);
    const bool copies_early = random_.chance(400);
    if (copies_early) copy_disk(first);
    std::vector<std::unique_ptr<Thread>> sleepers = start_commit(first);
    if (!copies_early) copy_disk(first);

    second_ledger_ = first_ledger_;
    second_ledger_.log_lost(kFirstLog);
    if (!copies_log_) second_ledger_.log_lost(kLogBeforeCopy);
    first_ledger_.skip(kNumbersLeftOut);
    SimDisk second_disk(runtime_, copies_log_ ? copied_disk_ : DiskState());
    Stage second = stage({&runtime_, &second_disk, &second_line_}, second_ledger_, kSecondLog);
    second_line_.plan = [this](const Change& change) {
      if (change.commits()) remember_before(change.key, change.bytes);
      return Trouble::kNone;
    };
    const bool opened = open(second);
    at_opening_ = bucket_.state();
    const Nanos minutes = static_cast<Nanos>(random_.below(4 * 24 * 60));
    if (random_.chance(600)) runtime_.suspend(minutes * 60 * kSecond);
    if (opened && random_.chance(400)) second.sweep(kTable, {});
    const bool commits_late = opened && random_.chance(250);
    bool second_owns = opened && !commits_late && take_over(second);

    findings_.note("the first engine wakes up");
    first.rotten = breaks_rules_;  // what it was about to read may be gone
    first_line_.wake();
    for (const auto& sleeper : sleepers) sleeper->join();
    second_owns = second_owns || (commits_late && commits(second));
    const bool first_owns = commits(first);
    judge(first, second, second_disk, first_owns, second_owns);
    first.engine.reset();
    second.engine.reset();
  }

  bool take_over(Stage& second) {
    work(second, 1 + random_.below(6));
    if (!commits(second)) return false;
    if (random_.chance(300)) second.expire(kTable, 1);
    if (random_.chance(60)) {
      second.renew_versions(kTable);
      runtime_.suspend(25 * 3600 * kSecond);
    }
    if (random_.chance(500)) second.sweep(kTable, {});
    if (random_.chance(200)) expire_versions();
    return true;
  }

  /// A flush falls asleep, and the engine is asked to sweep what is a minute old.
  void sweep_during_flush(Stage& first) {
    const auto sleepers = start_commit(first);
    runtime_.suspend(static_cast<Nanos>(2 + random_.below(60)) * 60 * kSecond);
    const auto sweeper =
        runtime_.spawn("sweeping", [&] { first.sweep(kTable, {.grace = 60 * kSecond}); });
    runtime_.sleep_until(runtime_.now() + kSecond);
    findings_.note("the flush wakes up");
    first_line_.wake();
    sweeper->join();
    for (const auto& sleeper : sleepers) sleeper->join();
    first.read_and_check(kTable, Promise::kCommitted);
  }

  Stage stage(Platform platform, Ledger& ledger, uint32_t log) {
    return {runtime_, platform, tables_, ledger, findings_, log, true, true};
  }

  bool open(Stage& stage) {
    const bool again = stage.log != kLogBeforeCopy;
    auto engine = Engine::open(stage.platform, engine_options_);
    if (!engine.ok()) {
      stage.expect_explained("opening", engine.error());
      return false;
    }
    stage.engine = std::move(*engine);
    if (again) return true;
    const Status made = stage.engine->create_table(tables_[kTable].name, tables_[kTable].spec);
    if (!made.ok()) stage.expect_explained("making the table", made.error());
    return made.ok();
  }

  bool send(Stage& stage, AckClass ack) {
    Sent sent{.table = kTable, .rows = 1 + static_cast<uint32_t>(random_.below(20))};
    sent.log = stage.log;
    return stage.send(stage.ledger.send(sent), ack).ok();
  }

  void work(Stage& stage, uint64_t batches) {
    for (uint64_t i = 0; i < batches; ++i) {
      send(stage, random_.chance(700) ? AckClass::kLog : AckClass::kTable);
      if (random_.chance(150)) flush(stage);
    }
  }

  bool flush(Stage& stage) {
    const uint64_t begin = stage.ledger.tick();
    const auto report = stage.engine->flush();
    if (!report.ok()) {
      stage.expect_explained("flush", report.error());
      return false;
    }
    stage.ledger.flushed(stage.log, std::nullopt, begin);
    if (stage.log == kFirstLog) stage.ledger.flushed(kLogBeforeCopy, std::nullopt, begin);
    return true;
  }

  /// Whether the engine still gets a new row into the table.
  bool commits(Stage& stage) { return send(stage, AckClass::kLog) && flush(stage); }

  void copy_disk(Stage& first) {
    findings_.note("the disk is copied");
    const CrashKind kind = random_.chance(500) ? CrashKind::kPowerCut : CrashKind::kProcessDeath;
    copied_disk_ = first_disk_.state().crash(random_, kind);
    first.log = kFirstLog;
  }

  /// The first engine commits, and perhaps falls asleep over it.
  std::vector<std::unique_ptr<Thread>> start_commit(Stage& first) {
    std::vector<std::unique_ptr<Thread>> threads;
    if (random_.chance(150)) return threads;
    const Trouble sleep = random_.chance(600) ? Trouble::kSleepBefore : Trouble::kSleepAfter;
    if (random_.chance(700)) {
      first_line_.trouble_next_commit(sleep);
    } else {
      first_line_.plan = [left = random_.below(8), sleep](const Change&) mutable {
        return left-- == 0 ? sleep : Trouble::kNone;
      };
    }
    send(first, AckClass::kLog);
    threads.push_back(runtime_.spawn("sleeping-flush", [&] { flush(first); }));
    const uint32_t log = first.log;
    Sent sent{.table = kTable, .rows = 3, .log = log};
    const uint64_t number = first.ledger.send(sent);
    threads.push_back(runtime_.spawn("sleeping-writer", [=, &first] {
      static_cast<void>(first.send(number, AckClass::kTable));
    }));
    runtime_.sleep_until(runtime_.now() + 2 * kSecond);
    first_line_.plan = nullptr;
    findings_.note(first_line_.asleep() ? "the first engine sleeps" : "nobody sleeps");
    return threads;
  }

  /// Keeps the bucket as it was before the second engine's first commit had its effect.
  void remember_before(std::string_view key, ByteView bytes) {
    const auto& objects = bucket_.state().objects;
    const auto tried = objects.find(tried_key_);
    second_has_committed_ =
        second_has_committed_ || (tried != objects.end() && *tried->second.bytes == tried_bytes_);
    if (!second_has_committed_ && !objects.contains(key)) before_second_ = bucket_.state();
    tried_key_ = key;
    tried_bytes_.assign(bytes.begin(), bytes.end());
  }

  /// Somebody is over-eager: only the head is safe from him.
  void expire_versions() {
    auto& objects = bucket_.mutable_state().objects;
    std::vector<std::string> versions;
    for (const auto& [key, object] : objects) {
      if (is_metadata(key)) versions.push_back(key);
    }
    const auto by_version = [](const std::string& a, const std::string& b) {
      return std::pair(a.size(), a) < std::pair(b.size(), b);
    };
    std::sort(versions.begin(), versions.end(), by_version);
    if (!versions.empty()) versions.pop_back();
    breaks_rules_ = true;
    for (const std::string& key : versions) {
      findings_.note("expire " + key);
      objects.erase(key);
    }
  }

  void judge(Stage& first, Stage& second, SimDisk& second_disk, bool first_owns, bool second_owns) {
    if (first_owns && second_owns) return findings_.violate("both engines go on");
    if (!first_owns && !second_owns) return findings_.violate("no engine goes on");
    for (uint64_t number = 0; number < first_ledger_.sent().size(); ++number) {
      if (first_owns || first_ledger_.sent()[number].committed_at == kNever) continue;
      if (number >= second_ledger_.sent().size() ||
          second_ledger_.sent()[number].log == kSecondLog) {
        return findings_.violate("the engine that lost says that batch " + std::to_string(number) +
                                 " is in the table");
      }
      second_ledger_.promise_committed(number);
    }
    Stage& winner = first_owns ? first : second;
    winner.read_and_check(kTable, Promise::kDurable);
    winner.read_and_check(kTable, Promise::kCommitted);
    check_sweep(winner);
    (first_owns ? second : first).engine.reset();
    if (first_owns) {
      check_log(second_disk, at_opening_, second_ledger_);
    } else {
      check_log(first_disk_, before_second_, first_ledger_);
    }
  }

  /// Whatever the loser's requests have left: once it is old it goes, and the table stays whole.
  void check_sweep(Stage& winner) {
    if (breaks_rules_ || !random_.chance(300)) return;
    bucket_.set_faults({});
    winner.faults = false;
    runtime_.suspend(engine_options_.sweep_grace + kSecond);
    const bool quiet = bucket_.state().in_flight.empty();
    winner.sweep(kTable, {});
    winner.read_kept(kTable);
    winner.read_and_check(kTable, Promise::kCommitted);
    if (quiet) winner.expect_no_orphans();
  }

  /// What the loser has in its log and what was in the table before the winner came are together
  /// all that the loser ever acknowledged.
  void check_log(SimDisk& disk, const BucketState& table, Ledger& ledger) {
    findings_.note("the log of the engine that stopped");
    SimBucket bucket(runtime_, table);
    Stage stage{runtime_, {&runtime_, &disk, &bucket}, tables_, ledger, findings_};
    stage.may_fence = &disk != &first_disk_;  // the first engine may have committed meanwhile
    auto engine = Engine::open(stage.platform, engine_options_);
    if (!engine.ok()) return stage.expect_explained("opening the loser", engine.error());
    stage.engine = std::move(*engine);
    stage.read_and_check(kTable, Promise::kDurable);
  }

  Random random_;
  EngineOptions engine_options_;
  const bool copies_log_;
  std::vector<SimTable> tables_;
  Findings findings_;
  Ledger first_ledger_;
  Ledger second_ledger_;
  SimRuntime runtime_;
  SimBucket bucket_;
  SimDisk first_disk_;
  Line first_line_;
  Line second_line_;
  DiskState copied_disk_;
  BucketState at_opening_;     // of the second engine
  BucketState before_second_;  // before the second engine's first commit
  bool second_has_committed_ = false;
  bool breaks_rules_ = false;  ///< versions are gone that should have been kept
  std::string tried_key_;      // by the second engine, last
  std::vector<std::byte> tried_bytes_;
};

}  // namespace

DuelReport run_duel(const DuelPlan& plan, bool wants_tape) {
  return Duel(plan, wants_tape).run();
}

}  // namespace sluice::sim
