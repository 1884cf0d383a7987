// What a SegmentedWal that rotted shows, and what can be salvaged of it.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "wal/check.h"
#include "wal/rot_fixture.h"
#include "wal/salvage.h"
#include "wal/segment_parser.h"
#include "wal/segmented_life.h"
#include "wal/segments.h"

namespace sluice::wal {
namespace {

/// A log at rest, damage to it, and what the damage may do.
class Rot {
 public:
  Rot(const SegmentedLife& life, DiskImage image, bool is_clean, Dice& dice)
      : life_(life), image_(std::move(image)), is_clean_(is_clean), dice_(dice) {}

  Status prepare();
  Status strike();
  std::string to_string() const { return damage_.to_string(); }

 private:
  Status check_opening() const;
  Status check_reading(const Run& run, const WalRepair& repair) const;
  Status check_salvage() const;
  bool is_header_lost(const std::string& file) const;
  bool is_newest(const std::string& file) const { return file == names_.back(); }

  const SegmentedLife& life_;
  const DiskImage image_;
  const bool is_clean_;  ///< a mark confirms everything
  Dice& dice_;
  std::vector<std::string> names_;
  std::vector<Place> places_;
  std::map<std::string, uint64_t> ends_;  ///< of what is used of each file
  std::map<std::string, bool> sealed_;
  Damage damage_;
};

/// Finds every record as it lies there.
Status Rot::prepare() {
  CrashDisk disk(image_);
  names_ = TRY(list_segments(disk));
  const std::shared_ptr<const KeyRing> keys = life_ring(1);
  for (size_t i = 0; i < names_.size(); ++i) {
    std::optional<Boundary> boundary;
    if (i + 1 < names_.size()) boundary = TRY(read_segment_header(disk, names_[i + 1])).accepted;
    auto file = TRY(disk.open(names_[i], OpenMode::kReadDevice));
    const auto parser = TRY(SegmentParser::open(std::move(file), names_[i], boundary, keys.get()));
    sealed_[names_[i]] = parser->header().is_encrypted();
    while (const std::optional<ParsedFrame> frame = TRY(parser->next())) {
      if (is_own_type(frame->type)) continue;
      places_.push_back({frame->lsn, names_[i], frame->offset, parser->position().end});
    }
    ends_[names_[i]] = parser->position().end;
  }
  return ok();
}

Status Rot::strike() {
  const std::string& name = names_[dice_.below(names_.size())];
  damage_ = draw_damage(name, ends_.at(name), dice_);
  TRY(check_opening());
  return dice_.below(3) == 0 ? check_salvage() : ok();  // which takes longer
}

/// An error, or a part of the log from its start on.
Status Rot::check_opening() const {
  CrashDisk disk(image_, 7);
  damage_.strike(disk);
  TestRuntime runtime(99);
  const WalCheckOptions with{.keys = life_ring(1)};
  const Result<WalReport> report = check_log(runtime, disk, with);
  const bool is_damaged = !report.ok() || report->is_damaged();
  const auto opened = open_wal(disk, {.segment_bytes = 8 << 10, .keys = life_ring(2)}, 98);
  if (!opened.ok()) {
    const bool is_named =
        opened.error().code() == Code::kCorrupt && !opened.error().where().empty();
    if (!is_named) return violation("refused with " + opened.error().to_string());
    return is_damaged ? ok() : violation("refused, but the check finds nothing");
  }
  const std::unique_ptr<WalReader> reader = TRY((*opened)->read({}));
  const Run run = TRY(read_run(*reader, life_.model().history));
  if (run.error && run.error->code() != Code::kCorrupt) return *run.error;
  const bool is_empty = names_.size() == 1 && damage_.is_gone;
  if (is_damaged != run.error.has_value() && !is_empty) {
    return violation(is_damaged ? "only the check finds damage" : "the check finds no damage");
  }
  return check_reading(run, (*opened)->repair());
}

Status Rot::check_reading(const Run& run, const WalRepair& repair) const {
  const Lsn shown = run.first + run.count;
  if (run.error || places_.empty()) return ok();
  const bool is_newest_gone = is_newest(damage_.file) && damage_.is_gone;
  const Lsn first_lsn = std::max(places_.front().lsn, life_.model().may_go + 1);
  const bool is_of_newest_only = places_.front().file == names_.back();
  if (run.count == 0 ? !is_of_newest_only : run.first + 1 > first_lsn) {
    return violation("the first records are missing");
  }
  const Lsn last_lsn = run.count == 0 ? first_lsn - 1 : shown;
  const Lsn promised = life_.model().durable;
  if (last_lsn >= promised) return ok();
  // What no mark confirms may have been torn, and is reported; or there is nothing left to report.
  const bool is_cut = is_newest(damage_.file) && damage_.end == UINT64_MAX;
  if (is_newest_gone || is_cut) return ok();
  const std::string lost = "lost " + std::to_string(promised - last_lsn) + " durable records";
  if (is_clean_ && damage_.is_bit) return violation(lost + " that a mark confirms");
  if (repair.torn_bytes == 0) return violation(lost + " without a word");
  const auto is_of_newest = [&](const Place& place) {
    return place.lsn <= last_lsn || place.file == names_.back();
  };
  const bool is_tail = std::all_of(places_.begin(), places_.end(), is_of_newest);
  return is_tail ? ok() : violation(lost + " of segments with a successor");
}

/// A key is lost with its header; what else it says the next segment knows.
bool Rot::is_header_lost(const std::string& file) const {
  const bool is_hit = damage_.file == file && (damage_.is_gone || damage_.start < kBlockBytes);
  return is_hit && (damage_.is_gone || sealed_.at(file) || is_newest(file));
}

/// Records in order, every one whose bytes were left alone.
Status Rot::check_salvage() const {
  CrashDisk disk(image_, 7);
  damage_.strike(disk);
  CrashDisk to;
  TestRuntime runtime(97);
  const std::shared_ptr<const KeyRing> keys = life_ring(1);
  const auto salvaged = salvage_log(runtime, disk, to, keys);
  if (!salvaged.ok()) return violation("no salvage: " + salvaged.error().to_string());
  const Entries& history = life_.model().history;
  std::set<Lsn> found;
  Lsn last_lsn = 0;
  const std::unique_ptr<WalReader> reader = TRY(open_wal_reader(to, keys, {}));
  while (const std::optional<WalFrame> frame = TRY(reader->next())) {
    const bool is_known = frame->lsn <= history.size() && history[frame->lsn - 1].is(*frame);
    // Where a file is missing nobody knows what was cut before it.
    if (!is_known && !damage_.is_gone) return violation("salvaged " + wal::to_string(*frame));
    if (frame->lsn <= last_lsn) return violation("salvaged out of order");
    last_lsn = frame->lsn;
    found.insert(frame->lsn);
  }
  if (found.size() != salvaged->salvage.records) return violation("the salvage counts wrongly");
  for (const Place& place : places_) {
    if (place.is_touched_by(damage_) || is_header_lost(place.file)) continue;
    if (!found.contains(place.lsn)) {
      return violation("salvage lost LSN " + std::to_string(place.lsn) + " in " + place.file);
    }
  }
  return ok();
}

std::optional<std::string> rot(uint64_t seed) {
  SegmentedLife life(seed);
  Status kept = life.live();
  if (kept.ok()) {
    const bool is_clean = life.is_closed();
    DiskImage image = life.end();
    if (!is_clean) image = crash(std::move(image), CrashKind::kMixed, life.dice());
    Rot rot(life, std::move(image), is_clean, life.dice());
    kept = rot.prepare();
    for (int strikes = 0; kept.ok() && strikes < 6; ++strikes) {
      kept = rot.strike();
      if (!kept.ok()) life.tell("damage: " + rot.to_string());
    }
  }
  if (kept.ok()) return std::nullopt;
  return kept.error().to_string() + "; it happened:" + life.story();
}

TEST(SegmentedRot, IsAnErrorOrATornEndAndWhatItDidNotTouchCanBeSalvaged) {
  const std::optional<std::string> failure = first_failure(250, rot);
  EXPECT_FALSE(failure.has_value()) << *failure;
}

}  // namespace
}  // namespace sluice::wal
