// For tests: what the random lives of all kinds of logs share. A disk that fails now and then, and
// a process that may end in the midst of anything.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wal/property_fixture.h"

namespace sluice::wal {

template <class T, size_t N>
const T& pick(const T (&choices)[N], Dice& dice) {
  return choices[dice.below(N)];
}

/// Of both keys of a life: `current` seals; 0: null.
inline std::shared_ptr<const KeyRing> life_ring(uint64_t current) {
  if (current == 0) return nullptr;
  const auto key = [](uint64_t id) { return test_key(static_cast<uint8_t>(id)); };
  const uint64_t old = 3 - current;
  KeyRing ring = KeyRing::make(static_cast<uint32_t>(current), key(current)).value();
  EXPECT_TRUE(ring.add(static_cast<uint32_t>(old), key(old)).ok());
  return std::make_shared<const KeyRing>(std::move(ring));
}

class RandomLife {
 public:
  Dice& dice() { return dice_; }
  void tell(const std::string& what) { story_ += "\n  " + what; }
  const std::string& story() const { return story_; }

 protected:
  explicit RandomLife(uint64_t seed) : dice_(seed), seed_(seed << 20) {}
  virtual ~RandomLife() = default;
  /// Readers from outside end.
  virtual void on_power_cut() {}

  /// What is asked of the log from here on may not be survived.
  void begin_step() {
    first_operation_ = disk_->trace.size();
    crash_in_.reset();
    if (dice_.below(5) == 0) crash_in_ = dice_.below(dice_.below(2) == 0 ? 4 : 20);
  }
  /// The next process. Of other processes those live on that have no power cut between.
  void boot(DiskImage image, CrashKind kind = CrashKind::kAllLost) {
    poisoned_ = false;
    if (kind == CrashKind::kProcessDied) {
      disk_->set_image(std::move(image));
      disk_->forget_faults();
      disk_->trace.clear();
    } else {
      on_power_cut();
      disk_ = std::make_unique<CrashDisk>(std::move(image), ++seed_);
    }
    first_operation_ = 0;
    crash_in_.reset();
    caught_.reset();
    disk_->after_operation = [this] {
      if (!crash_in_) return;
      if (*crash_in_ == 0) caught_ = disk_->image();
      crash_in_ = *crash_in_ == 0 ? std::nullopt : std::optional(*crash_in_ - 1);
    };
  }
  /// What a crash leaves of the image.
  DiskImage crashed(DiskImage image, CrashKind kind) {
    constexpr const char* kNames[] = {"all is lost", "all is kept", "some is kept",
                                      "some is kept, nothing spoilt", "the process dies"};
    tell(std::string("crash: ") + kNames[static_cast<size_t>(kind)]);
    return crash(std::move(image), kind, dice_);
  }
  CrashKind draw_crash() {
    constexpr CrashKind kKinds[] = {CrashKind::kAllLost, CrashKind::kAllKept, CrashKind::kMixed,
                                    CrashKind::kProcessDied};
    const CrashKind kind = pick(kKinds, dice_);
    // A device that is trusted does not spoil blocks.
    const bool is_trusted = torn_writes_ == TornWrites::kOff && kind == CrashKind::kMixed;
    return is_trusted ? CrashKind::kAllKept : kind;
  }
  /// Of the next opening; what is encrypted shares no blocks.
  void draw_torn_writes(bool is_encrypted) {
    constexpr TornWrites kModes[] = {TornWrites::kPad, TornWrites::kDoubleWrite, TornWrites::kOff};
    constexpr const char* kNames[] = {"", "blocks are shared, with a side file",
                                      "blocks are shared"};
    const TornWrites drawn = pick(kModes, dice_);
    torn_writes_ = is_encrypted ? TornWrites::kPad : drawn;
    if (torn_writes_ != TornWrites::kPad) tell(kNames[static_cast<size_t>(torn_writes_)]);
  }
  void draw_fault() {
    constexpr std::pair<DiskOp, const char*> kOps[] = {
        {DiskOp::kWrite, "write"},   {DiskOp::kAllocate, "allocation"},
        {DiskOp::kSync, "sync"},     {DiskOp::kRename, "rename"},
        {DiskOp::kRemove, "remove"}, {DiskOp::kTruncate, "truncation"},
        {DiskOp::kCreate, "create"}, {DiskOp::kSyncDir, "sync_dir"}};
    const auto& [op, name] = pick(kOps, dice_);
    const bool is_full = dice_.below(2) == 0;
    const int skip = static_cast<int>(dice_.below(dice_.below(2) == 0 ? 2 : 12));
    disk_->fail(op, is_full ? Code::kFull : Code::kIo, skip);
    tell(std::string(is_full ? "full disk" : "failure") + " in " + name + " number " +
         std::to_string(skip) + " from now");
  }

