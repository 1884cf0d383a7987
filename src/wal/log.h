// Log: an ordered, crash-safe sequence of frames in a directory. format.h says what is on disk.
//
// Opening, step by step:
//   1. take the lock; sync the directory and the newest segment
//   2. check that the segments form one log; restore the newest one's tail block if it is torn and
//      there is a side file; parse that segment from the device
//   3. copy what lies behind its accepted end into a quarantine file
//   4. write and sync a new segment under a temporary name, rename it, sync the directory
// Nothing that is whole is rewritten; only then is anything handed out.
//
// The application's part of a checkpoint is opaque here. Opening carries it over unchanged from the
// newest checkpoint, so it may be older than the newest frames: whatever the application keeps
// there (schemas, positions) must be replayable from frames, and a new checkpoint (roll,
// checkpoint, trim) must hold its complete state as of the last frame appended.
//
// One thread calls the functions that change the log. durable_lsn(), stats(), segments(),
// reading_keys() and read() may be called from any thread. After kPoisoned only destruction is
// left: what was not durable is unknown until the log is opened again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"
#include "sluice/wal_options.h"
#include "wal/checkpoint.h"
#include "wal/format.h"
#include "wal/log_reader.h"
#include "wal/segments.h"
#include "wal/side_file.h"
#include "wal/spare_maker.h"
#include "wal/writer.h"

namespace sluice::wal {

struct LogOptions {
  uint64_t segment_bytes = 64ull << 20;  ///< wants_roll() from here on; a group may exceed it
  Lsn lsn_floor = 0;                     ///< highest LSN of this log known elsewhere; below kLsnMax
  std::shared_ptr<const KeyRing> keys{};  ///< new segments are encrypted under its current key
  Plaintext plaintext = Plaintext::kAllowed;
  TornWrites torn_writes = TornWrites::kPad;
  uint32_t spares_max = 2;   ///< files of trimmed segments that are kept to be used again
  bool zeros_ahead = false;  ///< a thread makes the next segment's file where there is no spare
  RepairPolicy repair = RepairPolicy::kTruncatePartial;  ///< kStrict: reads all, cuts nothing
  uint64_t payload_bytes_max = kPayloadBytesMax;         ///< at most that
  std::vector<uint16_t> known_types{};  ///< of records that must be; see SegmentedWalOptions
};

/// What an opening found.
struct RecoveredLog {
  LogId log_id;
  OpeningId opening;             ///< this one
  std::vector<ChainLink> chain;  ///< all openings, this one last
  Lsn first_lsn = 0;             ///< no frame below it is left, or needed
  Lsn last_lsn = 0;              ///< no recovered frame above it; first_lsn - 1 if there is none
  Lsn base_lsn = 0;              ///< the first LSN of this opening; above last_lsn
  std::vector<std::byte> application;  ///< of the newest checkpoint
  WalRepair repair{};                  ///< what was cut from the newest segment
  bool fresh = false;                  ///< there was no log
};

struct LogStats {
  uint64_t bytes = 0;  ///< durable bytes of all segments, headers included
  uint64_t segments = 0;
  uint64_t syncs = 0;  ///< of frames, in this opening
};

class Log {
 public:
  /// Creates the log if the directory holds no segment. kBusy (kLocked): another opener has it.
  /// kInvalid (kOutOfRange): the floor, or keys where blocks are shared.
  /// kCorrupt: where() and found() name file and offset; nothing was changed. kUnsupported: another
  /// format. kFull, kIo: nothing was changed that a later opening does not mend.
  static Result<std::unique_ptr<Log>> open(Runtime& runtime, Disk& disk, LogOptions options);
  /// The same in two steps, for those who have to read something else under the lock first.
  static Result<std::unique_ptr<DiskLock>> lock(Disk& disk);
  static Result<std::unique_ptr<Log>> open(Runtime& runtime, Disk& disk, LogOptions options,
                                           std::unique_ptr<DiskLock> lock);
  ~Log();

  const RecoveredLog& recovered() const { return recovered_; }

  /// Writes the records with consecutive LSNs and returns the first one's; they are not durable
  /// before sync(). kInvalid (kPayloadTooLarge): a record exceeds kPayloadBytesMax. kFull: free
  /// space, then retry; nothing was appended. kPoisoned: for ever.
  Result<Lsn> append(std::span<const RecordView> records);
  /// Everything appended is durable. Any failure poisons the log.
  Status sync();
  /// append(), but as far as there is room for it in memory only. kFull also if what was staged
  /// before could not be written; that is kept.
  Result<Lsn> stage(std::span<const RecordView> records);
  /// sync() in three steps: while a thread is in wait_for_sync(), another may stage no more than
  /// kThroughBytes at a time, and change nothing else. kFull: what is staged is kept, retry. Any
  /// other failure poisons, at the latest in end_sync(), which takes the result of the wait.
  Result<Boundary> begin_sync();
  Status wait_for_sync() { return writer_->wait_for_sync(); }
  Status end_sync(Boundary target, const Status& waited);
  /// Leaves a mark of the last sync, so that rot below it is told from a torn tail: call it when no
  /// append follows a sync. Errors as append().
  Status idle();

