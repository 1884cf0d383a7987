// A write-ahead log in a directory: segments one after another, many writers, group commit.
//
// An append takes LSNs and copies the records into memory. They are durable once durable_lsn() has
// reached them: sync(), wait_durable(), commit() and GroupCommitter see to that, with one sync at a
// time whose target is set as late as can be, so that whoever waits meanwhile shares the next one.
//
// A batch that was given to one append(), and all between two syncs, stays in one segment. Errors
// of every call: kPoisoned: for ever, a sync or a write failed and nothing more can be promised,
// open it again; kInvalid (kClosed) after close().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"
#include "sluice/wal_options.h"
#include "sluice/wal_reader.h"

namespace sluice {

struct WalSegment {
  std::string name{};
  Lsn first_lsn = 0;
  Lsn last_lsn = 0;    ///< of its durable records; first_lsn - 1: it holds none
  uint64_t bytes = 0;  ///< durable, its header and padding included
};

/// Shown each segment before it goes, oldest first, with its bytes to read. Anything but ok keeps
/// it and all that follow, until the next truncation. May be shown a segment again if its removal
/// failed. Called by truncate_before(), or for a retention by a thread of the log, perhaps before
/// open() has returned; by one of them at a time. Others may use the log meanwhile, and it may read
/// the log, but must not change it.
using WalArchive = std::function<Status(const WalSegment& segment, File& file)>;

/// What goes, oldest segments first but never the active one: a thread of the log sees to it when a
/// segment begins, at the opening too, and when the oldest comes of age. With an archive only what
/// that took; without one it is gone for good, also what nobody has read. What could not go is
/// tried again, after 10 seconds at the latest: SegmentedWal::retention(). 0: no such limit.
struct WalRetention {
  uint64_t bytes_max = 0;  ///< of all segments; they may exceed it by as much as the active one has
  /// Since a segment ended. Of those that open() found, since their files were written last, by the
  /// disk's and the runtime's wall clocks (ADR 23); since open() if the disk does not tell, or
  /// tells a time to come.
  Nanos age_max = 0;
};

struct SegmentedWalOptions {
  uint64_t segment_bytes = 64ull << 20;                  ///< a segment is full from here on
  RepairPolicy repair = RepairPolicy::kTruncatePartial;  ///< kStrict, or this one
  std::shared_ptr<const KeyRing> keys{};  ///< new segments are sealed under its current key
  Plaintext plaintext = Plaintext::kAllowed;
  TornWrites torn_writes = TornWrites::kPad;
  uint64_t payload_bytes_max = kWalPayloadBytesMax;  ///< at most that
  uint32_t spares_max = 2;  ///< files of segments that went, kept to be written again
  /// Where none of those waits, a thread of the log fills the next segment's file with zeros
  /// meanwhile, if at least two segments' room is left on the disk.
  bool zeros_ahead = false;
  /// As in WalReadOptions: a record of another type that has kWalRequired is kUnsupported where the
  /// opening meets it: in the newest segment, with kStrict in any. Empty: all are known.
  std::vector<uint16_t> known_types{};
  WalArchive archive{};
  WalRetention retention{};
  WalIo io = WalIo::kBuffered;
  std::shared_ptr<WalCounters> counters{};  ///< null: nothing is counted
};

struct WalTruncation {
  uint64_t segments = 0;
  uint64_t bytes = 0;
};

/// Any thread may call any function.
class SegmentedWal {
 public:
  /// Opens the log of the directory, or makes one; the directory exists. kBusy (kLocked): another
  /// opener has it. kCorrupt: where(), found(): file and offset of damage that the policy does not
  /// mend (kStrict: nothing was changed), or (kMissingSegment) the first missing and the next LSN.
  /// kUnsupported (kVersion): of a newer format, or expected() is the LSN and found() the type of a
  /// record that must be known and is not; nothing was changed. kInvalid: kMissingKey, kOutOfRange
  /// (the options). kNotFound: the directory.
  static Result<std::unique_ptr<SegmentedWal>> open(const std::string& directory,
                                                    SegmentedWalOptions options);
  /// The same on other seams, which outlive the log.
  static Result<std::unique_ptr<SegmentedWal>> open(Runtime& runtime, Disk& disk,
                                                    SegmentedWalOptions options);
  /// Syncs nothing: what is not durable is lost.
  virtual ~SegmentedWal() = default;

