// Segments: what a log directory holds, and the rules that tie its segments into one log.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "wal/checkpoint.h"
#include "wal/format.h"
#include "wal/segment_parser.h"
#include "wal/type_set.h"

namespace sluice::wal {

struct Segment {
  std::string name{};
  SegmentHeader header{};
  Boundary boundary{};  ///< where its frames end, as far as they are durable
  /// Written by this process: reads may be served from the cache. Others are read from the device,
  /// because a failed sync of an earlier process may have left the cache lying.
  bool is_ours = false;
};

/// Names of all segments, oldest first. Other files are ignored, but kUnsupported (kVersion) if
/// there are segments of format version 0.
Result<std::vector<std::string>> list_segments(Disk& disk);
/// kUnsupported (kVersion): what is said of a segment of format version 0.
Error old_segment(const std::string& name);

/// Also of a log that another process is writing: kNotFound if the segment was trimmed meanwhile.
Result<SegmentHeader> read_segment_header(Disk& disk, const std::string& name);

/// Whether the name is gone or another segment's by now: then the segment was trimmed while it was
/// read, and its file may hold anything.
bool was_trimmed(Disk& disk, const std::string& name, const SegmentId& segment);

/// kCorrupt unless `next` directly follows `segment`: kMissingSegment (expected(), found(): the two
/// base LSNs), kForked, kDecodeFailure.
Status check_link(const SegmentHeader& segment, const SegmentHeader& next);
/// What check_link() says of a hole, by who knows where the frames of the segment before end:
/// expected(): the first LSN that is missing.
Error describe_hole(const Error& hole, Lsn last_lsn_before);
/// kCorrupt (kMissingSegment) if frames above the trim LSN lie before the oldest segment.
Status check_oldest(const SegmentHeader& oldest, const Checkpoint& newest);

/// ok also if there is no such file.
Status remove_if_present(Disk& disk, const std::string& name);

/// What a segment's frames say, all in all.
struct SegmentContent {
  Boundary accepted;
  uint64_t torn_bytes = 0;
  Reason end_reason = Reason::kNone;  ///< why they end there, where that was looked into
  Checkpoint checkpoint;              ///< the newest
  uint64_t user_frames = 0;
  uint64_t payload_bytes = 0;  ///< of the user's frames
  uint64_t reopenings = 0;
  uint64_t marks = 0;
  uint64_t confirmed_end = 0;  ///< highest offset that a mark confirms
};
using FrameVisitor = std::function<void(const ParsedFrame& frame)>;

struct SegmentWalk {
  SegmentContent content;       ///< of the valid frames
  std::optional<Error> damage;  ///< why they end where they end; none: clean end or torn tail
};
/// Parses to the end, or to the damage. `visit` may be empty.
SegmentWalk walk_segment(SegmentParser& parser, std::string_view name, const FrameVisitor& visit);
/// The content of a segment without damage. Errors also as TypeSet::check() of its records.
Result<SegmentContent> parse_segment(SegmentParser& parser, std::string_view name,
                                     const TypeSet& known);

}  // namespace sluice::wal
