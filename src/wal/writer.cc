#include "wal/writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/crc32c.h"
#include "wal/segments.h"

namespace sluice::wal {
namespace {

constexpr uint64_t kAllocateBytes = 4 << 20;
constexpr std::array<std::byte, 2 * kBlockBytes> kZeros{};
constexpr ByteView kZeroBlock = ByteView(kZeros).first(kBlockBytes);

bool are_users(std::span<const RecordView> records) {
  return std::none_of(records.begin(), records.end(),
                      [](const RecordView& record) { return is_own_type(record.type); });
}

/// The header, with its checksum, word by word: stored field by field it would be waited for when
/// it is summed and copied, and that took longer than both.
[[gnu::always_inline]] inline void store_header(std::byte* at, const FrameHeader& header,
                                                uint32_t seed) {
  const uint64_t kind = header.type | uint64_t{header.vshard} << 16;
  const std::array<uint64_t, 4> summed{header.payload_crc | uint64_t{header.payload_bytes} << 32,
                                       kind | uint64_t{header.tenant} << 32, header.lsn << 32,
                                       header.lsn >> 32};
  const uint32_t header_crc = crc32c(std::as_bytes(std::span(summed)).first(28), seed);
  store(at, header_crc | uint64_t{header.payload_crc} << 32);
  store(at + 8, header.payload_bytes | kind << 32);
  store(at + 16, uint64_t{header.tenant});
  store(at + 24, header.lsn);
}
static_assert(sizeof(FrameHeader) == 4 * sizeof(uint64_t));

Error not_erased(const Error& cause) {
  return Error(Code::kIo,
               "what a full disk left of an append could not be erased: " + cause.message(),
               cause.where());
}

}  // namespace

uint64_t plain_frames_bytes(std::span<const RecordView> records) {
  uint64_t bytes = 0;
  for (const RecordView& record : records) bytes += frame_bytes(record.payload_bytes());
  return bytes;
}

Writer::Writer(std::unique_ptr<File> file, SegmentHeader header, uint64_t segment_bytes)
    : file_(std::move(file)),
      header_(header),
      numbering_(header.numbering),
      segment_bytes_(segment_bytes),
      last_lsn_(header.base_lsn - 1),
      allocated_end_(header.recycled_bytes) {}

Result<std::unique_ptr<Writer>> Writer::create(Runtime& runtime, Disk& disk,
                                               const std::string& temporary, SegmentHeader header,
                                               const Checkpoint& checkpoint,
                                               const WriterOptions& options) {
  std::unique_ptr<File> file = TRY(make_file(disk, temporary, options.spare));
  const uint64_t spare_bytes = options.spare.empty() ? 0 : TRY(file->size());
  header.recycled_bytes = options.is_spare_zeros ? 0 : spare_bytes;
  std::unique_ptr<Writer> writer(new Writer(std::move(file), header, options.segment_bytes));
  writer->allocated_end_ = spare_bytes;
  const Status born = writer->write_birth(runtime, checkpoint, options.keys);
  writer->tail_policy_ = options.tail;
  if (born.ok()) return writer;
  writer.reset();
  const Status removed = remove_if_present(disk, temporary);
  if (!removed.ok()) {
    return born.error().with_context("the unfinished " + temporary + " is left behind");
  }
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
  const uint64_t checkpoint_bytes =
      keys != nullptr ? sealed_frames_bytes(0, {&record, 1}) : frame_bytes(record.payload_bytes());
  header_.birth_end = closed_end(kBlockBytes + checkpoint_bytes);
  if (keys != nullptr) {
    const WalEncryptionKey data_key = TRY(draw_data_key(runtime, *keys, header_));
    sealer_ = std::make_unique<Sealer>(header_.segment, data_key);
  }
  TRY(allocate_to(header_.birth_end + kReserveBytes));
  TRY(file_->pwrite_at(0, encode_segment_header(header_)));
  tail_ = kBlockBytes;
  staged_offset_ = tail_;
  flushed_ = {tail_, last_lsn_};
  TRY(write({&record, 1}, 0));
  // Zeros, not older bytes, say that nothing was written behind the birth.
  if (header_.recycled_bytes > 0) TRY(file_->pwrite_at(header_.birth_end, kZeroBlock));
  TRY(sync_file());
  CHECK(durable_.end == header_.birth_end);
  marked_end_ = durable_.end;
  return ok();
}

std::unique_ptr<Writer> Writer::resume(std::unique_ptr<File> file, SegmentHeader header,
                                       const Resumption& from) {
  std::unique_ptr<Writer> writer(new Writer(std::move(file), header, kUnlimited));
  writer->numbering_ = from.numbering;
  writer->last_lsn_ = from.accepted.last_lsn;
  writer->tail_ = from.accepted.end;
  writer->staged_offset_ = from.accepted.end;
  writer->flushed_ = from.accepted;
  writer->durable_ = from.accepted;
  writer->marked_end_ = from.confirmed_end;
  writer->allocated_end_ = from.file_bytes;
  writer->tail_policy_ = from.tail;
  return writer;
}

Status Writer::reopen(Runtime& runtime, const Continuation& next) {
  CHECK(!has_staged() && is_synced());
  const Lsn base_lsn = std::max(next.base_lsn, last_lsn_ + 1);
  Reopening reopening{durable_, base_lsn, OpeningId::draw(runtime), next.numbering, {}};
  const uint64_t start = align_up(durable_.end, kBlockBytes);
  std::unique_ptr<Sealer> sealer;
  if (next.keys != nullptr) {
    const ReopeningPlace place{header_.segment, start};
    const WalEncryptionKey data_key = TRY(draw_data_key(runtime, *next.keys, place, reopening));
    sealer = std::make_unique<Sealer>(header_.segment, data_key);
  }
  TRY(allocate_to(start + kBlockBytes + kReserveBytes));
  staged_offset_ = start;
  const std::vector<std::byte> payload = encode_reopening(reopening);
  TRY(stage_frame({.type = kReopeningType, .head = payload}, last_lsn_));
  tail_ = staged_end();
  last_lsn_ = base_lsn - 1;
  const Status written = flush_all();
  if (!written.ok()) return undo_reopening(start, written);
  sealer_ = std::move(sealer);
  numbering_ = next.numbering;
  return sync_file();
}

/// A full disk leaves zeros where the frame would be: the log ends where it ended.
Status Writer::undo_reopening(uint64_t start, const Status& written) {
  staged_.clear();
  tail_ = durable_.end;
  last_lsn_ = durable_.last_lsn;
  staged_offset_ = tail_;
  if (written.error().code() != Code::kFull) return written;
  const Status zeroed = file_->allocate(start, kBlockBytes);
  if (!zeroed.ok()) return not_erased(zeroed.error());
  const Status synced = file_->sync();
  return synced.ok() ? written : not_erased(synced.error());
}

Status Writer::append(std::span<const RecordView> records) {
  CHECK(!records.empty() && are_users(records));
  return write(records, kReserveBytes);
}

Status Writer::append_checkpoint(const Checkpoint& checkpoint) {
  const std::vector<std::byte> payload = encode_checkpoint(checkpoint);
  const RecordView record{.type = kCheckpointType, .head = payload};
  return write({&record, 1}, 0);
}

/// All of `records` into the file, or nothing and kFull.
Status Writer::write(std::span<const RecordView> records, uint64_t reserve_bytes) {
  TRY(flush());
  TRY(allocate_for(records, reserve_bytes));
  TRY(guard_block());  // what is large goes to the file before it is complete
  Status written = stage_records(records);
  if (written.ok()) written = flush();
  if (!written.ok() && written.error().code() == Code::kFull) TRY(drop());
  return written;
}

Status Writer::stage(std::span<const RecordView> records) {
  CHECK(!records.empty() && are_users(records));
  const uint64_t bytes = plain_frames_bytes(records);
  if (bytes > kThroughBytes) return append(records);
  if (staged_.size() + bytes > kStagedBytesMax && may_flush()) TRY(flush());
  TRY(allocate_for(records, kReserveBytes));
  return stage_records(records);
}

Status Writer::stage_records(std::span<const RecordView> records) {
  for (const RecordView& record : records) {
    const bool is_own = is_own_type(record.type);
    const Lsn lsn = is_own ? last_lsn_ : numbering_ == Numbering::kLog ? last_lsn_ + 1 : record.lsn;
    CHECK(is_own || continues(numbering_, last_lsn_, lsn));
    if (sealer_ == nullptr) {
      TRY(stage_frame(record, lsn));
    } else {
      if (!sealer_->has_room(record)) TRY(seal_block());
      sealer_->add(record, lsn, last_lsn_);
    }
    last_lsn_ = std::max(last_lsn_, lsn);
  }
  tail_ = staged_end();
  return ok();
}

Status Writer::seal_block() {
  const Lsn lsn = sealer_->lsn_before();
  const uint64_t offset = staged_end();
  const uint64_t bytes = sealed_payload_bytes(sealer_->open_bytes());
  if (!is_stageable(bytes)) {
    std::vector<std::byte> payload(bytes);
    sealer_->seal(offset, payload);
    return stage_frame({.type = kSealedType, .head = payload}, lsn);
  }
  CHECK(frame_bytes(bytes) == sizeof(FrameHeader) + bytes);
  std::byte* const frame = staged_.extend(frame_bytes(bytes));
  const std::span<std::byte> payload(frame + sizeof(FrameHeader), bytes);
  sealer_->seal(offset, payload);
  const uint32_t seed = frame_seed(header_.segment, offset);
  const FrameHeader header{.payload_crc = crc32c(payload, seed),
                           .payload_bytes = static_cast<uint32_t>(bytes),
                           .type = kSealedType,
                           .lsn = lsn};
  store_header(frame, header, seed);
  return ok();
}

Status Writer::flush() {
  if (!has_staged()) return ok();
  if (has_open_block()) TRY(seal_block());
  tail_ = staged_end();
  return flush_all();
}

/// W6: durable_ moves only when a sync has finished.
Status Writer::flush_all() {
  CHECK(may_flush());
  TRY(guard_block());
  const size_t frames_bytes = staged_.size();
  const uint64_t confirmed_end = durable_.end;
  if (owes_mark()) {
    const ByteView payload = std::as_bytes(std::span(&confirmed_end, 1));
    TRY(stage_frame({.type = kMarkType, .head = payload}, last_lsn_));
  }
  const uint64_t tail = staged_end();
  TRY(stage_pad());
  const Status drained = drain();
  if (!drained.ok()) {
    staged_.resize(frames_bytes);
    return drained;
  }
  // A mark alone needs no sync, unless its block holds durable frames: a successor must not name
  // the end of what may be torn yet.
  unsynced_ = unsynced_ || tail_ != flushed_.end || shares_blocks();
  marked_end_ = std::max(marked_end_, confirmed_end);
  tail_ = tail;
  staged_offset_ = tail;
  flushed_ = {tail, last_lsn_};
  return ok();
}

Status Writer::mark() {
  TRY(flush());
  if (!owes_mark()) return ok();
  const Status marked = flush_all();
  if (!marked.ok() && marked.error().code() == Code::kFull) {
    const Status erased = erase(closed_end(tail_ + kMarkFrameBytes));
    if (!erased.ok()) return not_erased(erased.error());
  }
  return marked;
}

void Writer::give_back_zeros() {
  const uint64_t end = closed_end(tail_);
  if (end >= allocated_end_) return;
  const Status cut = file_->truncate(end);
  if (cut.ok()) allocated_end_ = end;
}

Status Writer::drop() {
  if (!has_staged() && staged_end() == flushed_.end) return ok();
  const uint64_t end = closed_end(staged_end() + kMarkFrameBytes);
  if (sealer_ != nullptr) sealer_->discard();
  tail_ = flushed_.end;
  last_lsn_ = flushed_.last_lsn;
  const Status erased = erase(end);
  return erased.ok() ? erased : not_erased(erased.error());
}

Status Writer::sync() {
  TRY(flush());
  return unsynced_ ? sync_file() : ok();
}

Status Writer::sync_file() {
  const Boundary target = end_block();
  TRY(wait_for_sync());
  end_sync(target);
  return ok();
}

Result<Boundary> Writer::begin_sync() {
  TRY(flush());
  syncing_ = true;
  return unsynced_ ? end_block() : durable_;
}

/// W7: the block is closed when the sync starts, and no later frame is written into it, unless
/// blocks are shared.
Boundary Writer::end_block() {
  if (!shares_blocks()) {
    tail_ = closed_end(tail_);
    staged_offset_ = tail_;
    flushed_.end = tail_;
  }
  unsynced_ = false;
  return flushed_;
}

bool Writer::shares_blocks() const {
  const SideFile* const side_file = tail_policy_.side_file;
  return tail_policy_.torn_writes != TornWrites::kPad && sealer_ == nullptr &&
         (side_file == nullptr || !side_file->failure());
}

/// W20: before a block that holds durable frames is written again, the side file has them. Without
/// it the block is left.
Status Writer::guard_block() {
  const uint64_t start = durable_.end / kBlockBytes * kBlockBytes;
  const bool is_shared = start < durable_.end && staged_offset_ < start + kBlockBytes;
  if (tail_policy_.side_file == nullptr || !is_shared || guarded_end_ == durable_.end) return ok();
  TailImage image{header_.segment, start, std::vector<std::byte>(durable_.end - start)};
  if (TRY(file_->read_at(start, image.bytes)) != image.bytes.size()) {
    return Error(Code::kIo, "the segment became shorter while it was written");
  }
  if (!tail_policy_.side_file->store(image).ok()) return leave_block();
  guarded_end_ = durable_.end;
  return ok();
}

/// The pad in the file stays, and what is staged moves behind it. Nothing was written since the
/// last sync.
Status Writer::leave_block() {
  CHECK(flushed_.end == durable_.end && sealer_ == nullptr);
  ++padded_blocks_;
  const AlignedBuffer moved = std::exchange(staged_, {});
  const ByteView frames = moved.bytes();
  durable_.end = closed_end(durable_.end);
  flushed_.end = staged_offset_ = tail_ = durable_.end;
  for (uint64_t at = 0; at < frames.size();) {
    const auto header = load<FrameHeader>(frames.data() + at);
    const ByteView payload = frames.subspan(at + sizeof(FrameHeader), header.payload_bytes);
    TRY(stage_frame({header.type, header.vshard, header.tenant, payload}, header.lsn));
    at += frame_bytes(header.payload_bytes);
  }
  tail_ = staged_end();
  return allocate_to(closed_end(tail_ + kMarkFrameBytes));
}

/// W8: never kFull, which would say that nothing has changed and that a retry may do.
Status Writer::wait_for_sync() {
  const Status synced = file_->sync();
  if (synced.ok() || synced.error().code() != Code::kFull) return synced;
  return Error(Code::kIo, "the disk was full for a sync: " + synced.error().message(),
               synced.error().where());
}

void Writer::end_sync(Boundary target) {
  if (target.end > durable_.end) durable_ = target;
  syncing_ = false;
  ++syncs_;
}

Status Writer::stage_frame(const RecordView& record, Lsn lsn) {
  const uint32_t seed = frame_seed(header_.segment, staged_end());
  const uint64_t payload_bytes = record.payload_bytes();
  const ByteView padding =
      ByteView(kZeros).first(align_up(payload_bytes, kFrameAlignment) - payload_bytes);
  const FrameHeader header{
      .payload_crc = crc32c(padding, crc32c(record.body, crc32c(record.head, seed))),
      .payload_bytes = static_cast<uint32_t>(payload_bytes),
      .type = record.type,
      .vshard = record.vshard,
      .tenant = record.tenant,
      .lsn = lsn};
  if (!is_stageable(payload_bytes)) {
    store_header(staged_.extend(sizeof header), header, seed);
    TRY(put_payload(record.head));
    TRY(put_payload(record.body));
    staged_.append(padding);
    return ok();
  }
  const uint64_t bytes = frame_bytes(payload_bytes);
  std::byte* const frame = staged_.extend(bytes);
  // Where the padding is, if there is any.
  store(frame + bytes - kFrameAlignment, uint64_t{0});
  store_header(frame, header, seed);
  std::byte* const head = frame + sizeof header;
  if (!record.head.empty()) std::memcpy(head, record.head.data(), record.head.size());
  std::byte* const body = head + record.head.size();
  if (!record.body.empty()) std::memcpy(body, record.body.data(), record.body.size());
  return ok();
}

/// What is large goes to the file without a copy; a sealed block is a little longer than what was
/// staged.
bool Writer::is_stageable(uint64_t payload_bytes) const {
  return payload_bytes <= 2 * kThroughBytes &&
         staged_.size() + payload_bytes <= 2 * kStagedBytesMax;
}

Status Writer::stage_pad() {
  const uint64_t gap_bytes = closed_end(staged_end()) - staged_end();
  if (gap_bytes == 0) return ok();
  const ByteView zeros = ByteView(kZeros).first(gap_bytes - sizeof(FrameHeader));
  return stage_frame({.type = kPadType, .head = zeros}, last_lsn_);
}

Status Writer::put_payload(ByteView bytes) {
  if (is_stageable(bytes.size())) {
    staged_.append(bytes);
    return ok();
  }
  TRY(drain());
  const Status written = file_->pwrite_at(staged_offset_, bytes);
  staged_offset_ += bytes.size();  // of a failed write, too: drop() erases what it may have left
  return written;
}

Status Writer::drain() {
  if (staged_.empty()) return ok();
  TRY(file_->pwrite_at(staged_offset_, staged_.bytes()));
  staged_offset_ += staged_.size();
  staged_.clear();
  return ok();
}

/// W9: what a failed append may have left in [tail_, end) is zeroed and synced, and the pad that it
/// overwrote is put back, before its error is returned and the offset used again.
Status Writer::erase(uint64_t end) {
  staged_.clear();
  TRY(guard_block());
  TRY(file_->allocate(tail_, end - tail_));
  staged_.clear();
  staged_offset_ = tail_;
  TRY(stage_pad());
  TRY(drain());
  if (unsynced_) return sync_file();
  // Where nothing waits for a sync the block stays open, as it was.
  staged_offset_ = tail_;
  return wait_for_sync();
}

uint64_t Writer::records_bytes(std::span<const RecordView> records) const {
  if (sealer_ != nullptr) return sealed_frames_bytes(sealer_->open_bytes(), records);
  return plain_frames_bytes(records);
}

/// Room for what is staged, for the records, and for what flush() adds.
Status Writer::allocate_for(std::span<const RecordView> records, uint64_t reserve_bytes) {
  const uint64_t mark_bytes = owes_mark() ? kMarkFrameBytes : 0;
  return allocate_to(closed_end(staged_end() + mark_bytes + records_bytes(records)) +
                     reserve_bytes);
}

/// Fills the file ahead of the tail, so that most syncs change neither its size nor its blocks.
Status Writer::allocate_to(uint64_t end) {
  if (end <= allocated_end_) return ok();
  const uint64_t step_bytes = segment_bytes_ == kUnlimited
                                  ? std::clamp(allocated_end_, kReserveBytes, kAllocateBytes)
                                  : kAllocateBytes;
  uint64_t ahead = std::min(allocated_end_ + step_bytes, segment_bytes_ + kReserveBytes);
  // A batch that outgrows its segment goes on for long, perhaps.
  if (has_staged() && ahead < end) ahead = end + kThroughBytes;
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
