#include "wal/verify.h"

#include <algorithm>
#include <optional>

#include "wal/side_file.h"

namespace sluice::wal {
namespace {

class Verification {
 public:
  Verification(Disk& disk, const FrameVisitor& visit, const KeyRing* keys)
      : disk_(disk), visit_(visit), keys_(keys) {}

  Result<LogReport> run() {
    TRY(load_all());
    for (size_t i = 0; i < candidates_.size(); ++i) settle(i, look_at(i));
    return take_report();
  }

  /// What is found is put together as if one thread had done it.
  Result<LogReport> run_in(Runtime& runtime, uint32_t threads) {
    TRY(load_all());
    std::vector<Look> looks(candidates_.size());
    const std::unique_ptr<Monitor> monitor = runtime.monitor();
    size_t next = 0;
    const auto look_at_some = [&] {
      for (;;) {
        size_t index = 0;
        {
          const MonitorLock lock(*monitor);
          index = next++;
        }
        if (index >= looks.size()) return;
        looks[index] = look_at(index);
      }
    };
    std::vector<std::unique_ptr<Thread>> others;
    for (size_t i = 1; i < std::min<size_t>(threads, looks.size()); ++i) {
      others.push_back(runtime.spawn("verify", look_at_some));
    }
    look_at_some();
    for (const std::unique_ptr<Thread>& other : others) other->join();
    for (size_t i = 0; i < looks.size(); ++i) settle(i, std::move(looks[i]));
    return take_report();
  }

 private:
  struct Candidate {
    SegmentReport report;
    bool linked = false;               ///< the one before is known to be its predecessor
    std::optional<size_t> unlinked{};  ///< the finding that says so
    bool vanished = false;             ///< trimmed while this ran
  };
  /// At the frames of one.
  struct Look {
    SegmentWalk walk{};
    uint64_t restorable_bytes = 0;
    bool vanished = false;
  };

  Status load_all() {
    for (DiskEntry& entry : TRY(disk_.list())) {
      if (is_old_segment_name(entry.name)) note(entry.name, old_segment(entry.name));
      if (parse_segment_name(entry.name)) load(std::move(entry));
    }
    return ok();
  }

  LogReport take_report() {
    for (size_t i = 1; i < candidates_.size(); ++i) {
      if (candidates_[i].unlinked) describe_hole_before(i);
    }
    for (Candidate& candidate : candidates_) {
      if (!candidate.vanished) report_.segments.push_back(std::move(candidate.report));
    }
    return std::move(report_);
  }

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
    candidate.linked = link.ok();
    if (link.ok()) return;
    candidate.unlinked = report_.findings.size();
    note(candidate.report.name, link.error());
  }

  /// Now it is known where the frames in front of it end.
  void describe_hole_before(size_t index) {
    const SegmentReport& before = candidates_[index - 1].report;
    const Lsn last_lsn = std::max(before.content.accepted.last_lsn, before.header->base_lsn - 1);
    Error& error = report_.findings[*candidates_[index].unlinked].error;
    error = describe_hole(error, last_lsn);
  }

  /// Changes nothing: several threads may look at once, at different ones.
  Look look_at(size_t index) const {
    const Candidate& segment = candidates_[index];
    if (!segment.report.header) return {};
    const bool is_last = index + 1 == candidates_.size();
    std::optional<Boundary> boundary;
    if (!is_last && candidates_[index + 1].linked) {
      boundary = candidates_[index + 1].report.header->accepted;
    }
    Look look;
    walk(segment.report.name, boundary, look);
    const auto is_corrupt = [&] {
      return look.walk.damage && look.walk.damage->code() == Code::kCorrupt;
    };
    // A running writer may have gone on between the damage and the mark behind it: only damage
    // that stays is damage.
    if (is_last && is_corrupt()) walk(segment.report.name, boundary, look);
    const SegmentId& id = segment.report.header->segment;
    look.vanished = is_corrupt() && was_trimmed(disk_, segment.report.name, id);
    return look;
  }

  void settle(size_t index, Look look) {
    Candidate& segment = candidates_[index];
    if (!segment.report.header) return;
    segment.vanished = look.vanished;
    if (segment.vanished) return;
    segment.report.content = std::move(look.walk.content);
    segment.report.restorable_bytes = look.restorable_bytes;
    if (look.walk.damage) return find(segment, *look.walk.damage);
    if (index + 1 == candidates_.size()) check_front(segment.report.content.checkpoint);
  }

  void check_front(const Checkpoint& newest) {
    const auto oldest = std::find_if(candidates_.begin(), candidates_.end(),
                                     [](const Candidate& segment) { return !segment.vanished; });
    if (!oldest->report.header) return;
    const Status complete = check_oldest(*oldest->report.header, newest);
    if (!complete.ok()) note(oldest->report.name, complete.error());
  }

  void walk(const std::string& name, std::optional<Boundary> boundary, Look& look) const {
    const auto open = [&]() -> Result<std::unique_ptr<SegmentParser>> {
      if (boundary) {
        std::unique_ptr<File> file = TRY(disk_.open(name, OpenMode::kReadDevice));
        return SegmentParser::open(std::move(file), name, boundary, keys_);
      }
      MendedSegment mended = TRY(open_mended(disk_, name, kSideFileName));
      look.restorable_bytes = mended.damaged_bytes;
      return SegmentParser::open(std::move(mended.file), name, boundary, keys_);
    };
    const Result<std::unique_ptr<SegmentParser>> parser = open();
    look.walk =
        parser.ok() ? walk_segment(**parser, name, visit_) : SegmentWalk{{}, parser.error()};
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

Result<LogReport> verify_segments_in_parallel(Runtime& runtime, Disk& disk, uint32_t threads,
                                              const KeyRing* keys) {
  return Verification(disk, nullptr, keys).run_in(runtime, threads);
}

}  // namespace sluice::wal