  /// Whether the disk has failed in this step.
  bool has_failed() const {
    const std::vector<std::string>& trace = disk_->trace;
    return std::any_of(trace.begin() + static_cast<ptrdiff_t>(first_operation_), trace.end(),
                       [](const std::string& words) { return words.ends_with("FAILS"); });
  }
  /// Whether nothing but syncs was asked of the disk since.
  bool has_changed_nothing(size_t operations) const {
    const std::vector<std::string>& trace = disk_->trace;
    return std::all_of(trace.begin() + static_cast<ptrdiff_t>(operations), trace.end(),
                       [](const std::string& words) { return words.starts_with("sync"); });
  }
  /// Nothing fails unless the disk does, and then as the contract says.
  Status judge(const Status& answer, std::initializer_list<Code> may) {
    if (answer.ok()) return ok();
    const Error& error = answer.error();
    tell("-> " + error.to_string());
    poisoned_ = error.code() == Code::kPoisoned;
    const bool is_legal = poisoned_ || std::find(may.begin(), may.end(), error.code()) != may.end();
    if (!is_legal || !has_failed()) return violation("answered " + error.to_string());
    return ok();
  }
  /// What a call that needs a side file answers.
  Status judge_side_file(const Status& attached) {
    if (torn_writes_ == TornWrites::kDoubleWrite) return judge(attached, {Code::kFull, Code::kIo});
    const bool is_refused = !attached.ok() && attached.error().code() == Code::kInvalid;
    return is_refused ? ok() : violation("a side file that the mode does not have");
  }
  /// Whether keys are refused, because blocks are shared.
  bool refuses(const Status& turned, uint64_t key) const {
    return torn_writes_ != TornWrites::kPad && key != 0 && !turned.ok() &&
           turned.error().code() == Code::kInvalid;
  }
  /// W13: the bytes that an opening cut from the file, as it was before, are durable elsewhere.
  Status check_quarantine(const DiskImage& before, const std::string& name,
                          const WalRepair& repair) const {
    CrashDisk earlier(before);
    Dice dice(1);
    CrashDisk after(crash(disk_->image(), CrashKind::kAllLost, dice));
    if (!after.has(repair.quarantine)) return violation("what was cut is not in quarantine");
    const auto file = TRY(earlier.open(name, OpenMode::kReadDevice));
    std::vector<std::byte> cut(repair.torn_bytes);
    TRY(file->read_at(repair.offset, cut));
    return cut == after.bytes(repair.quarantine) ? ok()
                                                 : violation("the quarantine holds other bytes");
  }

  Dice dice_;
  uint64_t seed_;
  EntrySource source_;
  std::string story_;
  std::unique_ptr<CrashDisk> disk_;
  size_t first_operation_ = 0;  ///< of the step
  std::optional<uint64_t> crash_in_;
  std::optional<DiskImage> caught_;  ///< in the midst of the step
  TornWrites torn_writes_ = TornWrites::kPad;
  bool poisoned_ = false;
  bool was_sealed_ = false;  ///< some of the log is encrypted
};

/// One of what may be done next, by weight.
template <class Life>
struct Choice {
  Status (Life::*step)();
  uint64_t weight;
};
template <class Life, size_t N>
Status act(Life& life, const Choice<Life> (&choices)[N], Dice& dice) {
  uint64_t total = 0;
  for (const Choice<Life>& choice : choices) total += choice.weight;
  uint64_t at = dice.below(total);
  const Choice<Life>* choice = choices;
  while (at >= choice->weight) at -= choice++->weight;
  return (life.*choice->step)();
}

}  // namespace sluice::wal
