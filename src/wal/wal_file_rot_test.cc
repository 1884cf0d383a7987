// What a log in one file that rotted shows, and what can be salvaged of it.
#include <gtest/gtest.h>

#include "wal/check.h"
#include "wal/rot_fixture.h"
#include "wal/salvage.h"
#include "wal/segment_parser.h"
#include "wal/single_file_fixture.h"
#include "wal/wal_file_life.h"

namespace sluice::wal {
namespace {

/// A log at rest, damage to it, and what the damage may do.
class FileRot {
 public:
  FileRot(const WalFileLife& life, DiskImage image, bool is_clean, Dice& dice)
      : life_(life), image_(std::move(image)), is_clean_(is_clean), dice_(dice) {}

  Status prepare();
  Status strike();
  std::string to_string() const { return damage_.to_string(); }

 private:
  Status check_opening() const;
  Result<bool> open(CrashDisk& disk, WalRepair& repair) const;
  Status check_loss(size_t shown, const WalRepair& repair) const;
  Status check_salvage() const;

  const WalFileLife& life_;
  const DiskImage image_;
  const bool is_clean_;  ///< a mark confirms everything
  Dice& dice_;
  std::vector<Place> places_;      ///< of records
  std::vector<Place> reopenings_;  ///< and of what the rest depends on
  uint64_t end_ = 0;
  Numbering numbering_ = Numbering::kLog;
  Damage damage_;
  RepairPolicy policy_ = RepairPolicy::kStrict;
};

/// Finds every record as it lies there.
Status FileRot::prepare() {
  CrashDisk disk(image_);
  const std::shared_ptr<const KeyRing> keys = life_ring(1);
  auto file = TRY(disk.open(kFile, OpenMode::kReadDevice));
  const auto parser =
      TRY(SegmentParser::open_single(std::move(file), kFile, std::nullopt, keys.get()));
  while (const std::optional<ParsedFrame> frame = TRY(parser->next())) {
    const Place place{frame->lsn, kFile, frame->offset, parser->position().end};
    if (!is_own_type(frame->type)) places_.push_back(place);
    if (frame->type == kReopeningType) reopenings_.push_back(place);
  }
  end_ = parser->position().end;
  numbering_ = parser->numbering();
  return ok();
}

Status FileRot::strike() {
  damage_ = draw_damage(kFile, end_, dice_);
  constexpr RepairPolicy kPolicies[] = {RepairPolicy::kStrict, RepairPolicy::kTruncatePartial,
                                        RepairPolicy::kTruncateUnsynced};
  policy_ = pick(kPolicies, dice_);
  TRY(check_opening());
  return check_salvage();
}

Result<bool> FileRot::open(CrashDisk& disk, WalRepair& repair) const {
  TestRuntime runtime(99);
  const WalFileOptions options{.repair = policy_, .keys = life_ring(2)};
  if (life_.kind() == WalFileLife::Kind::kWriter) {
    const auto opened = WalWriter::open(runtime, disk, kFile, options);
    if (!opened.ok()) return opened.error();
    repair = opened->repair();
  } else {
    const auto opened = WalFsWriter::open(runtime, disk, kFile, {options, SequenceRule::kAny});
    if (!opened.ok()) return opened.error();
    repair = opened->repair();
  }
  return true;
}

/// An error, or the log from its start on.
Status FileRot::check_opening() const {
  CrashDisk disk(image_, 7);
  damage_.strike(disk);
  const Result<WalReport> report = check_file(disk, kFile, {.keys = life_ring(1)});
  const bool is_damaged = !report.ok() || report->is_damaged();
  WalRepair repair;
  const Result<bool> opened = open(disk, repair);
  if (!opened.ok()) {
    const bool is_named =
        opened.error().code() == Code::kCorrupt && opened.error().where() == kFile;
    if (!is_named) return violation("refused with " + opened.error().to_string());
    const bool may_be_torn = report.ok() && report->torn_bytes() > 0;
    const bool is_to_mend = report.ok() && report->restorable_bytes() > 0;
    const bool may_refuse = (may_be_torn && policy_ != RepairPolicy::kTruncateUnsynced) ||
                            (is_to_mend && policy_ == RepairPolicy::kStrict);
    return is_damaged || may_refuse ? ok() : violation("refused, but the check finds nothing");
  }
  // An empty file is no log, and is made one.
  if (damage_.is_gone || (damage_.start == 0 && damage_.end == UINT64_MAX)) return ok();
  if (is_damaged) return violation("only the check finds damage");
  const auto reader = TRY(open_wal_file_reader(disk, kFile, life_ring(1), {}));
  const Run run = TRY(read_run(*reader, life_.model().history));
  if (run.error) return violation("damage in what was opened: " + run.error->to_string());
  if (run.count > 0 && run.first != 0) return violation("the first records are missing");
  return check_loss(run.count, repair);
}

Status FileRot::check_loss(size_t shown, const WalRepair& repair) const {
  const size_t promised = life_.model().acked;
  if (shown < places_.size() && policy_ == RepairPolicy::kTruncatePartial &&
      life_.kind() == WalFileLife::Kind::kFsWriter) {
    // What follows the damage shows that it is no torn end.
    const auto is_hit = [&](const Place& place) { return place.is_touched_by(damage_); };
    const bool is_all =
        std::all_of(places_.begin() + static_cast<ptrdiff_t>(shown), places_.end(), is_hit);
    if (!is_all) return violation("it cut what records follow");
  }
  if (shown >= promised || damage_.end == UINT64_MAX) return ok();
  const std::string lost = "lost " + std::to_string(promised - shown) + " durable records";
  if (is_clean_ && damage_.is_bit) return violation(lost + " that a mark confirms");
  if (policy_ == RepairPolicy::kStrict) return violation(lost + " strictly");
  return repair.torn_bytes > 0 ? ok() : violation(lost + " without a word");
}

/// Records in order, every one whose bytes were left alone.
Status FileRot::check_salvage() const {
  CrashDisk disk(image_, 7);
  damage_.strike(disk);
  TestRuntime runtime(97);
  const std::shared_ptr<const KeyRing> keys = life_ring(1);
  const auto salvaged = salvage_file(runtime, disk, kFile, "new.log", keys);
  const bool is_header = damage_.is_gone || damage_.start < kBlockBytes;
  if (!salvaged.ok()) {
    return is_header ? ok() : violation("no salvage: " + salvaged.error().to_string());
  }
  const auto is_hit = [&](const Place& place) { return place.is_touched_by(damage_); };
  // Nothing else says what was cut before a reopening, nor how what follows is sealed.
  if (std::any_of(reopenings_.begin(), reopenings_.end(), is_hit)) return ok();
  const Entries& history = life_.model().history;
  const auto reader = TRY(open_wal_file_reader(disk, "new.log", keys, {}));
  size_t at = 0;
  uint64_t count = 0;
  for (auto frame = TRY(reader->next()); frame; frame = TRY(reader->next())) {
    while (at < history.size() && !history[at].is(*frame)) {
      const bool is_lost = at >= places_.size() || places_[at].is_touched_by(damage_);
      if (!is_lost) return violation("salvage lost record " + std::to_string(at + 1));
      ++at;
    }
    if (at++ == history.size()) return violation("salvaged " + wal::to_string(*frame));
    ++count;
  }
  for (; at < places_.size(); ++at) {
    if (!is_hit(places_[at])) return violation("salvage lost record " + std::to_string(at + 1));
  }
  return count == salvaged->salvage.records ? ok() : violation("the salvage counts wrongly");
}

std::optional<std::string> rot(uint64_t seed) {
  WalFileLife life(seed, seed % 2 == 0 ? WalFileLife::Kind::kWriter : WalFileLife::Kind::kFsWriter);
  Status kept = life.live();
  DiskImage image = life.end();
  if (kept.ok()) {
    const bool is_clean = life.is_closed();
    if (!is_clean) image = crash(std::move(image), CrashKind::kMixed, life.dice());
    FileRot rot(life, std::move(image), is_clean, life.dice());
    kept = rot.prepare();
    for (int strikes = 0; kept.ok() && strikes < 6; ++strikes) {
      kept = rot.strike();
      if (!kept.ok()) life.tell("damage: " + rot.to_string());
    }
  }
  if (kept.ok()) return std::nullopt;
  return kept.error().to_string() + "; it happened:" + life.story();
}

TEST(WalFileRot, IsAnErrorOrATornEndAndWhatItDidNotTouchCanBeSalvaged) {
  const std::optional<std::string> failure = first_failure(500, rot);
  EXPECT_FALSE(failure.has_value()) << *failure;
}

}  // namespace
}  // namespace sluice::wal