  /// The LSN of the first record, the others follow it. In memory, not durable. It takes none if it
  /// fails: kInvalid (kPayloadTooLarge; kOutOfRange: a type, or no record); kFull: free space, then
  /// retry. An error of a new segment's files or of the directory (kIo) leaves the log in the old
  /// one: retry.
  virtual Result<Lsn> append(std::span<const WalRecord> records) = 0;
  Result<Lsn> append(const WalRecord& record) { return append(std::span(&record, 1)); }
  /// What append() would say to the record by itself; asks nothing of the disk.
  virtual Status check(const WalRecord& record) const = 0;
  /// Everything appended before the call is durable. kFull: what was appended waits in memory, with
  /// its LSNs; free space, then retry.
  virtual Status sync() = 0;
  /// append() and sync() of these records as one: on an error they have no LSN, and but for
  /// kPoisoned they will never be seen. For those who gather: GroupCommitter does.
  virtual Result<Lsn> commit(std::span<const WalRecord> records) = 0;
  /// Returns when the record of this LSN is durable, by a sync of its own or of others. kInvalid
  /// (kOutOfRange): it was never appended.
  virtual Status wait_durable(Lsn lsn) = 0;
  virtual Lsn durable_lsn() const = 0;
  virtual Lsn next_lsn() const = 0;

  /// Syncs and ends the active segment, if it holds a record. Errors as append() and sync().
  virtual Status roll() = 0;
  /// No record below `lsn` is needed: whole segments go, oldest first, never the active one. An
  /// error of the archive or of the disk ends it; what went is gone.
  virtual Result<WalTruncation> truncate_before(Lsn lsn) = 0;
  /// The verdict of the last attempt to take away what is not retained: its error (of the archive,
  /// of the disk, also of the directory's sync) until an attempt goes well.
  virtual Status retention() const = 0;
  virtual std::vector<WalSegment> list_segments() const = 0;  ///< oldest first
  virtual uint64_t total_size_bytes() const = 0;              ///< of list_segments()
  virtual Lsn active_segment_first_lsn() const = 0;

  /// Reads what is durable now, and after a reset() what has become durable since; never a write
  /// under way. The log outlives its readers.
  virtual Result<std::unique_ptr<WalReader>> read(WalReadOptions options) = 0;

  /// Takes effect at once, in a new segment. Null: no encryption from here on, and kInvalid
  /// (kMissingKey) if plaintext is refused. The ring has the keys of all segments that are left. An
  /// error of roll(): the next segment will have them.
  virtual Status set_keys(std::shared_ptr<const KeyRing> keys) = 0;
  /// The ring given last; null: none.
  virtual std::shared_ptr<const KeyRing> key_ring() const = 0;
  virtual const WalRepair& repair() const = 0;  ///< what the opening cut
  virtual WalProtection protection() const = 0;
  /// Uses the side file again after a failure, a new one. kInvalid: the mode has none. An error of
  /// the disk: as before.
  virtual Status attach_side_file() = 0;
  /// Syncs, leaves a mark of that and ends the log, and waits for an archive that its thread shows
  /// a segment; so does the destructor. Whoever waits gets a verdict: durable, or kClosed. kFull:
  /// the log is not closed. Any other error: it is.
  virtual Status close() = 0;
  virtual Runtime& runtime() const = 0;  ///< that it was opened with
  /// Whether WalIo::kDirect was asked for and no file was refused it.
  bool is_direct() const { return is_direct_ && is_direct_(); }

 private:
  std::shared_ptr<void> owner_;  ///< of the seams, if nobody else owns them; destroyed last
  std::function<bool()> is_direct_;
};

struct GroupCommitOptions {
  Nanos delay = 0;  ///< how long the first of a group waits for others; only ever delays
  uint64_t group_bytes_max = 1 << 20;  ///< of payloads; a group has at least one record
};

/// Durable appends of many threads with one sync for all that wait. Each caller gets its own LSN
/// and verdict; a group that fails (kFull) fails its callers alone, and takes no LSN.
class GroupCommitter {
 public:
  /// Both outlive the committer.
  GroupCommitter(Runtime& runtime, SegmentedWal& log, GroupCommitOptions options);
  GroupCommitter(Runtime& runtime, SegmentedWal& log) : GroupCommitter(runtime, log, {}) {}
  explicit GroupCommitter(SegmentedWal& log) : GroupCommitter(log.runtime(), log, {}) {}
  /// No thread is in submit().
  ~GroupCommitter();

  /// Any thread. Returns when the record is durable. Errors as append() and sync() of the log; on
  /// any the record has no LSN, and but for kPoisoned it will never be seen.
  Result<Lsn> submit(const WalRecord& record);
  Lsn durable_lsn() const { return log_.durable_lsn(); }

 private:
  class Queue;
  SegmentedWal& log_;
  const std::unique_ptr<Queue> queue_;
};

}  // namespace sluice
