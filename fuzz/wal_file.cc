// Lives of a log in one file: appends, syncs, rotations of keys, disks that fail, power cuts and
// kills, each followed by an opening. What was synced is there after each, in order and unchanged,
// what was not may be missing from the end only, and what an opening showed the next one shows.
//
// Input: a byte of options, steps of two bytes.
#include <algorithm>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"
#include "sluice/wal_file.h"
#include "sluice/wal_reader.h"
#include "wal/single_file_fixture.h"

namespace {

using namespace sluice;
using namespace sluice::wal;

constexpr size_t kStepsMax = 60;

enum Option : uint8_t { kCallers = 1, kAnyOrder = 2, kEncrypted = 4 };

class Lives {
 public:
  explicit Lives(ByteView input) : choices_(input), options_(choices_.fixed<uint8_t>()) {
    if (is(kEncrypted)) keys_ = ring_of(1);
  }

  void run() {
    open();
    for (size_t step = 0; step < kStepsMax && !choices_.at_end(); ++step) follow();
    if (close().ok()) durable_ = appended_.size();
    reopen();
    // What a clean end left is strictly clean.
    if (close().ok()) CHECK(open_with(RepairPolicy::kStrict).ok());
  }

 private:
  bool is(Option option) const { return (options_ & option) != 0; }

  /// The key `current`, and the others for reading.
  static std::shared_ptr<const KeyRing> ring_of(uint8_t current) {
    KeyRing ring = KeyRing::make(current, test_key(current)).value();
    for (const uint8_t id : {1, 2, 3}) {
      if (id != current) CHECK(ring.add(id, test_key(id)).ok());
    }
    return std::make_shared<const KeyRing>(std::move(ring));
  }

  void follow() {
    const auto step = choices_.fixed<uint8_t>();
    const auto detail = choices_.fixed<uint8_t>();
    switch (step % 8) {
      case 0:
      case 1:
        return append(detail, 1);
      case 2:
        return append(detail, 1 + detail % 5);
      case 3:
        return sync();
      case 4:
        return rotate(detail);
      case 5:
        return fail(detail);
      case 6:
        return end_cleanly();
      default:
        return crash_now(detail);
    }
  }

  /// `count` records at once, as far as the writer takes several.
  void append(uint8_t detail, size_t count) {
    if (callers_) count = 1;
    const size_t bytes = detail >= 0xf0 ? (detail - 0xefu) << 13 : detail;
    TestFrames records;
    std::vector<WalRecord> views;
    const Lsn last = callers_ ? callers_->current_sequence() : log_->current_lsn();
    for (size_t i = 0; i < count; ++i) {
      const Lsn lsn = is(kAnyOrder) && is(kCallers) ? 1 + detail : last + 1 + i;
      records.emplace_back(lsn, std::string(bytes, static_cast<char>('a' + ++written_ % 26)));
    }
    for (const TestFrame& record : records) views.push_back({.head = as_bytes(record.second)});
    const Status appended = callers_ ? callers_->append(records[0].first, views[0].head)
                                     : Status(status_of(log_->append(views)));
    const bool is_unknown = !appended.ok() && appended.error().code() == Code::kPoisoned;
    if (appended.ok() || (is_unknown && !poisoned_)) {
      appended_.insert(appended_.end(), records.begin(), records.end());
    }
    poisoned_ = poisoned_ || is_unknown;
  }
  template <class T>
  static Status status_of(const Result<T>& result) {
    return result.ok() ? ok() : Status(result.error());
  }

