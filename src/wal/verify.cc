#include "wal/verify.h"

#include <optional>

#include "wal/segments.h"

namespace sluice::wal {
namespace {

class Verification {
 public:
  explicit Verification(Disk& disk) : disk_(disk) {}

  Result<LogReport> run() {
    for (const std::string& name : TRY(list_segments(disk_))) load(name);
    for (size_t i = 0; i < segments_.size(); ++i) check(i);
    return std::move(report_);
  }

 private:
  /// Segments found, and whether the one before each is known to be its predecessor.
  struct Candidate {
    std::string name;
    SegmentHeader header;
    bool linked = false;
  };

  void load(const std::string& name) {
    const Result<SegmentHeader> header = read_segment_header(disk_, name);
    if (!header.ok()) {
      find(name, header.error());
      chain_broken_ = true;
      return;
    }
    Candidate candidate{name, *header};
    if (!segments_.empty() && !chain_broken_) {
      const Status link = check_link(segments_.back().header, *header);
      if (!link.ok()) find(name, link.error());
      candidate.linked = link.ok();
    }
    chain_broken_ = false;
    segments_.push_back(std::move(candidate));
  }

  void check(size_t index) {
    const Candidate& segment = segments_[index];
    const bool is_last = index + 1 == segments_.size();
    std::optional<Boundary> boundary;
    if (!is_last && segments_[index + 1].linked) boundary = segments_[index + 1].header.accepted;
    Result<SegmentContent> content = parse(segment, boundary);
    // A running writer may have gone on between the damage and the mark behind it: only damage
    // that stays is damage.
    if (is_last && !content.ok() && content.error().code() == Code::kCorrupt) {
      content = parse(segment, boundary);
    }
    if (!content.ok()) {
      find(segment.name, content.error());
      return;
    }
    if (is_last && !chain_broken_) {
      const Status oldest = check_oldest(segments_.front().header, content->checkpoint);
      if (!oldest.ok()) find(segments_.front().name, oldest.error());
    }
    report_.segments.push_back({segment.name, segment.header.base_lsn, content->accepted.last_lsn,
                                content->user_frames, content->accepted.end, content->torn_bytes});
  }

  Result<SegmentContent> parse(const Candidate& segment, std::optional<Boundary> boundary) {
    std::unique_ptr<File> file = TRY(disk_.open(segment.name, OpenMode::kReadDevice));
    const std::unique_ptr<SegmentParser> parser =
        TRY(SegmentParser::open(std::move(file), segment.name, boundary));
    SegmentContent content = TRY(parse_segment(*parser, segment.name));
    return content;
  }

  void find(const std::string& name, const Error& error) {
    // Trimmed while this ran.
    if (error.code() == Code::kNotFound) return;
    const bool names_offset =
        error.code() == Code::kCorrupt && error.reason() != Reason::kMissingSegment;
    const uint64_t offset = names_offset ? error.found() : 0;
    report_.findings.push_back({error, name, offset});
  }

  Disk& disk_;
  std::vector<Candidate> segments_;
  bool chain_broken_ = false;  ///< the segment loaded last is not the newest of segments_
  LogReport report_;
};

}  // namespace

Result<LogReport> verify_log(Disk& disk) {
  return Verification(disk).run();
}

}  // namespace sluice::wal
