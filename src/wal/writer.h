// Writer: one segment under construction, from its birth to its last sync.
//
// append() stages frames, preceded by a mark of the last finished sync and followed by a pad to the
// end of the block, and writes them at the tail; the next append overwrites that pad, unless a sync
// has closed the block in between. sync() itself writes nothing.
//
// One thread. After any error other than kFull from append() or mark() the segment's durable state
// is unknown and nothing more may be written to it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "wal/checkpoint.h"
#include "wal/format.h"
#include "wal/record.h"
#include "wal/sealed.h"

namespace sluice::wal {

/// Space kept behind what users append, for the checkpoints that a trim on a full disk needs.
inline constexpr uint64_t kReserveBytes = 64 << 10;

struct WriterOptions {
  uint64_t segment_bytes = 64ull << 20;  ///< zeros are written ahead up to here
  const KeyRing* keys = nullptr;         ///< the segment is encrypted under the current one
  /// The file to use instead of a new one: what it holds is worthless, but its blocks were written,
  /// so that syncs of what comes over them change no metadata. Empty: none.
  std::string spare{};
};

class Writer {
 public:
  /// Writes and syncs a whole new segment under its temporary name; the caller names it. Sets the
  /// header's birth end and key. On error the temporary file is gone or worthless.
  static Result<std::unique_ptr<Writer>> create(Runtime& runtime, Disk& disk, SegmentHeader header,
                                                const Checkpoint& checkpoint,
                                                const WriterOptions& options);

  /// Records of user types get consecutive LSNs. kFull: nothing was appended and a retry may
  /// succeed; erasing what was written may have synced what was appended before.
  Status append(std::span<const RecordView> records);
  /// The log's own: may use the reserve.
  Status append_checkpoint(const Checkpoint& checkpoint);
  /// Everything appended is durable. No fsync if nothing was appended since the last.
  Status sync();
  /// Marks the last finished sync now instead of at the next append. Errors as append().
  Status mark();

  const SegmentHeader& header() const { return header_; }
  Lsn last_lsn() const { return last_lsn_; }
  bool has_user_frames() const { return last_lsn_ >= header_.base_lsn; }
  uint64_t tail() const { return tail_; }
  /// What finished syncs have confirmed.
  Boundary durable() const { return durable_; }
  uint64_t syncs() const { return syncs_; }

 private:
  Writer(std::unique_ptr<File> file, SegmentHeader header, uint64_t segment_bytes);

  static Result<std::unique_ptr<File>> make_file(Disk& disk, const std::string& name,
                                                 const std::string& spare);
  Status write_birth(Runtime& runtime, const Checkpoint& checkpoint, const KeyRing* keys);
  Status write(std::span<const RecordView> records, uint64_t reserve_bytes);
  Status stage_all(std::span<const RecordView> records);
  Status stage_sealed(std::span<const RecordView> records, Lsn lsn);
  Status stage_frame(const RecordView& record, Lsn lsn);
  Status stage_pad(Lsn lsn);
  Status stage(ByteView bytes);
  Status drain();
  Status erase(uint64_t end);
  Status sync_file();
  Status allocate_to(uint64_t end);
  uint64_t staged_end() const { return staged_offset_ + staged_.size(); }
  bool owes_mark() const { return durable_.end > marked_end_; }

  std::unique_ptr<File> file_;
  SegmentHeader header_;
  std::unique_ptr<Sealer> sealer_;  ///< null: not encrypted
  uint64_t segment_bytes_;
  Lsn last_lsn_;
  uint64_t tail_ = 0;           ///< behind the last frame, pads that may be overwritten excluded
  uint64_t allocated_end_ = 0;  ///< zeros, frames or older bytes are written up to here
  uint64_t marked_end_ = 0;     ///< what the newest mark, or the birth end, confirms
  Boundary durable_;
  bool unsynced_ = false;
  uint64_t syncs_ = 0;
  std::vector<std::byte> staged_;
  uint64_t staged_offset_ = 0;
};

}  // namespace sluice::wal
