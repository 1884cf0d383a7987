#include "wal/segment_parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "wal/reopening.h"

namespace sluice::wal {
namespace {

constexpr uint64_t kWindowBytes = 1 << 20;
constexpr uint64_t kSkippedBytesMin = 48 << 10;

/// Bytes 8 to 15 of every mark: its payload size, type and vshard.
constexpr uint64_t kMarkWord = sizeof(uint64_t) | uint64_t{kMarkType} << 32;
/// The same of a reopening.
constexpr uint64_t kReopeningWord = kReopeningBytes | uint64_t{kReopeningType} << 32;

}  // namespace

FileWindow::FileWindow(std::unique_ptr<File> file, uint64_t end, Access access)
    : file_(std::move(file)),
      end_(end),
      stored_end_(end),
      access_(access),
      read_ahead_bytes_(kBlockBytes) {}

void FileWindow::restart(uint64_t end) {
  end_ = end;
  stored_end_ = end;
  start_ = 0;
  filled_bytes_ = 0;
  read_ahead_bytes_ = kBlockBytes;
}

Result<ByteView> FileWindow::view(uint64_t offset, uint64_t bytes) {
  CHECK(offset <= end_ && bytes <= end_ - offset);
  if (offset < start_ || offset + bytes > start_ + filled_bytes_) TRY(slide(offset, bytes));
  return std::as_bytes(std::span(buffer_)).subspan(offset - start_, bytes);
}

/// Whoever passes large payloads, or goes back from a look ahead, reads a block at a time, and more
/// as long as it goes on from there.
uint64_t FileWindow::read_ahead(uint64_t offset) {
  if (access_ == Access::kWhole) return kWindowBytes;
  if (offset < start_) read_ahead_bytes_ = kBlockBytes;
  return std::exchange(read_ahead_bytes_, std::min(2 * read_ahead_bytes_, kWindowBytes));
}

void FileWindow::pass(uint64_t bytes) {
  if (bytes >= kSkippedBytesMin) read_ahead_bytes_ = kBlockBytes;
}

/// What is in the buffer and still wanted is not read a second time.
Status FileWindow::slide(uint64_t offset, uint64_t bytes) {
  const uint64_t filled_end = start_ + filled_bytes_;
  const uint64_t start = offset / kBlockBytes * kBlockBytes;
  const bool is_in_buffer = start >= start_ && start < filled_end;
  const uint64_t kept_bytes = is_in_buffer ? filled_end - start : 0;
  const uint64_t wanted_bytes =
      std::min(std::max(read_ahead(offset), offset + bytes - start), end_ - start);
  const size_t blocks = (wanted_bytes + kBlockBytes - 1) / kBlockBytes;
  if (buffer_.size() < blocks) buffer_.resize(blocks);
  const std::span<std::byte> buffer = std::as_writable_bytes(std::span(buffer_));
  if (kept_bytes > 0) std::memmove(buffer.data(), buffer.data() + (start - start_), kept_bytes);
  start_ = start;
  filled_bytes_ = kept_bytes;
  const std::span<std::byte> missing = buffer.subspan(kept_bytes, wanted_bytes - kept_bytes);
  const size_t stored = std::min<uint64_t>(missing.size(), stored_bytes(start_ + kept_bytes));
  if (TRY(file_->read_at(start_ + kept_bytes, missing.first(stored))) != stored) {
    return Error(Code::kIo, "the file became shorter while it was read");
  }
  std::fill(missing.begin() + static_cast<ptrdiff_t>(stored), missing.end(), std::byte{0});
  filled_bytes_ = wanted_bytes;
  return ok();
}

Status check_type(uint16_t type, std::string_view name) {
  const bool is_known = type == kCheckpointType || type == kSealedType || type == kReopeningType;
  const bool must_be =
      (is_own_type(type) && (type & kRequiredBit) != 0) || (type & kEncryptedBit) != 0;
  if (must_be && !is_known) {
    return Error({Code::kUnsupported, Reason::kVersion,
                  "the segment holds a frame of a newer kind; use the program that wrote it",
                  std::string(name), kCheckpointType, type});
  }
  return ok();
}

SegmentParser::SegmentParser(FileWindow window, std::string name, SegmentHeader header,
                             std::optional<Boundary> boundary, Layout layout, const KeyRing* keys)
    : window_(std::move(window)),
      name_(std::move(name)),
      header_(header),
      boundary_(boundary),
      layout_(layout),
      keys_(keys),
      numbering_(header.numbering),
      last_lsn_(header.base_lsn - 1),
      ahead_confirmed_(header.birth_end) {}

Result<std::unique_ptr<SegmentParser>> SegmentParser::open(std::unique_ptr<File> file,
                                                           std::string name,
                                                           std::optional<Boundary> boundary,
                                                           const KeyRing* keys, Access access) {
  return open(std::move(file), std::move(name), boundary, Layout::kSegment, keys, access);
}

Result<std::unique_ptr<SegmentParser>> SegmentParser::open_single(std::unique_ptr<File> file,
                                                                  std::string name,
                                                                  std::optional<Boundary> boundary,
                                                                  const KeyRing* keys,
                                                                  Access access) {
  return open(std::move(file), std::move(name), boundary, Layout::kSingleFile, keys, access);
}

Result<std::unique_ptr<SegmentParser>> SegmentParser::open(std::unique_ptr<File> file,
                                                           std::string name,
                                                           std::optional<Boundary> boundary,
                                                           Layout layout, const KeyRing* keys,
                                                           Access access) {
  const uint64_t file_bytes = TRY(file->size());
  if (boundary && boundary->end > file_bytes) {
    return shorter_than_accepted(name, file_bytes);
  }
  FileWindow window(std::move(file), boundary ? boundary->end : file_bytes, access);
  const ByteView block = TRY(window.view(0, std::min(window.end(), kBlockBytes)));
  const SegmentHeader header = TRY(decode_segment_header(block, name));
  std::unique_ptr<SegmentParser> parser(
      new SegmentParser(std::move(window), std::move(name), header, boundary, layout, keys));
  if (layout == Layout::kSegment && segment_name(header.base_lsn) != parser->name_) {
    return corruption(Reason::kMissingSegment, "the file is named like another segment",
                      parser->name_, 0);
  }
  parser->extend_window();
  if (header.is_encrypted()) {
    const WalEncryptionKey data_key = TRY(unwrap_data_key(keys, header, parser->name_));
    parser->sealer_ = std::make_unique<Sealer>(header.segment, data_key);
    parser->key_id_ = header.key.id;
  }
  return parser;
}

/// An opening writes behind the block in which a file's frames end, so the rest of that block will
/// be zeros. A record that these make whole is part of the log from the beginning.
void SegmentParser::extend_window() {
  if (layout_ == Layout::kSingleFile && !boundary_) window_.extend();
}

Result<std::optional<ParsedFrame>> SegmentParser::next() {
  if (ParsedFrame frame; parse_plain(frame)) return std::optional(frame);
  if (failure_) return *failure_;
  if (match_) leave_match();
  if (ended_) return std::optional<ParsedFrame>();
  Result<std::optional<ParsedFrame>> frame = parse();
  if (frame.ok() && *frame && !is_own_type((*frame)->type)) {
    const Status fits = check_payload_bytes((*frame)->payload.size());
    if (!fits.ok()) frame = fits.error();
  }
  if (!frame.ok()) {
    failure_ = frame.error().at(name_);
    return *failure_;
  }
  ended_ = !frame->has_value();
  return frame;
}

/// What nearly every frame is: a sound one of the user, not sealed, in the buffer. Where this says
/// no nothing has changed, and parse() finds out why.
bool SegmentParser::parse_plain(ParsedFrame& frame) {
  if (sealer_ != nullptr || match_ || ended_ || failure_) return false;
  const ByteView head = window_.buffered(offset_, sizeof(FrameHeader));
  if (head.empty()) return false;
  const auto header = load<FrameHeader>(head.data());
  const uint32_t seed = frame_seed(header_.segment, offset_);
  const uint64_t bytes = frame_bytes(header.payload_bytes);
  const ByteView whole = window_.buffered(offset_, bytes);
  if (whole.empty() || bytes > window_.end() - offset_ || !is_sound(header, seed)) return false;
  const ByteView padded_payload = whole.subspan(sizeof(FrameHeader));
  if (header.payload_crc != crc32c(padded_payload, seed)) return false;
  const bool is_users = !is_own_type(header.type) && (header.type & kEncryptedBit) == 0;
  if (!is_users || header.payload_bytes > payload_bytes_max_) return false;
  if (!continues(numbering_, last_lsn_, header.lsn) || offset_ == kBlockBytes) return false;
  frame = {offset_,       header.type, header.vshard,
           header.tenant, header.lsn,  padded_payload.first(header.payload_bytes)};
  offset_ += bytes;
  solid_end_ = offset_;
  last_lsn_ = std::max(last_lsn_, header.lsn);
  is_quiet_ = false;
  is_own_mark_ = false;
  return true;
}

Result<std::optional<ParsedFrame>> SegmentParser::parse() {
  if (!inner_.at_end()) return next_inner();
  if (TRY(is_at_boundary())) return std::optional<ParsedFrame>();
  TRY(refuse_large(nullptr));
  ParsedFrame frame;
  const Reason damage = TRY(find_frame(frame));
  if (damage != Reason::kNone) {
    TRY(end_at(damage));
    return std::optional<ParsedFrame>();
  }
  TRY(accept(frame));
  if (frame.type == kSealedType) {
    TRY(open_sealed(frame));
    return next_inner();
  }
  return std::optional(frame);
}

Result<bool> SegmentParser::is_at_boundary() const {
  if (!boundary_ || offset_ != boundary_->end) return false;
  if (last_lsn_ == boundary_->last_lsn) return true;
  return corrupt(Reason::kSequenceViolation, "the segment lacks frames before its accepted end",
                 boundary_->end);
}

Result<Reason> SegmentParser::find_frame(ParsedFrame& frame) {
  const Reason damage = TRY(examine(frame));
  if (damage == Reason::kNone || !TRY(skip_to_reopening())) return damage;
  return examine(frame);
}

/// Of a sealed frame the records are still to come: solid_end_ moves when it has been opened.
Status SegmentParser::accept(const ParsedFrame& frame) {
  TRY(check_type(frame.type, name_));
  TRY(check_sealing(frame));
  last_lsn_ = std::max(last_lsn_, frame.lsn);
  if (frame.type == kReopeningType) TRY(follow(frame));
  note_quiet(frame);
  offset_ = frame.offset + frame_bytes(frame.payload.size());
  const bool is_solid =
      frame.type != kSealedType && frame.type != kPadType && frame.type != kMarkType;
  if (is_solid) solid_end_ = offset_;
  return ok();
}

Status SegmentParser::check_payload_bytes(uint64_t bytes) const {
  if (bytes <= payload_bytes_max_) return ok();
  return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                "a record of the log exceeds the limit; read it with a higher one", name_,
                payload_bytes_max_, bytes});
}

