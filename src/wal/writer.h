// Writer: one segment under construction, from its birth, or from a reopening, to its last sync.
//
// stage() copies frames into memory; flush() writes them at the tail, followed by a mark of the
// last finished sync and by a pad to the end of the block. The next flush overwrites the pad,
// unless a sync has closed the block in between. append() is both at once.
//
// Where blocks are shared (TornWrites) no sync closes them; then a flush after a sync writes a
// block again that holds durable frames, if need be once the side file has them (W20), and no flush
// happens while a sync is under way.
//
// One thread at a time; no more than kThroughBytes at once may be staged while another thread is in
// wait_for_sync(). After any error other than kFull the segment's durable state is unknown and
// nothing more may be written to it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/aligned_buffer.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "wal/checkpoint.h"
#include "wal/format.h"
#include "wal/record.h"
#include "wal/reopening.h"
#include "wal/sealed.h"
#include "wal/side_file.h"

namespace sluice::wal {

/// Space kept behind what users append, for the checkpoints that a trim on a full disk needs.
inline constexpr uint64_t kReserveBytes = 64 << 10;
/// stage() writes what was staged before rather than keep more than this.
inline constexpr uint64_t kStagedBytesMax = 1 << 20;
/// A batch or a payload above this is written without being staged.
inline constexpr uint64_t kThroughBytes = 256 << 10;
/// How a tail block that holds durable frames is treated.
struct TailPolicy {
  TornWrites torn_writes = TornWrites::kPad;  ///< of a segment that is not encrypted
  SideFile* side_file = nullptr;              ///< of kDoubleWrite; outlives the writer
};

/// Of records that are not sealed: what kThroughBytes is measured by.
uint64_t plain_frames_bytes(std::span<const RecordView> records);
/// Segment bytes of a log in one file.
inline constexpr uint64_t kUnlimited = uint64_t{1} << 62;

struct WriterOptions {
  uint64_t segment_bytes = 64ull << 20;  ///< zeros are written ahead up to here
  const KeyRing* keys = nullptr;         ///< the segment is encrypted under the current one
  /// The file to use instead of a new one: what it holds is worthless, but its blocks were written,
  /// so that syncs of what comes over them change no metadata. Empty: none.
  std::string spare{};
  bool is_spare_zeros = false;  ///< it holds nothing else, durably
  TailPolicy tail{};
};

/// How a log in one file was found.
struct Resumption {
  Boundary accepted{};         ///< durable; behind it there are zeros, or a reopen() follows
  uint64_t confirmed_end = 0;  ///< by the marks before it
  Numbering numbering = Numbering::kLog;
  uint64_t file_bytes = 0;
  TailPolicy tail{};
};

/// How a log in one file goes on behind a reopening.
struct Continuation {
  Numbering numbering = Numbering::kLog;
  const KeyRing* keys = nullptr;
  Lsn base_lsn = 0;  ///< above last_lsn(): the LSNs between are a gap; 0: there is none
};

class Writer {
 public:
  /// Writes and syncs a whole new segment under a temporary name, of which what was there before
  /// goes; the caller names it. Sets the header's birth end and key. On error the temporary file is
  /// gone or worthless.
  static Result<std::unique_ptr<Writer>> create(Runtime& runtime, Disk& disk,
                                                const std::string& temporary, SegmentHeader header,
                                                const Checkpoint& checkpoint,
                                                const WriterOptions& options);
  /// Goes on in the file of a log in one file. `header`: as it was read.
  static std::unique_ptr<Writer> resume(std::unique_ptr<File> file, SegmentHeader header,
                                        const Resumption& from);
  /// W19: states, durably, where the frames ended so far, and how they go on. Nothing is staged and
  /// everything is synced. kFull: nothing was changed.
  Status reopen(Runtime& runtime, const Continuation& next);

