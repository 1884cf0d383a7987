// SingleFile: a log in one file, what WalWriter and WalFsWriter share.
//
// Opening, step by step:
//   1. take the lock of the name, and that of the file, which may have other names; sync the
//      directory and the file; an absent or empty file is made, locked and renamed
//   2. restore its tail block if that is torn and there is a side file; parse the file from the
//      device, every record
//   3. a torn tail: copy it into a quarantine file, remove whole blocks behind the one in which the
//      frames end, and write a reopening there (W19). Nothing that is part of the log is rewritten.
//   4. no tail: nothing is written. The first append goes on where the frames end; behind a
//      reopening if what follows is numbered or sealed otherwise, or begins within a block.
//
// One thread, but for durable_lsn().
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sluice/wal_file.h"
#include "wal/format.h"
#include "wal/segment_parser.h"
#include "wal/writer.h"

namespace sluice::wal {

struct SingleFileOptions {
  WalFileOptions file{};
  Numbering numbering = Numbering::kLog;
};

class SingleFile {
 public:
  /// Errors: as WalWriter::open().
  static Result<std::unique_ptr<SingleFile>> open(Runtime& runtime, Disk& disk,
                                                  const std::string& name,
                                                  SingleFileOptions options);
  /// As WalWriter::create().
  static Result<std::unique_ptr<SingleFile>> create(Runtime& runtime, Disk& disk,
                                                    const std::string& name, Lsn start_lsn,
                                                    SingleFileOptions options);
  ~SingleFile();
  /// Keeps what the seams belong to for as long as they are used. `is_direct`: of the disk.
  void keep(std::shared_ptr<void> owner, std::function<bool()> is_direct) {
    owner_ = std::move(owner);
    is_direct_ = std::move(is_direct);
  }
  bool is_direct() const { return is_direct_ && is_direct_(); }

  /// The first record's LSN.
  Result<Lsn> append(std::span<const WalRecord> records);
  Status sync();
  Status seal();
  Status close();
  Status set_keys(std::shared_ptr<const KeyRing> keys);
  /// The next record has this LSN, if the log numbers and has come no further; durable on return.
  Status skip_to(Lsn next_lsn);

  std::shared_ptr<const KeyRing> key_ring() const { return keys_; }
  Lsn last_lsn() const { return writer_->last_lsn(); }
  Lsn next_lsn() const { return last_lsn() + 1; }
  Lsn durable_lsn() const { return durable_lsn_.load(); }
  uint64_t frames_bytes() const { return writer_->durable().end - writer_->header().birth_end; }
  uint64_t file_bytes() const { return writer_->file_bytes(); }
  const WalRepair& repair() const { return repair_; }
  WalProtection protection() const;
  Status attach_side_file();

 private:
  /// What opening finds in a file that holds a log.
  struct Found;

  SingleFile(Runtime& runtime, Disk& disk, std::string name, SingleFileOptions options);
  Result<Lsn> append_all(std::span<const WalRecord> records);
  Status lock();
  Result<bool> lock_content();
  Status make(Lsn start_lsn);
  Status recover();
  Result<Found> read_all(RepairPolicy policy);
  TailPolicy tail_policy();
  Status check_record(const SegmentParser& parser, const ParsedFrame& frame) const;
  Status check_repair(const Found& found) const;
  Result<std::string> free_quarantine_name(uint64_t offset) const;
  Status cut(const Found& found);
  Status check(std::span<const WalRecord> records) const;
  Status usable() const;
  Status settle(const Status& written);
  Status reopen(const std::shared_ptr<const KeyRing>& keys, Lsn base_lsn);
  void note_durable() { durable_lsn_.store(writer_->durable().last_lsn); }

  std::shared_ptr<void> owner_;  ///< destroyed last
  std::function<bool()> is_direct_;
  Runtime& runtime_;
  Disk& disk_;
  const std::string name_;
  const SingleFileOptions options_;
  std::shared_ptr<const KeyRing> keys_;
  std::unique_ptr<DiskLock> lock_;     ///< of the name
  std::unique_ptr<File> found_;        ///< has the lock of the file itself; null: writer_ has it
  std::optional<SideFile> side_file_;  ///< of TornWrites::kDoubleWrite
  std::unique_ptr<Writer> writer_;
  bool owes_reopening_ = false;
  bool was_marked_ = false;  ///< as it was found: a mark of its whole content is at its end
  bool sealed_ = false;
  bool closed_ = false;
  std::optional<Error> poison_;
  std::atomic<Lsn> durable_lsn_{0};
  WalRepair repair_;
};

}  // namespace sluice::wal