/// W19: in a log of one file the next block may say that frames ended here.
Result<bool> SegmentParser::skip_to_reopening() {
  const uint64_t start = align_up(offset_, kBlockBytes);
  if (layout_ != Layout::kSingleFile || start > window_.end()) return false;
  ParsedFrame frame;
  if (TRY(examine(start, frame)) != Reason::kNone || frame.type != kReopeningType) return false;
  const Result<Reopening> reopening = decode_reopening(frame.payload);
  if (reopening.ok() && reopening->accepted.end != offset_) return false;
  offset_ = start;
  return true;
}

/// What follows a reopening is numbered and sealed as it says.
Status SegmentParser::follow(const ParsedFrame& frame) {
  const Result<Reopening> reopening = decode_reopening(frame.payload);
  if (!reopening.ok()) return reopening.error().at(name_);
  const bool is_here = align_up(reopening->accepted.end, kBlockBytes) == frame.offset &&
                       reopening->accepted.last_lsn == last_lsn_;
  if (layout_ != Layout::kSingleFile || !is_here) {
    return damage(Reason::kDecodeFailure, "a reopening that does not belong here", frame.offset);
  }
  std::unique_ptr<Sealer> sealer;
  if (reopening->key.id != 0) {
    const auto data_key = unwrap_data_key(keys_, {header_.segment, frame.offset}, *reopening);
    if (!data_key.ok()) {
      const Error& error = data_key.error();
      return Error({error.code(), error.reason(), error.message(), name_, error.expected(),
                    error.code() == Code::kCorrupt ? frame.offset : error.found()});
    }
    sealer = std::make_unique<Sealer>(header_.segment, *data_key);
  }
  // Only what is understood changes how the parser goes on: it may be asked again.
  numbering_ = reopening->numbering;
  last_lsn_ = reopening->base_lsn - 1;
  key_id_ = reopening->key.id;
  sealer_ = std::move(sealer);
  return ok();
}

