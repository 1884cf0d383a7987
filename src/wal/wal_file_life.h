// For tests: the life of a log in one file at random, beside a model of what was promised of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "sluice/wal_file.h"
#include "wal/random_life_fixture.h"

namespace sluice::wal {

/// What was promised: the first `acked` records of the history must come back, the others may, in
/// order and without a hole.
struct FileModel {
  Entries history{};
  size_t acked = 0;
};

/// A WalWriter, or a WalFsWriter in whose life callers number by either rule.
class WalFileLife : public RandomLife {
 public:
  enum class Kind : uint8_t { kWriter, kFsWriter };
  WalFileLife(uint64_t seed, Kind kind);

  /// The law that was broken, if one was.
  Status live();
  /// Ends the process: what the disk holds then.
  DiskImage end();

  Kind kind() const { return kind_; }
  const FileModel& model() const { return model_; }
  bool is_closed() const { return is_closed_; }  ///< it ended with a close() that was ok

 private:
  Status step();
  Status append();
  Status append_wrong();
  Status sync();
  Status seal();
  Status turn_key();
  Status attach();
  Status read();
  Status tail();
  Status close();
  Status die();
  Status fail_some();

  Status watch();
  Status is_poisoned();
  Status restart(DiskImage image, CrashKind kind);
  Status open();
  Result<bool> try_open(RepairPolicy repair);
  Status open_with(const WalFileOptions& options);
  Status accept();

  Lsn next_number();
  Lsn highest() const;
  Result<Lsn> put(const Entries& batch);
  bool is_open() const { return writer_ || fs_writer_; }
  Status sync_log() { return writer_ ? writer_->sync() : fs_writer_->sync(); }
  Status close_log() { return writer_ ? writer_->close() : fs_writer_->close(); }
  const WalRepair& repair() const { return writer_ ? writer_->repair() : fs_writer_->repair(); }

  const Kind kind_;
  SequenceRule rule_ = SequenceRule::kRising;
  Lsn start_lsn_ = 1;
  std::shared_ptr<const KeyRing> keys_;
  FileModel model_;
  FileModel risk_;    ///< of a process that dies within the step
  DiskImage before_;  ///< the last opening
  std::unique_ptr<TestRuntime> runtime_;
  std::optional<WalWriter> writer_;
  std::optional<WalFsWriter> fs_writer_;
  std::unique_ptr<WalReader> tail_;
  size_t tail_next_ = 0;
  bool is_sealed_ = false;
  bool is_closed_ = false;
  bool is_clean_ = false;  ///< closed, and the process's end took nothing
};

}  // namespace sluice::wal
