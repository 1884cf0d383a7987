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
constexpr uint32_t kBeforeCopy = 0;
constexpr uint32_t kFirst = 1;
constexpr uint32_t kSecond = 2;

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
    Stage first = stage({&runtime_, &first_disk_, &first_line_}, first_ledger_, kBeforeCopy);
    if (!open(first)) return;
    work(first, 1 + random_.below(8));
    const bool copies_early = random_.chance(400);
    if (copies_early) copy_disk(first);
    std::vector<std::unique_ptr<Thread>> sleepers = start_commit(first);
    if (!copies_early) copy_disk(first);

    second_ledger_ = first_ledger_;
    second_ledger_.log_lost(kFirst);
    if (!copies_log_) second_ledger_.log_lost(kBeforeCopy);
    first_ledger_.skip(kNumbersLeftOut);
    SimDisk second_disk(runtime_, copies_log_ ? copied_disk_ : DiskState());
    Stage second = stage({&runtime_, &second_disk, &second_line_}, second_ledger_, kSecond);
    second_line_.plan = [this](const Change& change) {
      if (change.commits()) remember_before(change.key, change.bytes);
      return Trouble::kNone;
    };
    const bool opened = open(second);
    if (opened) work(second, 1 + random_.below(6));
    const bool second_owns = opened && commits(second);
    if (second_owns && random_.chance(500)) expire_versions();

    findings_.note("the first engine wakes up");
    first_line_.wake();
    for (const auto& sleeper : sleepers) sleeper->join();
    const bool first_owns = commits(first);
    judge(first, second, second_disk, first_owns, second_owns);
    first.engine.reset();
    second.engine.reset();
  }

  Stage stage(Platform platform, Ledger& ledger, uint32_t log) {
    return {runtime_, platform, tables_, ledger, findings_, log, true, true};
  }

  bool open(Stage& stage) {
    const bool again = stage.log != kBeforeCopy;
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
    if (stage.log == kFirst) stage.ledger.flushed(kBeforeCopy, std::nullopt, begin);
    return true;
  }

  /// Whether the engine still gets a new row into the table.
  bool commits(Stage& stage) { return send(stage, AckClass::kLog) && flush(stage); }

  void copy_disk(Stage& first) {
    findings_.note("the disk is copied");
    const CrashKind kind = random_.chance(500) ? CrashKind::kPowerCut : CrashKind::kProcessDeath;
    copied_disk_ = first_disk_.state().crash(random_, kind);
    copied_bucket_ = bucket_.state();
    first.log = kFirst;
  }

  /// The first engine commits, and perhaps falls asleep over it.
  std::vector<std::unique_ptr<Thread>> start_commit(Stage& first) {
    std::vector<std::unique_ptr<Thread>> threads;
    if (random_.chance(150)) return threads;
    const bool before = random_.chance(600);
    first_line_.trouble_next_commit(before ? Trouble::kSleepBefore : Trouble::kSleepAfter);
    send(first, AckClass::kLog);
    threads.push_back(runtime_.spawn("sleeping-flush", [&] { flush(first); }));
    const uint32_t log = first.log;
    Sent sent{.table = kTable, .rows = 3, .log = log};
    const uint64_t number = first.ledger.send(sent);
    threads.push_back(runtime_.spawn("sleeping-writer", [=, &first] {
      static_cast<void>(first.send(number, AckClass::kTable));
    }));
    runtime_.sleep_until(runtime_.now() + 2 * kSecond);
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
      if (number >= second_ledger_.sent().size() || second_ledger_.sent()[number].log == kSecond) {
        return findings_.violate("the engine that lost says that batch " + std::to_string(number) +
                                 " is in the table");
      }
      second_ledger_.promise_committed(number);
    }
    Stage& winner = first_owns ? first : second;
    winner.read_and_check(kTable, Promise::kDurable);
    winner.read_and_check(kTable, Promise::kCommitted);
    (first_owns ? second : first).engine.reset();
    if (first_owns) {
      second_ledger_.disown(kFirst);
      check_log(second_disk, copied_bucket_, second_ledger_);
    } else {
      check_log(first_disk_, before_second_, first_ledger_);
    }
  }

  /// What the loser has in its log and what was in the table before the winner came are together
  /// all that the loser ever acknowledged.
  void check_log(SimDisk& disk, const BucketState& table, Ledger& ledger) {
    findings_.note("the log of the engine that stopped");
    SimBucket bucket(runtime_, table);
    Stage stage{runtime_, {&runtime_, &disk, &bucket}, tables_, ledger, findings_};
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
  BucketState copied_bucket_;  // of that moment
  BucketState before_second_;  // before the second engine's first commit
  bool second_has_committed_ = false;
  std::string tried_key_;  // by the second engine, last
  std::vector<std::byte> tried_bytes_;
};

}  // namespace

DuelReport run_duel(const DuelPlan& plan, bool wants_tape) {
  return Duel(plan, wants_tape).run();
}

}  // namespace sluice::sim
