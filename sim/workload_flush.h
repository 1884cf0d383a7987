// The clients of a simulated AtomicFlushWriter, and the rows that they send. A row is a function of
// its id; an id is a group's number and the row's place in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/bucket.h"
#include "sim/oracle_flush.h"
#include "sim/runtime.h"
#include "sim/workload.h"
#include "sluice/flush.h"
#include "sluice/platform.h"

namespace sluice::sim {

/// What a world's flushes are like: the same in all its lives.
struct FlushShape {
  uint64_t seed = 0;
  bool alone = false;
  LsnRule rule = LsnRule::kUnique;
  bool keyed = false;    ///< the table: by id
  bool timed = false;    ///< the table: by day
  bool entries = false;  ///< rows come as JSON text
};
FlushShape draw_flush_shape(Random& random);
/// The table's name, also where there is none.
TableName flush_table();

/// One writer at work, and what its clients share. The ledger outlives the run.
struct FlushStage {
  SimRuntime& runtime;
  Platform platform;
  const SimBucket& bucket;  ///< behind the platform's
  const FlushShape& shape;
  FlushLedger& ledger;
  Findings& findings;
  bool faults = false;     ///< calls may fail
  bool may_fence = false;  ///< another writer may take the table over
  bool stale = false;      ///< the bucket's lists may be
  /// How often the rows of a flush cannot be had again, in a thousand; 1000: nobody is asked.
  uint32_t rows_lost_permille = 0;
  Random random{0};
  std::unique_ptr<AtomicFlushWriter> writer = nullptr;
  bool fenced = false;  ///< the writer said so

  bool open();
  /// What recovery tells; nothing if it failed.
  std::optional<FlushRecoveryResult> recover();
  /// The flush's number if it is prepared now.
  std::optional<uint64_t> prepare(uint64_t group);
  void flush_at_once(uint64_t group);
  bool commit(uint64_t number);
  bool roll_back(uint64_t number);
  /// Takes the committed blocks into the consumer's manifest, and clears them.
  void consume();
  /// Looks at what is committed.
  void check_committed();
  /// Asks for a flush that never was.
  void ask_for_unknown();
  void judge(const Wrong& wrong) {
    if (wrong) findings.violate(*wrong);
  }
  /// An error that the world cannot explain is a violation.
  void expect_explained(const std::string& what, const Error& error, bool damaged);

 private:
  template <class Call>
  auto with_rows(uint64_t number, Call call);
  std::optional<std::vector<uint64_t>> read_table();
  /// A rollback has deleted the parts when it returns.
  void check_gone(uint64_t number);
};

struct FlushPlan {
  uint64_t seed = 0;
  uint32_t clients = 0;
  uint32_t errands = 0;  ///< of a client
  Nanos pause_max = 5 * kMillisecond;
};

class FlushClients {
 public:
  FlushClients(FlushStage& stage, const FlushPlan& plan) : stage_(stage), plan_(plan) {}
  /// Returns when all are done.
  void run();

 private:
  void work(Random random);
  void run_errand(Random& random);
  void settle(uint64_t number, Random& random);
  void settle_another(Random& random);
  void ask_again(Random& random);
  std::optional<uint64_t> pick(const std::vector<uint64_t>& numbers, Random& random) const;

  FlushStage& stage_;
  const FlushPlan plan_;
  std::set<uint64_t> in_hands_;  // flushes that a client is at
};

}  // namespace sluice::sim