  Lsn appended_lsn() const { return writer_->last_lsn(); }
  Lsn durable_lsn() const;

  /// The first LSN that the active segment could hold.
  Lsn active_base() const { return writer_->header().base_lsn; }
  /// Whether stage() of so many bytes has to wait for the sync that is under way.
  bool must_wait(uint64_t bytes) const { return writer_->must_wait(bytes); }
  bool wants_roll() const { return writer_->tail() >= options_.segment_bytes; }
  /// Syncs, then starts a new segment with a checkpoint of `application`; only a checkpoint if the
  /// segment holds no frame yet. Any error but kPoisoned: the log goes on in the old segment.
  Status roll(ByteView application);
  /// Another segment, made with the keys of now, takes the place of the active one, which holds no
  /// user frame. Errors as roll(); poisons if the new one could not be named.
  Status renew(ByteView application);
  /// Segments that are made from now on are encrypted under the ring's current key (null: not at
  /// all, kInvalid if plaintext is refused); the ring has the keys of all segments left, and is
  /// read with until there is another.
  Status use_keys(std::shared_ptr<const KeyRing> keys);
  WalProtection protection() const;
  /// As SegmentedWal::attach_side_file(). No sync is under way.
  Status attach_side_file();
  /// A checkpoint, durable on return. The trim LSN never falls and is at most durable_lsn().
  Status checkpoint(ByteView application, Lsn trim_lsn);
  /// Frames up to `upto` are not needed any more: a checkpoint, then whole segments go, or wait as
  /// spares to be used again.
  Status trim(Lsn upto, ByteView application);
  /// Gives back the space of trimmed segments' files that wait to be used again.
  void release_spares();
  /// Syncs, leaves a mark and ends the log. Every later change is kInvalid (kClosed). kFull: there
  /// is no room for the mark, and the log goes on. Destroying an open log syncs nothing.
  Status close();

  /// The frames of `range` that are durable now. A range that starts below the first LSN left is
  /// kNotFound (kMissingSegment).
  Result<std::unique_ptr<LogReader>> read(LsnRange range) const;
  LogStats stats() const;
  /// The base LSNs of all segments, oldest first.
  std::vector<Lsn> segment_bases() const;
  /// All of them, oldest first, as far as they are durable.
  std::vector<Segment> segments() const;
  /// That open all of them, as far as is known; null: none was given.
  std::shared_ptr<const KeyRing> reading_keys() const;
  /// kPoisoned, kClosed.
  Status usable() const;

 private:
  Log(Runtime& runtime, Disk& disk, LogOptions options, std::unique_ptr<DiskLock> lock);

  Status recover();
  Status check_plaintext(const std::vector<Segment>& segments) const;
  Status start_fresh();
  Status continue_after(std::vector<Segment> segments, SegmentContent newest);
  Status start_opening(SegmentHeader header);
  Result<std::unique_ptr<Writer>> create_segment(SegmentHeader header,
                                                 const Checkpoint& checkpoint);
  Status name_segment(Lsn base_lsn);
  Status undo_naming(Lsn base_lsn);
  void switch_to(std::unique_ptr<Writer> writer);
  void prepare_spare();
  bool has_spares() const { return !spares_.empty() || spare_maker_ != nullptr; }
  Status retire(const Segment& segment);
  void publish();

  Result<Lsn> append_by(Status (Writer::*step)(std::span<const RecordView>),
                        std::span<const RecordView> records);
  Status settle(const Status& written);
  Status poison(const Error& cause);
  Result<Checkpoint> next_checkpoint(ByteView application, Lsn trim_lsn) const;

  Runtime& runtime_;
  Disk& disk_;
  const LogOptions options_;
  const std::unique_ptr<DiskLock> lock_;  // W15; destroyed after the writer
  const std::unique_ptr<Monitor> monitor_;
  std::shared_ptr<const KeyRing> keys_;          ///< of new segments; the changing thread's
  std::shared_ptr<const KeyRing> reading_keys_;  ///< the last ring given; guarded by monitor_
  RecoveredLog recovered_;
  Checkpoint checkpoint_;              ///< what the next one starts from
  std::optional<SideFile> side_file_;  ///< of TornWrites::kDoubleWrite
  std::unique_ptr<Writer> writer_;
  uint64_t earlier_syncs_ = 0;  ///< in segments before writer_'s
  uint64_t earlier_padded_blocks_ = 0;
  /// Files that wait; while there are keys, of segments that were encrypted.
  std::vector<std::string> spares_;
  std::unique_ptr<SpareMaker> spare_maker_;  ///< null: none was asked for
  bool closed_ = false;
  std::optional<Error> poison_;

  // Guarded by monitor_; the changing thread alone writes them and reads them without it.
  std::vector<Segment> segments_;  ///< oldest first; the last is writer_'s
  Lsn durable_lsn_ = 0;
  uint64_t syncs_ = 0;
};

}  // namespace sluice::wal
