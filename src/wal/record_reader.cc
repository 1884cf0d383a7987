#include "wal/record_reader.h"

#include <algorithm>
#include <utility>

namespace sluice::wal {
namespace {

/// Key after key may be set before a record comes.
constexpr int kReplacedMax = 8;

}  // namespace

RecordReader::RecordReader(Disk& disk, LogSource source, WalReadOptions options)
    : disk_(disk), source_(std::move(source)), options_(std::move(options)), filter_(options_) {}

Result<std::unique_ptr<WalReader>> open_reader(Disk& disk, LogSource source,
                                               WalReadOptions options) {
  auto reader = std::make_unique<RecordReader>(disk, std::move(source), std::move(options));
  TRY(reader->open());
  return std::unique_ptr<WalReader>(std::move(reader));
}

Status RecordReader::open() {
  return take_view();
}

Result<std::optional<WalFrame>> RecordReader::next() {
  if (failure_) return *failure_;
  if (yielded_ == options_.limit) return std::optional<WalFrame>();
  Result<std::optional<WalFrame>> frame = next_frame();
  if (!frame.ok()) return fail(frame.error());
  if (frame->has_value()) ++yielded_;
  return frame;
}

/// Without a filter records are read straight on; else by their headers first.
Result<std::optional<WalFrame>> RecordReader::next_frame() {
  while (!found_ && TRY(has_segment(Access::kWhole)) && wants_all_that_follows()) {
    const Result<std::optional<ParsedFrame>> frame = parser_->next();
    if (!frame.ok()) {
      if (!TRY(was_feigned(frame.error()))) return frame.error();
    } else if (!frame->has_value()) {
      if (!TRY(end_segment())) return std::optional<WalFrame>();
    } else if (!is_own_type((*frame)->type) && (*frame)->lsn >= filter_.from()) {
      is_retrying_ = false;
      const ParsedFrame& found = **frame;
      const WalFrame record{found.lsn, found.type, found.vshard, found.tenant, found.payload};
      TRY(check(record, found.offset));
      return std::optional(record);
    }
  }
  const std::optional<WalFrameHeader> header = TRY(find_header());
  if (!header) return std::optional<WalFrame>();
  found_.reset();
  return std::optional(TRY(with_payload(*header)));
}

bool RecordReader::wants_all_that_follows() const {
  return filter_.is_open() && parser_->position().last_lsn + 1 >= filter_.from();
}

Result<std::optional<WalFrameHeader>> RecordReader::next_header() {
  if (failure_) return *failure_;
  if (yielded_ == options_.limit) return std::optional<WalFrameHeader>();
  if (parser_ != nullptr && !found_ && !ended_) {
    if (const WalFrameHeader* const header = parser_->next_plain_match(filter_)) {
      is_retrying_ = false;
      ++yielded_;
      return std::optional(*header);
    }
  }
  const Result<std::optional<WalFrameHeader>> header = find_header();
  if (!header.ok()) return fail(header.error());
  found_.reset();
  if (header->has_value()) ++yielded_;
  return *header;
}

/// The parser stands behind the header, and its payload can be read.
Result<std::optional<WalFrameHeader>> RecordReader::find_header() {
  while (!found_ && TRY(has_segment(Access::kSkipping))) {
    const Result<std::optional<WalFrameHeader>> header = parser_->next_match(filter_);
    if (!header.ok()) {
      if (!TRY(was_feigned(header.error()))) return header.error();
    } else if (header->has_value()) {
      is_retrying_ = false;
      found_ = *header;
    } else if (!TRY(end_segment())) {
      break;
    }
  }
  return found_;
}

Result<ByteView> RecordReader::payload() {
  if (failure_) return *failure_;
  if (found_ || parser_ == nullptr || !parser_->match()) {
    return Error(Code::kInvalid, "there is no record whose payload was not read");
  }
  const Result<WalFrame> frame = with_payload(*parser_->match());
  if (!frame.ok()) return fail(frame.error());
  return frame->payload;
}

Result<WalFrame> RecordReader::with_payload(const WalFrameHeader& header) {
  const ByteView payload = TRY(parser_->payload());
  const WalFrame frame{header.lsn, header.type, header.vshard, header.tenant, payload};
  TRY(check(frame, parser_->match_offset()));
  return frame;
}

Status RecordReader::check(const WalFrame& frame, uint64_t offset) const {
  if (options_.plaintext == Plaintext::kRefused && !parser_->is_sealed()) {
    return corruption(Reason::kDecodeFailure,
                      "the log must be encrypted, but the record of LSN " +
                          std::to_string(frame.lsn) + " is not; allow plaintext to read it",
                      segment().name, offset);
  }
  if (!options_.validate || options_.validate(frame)) return ok();
  return corruption(Reason::kDecodeFailure,
                    "the record of LSN " + std::to_string(frame.lsn) + " is not what it should be",
                    segment().name, offset);
}

Result<bool> RecordReader::has_more() {
  if (failure_) return *failure_;
  const Result<std::optional<WalFrameHeader>> header = find_header();
  if (!header.ok()) return fail(header.error());
  return header->has_value();
}

void RecordReader::reset() {
  yielded_ = 0;
  is_stale_ = true;
  ended_ = false;
}

void RecordReader::reset(uint64_t limit) {
  options_.limit = limit;
  reset();
}

void RecordReader::seek(Lsn from) {
  reset();
  filter_.start_at(from);
  close_segment();
  found_.reset();
  view_.reset();
}

WalReadStats RecordReader::stats() const {
  WalReadStats stats = stats_;
  if (parser_ == nullptr) return stats;
  stats.payload_bytes_skipped += parser_->skips().payload_bytes;
  stats.blocks_skipped += parser_->skips().blocks;
  return stats;
}

Error RecordReader::fail(const Error& failure) {
  failure_ = explain(failure);
  found_.reset();
  return *failure_;
}

/// The file of a trimmed segment is written again.
Error RecordReader::explain(const Error& failure) const {
  const bool is_of_segment = view_ && !view_->is_single_file && index_ < view_->segments.size();
  if (failure.code() != Code::kCorrupt || !is_of_segment) return failure;
  const bool is_trimmed = was_trimmed(disk_, segment().name, segment().header.segment);
  return is_trimmed ? missing_segment(segment(), filter_.from()) : failure;
}

/// False: the end.
Result<bool> RecordReader::has_segment(Access access) {
  if (ended_) return false;
  if (!view_ || (is_stale_ && view_->segments.empty())) TRY(take_view());
  ended_ = view_->segments.empty();
  while (!ended_ && parser_ == nullptr) TRY(open_segment(access));
  return !ended_;
}

Status RecordReader::take_view() {
  view_ = TRY(source_(filter_.from()));
  is_stale_ = false;
  index_ = 0;
  const std::vector<Segment>& segments = view_->segments;
  while (index_ + 1 < segments.size() && segments[index_ + 1].header.base_lsn <= filter_.from()) {
    ++index_;
  }
  return ok();
}

std::optional<Boundary> RecordReader::boundary() const {
  const bool is_open = view_->is_open_ended && index_ + 1 == view_->segments.size();
  return is_open ? std::nullopt : std::optional(segment().boundary);
}

Status RecordReader::open_segment(Access access) {
  const bool is_read_whole =
      access == Access::kWhole && filter_.is_open() && segment().header.base_lsn >= filter_.from();
  const ParserOptions options{boundary(), view_->keys.get(),
                              is_read_whole ? Access::kWhole : Access::kSkipping};
  Result<std::unique_ptr<SegmentParser>> parser =
      view_->is_single_file ? open_single_parser(disk_, segment(), options)
                            : open_parser(disk_, segment(), options, filter_.from());
  if (!parser.ok() && TRY(has_moved_on(parser.error()))) return ok();
  parser_ = TRY(std::move(parser));
  replaced_ = 0;
  parser_->limit_payloads(options_.payload_bytes_max);
  ++stats_.segments_opened;
  return ok();
}

/// Whether the view was out of date. A segment without records is replaced by the first one of an
/// opening, or of another key, whose key may be newer than the view; and of one that was trimmed
/// nothing may have been wanted.
Result<bool> RecordReader::has_moved_on(const Error& failure) {
  const Reason reason = failure.reason();
  const bool may_have = reason == Reason::kForked || reason == Reason::kMissingSegment ||
                        reason == Reason::kMissingKey;
  if (!may_have || ++replaced_ > kReplacedMax) return false;
  const bool is_empty = boundary() && boundary()->last_lsn < segment().header.base_lsn;
  if (reason == Reason::kForked && is_empty && replaced_ > 1) {
    // The next one has its name already, but is not begun.
    replaced_ = 0;
    ended_ = index_ + 1 == view_->segments.size();
    if (ended_) return true;
  }
  TRY(go_on_behind({0, segment().header.base_lsn - 1}, segment()));
  return true;
}

void RecordReader::close_segment() {
  if (parser_ == nullptr) return;
  stats_.payload_bytes_skipped += parser_->skips().payload_bytes;
  stats_.blocks_skipped += parser_->skips().blocks;
  parser_.reset();
}

/// False: the end.
Result<bool> RecordReader::end_segment() {
  if (index_ + 1 < view_->segments.size()) {
    close_segment();
    ++index_;
    return true;
  }
  if (view_->hole) return describe_hole(*view_->hole, parser_->position().last_lsn);
  if (options_.repair == RepairPolicy::kStrict && parser_->torn_bytes() > 0) {
    return corruption(parser_->end_reason(),
                      "the log ends in " + std::to_string(parser_->torn_bytes()) +
                          " bytes that are no record" + behind(parser_->position().last_lsn),
                      segment().name, parser_->position().end);
  }
  if (is_stale_) {
    TRY(renew());
    return true;
  }
  ended_ = true;
  return false;
}

/// The segment that was read to its end may have grown, or be gone.
Status RecordReader::renew() {
  const Segment last = segment();
  LogView view = TRY(source_(last.header.base_lsn));
  const auto same = std::find_if(
      view.segments.begin(), view.segments.end(),
      [&](const Segment& other) { return other.header.segment == last.header.segment; });
  if (same == view.segments.end()) return go_on_behind(parser_->position(), last);
  index_ = static_cast<size_t>(same - view.segments.begin());
  view_ = std::move(view);
  is_stale_ = false;
  return parser_->resume(boundary());
}

/// Nothing is lost if what is there now follows the position.
Status RecordReader::go_on_behind(Boundary position, Segment last) {
  LogView view = TRY(source_(last.header.base_lsn));
  const auto next = std::find_if(
      view.segments.begin(), view.segments.end(),
      [&](const Segment& other) { return other.header.base_lsn >= last.header.base_lsn; });
  const Lsn wanted = std::max(position.last_lsn + 1, filter_.from());
  const bool is_unread = position.last_lsn < last.header.base_lsn;
  if (next == view.segments.end() && is_unread && !view.segments.empty() &&
      view.segments.back().header.segment == last.header.predecessor) {
    // The roll that began it was undone (W10): the one before goes on.
    filter_.start_at(wanted);
    close_segment();
    index_ = view.segments.size() - 1;
    view_ = std::move(view);
    is_stale_ = false;
    return ok();
  }
  if (next == view.segments.end() || next->header.accepted.last_lsn >= wanted) {
    return missing_segment(last, wanted);
  }
  if (next->header.base_lsn <= position.last_lsn) {
    return corruption(Reason::kForked, "records that were read are not part of the log any more",
                      next->name, 0);
  }
  close_segment();
  index_ = static_cast<size_t>(next - view.segments.begin());
  view_ = std::move(view);
  is_stale_ = false;
  return ok();
}

/// Where another process writes, a write half seen beside a newer mark looks like damage: only
/// damage that stays is damage.
Result<bool> RecordReader::was_feigned(const Error& failure) {
  if (failure.code() != Code::kCorrupt || boundary() || is_retrying_) return false;
  is_retrying_ = true;
  TRY(parser_->resume(std::nullopt));
  return true;
}

}  // namespace sluice::wal