/// Whoever cannot seal cannot add to an encrypted segment what is taken for its frames.
Status SegmentParser::check_sealing(const ParsedFrame& frame) const {
  const bool is_clear =
      frame.type == kPadType || frame.type == kMarkType || frame.type == kReopeningType;
  const bool seals = frame.type == kSealedType;
  if (is_clear || seals == is_sealed()) return ok();
  return damage(Reason::kDecodeFailure,
                seals ? "a sealed frame in a segment that has no key"
                      : "a frame that is not sealed in an encrypted segment",
                frame.offset);
}

Status SegmentParser::open_sealed(const ParsedFrame& frame) {
  const auto opened = sealer_->open({frame.offset, frame.lsn}, frame.payload);
  if (!opened.ok()) {
    return damage(opened.error().reason(), opened.error().message(), frame.offset);
  }
  inner_offset_ = frame.offset;
  const SealedHeader header = TRY(decode_sealed_header(frame.payload));
  inner_ = InnerRecords(header, numbering_, frame.lsn, *opened);
  solid_end_ = offset_;
  return ok();
}

Result<std::optional<ParsedFrame>> SegmentParser::next_inner() {
  const Result<InnerRecords::Record> record = inner_.next();
  is_final_ = true;  // unless it is sound
  if (!record.ok()) {
    return damage(record.error().reason(), record.error().message(), inner_offset_);
  }
  TRY(check_type(record->type, name_));
  is_final_ = false;
  last_lsn_ = std::max(last_lsn_, record->lsn);
  return std::optional(ParsedFrame{inner_offset_, record->type, record->vshard, record->tenant,
                                   record->lsn, record->payload});
}

