// A write-ahead log in one file: WalWriter numbers the records, WalFsWriter takes the caller's
// numbers. A record is durable once a sync() that was called after its append() has returned ok.
//
// Opening takes the file's lock, checks every record, and cuts, as far as the policy lets it, what
// a crash has torn; what is cut is kept in `<file>.quarantine-<offset>`. Nothing that is
// acknowledged is ever rewritten. The lock is of the name, `<file>.lock`, and of the file itself:
// it is opened once, by whichever link. A symbolic link is followed first; by another hard link the
// side file would not be found. No other file is touched but `<file>.side` and what has a name that
// ends in `.sluice-unborn`, under which a file is made; no log is opened by such a name (kInvalid).
//
// One thread at a time, but for what says otherwise. Errors of every call: kPoisoned: for ever, a
// sync or a write failed and nothing more can be promised, open it again; kInvalid (kClosed) after
// close(), and of a writer that was moved from, whose getters answer 0 or nothing; kInvalid
// (kSealed) after seal(). A file in which a failed append left something that could not be removed
// is poisoned too.
//
// LSNs and sequence numbers are below 2^62: one at or above it is refused (kSequenceViolation).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"
#include "sluice/wal_options.h"

namespace sluice {

namespace wal {
class SingleFile;
}

/// The log numbers: LSNs rise by 1 from the first.
class WalWriter {
 public:
  /// Opens the log, or makes it with LSN 1 to come. Without a policy: kTruncatePartial. kBusy
  /// (kLocked): another opener has it. kCorrupt: damage that the policy does not mend; where(),
  /// found(): the offset; reason() is one of kIncompleteHeader, kIncompletePayload, kCrcMismatch,
  /// kDecodeFailure, kSequenceViolation. kUnsupported (kVersion): of a newer format, or expected()
  /// is the LSN and found() the type of a record that must be known and is not. kInvalid:
  /// kMissingKey; kNone: its records have numbers of their callers, or, for a WalFsWriter, of the
  /// log. kNotFound: the directory. Nothing was changed.
  static Result<WalWriter> open(const std::string& path, WalFileOptions options = {});
  /// Makes it with `start_lsn` to come. kExists if there is a file with records; kInvalid
  /// (kOutOfRange): LSN 0, or none is left above it.
  static Result<WalWriter> create(const std::string& path, Lsn start_lsn, WalFileOptions options);
  /// The same on other seams, which outlive the writer. `name`: of a file on the disk.
  static Result<WalWriter> open(Runtime& runtime, Disk& disk, const std::string& name,
                                WalFileOptions options);
  static Result<WalWriter> create(Runtime& runtime, Disk& disk, const std::string& name,
                                  Lsn start_lsn, WalFileOptions options);
  WalWriter(WalWriter&&) noexcept;
  WalWriter& operator=(WalWriter&&) noexcept;
  ~WalWriter();  ///< syncs if it can; only close() says whether that went well

  /// The record's LSN, or the first one's of consecutive LSNs. It takes none if it fails: kInvalid
  /// (kPayloadTooLarge, kOutOfRange: the type, kNone: no record); kFull: free space, then retry.
  Result<Lsn> append(const WalRecord& record) { return append(std::span(&record, 1)); }
  Result<Lsn> append(std::span<const WalRecord> records);
  /// Everything appended is durable; no fsync if it is already. kFull: what was appended waits in
  /// memory, free space, then retry. Anything else poisons.
  Status sync();
  /// Syncs; no append is taken any more by this writer. Nothing in the file says so: whoever opens
  /// it again may append.
  Status seal();
  /// Syncs and ends the log with a mark of that.
  Status close();

  Lsn current_lsn() const;  ///< the highest given; the start LSN minus 1 if none was
  Lsn next_lsn() const;
  Lsn durable_lsn() const;       ///< any thread
  uint64_t file_offset() const;  ///< bytes of frames on disk, padding included
  uint64_t file_size() const;    ///< bytes of the file, zeros written ahead included
  /// Syncs, and writes durably that what follows is sealed under the ring's current key; null: not
  /// at all. Whoever opens the file from then on needs that key too. kInvalid (kMissingKey) if
  /// plaintext is refused. kFull: as before; free space, then retry.
  Status set_keys(std::shared_ptr<const KeyRing> keys);
  /// The ring given last; null: none.
  std::shared_ptr<const KeyRing> key_ring() const;
  const WalRepair& repair() const;  ///< what the opening cut
  bool is_direct() const;           ///< WalIo::kDirect was asked for, and is not refused
  WalProtection protection() const;
  /// Uses the side file again after a failure, a new one. kInvalid: the mode has none.
  Status attach_side_file();

 private:
  explicit WalWriter(std::unique_ptr<wal::SingleFile> file);
  std::unique_ptr<wal::SingleFile> file_;
};

enum class SequenceRule : uint8_t {
  kRising,  ///< each above the one before, gaps are legal
  kAny,     ///< any but 0; current_sequence() is the highest
};

struct WalFsOptions {
  WalFileOptions file{};
  SequenceRule rule = SequenceRule::kRising;
};

/// The caller numbers.
class WalFsWriter {
 public:
  /// As WalWriter::open(). Without a policy: kStrict.
  static Result<WalFsWriter> open(const std::string& path) { return open(path, WalFsOptions{}); }
  static Result<WalFsWriter> open(const std::string& path, RepairPolicy policy);
  static Result<WalFsWriter> open(const std::string& path, WalFsOptions options);
  static Result<WalFsWriter> open(Runtime& runtime, Disk& disk, const std::string& name,
                                  WalFsOptions options);
  WalFsWriter(WalFsWriter&&) noexcept;
  WalFsWriter& operator=(WalFsWriter&&) noexcept;
  ~WalFsWriter();  ///< syncs if it can

  /// kInvalid (kSequenceViolation): expected() is the lowest that is accepted, found() what was
  /// given. Others as WalWriter::append(). Whatever fails leaves the file as it was.
  Status append(uint64_t sequence, ByteView payload);
  Status sync();
  Status flush() { return sync(); }
  /// Syncs, and returns that sync's error.
  Status close();
  uint64_t current_sequence() const;  ///< the highest in the file; 0 if there is none
  uint64_t file_offset() const;
  uint64_t file_size() const;
  const WalRepair& repair() const;
  bool is_direct() const;
  WalProtection protection() const;
  Status attach_side_file();

 private:
  explicit WalFsWriter(std::unique_ptr<wal::SingleFile> file);
  std::unique_ptr<wal::SingleFile> file_;
};

}  // namespace sluice
