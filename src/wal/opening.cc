#include "wal/opening.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "wal/segment_parser.h"
#include "wal/side_file.h"

namespace sluice::wal {
namespace {

/// Where the frames of a segment end whose successor is not there.
Lsn last_lsn_of(Disk& disk, const Segment& segment, const KeyRing* keys) {
  const Lsn before = segment.header.base_lsn - 1;
  Result<std::unique_ptr<File>> file = disk.open(segment.name, OpenMode::kReadDevice);
  if (!file.ok()) return before;
  const auto parser = SegmentParser::open(std::move(*file), segment.name, std::nullopt, keys);
  if (!parser.ok()) return before;
  return std::max(before, walk_segment(**parser, segment.name, nullptr).content.accepted.last_lsn);
}

}  // namespace

Result<std::vector<Segment>> load_segments(Disk& disk, const std::vector<std::string>& names,
                                           const KeyRing* keys) {
  std::vector<Segment> segments;
  for (const std::string& name : names) {
    const SegmentHeader header = TRY(read_segment_header(disk, name));
    if (!segments.empty()) {
      Segment& before = segments.back();
      const Status link = check_link(before.header, header);
      if (!link.ok()) return describe_hole(link.error(), last_lsn_of(disk, before, keys));
      before.boundary = header.accepted;
    }
    segments.push_back({.name = name, .header = header});
  }
  return segments;
}

Status check_older(Disk& disk, std::span<const Segment> segments, const OpeningRules& rules) {
  const std::vector<DiskEntry> files = TRY(disk.list());
  auto file = files.begin();  // both are sorted by name
  for (const Segment& segment : segments) {
    while (file != files.end() && file->name != segment.name) ++file;
    const uint64_t file_bytes = file == files.end() ? 0 : file->bytes;
    if (file_bytes < segment.boundary.end) return shorter_than_accepted(segment.name, file_bytes);
    if (rules.policy != RepairPolicy::kStrict) continue;
    std::unique_ptr<File> device = TRY(disk.open(segment.name, OpenMode::kReadDevice));
    const std::unique_ptr<SegmentParser> parser =
        TRY(SegmentParser::open(std::move(device), segment.name, segment.boundary, rules.keys));
    TRY(parse_segment(*parser, segment.name, rules.known));
  }
  return ok();
}

/// W4: synced, because a dead process may have left it in the cache only; then read from the
/// device, because a cache may show what a failed sync never stored.
Result<Newest> load_newest(Disk& disk, const std::string& name, const OpeningRules& rules) {
  const std::unique_ptr<File> cached = TRY(disk.open(name, OpenMode::kReadWrite));
  TRY(cached->sync());
  const uint64_t restored_bytes = TRY(mend_tail(disk, name, kSideFileName, rules.policy));
  std::unique_ptr<File> device = TRY(disk.open(name, OpenMode::kReadDevice));
  const std::unique_ptr<SegmentParser> parser =
      TRY(SegmentParser::open(std::move(device), name, std::nullopt, rules.keys));
  SegmentContent content = TRY(parse_segment(*parser, name, rules.known));
  return Newest{std::move(content), parser->end_reason(), restored_bytes};
}

}  // namespace sluice::wal
