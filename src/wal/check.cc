#include "wal/check.h"

#include <algorithm>
#include <utility>

#include "wal/segment_parser.h"
#include "wal/segments.h"
#include "wal/side_file.h"
#include "wal/verify.h"

namespace sluice {

uint64_t WalReport::records() const {
  uint64_t records = 0;
  for (const WalFileReport& file : files) records += file.records;
  return records;
}

uint64_t WalReport::torn_bytes() const {
  return files.empty() ? 0 : files.back().torn_bytes;
}

uint64_t WalReport::restorable_bytes() const {
  return files.empty() ? 0 : files.back().restorable_bytes;
}

bool WalReport::is_damaged() const {
  return !findings.empty() || std::any_of(files.begin(), files.end(),
                                          [](const auto& file) { return file.damage.has_value(); });
}

namespace wal {
namespace {

/// What a caller mends by another call is no finding.
bool is_callers_fault(const Error& error) {
  return error.code() == Code::kInvalid || error.code() == Code::kUnsupported;
}

WalFileReport describe(const SegmentReport& segment) {
  WalFileReport file{.file = segment.name, .file_bytes = segment.file_bytes};
  const SegmentContent& content = segment.content;
  file.damage = segment.damage;
  if (!segment.header) return file;
  file.first_lsn = segment.header->base_lsn;
  file.last_lsn = std::max(content.accepted.last_lsn, file.first_lsn - 1);
  file.key_id = segment.header->key.id;
  file.records = content.user_frames;
  file.payload_bytes = content.payload_bytes;
  file.marks = content.marks;
  file.confirmed_end = content.confirmed_end;
  file.accepted_end = content.accepted.end;
  file.reopenings = content.reopenings;
  file.restorable_bytes = segment.restorable_bytes;
  file.torn_bytes = content.torn_bytes;
  if (file.torn_bytes > 0) file.torn_reason = content.end_reason;
  return file;
}

}  // namespace

Result<WalReport> check_log(Runtime& runtime, Disk& disk, const WalCheckOptions& options) {
  if (TRY(list_segments(disk)).empty()) {
    return Error(Code::kNotFound, "the directory holds no segment of a log");
  }
  const LogReport found =
      TRY(verify_segments_in_parallel(runtime, disk, options.threads, options.keys.get()));
  WalReport report;
  for (const SegmentReport& segment : found.segments) {
    if (segment.damage && is_callers_fault(*segment.damage)) return *segment.damage;
    report.files.push_back(describe(segment));
  }
  for (const Finding& finding : found.findings) {
    const auto is_its = [&](const WalFileReport& file) {
      return file.file == finding.object && file.damage &&
             file.damage->message() == finding.error.message();
    };
    if (std::any_of(report.files.begin(), report.files.end(), is_its)) continue;
    report.findings.push_back(finding.error.at(finding.object));
  }
  return report;
}

Result<WalReport> check_file(Disk& disk, const std::string& name, const WalCheckOptions& options) {
  MendedSegment mended = TRY(open_mended(disk, name, side_file_name(name)));
  SegmentReport segment{.name = name,
                        .file_bytes = TRY(mended.file->size()),
                        .restorable_bytes = mended.damaged_bytes};
  if (segment.file_bytes == 0)
    return WalReport{.is_file = true};  // an empty log, as for the others
  const auto parser =
      SegmentParser::open_single(std::move(mended.file), name, std::nullopt, options.keys.get());
  WalReport report{.is_file = true};
  if (parser.ok()) {
    SegmentWalk walk = walk_segment(**parser, name, nullptr);
    segment.header = (*parser)->header();
    segment.content = std::move(walk.content);
    segment.damage = std::move(walk.damage);
    report.numbering = (*parser)->numbering();
  } else {
    segment.damage = parser.error();
  }
  if (segment.damage && segment.damage->code() != Code::kCorrupt) return *segment.damage;
  report.files.push_back(describe(segment));
  if (parser.ok()) report.files.back().key_id = (*parser)->key_id();
  return report;
}

}  // namespace wal
}  // namespace sluice
