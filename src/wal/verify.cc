#include "wal/verify.h"

#include <algorithm>
#include <optional>

namespace sluice::wal {
namespace {

class Verification {
 public:
  Verification(Disk& disk, const FrameVisitor& visit, const KeyRing* keys)
      : disk_(disk), visit_(visit), keys_(keys) {}

  Result<LogReport> run() {
    for (DiskEntry& entry : TRY(disk_.list())) {
      if (parse_segment_name(entry.name)) load(std::move(entry));
    }
    for (size_t i = 0; i < candidates_.size(); ++i) check(i);
    for (Candidate& candidate : candidates_) {
      if (!candidate.vanished) report_.segments.push_back(std::move(candidate.report));
    }
    return std::move(report_);
  }

 private:
  struct Candidate {
    SegmentReport report;
    bool linked = false;    ///< the one before is known to be its predecessor
    bool vanished = false;  ///< trimmed while this ran
  };

  void load(DiskEntry entry) {
    Candidate candidate;
    candidate.report.name = std::move(entry.name);
    candidate.report.file_bytes = entry.bytes;
    const Result<SegmentHeader> header = read_segment_header(disk_, candidate.report.name);
    if (header.ok()) {
      candidate.report.header = *header;
      link(candidate);
    } else {
      find(candidate, header.error());
    }
    candidates_.push_back(std::move(candidate));
  }

  void link(Candidate& candidate) {
    if (candidates_.empty() || !candidates_.back().report.header) return;
    const Status link = check_link(*candidates_.back().report.header, *candidate.report.header);
    if (!link.ok()) note(candidate.report.name, link.error());
    candidate.linked = link.ok();
  }

  void check(size_t index) {
    Candidate& segment = candidates_[index];
    if (!segment.report.header) return;
    const bool is_last = index + 1 == candidates_.size();
    std::optional<Boundary> boundary;
    if (!is_last && candidates_[index + 1].linked) {
      boundary = candidates_[index + 1].report.header->accepted;
    }
    SegmentWalk walked = walk(segment.report.name, boundary);
    // A running writer may have gone on between the damage and the mark behind it: only damage
    // that stays is damage.
    if (is_last && walked.damage && walked.damage->code() == Code::kCorrupt) {
      walked = walk(segment.report.name, boundary);
    }
    const bool is_corrupt = walked.damage && walked.damage->code() == Code::kCorrupt;
    const SegmentId& id = segment.report.header->segment;
    segment.vanished = is_corrupt && was_trimmed(disk_, segment.report.name, id);
    if (segment.vanished) return;
    segment.report.content = std::move(walked.content);
    if (walked.damage) return find(segment, *walked.damage);
    if (is_last) check_front(segment.report.content.checkpoint);
  }

  void check_front(const Checkpoint& newest) {
    const auto oldest = std::find_if(candidates_.begin(), candidates_.end(),
                                     [](const Candidate& segment) { return !segment.vanished; });
    if (!oldest->report.header) return;
    const Status complete = check_oldest(*oldest->report.header, newest);
    if (!complete.ok()) note(oldest->report.name, complete.error());
  }

  SegmentWalk walk(const std::string& name, std::optional<Boundary> boundary) {
    const auto open = [&]() -> Result<std::unique_ptr<SegmentParser>> {
      std::unique_ptr<File> file = TRY(disk_.open(name, OpenMode::kReadDevice));
      return SegmentParser::open(std::move(file), name, boundary, keys_);
    };
    const Result<std::unique_ptr<SegmentParser>> parser = open();
    if (!parser.ok()) return {{}, parser.error()};
    return walk_segment(**parser, name, visit_);
  }

  void find(Candidate& segment, const Error& error) {
    segment.vanished = error.code() == Code::kNotFound;
    if (segment.vanished) return;
    segment.report.damage = error;
    note(segment.report.name, error);
  }

  void note(const std::string& name, const Error& error) {
    const bool names_offset =
        error.code() == Code::kCorrupt && error.reason() != Reason::kMissingSegment;
    const uint64_t offset = names_offset ? error.found() : 0;
    report_.findings.push_back({error, name, offset, ""});
  }

  Disk& disk_;
  const FrameVisitor& visit_;
  const KeyRing* const keys_;
  std::vector<Candidate> candidates_;
  LogReport report_;
};

}  // namespace

Result<LogReport> verify_log(Disk& disk, const FrameVisitor& visit, const KeyRing* keys) {
  return Verification(disk, visit, keys).run();
}

}  // namespace sluice::wal
