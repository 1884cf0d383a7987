#include "wal/log_reader.h"

namespace sluice::wal {

LogReader::LogReader(Disk& disk, std::vector<Segment> segments, LsnRange range,
                     std::shared_ptr<const KeyRing> keys)
    : disk_(disk), segments_(std::move(segments)), range_(range), keys_(std::move(keys)) {
  while (index_ < segments_.size() && segments_[index_].boundary.last_lsn < range_.from) ++index_;
}

Result<std::optional<LogFrame>> LogReader::next() {
  if (failure_) return *failure_;
  if (ended_) return std::optional<LogFrame>();
  Result<std::optional<LogFrame>> frame = read();
  if (!frame.ok()) {
    failure_ = explain(frame.error());
    return *failure_;
  } else if (!frame->has_value()) {
    ended_ = true;
    parser_.reset();
  }
  return frame;
}

/// The file of a trimmed segment is written again.
Error LogReader::explain(const Error& failure) const {
  if (failure.code() != Code::kCorrupt || index_ == segments_.size()) return failure;
  const Segment& segment = segments_[index_];
  if (!was_trimmed(disk_, segment.name, segment.header.segment)) return failure;
  return missing(segment);
}

Error LogReader::missing(const Segment& segment) const {
  return Error({Code::kNotFound, Reason::kMissingSegment,
                "the segment was trimmed before it was read", segment.name, segment.header.base_lsn,
                range_.from});
}

Result<std::optional<LogFrame>> LogReader::read() {
  for (;;) {
    if (parser_ == nullptr) {
      if (index_ == segments_.size() || segments_[index_].header.base_lsn > range_.to) {
        return std::optional<LogFrame>();
      }
      TRY(open_segment());
    }
    const std::optional<ParsedFrame> frame = TRY(parser_->next());
    if (!frame) {
      parser_.reset();
      ++index_;
      continue;
    }
    if (is_own_type(frame->type) || frame->lsn < range_.from) continue;
    if (frame->lsn > range_.to) return std::optional<LogFrame>();
    return std::optional(
        LogFrame{frame->lsn, frame->type, frame->vshard, frame->tenant, frame->payload});
  }
}

Status LogReader::open_segment() {
  const Segment& segment = segments_[index_];
  const OpenMode mode = segment.is_ours ? OpenMode::kRead : OpenMode::kReadDevice;
  Result<std::unique_ptr<File>> file = disk_.open(segment.name, mode);
  if (!file.ok() && file.error().code() == Code::kNotFound) return missing(segment);
  if (!file.ok()) return file.error();
  parser_ = TRY(SegmentParser::open(std::move(*file), segment.name, segment.boundary, keys_.get()));
  if (parser_->header().segment == segment.header.segment) return ok();
  return corruption(Reason::kForked, "another segment has taken the place", segment.name, 0);
}

}  // namespace sluice::wal
