// Those who use a simulated log of the public kind: writers that append, commit and wait, readers
// that follow, and others that roll, truncate, turn keys and close.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/disk.h"
#include "sim/oracle_wal.h"
#include "sim/runtime.h"
#include "sim/workload.h"
#include "sluice/wal_log.h"

namespace sluice::sim {

/// What the log of a world is like in all its lives.
struct WalShape {
  bool seals = false;     ///< there are keys from the start
  bool archives = false;  ///< nothing goes that the archive did not take
  TornWrites torn_writes = TornWrites::kPad;
};
WalShape draw_wal_shape(Random& random);

struct WalPlan {
  uint64_t seed = 0;
  uint32_t writers = 0;
  uint32_t steps = 0;    ///< of each
  uint32_t errands = 0;  ///< rolls, truncations and turns of keys, by two at once
  bool follows = false;  ///< a reader of the log, and one from outside, read all the time
  bool closes = false;   ///< in the midst of it
};

/// One log at work, and what those who use it share. The ledger outlives the run.
class WalStage {
 public:
  WalStage(SimRuntime& runtime, SimDisk& disk, const WalShape& shape, WalLedger& ledger,
           Findings& findings, Random random)
      : runtime_(runtime),
        disk_(disk),
        shape_(shape),
        ledger_(ledger),
        findings_(findings),
        random_(random) {}

  /// Opens the log and judges what it shows. False: it could not be opened, and that was legal.
  /// `may_fail`: so may every call from then on.
  bool open(const DiskFaults& faults, bool may_fail);
  /// Until all have done their work, or the log is poisoned.
  void work(const WalPlan& plan);
  /// Ends the log, closed or not.
  void end(bool closes);
  /// What was found when it was opened.
  const std::vector<FoundRecord>& found() const { return found_; }
  void check_archive();
  /// The openings to come take nothing away by themselves.
  void retain_all() { retains_all_ = true; }

 private:
  /// A reader that goes on where it stopped.
  struct Tail {
    std::unique_ptr<WalReader> reader{};
    Lsn next_lsn = 0;
    Lsn durable_lsn = 0;  ///< when it was made or reset
    bool from_outside = false;
  };

  SegmentedWalOptions draw_options();
  std::shared_ptr<const KeyRing> ring(uint64_t current) const;
  void recover();
  void write(Random random, GroupCommitter& committer);
  void append(Random& random, uint32_t count);
  void commit(const std::vector<WalSample>& samples, uint64_t first_number,
              const Result<Lsn>& answer);
  void run_errands(Random random, uint32_t errands);
  void truncate(Random& random);
  void follow(Random random, Tail& tail);
  void drain(Tail& tail);
  void close();
  void check_retention();
  Status archive(const WalSegment& segment, File& file);

  /// Whether the answer is ok; if it is an error that may not be, that is found.
  bool judge(const char* call, const Status& answer);
  void check(const WalLedger::Verdict& verdict) {
    if (verdict) findings_.violate(*verdict);
  }
  void pause(Random& random) const;
  bool is_over() const { return poisoned_ || findings_.violation.has_value(); }

  SimRuntime& runtime_;
  SimDisk& disk_;
  const WalShape& shape_;
  WalLedger& ledger_;
  Findings& findings_;
  Random random_;
  WalPlan plan_;
  std::unique_ptr<SegmentedWal> log_;
  std::vector<FoundRecord> found_;
  Tail outside_{.from_outside = true};  ///< of another process: it outlives the log
  std::set<std::string> shown_;         ///< to the archive, in this opening
  Random archives_{0};                  ///< whether the archive is there
  WalRetention retention_;              ///< of this opening
  bool retains_all_ = false;
  bool recovered_ = false;  ///< what this opening found was read
  bool settles_ = false;    ///< the archive takes everything
  bool faults_ = false;
  bool poisoned_ = false;
  bool closing_ = false;
  bool was_closed_ = false;  ///< by the opening before, without a fault
  uint32_t working_ = 0;     ///< writers and errands
};

/// All records of the reader, judged one by one.
Result<std::vector<FoundRecord>> read_records(WalReader& reader, Findings& findings);

}  // namespace sluice::sim
