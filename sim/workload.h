// The clients of a simulated engine: writers, sources that send again, flushers, readers that check
// what they see, and somebody who steps the clock. Each is a fiber with chance of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/oracle.h"
#include "sim/runtime.h"
#include "sluice/engine.h"
#include "sluice/events.h"
#include "sluice/platform.h"

namespace sluice::sim {

/// The first thing that went wrong, and, if somebody wants to read it, what happened before.
struct Findings {
  std::optional<std::string> violation;
  bool wants_tape = false;
  std::vector<std::string> tape;

  void note(std::string line) {
    if (wants_tape) tape.push_back(std::move(line));
  }
  void violate(const std::string& what) {
    note("VIOLATION: " + what);
    if (!violation) violation = what;
  }
};

/// Writes what the engine tells of itself onto the tape. The findings outlive it.
class Reporter final : public Listener {
 public:
  explicit Reporter(Findings& findings) : findings_(findings) {}
  void on_recovered(const RecoveryReport& report) override;
  void on_trouble(const TableName& table, const Error& error) override;
  uint64_t torn_bytes() const { return torn_bytes_; }

 private:
  Findings& findings_;
  uint64_t torn_bytes_ = 0;
};

/// One engine at work, and what its clients share. The ledger outlives the run.
struct Stage {
  SimRuntime& runtime;
  Platform platform;
  const std::vector<SimTable>& tables;
  Ledger& ledger;
  Findings& findings;
  uint32_t log = 0;        ///< which of the ledger's logs the engine has
  bool faults = false;     ///< calls may fail
  bool may_fence = false;  ///< another engine may take the tables over
  bool rotten = false;     ///< stored bytes are not as they were written
  bool leaps = false;      ///< hours pass at once: who waits may wait too long
  bool stale = false;      ///< the bucket's lists may be: what is read may be old, and be missed
  std::unique_ptr<Engine> engine = nullptr;

  /// An error that the world cannot explain is a violation.
  void expect_explained(const std::string& what, const Error& error);
  /// Reads a table and checks it; what was seen is witnessed. Nothing if the read failed.
  std::optional<Reading> read_and_check(uint32_t table, Promise promise);
  /// The same right after an opening that began at `opened`, and settles what it did not bring
  /// back.
  std::optional<Reading> check_recovery(uint32_t table, uint64_t opened);
  /// Waits for the answer.
  Result<Appended> send(uint64_t number, AckClass ack);
  void flush(std::optional<uint32_t> table);
  /// Gives the committed snapshot a tag.
  void tag(uint32_t table);
  void expire(uint32_t table, uint32_t keep_last);
  /// Makes a tagged snapshot current again, if there is one. Nobody else writes meanwhile.
  void roll_back(uint32_t table);
  /// Tagged snapshots show what they showed.
  void look_back(uint32_t table);
  void sweep(uint32_t table, const SweepOptions& options);
  /// Every snapshot that is kept can be read, and shows rows as they were sent.
  void read_kept(uint32_t table);
  /// Changes columns, in one call. Nobody else does so meanwhile.
  void alter(uint32_t table, Random& random);
  /// No device has left its group or found another one, and no group has too many (T16).
  void check_groups(uint32_t table);
  /// Every object has a version that names it.
  void expect_no_orphans();
  /// So many commits that a sweep lets earlier versions go, once they are old.
  void renew_versions(uint32_t table);

 private:
  /// What the table looks like now, says the engine.
  std::optional<Shape> current_shape(uint32_t table);
  bool is_kept(uint32_t table, uint64_t snapshot_id);
};

/// The most devices of a group in any world.
inline constexpr uint32_t kGroupDevicesMax = 4;

struct ClientPlan {
  uint64_t seed = 0;
  uint32_t writers = 0;
  uint32_t batches = 0;  ///< a writer
  uint32_t sources = 0;
  uint32_t source_batches = 0;  ///< new ones of a source
  uint32_t flushes = 0;
  uint32_t reads = 0;
  uint32_t keepings = 0;  ///< snapshots tagged, expired, looked at again
  uint32_t sweeps = 0;
  uint32_t renewals_permille = 0;  ///< of sweeps: the table's versions are renewed before
  bool holds = false;              ///< a reader takes days
  uint32_t alterations = 0;
  bool steps_clock = false;
  Nanos pause_max = 5 * kMillisecond;  ///< between two calls of a client
};

class Clients {
 public:
  Clients(Stage& stage, const ClientPlan& plan) : stage_(stage), plan_(plan) {}
  /// Returns when all are done; completions may be outstanding. Outlives the engine.
  void run();
  uint64_t unanswered() const { return unanswered_; }

 private:
  void write(Random random);
  void write_one(Random& random, bool waits);
  void feed(uint32_t table, uint32_t source, Random random);
  bool feed_one(uint64_t number, Random& random);
  std::optional<uint64_t> resume_source(uint32_t table, uint32_t source);
  void flush(Random random);
  void read(Random random);
  void keep(Random random);
  void sweep(Random random);
  void hold(Random random);
  void alter(Random random);
  void step_clock(Random random);
  void pause(Random& random);
  std::optional<uint32_t> pick_table(Random& random) const;

  Stage& stage_;
  const ClientPlan plan_;
  uint64_t unanswered_ = 0;
  bool stopped_ = false;  ///< the engine takes no more
};

}  // namespace sluice::sim
