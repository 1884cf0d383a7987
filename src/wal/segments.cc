#include "wal/segments.h"

#include <array>

namespace sluice::wal {
namespace {

std::string range(Lsn first_lsn, Lsn last_lsn) {
  return std::to_string(first_lsn).append(" to ").append(std::to_string(last_lsn));
}

}  // namespace

Result<std::vector<std::string>> list_segments(Disk& disk) {
  std::vector<std::string> names;
  for (DiskEntry& entry : TRY(disk.list())) {
    if (parse_segment_name(entry.name)) names.push_back(std::move(entry.name));
  }
  return names;  // sorted: LSNs have a fixed number of digits
}

Result<SegmentHeader> read_segment_header(Disk& disk, const std::string& name) {
  const std::unique_ptr<File> file = TRY(disk.open(name, OpenMode::kReadDevice));
  std::array<std::byte, kBlockBytes> block;
  const size_t got_bytes = TRY(file->read_at(0, block));
  const SegmentHeader header = TRY(decode_segment_header(ByteView(block).first(got_bytes), name));
  return header;
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

Result<SegmentContent> parse_segment(SegmentParser& parser, std::string_view name) {
  SegmentContent newest;
  while (const std::optional<ParsedFrame> frame = TRY(parser.next())) {
    if (frame->type == kCheckpointType) {
      Result<Checkpoint> checkpoint = decode_checkpoint(frame->payload);
      if (!checkpoint.ok()) {
        return corruption(checkpoint.error().reason(), checkpoint.error().message(), name,
                          frame->offset);
      }
      newest.checkpoint = std::move(*checkpoint);
    } else if (!is_own_type(frame->type)) {
      ++newest.user_frames;
    }
  }
  newest.accepted = parser.position();
  newest.torn_bytes = parser.torn_bytes();
  return newest;
}

}  // namespace sluice::wal