/// kNone: `frame` is the valid frame at the offset. Otherwise why there is none.
Result<Reason> SegmentParser::examine(uint64_t offset, ParsedFrame& frame) {
  const uint64_t left_bytes = window_.end() - offset;
  if (left_bytes < sizeof(FrameHeader)) return Reason::kIncompleteHeader;
  const auto header = load<FrameHeader>(TRY(window_.view(offset, sizeof(FrameHeader))).data());
  const uint32_t seed = frame_seed(header_.segment, offset);
  const uint64_t stored_bytes = window_.stored_bytes(offset);
  if (!is_sound(header, seed)) {
    return stored_bytes < sizeof(FrameHeader) ? Reason::kIncompleteHeader : Reason::kCrcMismatch;
  }
  const uint64_t whole_bytes = frame_bytes(header.payload_bytes);
  if (whole_bytes > left_bytes) return Reason::kIncompletePayload;
  const ByteView whole = TRY(window_.view(offset, whole_bytes));
  const ByteView padded_payload = whole.subspan(sizeof(FrameHeader));
  if (header.payload_crc != crc32c(padded_payload, seed)) {
    return whole_bytes > stored_bytes ? Reason::kIncompletePayload : Reason::kCrcMismatch;
  }
  frame = {offset,        header.type, header.vshard,
           header.tenant, header.lsn,  padded_payload.first(header.payload_bytes)};
  return examine_order(frame);
}

Reason SegmentParser::examine_order(const ParsedFrame& frame) const {
  const bool fits = is_own_type(frame.type) ? frame.lsn == last_lsn_
                                            : continues(numbering_, last_lsn_, frame.lsn);
  if (!fits) return Reason::kSequenceViolation;
  const bool is_first = frame.offset == kBlockBytes;
  const uint16_t first_type = header_.is_encrypted() ? kSealedType : kCheckpointType;
  if (is_first && frame.type != first_type) return Reason::kDecodeFailure;
  return Reason::kNone;
}

/// W5: damage below anything known to be durable is corruption; above it, it is a torn tail.
Status SegmentParser::end_at(Reason damage) {
  if (boundary_) return corrupt(damage, "damage below the accepted end", boundary_->end);
  if (offset_ < header_.birth_end) {
    return corrupt(damage, "damage in the frames that the segment was born with",
                   header_.birth_end);
  }
  end_reason_ = damage;
  TRY(scan_remains());
  if (confirmed_end_ > offset_) {
    return corrupt(damage, "damage below a mark of a finished sync", confirmed_end_);
  }
  return ok();
}

Error SegmentParser::corrupt(Reason reason, std::string message, uint64_t durable_end) const {
  return Error({Code::kCorrupt, reason, message + behind(last_lsn_), name_, durable_end, offset_});
}

Error SegmentParser::damage(Reason reason, const std::string& message, uint64_t offset) const {
  return corruption(reason, message + behind(last_lsn_), name_, offset);
}