  void sync() { note_synced(callers_ ? callers_->sync() : log_->sync()); }
  void note_synced(const Status& synced) {
    if (synced.ok()) durable_ = appended_.size();
    poisoned_ = poisoned_ || (!synced.ok() && synced.error().code() == Code::kPoisoned);
  }
  void rotate(uint8_t detail) {
    if (callers_ || !is(kEncrypted)) return;
    auto keys = detail % 4 == 0 ? nullptr : ring_of(detail % 4);
    note_synced(log_->set_keys(std::move(keys)));
  }
  void fail(uint8_t detail) {
    constexpr DiskOp kOps[] = {DiskOp::kWrite, DiskOp::kAllocate, DiskOp::kSync, DiskOp::kTruncate};
    disk_->fail(kOps[detail % 4], (detail & 4) != 0 ? Code::kFull : Code::kIo, detail / 8 % 4);
  }
  Status close() { return callers_ ? callers_->close() : log_->close(); }
  void end_cleanly() {
    note_synced(close());
    reopen();
  }
  void crash_now(uint8_t detail) {
    constexpr CrashKind kKinds[] = {CrashKind::kMixed, CrashKind::kProcessDied, CrashKind::kAllLost,
                                    CrashKind::kAllKept};
    Dice dice(detail);
    const DiskImage image = crash(disk_->image(), kKinds[detail % 4], dice);
    drop();
    disk_ = std::make_unique<CrashDisk>(image, ++openings_);
    open();
  }
  /// On a disk that has forgotten the faults to come.
  void reopen() {
    drop();
    disk_ = std::make_unique<CrashDisk>(disk_->image(), ++openings_);
    open();
  }
  void drop() {
    log_.reset();
    callers_.reset();
  }

  Status open_with(RepairPolicy repair) {
    drop();
    const WalFileOptions file{.repair = repair, .keys = is(kEncrypted) ? ring_of(1) : nullptr};
    runtime_ = std::make_unique<TestRuntime>(++openings_);
    if (is(kCallers)) {
      const auto rule = is(kAnyOrder) ? SequenceRule::kAny : SequenceRule::kRising;
      auto log = WalFsWriter::open(*runtime_, *disk_, kFile, {file, rule});
      if (!log.ok()) return log.error();
      callers_ = std::make_unique<WalFsWriter>(std::move(log.value()));
    } else {
      auto log = WalWriter::open(*runtime_, *disk_, kFile, file);
      if (!log.ok()) return log.error();
      log_ = std::make_unique<WalWriter>(std::move(log.value()));
    }
    return ok();
  }
  void open() {
    CHECK(open_with(is(kCallers) ? RepairPolicy::kTruncateUnsynced : RepairPolicy::kTruncatePartial)
              .ok());
    const TestFrames found = read_all();
    CHECK(found.size() >= durable_ && found.size() <= appended_.size());
    CHECK(std::equal(found.begin(), found.end(), appended_.begin()));
    Lsn highest = 0;
    for (const TestFrame& frame : found) highest = std::max(highest, frame.first);
    CHECK((callers_ ? callers_->current_sequence() : log_->current_lsn()) == highest);
    appended_ = found;
    durable_ = found.size();
    poisoned_ = false;
  }
  TestFrames read_all() {
    const auto reader = open_wal_file_reader(*disk_, kFile, keys_, {}).value();
    TestFrames found;
    for (;;) {
      const std::optional<WalFrame> frame = reader->next().value();
      if (!frame) return found;
      found.emplace_back(frame->lsn, as_text(frame->payload));
    }
  }

  ByteReader choices_;
  const uint8_t options_;
  std::shared_ptr<const KeyRing> keys_;
  std::unique_ptr<CrashDisk> disk_ = std::make_unique<CrashDisk>();
  std::unique_ptr<TestRuntime> runtime_;
  std::unique_ptr<WalWriter> log_;        ///< one of both
  std::unique_ptr<WalFsWriter> callers_;  ///< if callers number
  uint64_t openings_ = 0;
  uint64_t written_ = 0;
  /// Everything that may be in the file, the first durable_ ones for certain.
  TestFrames appended_;
  size_t durable_ = 0;
  bool poisoned_ = false;
};

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> made;
  for (const char options : {0, 1, 3, 4, 5}) {
    const std::string first(1, options);
    made.push_back(first + std::string("\0\x08\3\0\1\x14\7\0\0\x09\2\x1e\3\0\7\1\1\7\6\0\0\5", 22));
    made.push_back(first + std::string("\0\x08\5\5\3\0\0\x14\7\0\4\2\0\x28\3\0\4\3\1\xf4\7\2", 22));
    made.push_back(first + std::string("\0\x08\3\0\5\2\0\x14\3\0\7\3\0\x15\5\0\1\x03\7\4\6\0", 22));
  }
  return made;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size > 0) Lives(std::as_bytes(std::span(bytes, size))).run();
  return 0;
}