  /// All records, or nothing and kFull; those of user types get consecutive LSNs, or have the
  /// caller's. They are in the file. A retry may succeed; erasing what was written may have synced
  /// what was appended before.
  Status append(std::span<const RecordView> records);
  /// The same in memory only, as far as they fit there. kFull: what was staged before is kept.
  Status stage(std::span<const RecordView> records);
  /// What is staged is in the file. kFull: it is kept, for another flush() or for drop().
  Status flush();
  /// Gives up what is staged: it will never be seen. Errors as append(), but not kFull.
  Status drop();
  bool has_staged() const { return tail_ != flushed_.end || has_open_block(); }
  /// The log's own: may use the reserve.
  Status append_checkpoint(const Checkpoint& checkpoint);
  /// Everything appended is durable. No fsync if nothing was appended since the last. kFull: as
  /// flush().
  Status sync();
  /// sync() in three steps: the second may run while others stage. begin_sync() flushes, and says
  /// what will be durable.
  Result<Boundary> begin_sync();
  Status wait_for_sync();
  void end_sync(Boundary target);
  bool is_synced() const { return !unsynced_; }
  /// Marks the last finished sync now instead of at the next flush. Errors as append().
  Status mark();

  /// The file's own lock, for as long as the writer is there. kBusy (kLocked).
  Status lock_file() { return file_->lock(); }

  /// Cuts what was written ahead, if that can be done; the last call.
  void give_back_zeros();

  const SegmentHeader& header() const { return header_; }
  Lsn last_lsn() const { return last_lsn_; }
  bool has_user_frames() const { return last_lsn_ >= header_.base_lsn; }
  Numbering numbering() const { return numbering_; }
  bool is_encrypted() const { return sealer_ != nullptr; }
  /// Whether stage() has to wait for the sync that is under way.
  bool must_wait(uint64_t bytes) const {
    return !may_flush() && staged_.size() + bytes > kStagedBytesMax;
  }
  /// Behind the last frame, staged ones included, pads that may be overwritten excluded.
  uint64_t tail() const { return tail_; }
  /// What finished syncs have confirmed.
  Boundary durable() const { return durable_; }
  uint64_t syncs() const { return syncs_; }
  uint64_t file_bytes() const { return allocated_end_; }
  /// Blocks that were closed because the side file failed.
  uint64_t padded_blocks() const { return padded_blocks_; }

 private:
  Writer(std::unique_ptr<File> file, SegmentHeader header, uint64_t segment_bytes);

  static Result<std::unique_ptr<File>> make_file(Disk& disk, const std::string& name,
                                                 const std::string& spare);
  Status write_birth(Runtime& runtime, const Checkpoint& checkpoint, const KeyRing* keys);
  Status write(std::span<const RecordView> records, uint64_t reserve_bytes);
  Status undo_reopening(uint64_t start, const Status& written);
  Status stage_records(std::span<const RecordView> records);
  Status seal_block();
  Status stage_frame(const RecordView& record, Lsn lsn);
  bool is_stageable(uint64_t payload_bytes) const;
  Status stage_pad();
  Status put_payload(ByteView bytes);
  Status flush_all();
  Status drain();
  Status erase(uint64_t end);
  Status sync_file();
  Boundary end_block();
  Status guard_block();
  Status leave_block();
  bool shares_blocks() const;
  bool may_flush() const { return !syncing_ || !shares_blocks(); }
  Status allocate_for(std::span<const RecordView> records, uint64_t reserve_bytes);
  Status allocate_to(uint64_t end);
  uint64_t staged_end() const { return staged_offset_ + staged_.size(); }
  uint64_t records_bytes(std::span<const RecordView> records) const;
  bool has_open_block() const { return sealer_ != nullptr && sealer_->open_bytes() > 0; }
  bool owes_mark() const { return durable_.end > marked_end_; }

  std::unique_ptr<File> file_;
  SegmentHeader header_;
  Numbering numbering_;
  std::unique_ptr<Sealer> sealer_;  ///< null: not encrypted
  uint64_t segment_bytes_;
  Lsn last_lsn_;
  uint64_t tail_ = 0;
  uint64_t allocated_end_ = 0;  ///< zeros, frames or older bytes are written up to here
  uint64_t marked_end_ = 0;     ///< what the newest mark, or the birth end, confirms
  Boundary flushed_;            ///< behind the last frame that is in the file
  Boundary durable_;
  bool unsynced_ = false;
  bool syncing_ = false;  ///< between begin_sync() and end_sync()
  uint64_t syncs_ = 0;
  TailPolicy tail_policy_;
  uint64_t guarded_end_ = 0;  ///< the side file has the tail block up to here
  uint64_t padded_blocks_ = 0;
  /// Frames behind flushed_.end, from staged_offset_ on; before that they are in the file.
  AlignedBuffer staged_;
  uint64_t staged_offset_ = 0;
};

}  // namespace sluice::wal
