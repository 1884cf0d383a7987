// For tests: the life of a SegmentedWal at random, beside a model of what was promised of it.
//
// Every step asks the log something, in the face of failures of the disk, and may be the one in
// which the process dies or the power goes. What the log answers, and what it shows when it is
// opened again, is held against the model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/wal_log.h"
#include "wal/random_life_fixture.h"
#include "wal/segmented_fixture.h"

namespace sluice::wal {

/// What was promised. A log of segments numbers from 1, so record i of the history has LSN i + 1.
struct SegmentedModel {
  Entries history{};  ///< every record that may be shown
  Lsn durable = 0;    ///< up to here they must be shown,
  Lsn may_go = 0;     ///< but those up to here may be gone,
  Lsn gone = 0;       ///< and those up to here are

  std::span<const Entry> live(Lsn from, Lsn to) const {
    return std::span(history).subspan(from - 1, to - from + 1);
  }
};

class SegmentedLife : public RandomLife {
 public:
  explicit SegmentedLife(uint64_t seed);

  /// The law that was broken, if one was.
  Status live();
  /// Ends the process: what the disk holds then, and may show.
  DiskImage end();

  const SegmentedModel& model() const { return model_; }
  bool is_closed() const { return is_closed_; }  ///< it ended with a close() that was ok

 private:
  Status step();
  Status append();
  Status commit() { return append_by(true); }
  Status append_by(bool commits);
  Status sync();
  Status wait();
  Status roll();
  Status truncate();
  Status turn_key();
  Status attach();
  Status read();
  Status read_from_outside();
  Status tail();
  Status follow();
  Status close();
  Status die();
  Status fail_some();

  Status watch();
  Status watch_segments();
  Status is_poisoned();

  void on_power_cut() override { outside_.reset(); }
  Status restart(DiskImage image, CrashKind kind);
  Status open();
  Result<bool> try_open(RepairPolicy repair);
  Status accept();
  Status check_quarantine() const;
  SegmentedWal& log() { return **log_; }

  SegmentedWalOptions options_;
  SegmentedModel model_;
  SegmentedModel risk_;  ///< of a process that dies within the step
  DiskImage before_;     ///< the last opening
  std::optional<OpenWal> log_;
  std::unique_ptr<WalReader> tail_;
  Lsn tail_next_ = 0;
  std::unique_ptr<WalReader> outside_;  ///< of another process
  Lsn outside_next_ = 0;
  bool is_forked_ = false;  ///< what it has shown was not there when the log was opened again
  bool is_closed_ = false;
  bool is_clean_ = false;  ///< closed, and the process's end took nothing
};

}  // namespace sluice::wal