/// Finds, behind the end, the highest offset that a mark or a reopening confirms and the last byte
/// that is not zero.
Status SegmentParser::scan_remains() {
  uint64_t nonzero_end = offset_;
  bool is_block_zero = true;
  for (uint64_t at = offset_; at < window_.end();) {
    const uint64_t chunk_bytes = std::min(kWindowBytes / 2, window_.end() - at);
    const ByteView chunk = TRY(window_.view(at, chunk_bytes));
    uint64_t word = 0;
    for (; word + sizeof(uint64_t) <= chunk_bytes; word += sizeof(uint64_t)) {
      const auto value = load<uint64_t>(chunk.data() + word);
      if (value != 0) {
        is_block_zero = is_block_zero && at + word >= offset_ + kBlockBytes;
        nonzero_end = at + word + sizeof(uint64_t);
      }
      if (word == 0 || value == 0) continue;
      const uint64_t start = word - sizeof(uint64_t);
      note_remains(at + start, chunk.subspan(start));
    }
    for (; word < chunk_bytes; ++word) {
      if (chunk[word] != std::byte{0}) nonzero_end = at + word + 1;
    }
    if (at + chunk_bytes == window_.end()) break;
    // Chunks overlap by the larger of the frames, so that none is split between two.
    at += chunk_bytes - kReopeningFrameBytes;
  }
  const uint64_t bytes = std::min(nonzero_end - offset_, window_.stored_bytes(offset_));
  const bool is_unused = offset_ == header_.birth_end && is_block_zero;
  torn_bytes_ = header_.recycled_bytes <= offset_ ? bytes
                : is_quiet_ || is_unused          ? 0
                                                  : std::min(bytes, kRecycledTailBytes);
  return ok();
}

/// `rest`: bytes behind the end, of which the second word is not zero.
void SegmentParser::note_remains(uint64_t offset, ByteView rest) {
  const auto word = load<uint64_t>(rest.data() + sizeof(uint64_t));
  if (word == kMarkWord && rest.size() >= kMarkFrameBytes) {
    confirmed_end_ = std::max(confirmed_end_, confirmed_by(offset, rest.first(kMarkFrameBytes)));
  }
  if (layout_ != Layout::kSingleFile || rest.size() < sizeof(FrameHeader)) return;
  if (word == kReopeningWord && rest.size() >= kReopeningFrameBytes) {
    const uint64_t end = confirmed_by_reopening(offset, rest.first(kReopeningFrameBytes));
    confirmed_end_ = std::max(confirmed_end_, end);
  }
  const auto header = load<FrameHeader>(rest.data());
  if (is_own_type(header.type) && header.type != kSealedType) return;
  is_followed_ = is_followed_ || (offset > offset_ && header.zero == 0 &&
                                  is_sound(header, frame_seed(header_.segment, offset)));
}

/// The next append overwrites the pad behind such a mark: one that is cut is not overlooked.
void SegmentParser::note_quiet(const ParsedFrame& frame) {
  is_quiet_ = frame.type == kPadType && is_own_mark_;
  is_own_mark_ = frame.type == kMarkType && frame.payload.size() == sizeof(uint64_t) &&
                 load<uint64_t>(frame.payload.data()) == frame.offset;
}

/// What the bytes at `offset` confirm if they are a valid mark; 0 if they are not.
uint64_t SegmentParser::confirmed_by(uint64_t offset, ByteView frame) const {
  const auto header = load<FrameHeader>(frame.data());
  const uint32_t seed = frame_seed(header_.segment, offset);
  const ByteView payload = frame.subspan(sizeof(FrameHeader));
  // Also of an older segment whose seed happens to be ours: its LSNs lie below.
  if (header.lsn + 1 < header_.base_lsn) return 0;
  if (!is_sound(header, seed) || header.payload_crc != crc32c(payload, seed)) return 0;
  const auto confirmed_end = load<uint64_t>(payload.data());
  return confirmed_end <= offset ? confirmed_end : 0;
}

/// The accepted end that the bytes at `offset` name if they are a valid reopening; 0 if they are
/// not.
uint64_t SegmentParser::confirmed_by_reopening(uint64_t offset, ByteView frame) const {
  const auto header = load<FrameHeader>(frame.data());
  const uint32_t seed = frame_seed(header_.segment, offset);
  const ByteView payload = frame.subspan(sizeof(FrameHeader));
  if (!is_sound(header, seed) || header.payload_crc != crc32c(payload, seed)) return 0;
  const Result<Reopening> reopening = decode_reopening(payload);
  return reopening.ok() && reopening->accepted.end <= offset ? reopening->accepted.end : 0;
}

}  // namespace sluice::wal
