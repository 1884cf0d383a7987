// Passing records by their headers, and going on where a segment ended.
#include <algorithm>
#include <bit>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "wal/reopening.h"
#include "wal/segment_parser.h"

namespace sluice::wal {
namespace {

/// Whether the clear fields agree that one record alone is inside. Nothing else vouches for them
/// while the payload is not read, and larger blocks hold one record.
bool is_of_one_record(const SealedHeader& block, const FrameHeader& frame) {
  return sealed_payload_bytes(block.plain_bytes) == frame.payload_bytes && block.counter != 0 &&
         block.zero == 0 && block.records == 1 && std::popcount(block.types) == 1 &&
         block.tenant_min == block.tenant_max && block.vshard_min == block.vshard_max &&
         block.last_lsn >= frame.lsn;
}

}  // namespace

Result<std::optional<WalFrameHeader>> SegmentParser::next_match(const RecordFilter& filter) {
  if (const WalFrameHeader* const header = next_plain_match(filter)) return std::optional(*header);
  if (failure_) return *failure_;
  leave_match();
  if (ended_) return std::optional<WalFrameHeader>();
  window_.expect_skips();
  const Status found = find_match(filter);
  if (!found.ok()) {
    match_.reset();
    failure_ = found.error().at(name_);
    return *failure_;
  }
  ended_ = !match_.has_value();
  return ended_ ? std::optional<WalFrameHeader>() : match_->header;
}

/// Where this says no nothing has changed but that records were passed, and next_match() finds out
/// why.
const WalFrameHeader* SegmentParser::next_plain_match(const RecordFilter& filter) {
  if (ended_ || failure_) return nullptr;
  leave_match();
  window_.expect_skips();
  while (!inner_.at_end()) {
    const Result<bool> found = take_inner(filter);
    if (!found.ok()) failure_ = found.error().at(name_);
    if (!found.ok() || *found) return found.ok() ? &match_->header : nullptr;
  }
  if (sealer_ != nullptr) return nullptr;
  while (const std::optional<FrameHeader> frame = plain_header()) {
    const WalFrameHeader record{frame->lsn, frame->type, frame->vshard, frame->tenant,
                                frame->payload_bytes};
    const bool is_taken = filter.takes(record);
    if (is_taken && record.payload_bytes > payload_bytes_max_) return nullptr;
    if (!is_taken && filter.must_refuse(record)) return nullptr;
    if (is_taken) match_ = {record, offset_, frame->payload_crc, std::nullopt};
    pass(*frame);
    if (is_taken) return &match_->header;
    skips_.payload_bytes += record.payload_bytes;
  }
  return nullptr;
}

/// What trusted_header() says of nearly every frame: a user's, in the buffer, and known to have
/// been durable. Those that were looked at for the next mark are sound.
std::optional<FrameHeader> SegmentParser::plain_header() const {
  const ByteView head = window_.buffered(offset_, sizeof(FrameHeader));
  if (head.empty() || offset_ == kBlockBytes) return std::nullopt;
  const auto frame = load<FrameHeader>(head.data());
  const uint64_t end = offset_ + frame_bytes(frame.payload_bytes);
  if (is_own_type(frame.type) || (frame.type & kEncryptedBit) != 0) return std::nullopt;
  if (end > window_.end() || (!boundary_ && end > ahead_confirmed_)) return std::nullopt;
  const bool was_looked_at = !boundary_ && offset_ < ahead_;
  if (!was_looked_at && !is_sound(frame, frame_seed(header_.segment, offset_))) {
    return std::nullopt;
  }
  return continues(numbering_, last_lsn_, frame.lsn) ? std::optional(frame) : std::nullopt;
}

/// What was yielded without being read.
void SegmentParser::leave_match() {
  if (match_ && !match_->payload) skips_.payload_bytes += match_->header.payload_bytes;
  match_.reset();
}

Status SegmentParser::find_match(const RecordFilter& filter) {
  while (!TRY(step(filter))) {
  }
  return ok();
}

/// Whether there is a match, or the end.
Result<bool> SegmentParser::step(const RecordFilter& filter) {
  if (!inner_.at_end()) return take_inner(filter);
  if (TRY(is_at_boundary())) return true;
  if (TRY(step_by_header(filter))) return match_.has_value();
  TRY(refuse_large(&filter));
  ParsedFrame frame;
  const Reason damage = TRY(find_frame(frame));
  if (damage != Reason::kNone) {
    TRY(end_at(damage));
    return true;
  }
  TRY(accept(frame));
  if (frame.type != kSealedType) return try_match(filter, frame);
  if (!pass_block(filter, frame)) TRY(open_sealed(frame));
  return false;
}

/// The next record of the sealed frame that is open.
Result<bool> SegmentParser::take_inner(const RecordFilter& filter) {
  const std::optional<ParsedFrame> record = TRY(next_inner());
  return try_match(filter, *record);
}

/// A record that was read whole.
Result<bool> SegmentParser::try_match(const RecordFilter& filter, const ParsedFrame& record) {
  if (is_own_type(record.type)) return false;
  const WalFrameHeader header{record.lsn, record.type, record.vshard, record.tenant,
                              record.payload.size()};
  if (TRY(wants(filter, header))) {
    match_ = {header, record.offset, 0, record.payload};
  } else {
    skips_.payload_bytes += header.payload_bytes;
  }
  return match_.has_value();
}

Result<bool> SegmentParser::wants(const RecordFilter& filter, const WalFrameHeader& record) const {
  if (filter.must_refuse(record)) TRY(filter.known().check(record.lsn, record.type, name_));
  if (!filter.takes(record)) return false;
  TRY(check_payload_bytes(record.payload_bytes));
  return true;
}

/// A record above the limit is refused before its payload is read; where it may be torn that is
/// found out piece by piece. Anything else is for those who look at the whole frame.
Status SegmentParser::refuse_large(const RecordFilter* filter) {
  const uint64_t left_bytes = window_.end() - offset_;
  if (payload_bytes_max_ == kPayloadBytesMax || left_bytes < sizeof(FrameHeader)) return ok();
  const auto frame = load<FrameHeader>(TRY(window_.view(offset_, sizeof(FrameHeader))).data());
  if (!is_sound(frame, frame_seed(header_.segment, offset_)) ||
      frame_bytes(frame.payload_bytes) > left_bytes) {
    return ok();
  }
  const ParsedFrame place{offset_, frame.type, frame.vshard, frame.tenant, frame.lsn, {}};
  const WalFrameHeader record{frame.lsn, frame.type, frame.vshard, frame.tenant,
                              TRY(least_payload_bytes(frame))};
  const bool is_wanted = filter == nullptr || filter->takes(record);
  if (record.payload_bytes <= payload_bytes_max_ || !is_wanted) return ok();
  if (examine_order(place) != Reason::kNone || !check_sealing(place).ok()) return ok();
  if (!boundary_ && !TRY(is_whole(frame))) return ok();
  return check_payload_bytes(record.payload_bytes);
}

/// Of the record in the frame, as far as the frame tells; 0: of none, or of several.
Result<uint64_t> SegmentParser::least_payload_bytes(const FrameHeader& frame) {
  if (frame.type != kSealedType) {
    const bool is_users = !is_own_type(frame.type) && (frame.type & kEncryptedBit) == 0;
    return is_users ? frame.payload_bytes : uint64_t{0};
  }
  if (frame.payload_bytes <= sealed_payload_bytes(kBlockPlainBytes)) return uint64_t{0};
  const ByteView clear = TRY(window_.view(offset_, sizeof(FrameHeader) + sizeof(SealedHeader)));
  const auto block = load<SealedHeader>(clear.data() + sizeof(FrameHeader));
  const uint64_t own_types = (uint64_t{1} << kFirstUserType) - 1;
  if (!is_of_one_record(block, frame) || (block.types & own_types) != 0) return uint64_t{0};
  return block.plain_bytes - inner_bytes(0) - (kFrameAlignment - 1);
}

/// Whether the payload's checksum fits, in little memory.
Result<bool> SegmentParser::is_whole(const FrameHeader& frame) {
  constexpr uint64_t kPieceBytes = 256 << 10;
  uint32_t crc = frame_seed(header_.segment, offset_);
  const uint64_t end = offset_ + frame_bytes(frame.payload_bytes);
  for (uint64_t at = offset_ + sizeof(FrameHeader); at < end; at += kPieceBytes) {
    crc = crc32c(TRY(window_.view(at, std::min(kPieceBytes, end - at))), crc);
  }
  return crc == frame.payload_crc;
}

/// Whether the frame needed no look at its payload: passed, or a match whose payload may follow.
Result<bool> SegmentParser::step_by_header(const RecordFilter& filter) {
  const std::optional<FrameHeader> frame = TRY(trusted_header());
  if (!frame) return false;
  if (frame->type == kSealedType) return pass_block(filter, *frame);
  if (!is_own_type(frame->type)) {
    const WalFrameHeader header{frame->lsn, frame->type, frame->vshard, frame->tenant,
                                frame->payload_bytes};
    if (TRY(wants(filter, header))) {
      match_ = {header, offset_, frame->payload_crc, std::nullopt};
    } else {
      skips_.payload_bytes += frame->payload_bytes;
    }
  }
  pass(*frame);
  return true;
}

void SegmentParser::pass(const FrameHeader& frame) {
  window_.pass(frame.payload_bytes);
  offset_ += frame_bytes(frame.payload_bytes);
  last_lsn_ = std::max(last_lsn_, frame.lsn);
  if (frame.type != kPadType && frame.type != kMarkType) solid_end_ = offset_;
  is_own_mark_ = false;
  is_quiet_ = false;
}

/// The header at the offset, if the frame is one to pass and its payload is known to have been
/// durable: only then may it be left unread without a torn tail being taken for records.
Result<std::optional<FrameHeader>> SegmentParser::trusted_header() {
  constexpr std::optional<FrameHeader> kNone;
  const uint64_t left_bytes = window_.end() - offset_;
  if (left_bytes < sizeof(FrameHeader)) return kNone;
  const auto frame = load<FrameHeader>(TRY(window_.view(offset_, sizeof(FrameHeader))).data());
  const uint64_t whole_bytes = frame_bytes(frame.payload_bytes);
  if (!is_sound(frame, frame_seed(header_.segment, offset_)) || whole_bytes > left_bytes) {
    return kNone;
  }
  const ParsedFrame place{offset_, frame.type, frame.vshard, frame.tenant, frame.lsn, {}};
  const bool is_passed = !is_own_type(frame.type) || frame.type == kSealedType ||
                         frame.type == kPadType || frame.type == kMarkType ||
                         frame.type == kCheckpointType;
  if (!is_passed || examine_order(place) != Reason::kNone) return kNone;
  if (!check_type(frame.type, name_).ok() || !check_sealing(place).ok()) return kNone;
  if (TRY(is_left_at(offset_))) return kNone;
  if (!TRY(is_confirmed(offset_ + whole_bytes))) return kNone;
  return std::optional(frame);
}

/// W19: whether an opening found the end of a log in one file there. What a torn write left behind
/// it, in the same block, may have a whole header.
Result<bool> SegmentParser::is_left_at(uint64_t offset) {
  const uint64_t block = align_up(offset, kBlockBytes);
  if (layout_ != Layout::kSingleFile || block == offset || block > window_.end()) return false;
  if (window_.end() - block < kReopeningFrameBytes) return false;
  const ByteView reopening = TRY(window_.view(block, kReopeningFrameBytes));
  return confirmed_by_reopening(block, reopening) == offset;
}

/// W5: what lies below an accepted end, or below a mark, was durable.
Result<bool> SegmentParser::is_confirmed(uint64_t end) {
  if (boundary_) return true;
  ahead_ = std::max(ahead_, offset_);
  while (ahead_confirmed_ < end && !ahead_ended_) TRY(look_further());
  return ahead_confirmed_ >= end;
}

/// From header to header, to the next mark or reopening and over it.
Status SegmentParser::look_further() {
  const uint64_t left_bytes = window_.end() - ahead_;
  FrameHeader frame;
  if (left_bytes >= sizeof(FrameHeader)) {
    frame = load<FrameHeader>(TRY(window_.view(ahead_, sizeof(FrameHeader))).data());
  }
  const bool is_frame = is_sound(frame, frame_seed(header_.segment, ahead_)) &&
                        frame_bytes(frame.payload_bytes) <= left_bytes && !TRY(is_left_at(ahead_));
  const uint64_t block = align_up(ahead_, kBlockBytes);
  if (is_frame && frame.type == kMarkType && frame.payload_bytes == sizeof(uint64_t)) {
    const ByteView mark = TRY(window_.view(ahead_, kMarkFrameBytes));
    ahead_confirmed_ = std::max(ahead_confirmed_, confirmed_by(ahead_, mark));
  } else if (!is_frame && layout_ == Layout::kSingleFile && block <= window_.end() &&
             window_.end() - block >= kReopeningFrameBytes) {
    const ByteView reopening = TRY(window_.view(block, kReopeningFrameBytes));
    const uint64_t end = confirmed_by_reopening(block, reopening);
    ahead_ended_ = end != ahead_;
    ahead_confirmed_ = std::max(ahead_confirmed_, end);
    ahead_ = block + kReopeningFrameBytes;
    return ok();
  }
  ahead_ended_ = !is_frame;
  if (is_frame) {
    ahead_ += frame_bytes(frame.payload_bytes);
    window_.pass(frame.payload_bytes);
  }
  return ok();
}

/// W17: a block is opened only for records that may be wanted. A small one has been read by now.
bool SegmentParser::pass_block(const RecordFilter& filter, const ParsedFrame& frame) {
  const Result<SealedHeader> block = decode_sealed_header(frame.payload);
  if (!block.ok() || filter.may_take(*block)) return false;
  last_lsn_ = std::max(last_lsn_, block->last_lsn);
  solid_end_ = offset_;
  ++skips_.blocks;
  skips_.payload_bytes += frame.payload.size();
  return true;
}

/// A large one is passed unread if its clear fields agree that one record alone is inside: nothing
/// else vouches for them.
Result<bool> SegmentParser::pass_block(const RecordFilter& filter, const FrameHeader& frame) {
  if (frame.payload_bytes <= sealed_payload_bytes(kBlockPlainBytes)) return false;
  const uint64_t clear_bytes = sizeof(FrameHeader) + sizeof(SealedHeader);
  const ByteView clear = TRY(window_.view(offset_, clear_bytes));
  const auto block = load<SealedHeader>(clear.data() + sizeof(FrameHeader));
  if (!is_of_one_record(block, frame) || filter.may_take(block)) return false;
  pass(frame);
  last_lsn_ = std::max(last_lsn_, block.last_lsn);
  ++skips_.blocks;
  skips_.payload_bytes += frame.payload_bytes;
  return true;
}

const WalFrameHeader* SegmentParser::match() const {
  return match_ && !match_->is_taken ? &match_->header : nullptr;
}

Result<ByteView> SegmentParser::payload() {
  if (failure_) return *failure_;
  if (match() == nullptr) {
    return Error(Code::kInvalid, "there is no record whose payload was not read", name_);
  }
  match_->is_taken = true;
  if (match_->payload) return *match_->payload;
  const Result<ByteView> read = read_match();
  if (!read.ok()) {
    failure_ = read.error().at(name_);
    is_final_ = true;
    return *failure_;
  }
  match_->payload = *read;
  return *read;
}

Result<ByteView> SegmentParser::read_match() {
  const uint64_t bytes = match_->header.payload_bytes;
  const ByteView padded = TRY(
      window_.view(match_->offset + sizeof(FrameHeader), frame_bytes(bytes) - sizeof(FrameHeader)));
  if (match_->payload_crc == crc32c(padded, frame_seed(header_.segment, match_->offset))) {
    return padded.first(bytes);
  }
  return Error({Code::kCorrupt, Reason::kCrcMismatch, "damage in what was durable", name_,
                window_.end(), match_->offset});
}

Status SegmentParser::resume(std::optional<Boundary> boundary) {
  if (is_final_) return *failure_;
  CHECK(inner_.at_end());
  const uint64_t file_bytes = TRY(window_.file_bytes());
  const uint64_t end = boundary ? boundary->end : file_bytes;
  boundary_ = boundary;
  window_.restart(end);
  extend_window();
  if (window_.end() < solid_end_ || end > file_bytes) {
    failure_ = corrupt(Reason::kForked, "frames that were read are not part of the log any more",
                       solid_end_);
    is_final_ = true;
    return *failure_;
  }
  offset_ = solid_end_;
  is_own_mark_ = false;
  is_quiet_ = false;
  torn_bytes_ = 0;
  confirmed_end_ = 0;
  end_reason_ = Reason::kNone;
  is_followed_ = false;
  ended_ = false;
  failure_.reset();
  match_.reset();
  ahead_ = 0;
  ahead_ended_ = false;
  return ok();
}

}  // namespace sluice::wal
