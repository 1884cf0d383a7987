#include "wal/writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "wal/segments.h"

namespace sluice::wal {
namespace {

constexpr uint64_t kAllocateBytes = 4 << 20;
constexpr uint64_t kStagedBytesMax = 1 << 20;
constexpr std::array<std::byte, 2 * kBlockBytes> kZeros{};
constexpr ByteView kZeroBlock = ByteView(kZeros).first(kBlockBytes);

uint64_t frames_bytes(std::span<const RecordView> records, bool is_sealed) {
  if (is_sealed) return sealed_frames_bytes(records);
  uint64_t bytes = 0;
  for (const RecordView& record : records) bytes += frame_bytes(record.payload_bytes());
  return bytes;
}

Lsn user_records(std::span<const RecordView> records) {
  return static_cast<Lsn>(std::count_if(records.begin(), records.end(),
                                        [](const RecordView& r) { return !is_own_type(r.type); }));
}

}  // namespace

Writer::Writer(std::unique_ptr<File> file, SegmentHeader header, uint64_t segment_bytes)
    : file_(std::move(file)),
      header_(header),
      segment_bytes_(segment_bytes),
      last_lsn_(header.base_lsn - 1),
      allocated_end_(header.recycled_bytes) {}

Result<std::unique_ptr<Writer>> Writer::create(Runtime& runtime, Disk& disk, SegmentHeader header,
                                               const Checkpoint& checkpoint,
                                               const WriterOptions& options) {
  const std::string name = temporary_name(segment_name(header.base_lsn));
  std::unique_ptr<File> file = TRY(make_file(disk, name, options.spare));
  header.recycled_bytes = options.spare.empty() ? 0 : TRY(file->size());
  std::unique_ptr<Writer> writer(new Writer(std::move(file), header, options.segment_bytes));
  const Status born = writer->write_birth(runtime, checkpoint, options.keys);
  if (born.ok()) return writer;
  writer.reset();
  const Status removed = remove_if_present(disk, name);
  if (!removed.ok()) return born.error().with_context("the unfinished " + name + " is left behind");
  return born.error();
}

Result<std::unique_ptr<File>> Writer::make_file(Disk& disk, const std::string& name,
                                                const std::string& spare) {
  TRY(remove_if_present(disk, name));
  if (spare.empty()) return disk.create(name);
  TRY(disk.rename(spare, name));
  return disk.open(name, OpenMode::kReadWrite);
}

/// W1: header and birth checkpoint are durable before the segment has a name.
Status Writer::write_birth(Runtime& runtime, const Checkpoint& checkpoint, const KeyRing* keys) {
  const std::vector<std::byte> payload = encode_checkpoint(checkpoint);
  const RecordView record{.type = kCheckpointType, .head = payload};
  header_.birth_end =
      closed_end(kBlockBytes + frames_bytes(std::span(&record, 1), keys != nullptr));
  if (keys != nullptr) {
    const WalEncryptionKey data_key = TRY(draw_data_key(runtime, *keys, header_));
    sealer_ = std::make_unique<Sealer>(header_.segment, data_key);
  }
  TRY(allocate_to(header_.birth_end + kReserveBytes));
  TRY(file_->pwrite_at(0, encode_segment_header(header_)));
  tail_ = kBlockBytes;
  TRY(write(std::span(&record, 1), 0));
  // Zeros, not older bytes, say that nothing was written behind the birth.
  if (header_.recycled_bytes > 0) TRY(file_->pwrite_at(header_.birth_end, kZeroBlock));
  TRY(sync_file());
  CHECK(durable_.end == header_.birth_end);
  marked_end_ = durable_.end;
  return ok();
}

Status Writer::append(std::span<const RecordView> records) {
  CHECK(!records.empty() && user_records(records) == records.size());
  TRY(write(records, kReserveBytes));
  unsynced_ = true;
  return ok();
}

Status Writer::append_checkpoint(const Checkpoint& checkpoint) {
  const std::vector<std::byte> payload = encode_checkpoint(checkpoint);
  const RecordView record{.type = kCheckpointType, .head = payload};
  TRY(write(std::span(&record, 1), 0));
  unsynced_ = true;
  return ok();
}

Status Writer::mark() {
  return owes_mark() ? write({}, 0) : ok();
}

Status Writer::sync() {
  return unsynced_ ? sync_file() : ok();
}

Status Writer::sync_file() {
  // W7: the block is closed when the sync starts; no later frame is written into it.
  const uint64_t end = closed_end(tail_);
  tail_ = end;
  TRY(file_->sync());
  durable_ = {end, last_lsn_};
  unsynced_ = false;
  ++syncs_;
  return ok();
}

/// The one way by which frames get into the file: all of `records`, or nothing and kFull.
Status Writer::write(std::span<const RecordView> records, uint64_t reserve_bytes) {
  const uint64_t mark_bytes = owes_mark() ? kMarkFrameBytes : 0;
  const uint64_t frames_end = tail_ + mark_bytes + frames_bytes(records, sealer_ != nullptr);
  TRY(allocate_to(closed_end(frames_end) + reserve_bytes));
  staged_.clear();
  staged_offset_ = tail_;
  const Status written = stage_all(records);
  if (!written.ok()) {
    if (written.error().code() != Code::kFull) return written;
    const Status erased = erase(closed_end(frames_end));
    if (erased.ok()) return written;
    return Error(
        Code::kIo,
        "what a full disk left of an append could not be erased: " + erased.error().message(),
        erased.error().where());
  }
  if (owes_mark()) marked_end_ = durable_.end;
  last_lsn_ += user_records(records);
  tail_ = frames_end;
  return ok();
}

Status Writer::stage_all(std::span<const RecordView> records) {
  Lsn lsn = last_lsn_;
  if (owes_mark()) {
    // W6: durable_ moves only when a sync has finished.
    const uint64_t confirmed_end = durable_.end;
    const ByteView payload = std::as_bytes(std::span(&confirmed_end, 1));
    TRY(stage_frame({.type = kMarkType, .head = payload}, lsn));
  }
  if (sealer_ != nullptr) {
    TRY(stage_sealed(records, lsn));
    lsn += user_records(records);
  } else {
    for (const RecordView& record : records) {
      if (!is_own_type(record.type)) ++lsn;
      TRY(stage_frame(record, lsn));
    }
  }
  TRY(stage_pad(lsn));
  return drain();
}

Status Writer::stage_sealed(std::span<const RecordView> records, Lsn lsn) {
  while (!records.empty()) {
    const auto block = records.first(block_records(records));
    const ByteView payload = sealer_->seal({staged_end(), lsn}, block);
    TRY(stage_frame({.type = kSealedType, .head = payload}, lsn));
    lsn += user_records(block);
    records = records.subspan(block.size());
  }
  return ok();
}

Status Writer::stage_frame(const RecordView& record, Lsn lsn) {
  const uint32_t seed = frame_seed(header_.segment, staged_end());
  const uint64_t payload_bytes = record.payload_bytes();
  const ByteView padding =
      ByteView(kZeros).first(align_up(payload_bytes, kFrameAlignment) - payload_bytes);
  FrameHeader header{.payload_crc = crc32c(padding, crc32c(record.body, crc32c(record.head, seed))),
                     .payload_bytes = static_cast<uint32_t>(payload_bytes),
                     .type = record.type,
                     .vshard = record.vshard,
                     .tenant = record.tenant,
                     .lsn = lsn};
  header.header_crc = header_checksum(header, seed);
  TRY(stage(std::as_bytes(std::span(&header, 1))));
  TRY(stage(record.head));
  TRY(stage(record.body));
  return stage(padding);
}

Status Writer::stage_pad(Lsn lsn) {
  const uint64_t gap_bytes = closed_end(staged_end()) - staged_end();
  if (gap_bytes == 0) return ok();
  const ByteView zeros = ByteView(kZeros).first(gap_bytes - sizeof(FrameHeader));
  return stage_frame({.type = kPadType, .head = zeros}, lsn);
}

Status Writer::stage(ByteView bytes) {
  while (!bytes.empty()) {
    const uint64_t step_bytes = std::min(bytes.size(), kStagedBytesMax - staged_.size());
    staged_.insert(staged_.end(), bytes.begin(), bytes.begin() + step_bytes);
    bytes = bytes.subspan(step_bytes);
    if (staged_.size() == kStagedBytesMax) TRY(drain());
  }
  return ok();
}

Status Writer::drain() {
  if (staged_.empty()) return ok();
  TRY(file_->pwrite_at(staged_offset_, staged_));
  staged_offset_ += staged_.size();
  staged_.clear();
  return ok();
}

/// W9: what a failed append may have left in [tail_, end) is zeroed and synced, and the pad that it
/// overwrote is put back, before its error is returned and the offset used again.
Status Writer::erase(uint64_t end) {
  TRY(file_->allocate(tail_, end - tail_));
  staged_.clear();
  staged_offset_ = tail_;
  TRY(stage_pad(last_lsn_));
  TRY(drain());
  return sync_file();
}

/// Fills the file ahead of the tail, so that most syncs change neither its size nor its blocks.
Status Writer::allocate_to(uint64_t end) {
  if (end <= allocated_end_) return ok();
  const uint64_t ahead = std::min(allocated_end_ + kAllocateBytes, segment_bytes_ + kReserveBytes);
  for (const uint64_t target : {std::max(end, ahead), end}) {
    const Status allocated = file_->allocate(allocated_end_, target - allocated_end_);
    if (allocated.ok()) {
      allocated_end_ = target;
      return ok();
    }
    if (allocated.error().code() != Code::kFull || target == end) return allocated;
  }
  return ok();
}

}  // namespace sluice::wal
