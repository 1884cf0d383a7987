#include "wal/segments.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace sluice::wal {
namespace {

std::string range(Lsn first_lsn, Lsn last_lsn) {
  return std::to_string(first_lsn).append(" to ").append(std::to_string(last_lsn));
}

Result<SegmentHeader> read_header_once(Disk& disk, const std::string& name) {
  const std::unique_ptr<File> file = TRY(disk.open(name, OpenMode::kReadDevice));
  std::array<std::byte, kBlockBytes> block;
  const size_t got_bytes = TRY(file->read_at(0, block));
  const SegmentHeader header = TRY(decode_segment_header(ByteView(block).first(got_bytes), name));
  return header;
}

Status note_frame(const ParsedFrame& frame, SegmentContent& content) {
  if (frame.type == kCheckpointType) {
    content.checkpoint = TRY(decode_checkpoint(frame.payload));
  } else if (frame.type == kMarkType && frame.payload.size() == sizeof(uint64_t)) {
    ++content.marks;
    content.confirmed_end = std::max(content.confirmed_end, load<uint64_t>(frame.payload.data()));
  } else if (frame.type == kReopeningType) {
    ++content.reopenings;
  } else if (!is_own_type(frame.type)) {
    ++content.user_frames;
    content.payload_bytes += frame.payload.size();
  }
  return ok();
}

}  // namespace

Error old_segment(const std::string& name) {
  return Error({Code::kUnsupported, Reason::kVersion,
                "the log is of format version 0; use the program that wrote it", name,
                kFormatVersion, 0});
}

Result<std::vector<std::string>> list_segments(Disk& disk) {
  std::vector<std::string> names;
  for (DiskEntry& entry : TRY(disk.list())) {
    if (is_old_segment_name(entry.name)) return old_segment(entry.name);
    if (parse_segment_name(entry.name)) names.push_back(std::move(entry.name));
  }
  return names;  // sorted: LSNs have a fixed number of digits
}

Result<SegmentHeader> read_segment_header(Disk& disk, const std::string& name) {
  const Result<SegmentHeader> header = read_header_once(disk, name);
  const bool fits = header.ok() ? segment_name(header->base_lsn) == name
                                : header.error().code() != Code::kCorrupt;
  // Trimmed between the opening of the file and the reading of what is its next segment by now?
  // Then the name is gone.
  return fits ? header : read_header_once(disk, name);
}

bool was_trimmed(Disk& disk, const std::string& name, const SegmentId& segment) {
  const Result<SegmentHeader> header = read_segment_header(disk, name);
  return header.ok() ? header->segment != segment : header.error().code() == Code::kNotFound;
}

Status check_link(const SegmentHeader& segment, const SegmentHeader& next) {
  const std::string where = segment_name(next.base_lsn);
  if (next.log != segment.log) {
    return corruption(Reason::kForked, "the segment belongs to another log", where, 0);
  }
  if (next.predecessor != segment.segment) {
    return Error({Code::kCorrupt, Reason::kMissingSegment,
                  "at least one segment is missing or was replaced: of LSNs " +
                      range(segment.base_lsn, next.accepted.last_lsn) +
                      " only those of the segment before are left",
                  where, segment.base_lsn, next.base_lsn});
  }
  if (next.accepted.last_lsn + 1 < segment.base_lsn || next.accepted.end < segment.birth_end) {
    return corruption(Reason::kDecodeFailure, "the header contradicts the segment before it", where,
                      0);
  }
  return ok();
}

Error describe_hole(const Error& hole, Lsn last_lsn_before) {
  if (hole.reason() != Reason::kMissingSegment) return hole;
  const Lsn first_missing = last_lsn_before + 1;
  const std::string message = first_missing < hole.found()
                                  ? "LSNs " + range(first_missing, hole.found() - 1) +
                                        " are missing: a segment is gone, or was replaced"
                                  : hole.message();
  return Error({hole.code(), hole.reason(), message, hole.where(), first_missing, hole.found()});
}

Status check_oldest(const SegmentHeader& oldest, const Checkpoint& newest) {
  if (oldest.base_lsn <= newest.trim_lsn + 1) return ok();
  return Error({Code::kCorrupt, Reason::kMissingSegment,
                "the oldest segments are missing: LSNs " +
                    range(newest.trim_lsn + 1, oldest.base_lsn - 1) + " were not trimmed",
                segment_name(oldest.base_lsn), newest.trim_lsn + 1, oldest.base_lsn});
}

Status remove_if_present(Disk& disk, const std::string& name) {
  Status removed = disk.remove(name);
  if (!removed.ok() && removed.error().code() != Code::kNotFound) return removed;
  return ok();
}

SegmentWalk walk_segment(SegmentParser& parser, std::string_view name, const FrameVisitor& visit) {
  SegmentWalk walk;
  SegmentContent& content = walk.content;
  for (;;) {
    const Result<std::optional<ParsedFrame>> parsed = parser.next();
    if (!parsed.ok()) walk.damage = parsed.error();
    if (!parsed.ok() || !parsed->has_value()) break;
    const ParsedFrame& frame = **parsed;
    const Status noted = note_frame(frame, content);
    if (!noted.ok()) {
      const Error& error = noted.error();
      walk.damage = corruption(error.reason(), error.message() + behind(parser.position().last_lsn),
                               name, frame.offset);
      break;
    }
    if (visit) visit(frame);
  }
  content.accepted = parser.position();
  content.torn_bytes = parser.torn_bytes();
  content.end_reason = parser.end_reason();
  return walk;
}

Result<SegmentContent> parse_segment(SegmentParser& parser, std::string_view name,
                                     const TypeSet& known) {
  Status refused;
  const FrameVisitor visit = [&](const ParsedFrame& frame) {
    if (refused.ok()) refused = known.check(frame.lsn, frame.type, name);
  };
  SegmentWalk walk = walk_segment(parser, name, known.has_all() ? nullptr : visit);
  TRY(refused);
  if (walk.damage) return *std::move(walk.damage);
  return std::move(walk.content);
}

}  // namespace sluice::wal
