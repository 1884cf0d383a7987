#include "wal/log_reader.h"

#include "wal/side_file.h"

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
  return missing_segment(segment, range_.from);
}

Result<std::optional<LogFrame>> LogReader::read() {
  for (;;) {
    if (parser_ == nullptr) {
      if (index_ == segments_.size() || segments_[index_].header.base_lsn > range_.to) {
        return std::optional<LogFrame>();
      }
      const Segment& segment = segments_[index_];
      parser_ = TRY(open_parser(disk_, segment, {segment.boundary, keys_.get()}, range_.from));
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

Error missing_segment(const Segment& segment, Lsn wanted) {
  return Error({Code::kNotFound, Reason::kMissingSegment,
                "the segment was trimmed before it was read", segment.name, segment.header.base_lsn,
                wanted});
}

Result<std::unique_ptr<SegmentParser>> open_parser(Disk& disk, const Segment& segment,
                                                   const ParserOptions& options, Lsn wanted) {
  const OpenMode mode = segment.is_ours ? OpenMode::kRead : OpenMode::kReadDevice;
  const auto open = [&]() -> Result<std::unique_ptr<File>> {
    if (options.boundary) return disk.open(segment.name, mode);
    return std::move(TRY(open_mended(disk, segment.name, kSideFileName)).file);
  };
  Result<std::unique_ptr<File>> file = open();
  if (!file.ok() && file.error().code() == Code::kNotFound) {
    return missing_segment(segment, wanted);
  }
  if (!file.ok()) return file.error();
  Result<std::unique_ptr<SegmentParser>> parser = SegmentParser::open(
      std::move(*file), segment.name, options.boundary, options.keys, options.access);
  // What is read of another segment may look like damage to this one.
  const bool is_it = parser.ok() ? (*parser)->header().segment == segment.header.segment
                                 : parser.error().code() != Code::kCorrupt ||
                                       !was_trimmed(disk, segment.name, segment.header.segment);
  if (is_it) return parser;
  return corruption(Reason::kForked, "another segment has taken the place", segment.name, 0);
}

Result<std::unique_ptr<SegmentParser>> open_single_parser(Disk& disk, const Segment& segment,
                                                          const ParserOptions& options) {
  MendedSegment mended = TRY(open_mended(disk, segment.name, side_file_name(segment.name)));
  return SegmentParser::open_single(std::move(mended.file), segment.name, options.boundary,
                                    options.keys, options.access);
}

}  // namespace sluice::wal
