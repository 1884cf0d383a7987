// Power cuts, kills and failures at every operation of a scripted life of a log in one file.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "wal/single_file_fixture.h"

namespace sluice::wal {
namespace {

struct Kind {
  const char* name;
  Numbering numbering;
  bool encrypted;
  TornWrites torn_writes = TornWrites::kPad;
};

SingleFileOptions options_of(const Kind& kind) {
  return {{.repair = kind.numbering == Numbering::kLog ? RepairPolicy::kTruncatePartial
                                                       : RepairPolicy::kTruncateUnsynced,
           .keys = kind.encrypted ? test_ring(1, 0x5a) : nullptr,
           .torn_writes = kind.torn_writes},
          kind.numbering};
}

/// What may and what must come back.
struct Promise {
  TestFrames history;
  size_t acked = 0;  ///< so many of them must

  ::testing::AssertionResult is_kept_by(const TestFrames& found) const {
    if (found.size() < acked) {
      return ::testing::AssertionFailure() << "lost: " << found.size() << " of " << acked;
    }
    if (found.size() > history.size() || !std::equal(found.begin(), found.end(), history.begin())) {
      return ::testing::AssertionFailure() << "phantom or hole";
    }
    return ::testing::AssertionSuccess();
  }
};

class Life {
 public:
  struct Moment {
    DiskImage image;
    Promise promise;
    size_t operations;
  };

  Life(const Kind& kind, uint64_t seed) : kind_(kind), disk_({}, seed), seed_(seed) {
    disk_.after_operation = [this] {
      if (on_moment) on_moment({disk_.image(), promise_, disk_.trace.size()});
    };
  }
  std::function<void(const Moment&)> on_moment;
  CrashDisk& disk() { return disk_; }

  void open() {
    kill();
    for (int attempt = 0; attempt < 3 && !log_; ++attempt) {
      Result<OpenFile> opened = open_file(disk_, options_of(kind_), ++seed_);
      if (opened.ok()) log_.emplace(std::move(*opened));
    }
    ASSERT_TRUE(log_.has_value());
    const auto keys = options_of(kind_).file.keys;
    const Result<TestFrames> found = file_frames(disk_, keys.get());
    ASSERT_OK(found);
    ASSERT_TRUE(promise_.is_kept_by(*found));
    promise_.history = *found;
    promise_.acked = found->size();
  }
  void append(int count, size_t bytes) {
    std::vector<std::string> texts;
    const size_t before = promise_.history.size();
    const bool is_callers = kind_.numbering != Numbering::kLog;
    const Lsn first = (*log_)->last_lsn() + (is_callers ? 3 : 1);
    for (int i = 0; i < count; ++i) {
      std::string text = std::to_string(++serial_) + ":";
      text.resize(std::max(text.size(), bytes), 'x');
      promise_.history.emplace_back(first + static_cast<Lsn>(i), text);
      texts.push_back(std::move(text));
    }
    const Result<Lsn> appended = wal::append(**log_, texts, is_callers ? first : 0);
    if (!appended.ok() && appended.error().code() == Code::kFull) promise_.history.resize(before);
    settle(appended.ok() ? ok() : Status(appended.error()));
  }
  void sync() {
    Status synced = (*log_)->sync();
    if (!synced.ok() && synced.error().code() == Code::kFull) synced = (*log_)->sync();
    settle(synced);
  }
  void close() {
    settle((*log_)->close());
    kill();
  }
  void turn_key() { settle((*log_)->set_keys(options_of(kind_).file.keys)); }

 private:
  /// Without the best effort of a destructor.
  void kill() {
    if (!log_) return;
    const auto watch = std::exchange(on_moment, nullptr);
    const DiskImage image = disk_.image();
    log_.reset();
    disk_.set_image(image);
    on_moment = watch;
  }
  void settle(const Status& status) {
    if (!status.ok() && status.error().code() == Code::kPoisoned) return open();
    const Lsn durable = (*log_)->durable_lsn();
    const auto is_durable = [&](const TestFrame& frame) { return frame.first <= durable; };
    promise_.acked = std::max<size_t>(
        promise_.acked, static_cast<size_t>(std::count_if(promise_.history.begin(),
                                                          promise_.history.end(), is_durable)));
  }

  const Kind kind_;
  CrashDisk disk_;
  uint64_t seed_;
  std::optional<OpenFile> log_;
  Promise promise_;
  int serial_ = 0;
};

void live(Life& life) {
  life.open();
  life.append(1, 10);
  life.sync();
  life.append(3, 100);
  life.append(1, 3900);
  life.sync();
  life.append(1, 4033);  // leaves a gap too small for a pad's header
  life.sync();
  life.append(2, 300);
  life.open();  // kills: what was staged is gone
  life.append(2, 5000);
  life.sync();
  life.append(2, 50);
  life.close();
  life.open();
  life.append(1, 77);
  life.turn_key();
  life.append(1, 40);
  life.sync();
  life.append(1, 300'000);  // more than is staged
  life.append(2, 9);
  life.sync();
  life.append(1, 20);
  life.sync();
  life.open();
  life.open();
  life.append(1, 30);
  life.close();
}

void check_recovery(const Kind& kind, const Life::Moment& moment, CrashKind crash_kind,
                    uint64_t seed) {
  Dice dice(seed);
  const SingleFileOptions options = options_of(kind);
  const KeyRing* const keys = options.file.keys.get();
  CrashDisk disk(crash(moment.image, crash_kind, dice), seed);
  ASSERT_OK(open_file(disk, options, seed + 1));
  const Result<TestFrames> first = file_frames(disk, keys);
  ASSERT_OK(first);
  ASSERT_TRUE(moment.promise.is_kept_by(*first));

  CrashDisk again(crash(disk.image(), CrashKind::kAllLost, dice), seed);
  Result<OpenFile> log = open_file(again, options, seed + 2);
  ASSERT_OK(log);
  ASSERT_EQ((*log)->repair().torn_bytes, 0u) << "what was cut once is cut for good";
  ASSERT_EQ(file_frames(again, keys).value(), *first);
  const Lsn next = (*log)->last_lsn() + 1;
  ASSERT_OK(append(**log, {"after"}, kind.numbering == Numbering::kLog ? 0 : next));
  ASSERT_OK((*log)->sync());
  TestFrames expected = *first;
  expected.emplace_back(next, "after");
  CrashDisk last(crash(again.image(), CrashKind::kAllLost, dice), seed);
  ASSERT_OK(open_file(last, options, seed + 3));
  ASSERT_EQ(file_frames(last, keys).value(), expected);
}

class SingleFileCrash : public ::testing::TestWithParam<Kind> {
 protected:
  /// One failure of one kind at each place in turn, and power cuts in the operations after it.
  static void fail_everywhere(DiskOp op, Code code) {
    uint64_t seed = 5'000'000;
    for (int place = 0;; ++place) {
      Life life(GetParam(), static_cast<uint64_t>(place) + 1);
      life.disk().fail(op, code, place);
      size_t failed_at = 0;
      life.on_moment = [&](const Life::Moment& moment) {
        if (HasFatalFailure()) return;
        if (life.disk().trace.back().ends_with("FAILS")) failed_at = moment.operations;
        if (failed_at == 0 || moment.operations > failed_at + 8) return;
        check_recovery(GetParam(), moment, worst_crash(GetParam().torn_writes), seed += 10);
        if (HasFatalFailure()) {
          ADD_FAILURE() << "place " << place << ", after operation " << moment.operations << ": "
                        << life.disk().trace.back();
        }
      };
      ASSERT_NO_FATAL_FAILURE(live(life));
      // One that a killed writer's destructor met was not watched, and is not the last place.
      const auto& trace = life.disk().trace;
      const auto fails = [](const std::string& words) { return words.ends_with("FAILS"); };
      if (std::none_of(trace.begin(), trace.end(), fails)) break;
    }
  }
};

// W19
TEST_P(SingleFileCrash, KeepsEverySyncedRecordThroughACrashAfterEveryOperation) {
  Life life(GetParam(), 1);
  uint64_t seed = 0;
  life.on_moment = [&](const Life::Moment& moment) {
    if (HasFatalFailure()) return;
    for (const CrashKind kind :
         {CrashKind::kAllLost, CrashKind::kAllKept, CrashKind::kProcessDied}) {
      check_recovery(GetParam(), moment, kind, seed += 10);
    }
    const CrashKind worst = worst_crash(GetParam().torn_writes);
    for (int i = 0; i < 6; ++i) check_recovery(GetParam(), moment, worst, seed += 10);
    if (HasFatalFailure()) {
      ADD_FAILURE() << "after operation " << moment.operations << ": " << life.disk().trace.back();
    }
  };
  ASSERT_NO_FATAL_FAILURE(live(life));
  EXPECT_GT(life.disk().trace.size(), 40u);
}

TEST_P(SingleFileCrash, KeepsEverySyncedRecordThroughACrashWithinARecovery) {
  Life life(GetParam(), 2);
  uint64_t seed = 1'000'000;
  life.on_moment = [&](const Life::Moment& moment) {
    if (HasFatalFailure()) return;
    const bool killed = moment.operations % 2 == 0;
    Dice dice(seed += 100);
    const CrashKind worst = worst_crash(GetParam().torn_writes);
    CrashDisk disk(crash(moment.image, killed ? CrashKind::kProcessDied : worst, dice), seed);
    disk.after_operation = [&] {
      if (HasFatalFailure()) return;
      const Life::Moment inner{disk.image(), moment.promise, moment.operations};
      for (int i = 0; i < 3; ++i) {
        check_recovery(GetParam(), inner, worst, seed += 100);
      }
      check_recovery(GetParam(), inner, CrashKind::kAllLost, seed += 100);
    };
    ASSERT_OK(open_file(disk, options_of(GetParam()), seed));
  };
  ASSERT_NO_FATAL_FAILURE(live(life));
}

/// Of kinds that share no blocks.
class PaddedFileCrash : public SingleFileCrash {};

// W7
TEST_P(PaddedFileCrash, NeverWritesABlockThatASyncHasCovered) {
  Life life(GetParam(), 1);
  std::vector<std::byte> synced;
  life.on_moment = [&](const Life::Moment& moment) {
    const auto names = moment.image.names();
    if (!names.contains(kFile)) return;
    const DiskImage::Inode& inode = moment.image.inodes.at(names.at(kFile));
    for (size_t at = 0; at + kBlockBytes <= std::min(synced.size(), inode.cached.size());
         at += kBlockBytes) {
      const ByteView before = ByteView(synced).subspan(at, kBlockBytes);
      const ByteView now = ByteView(inode.cached).subspan(at, kBlockBytes);
      const bool was_used =
          std::any_of(before.begin(), before.end(), [](std::byte b) { return b != std::byte{0}; });
      ASSERT_TRUE(!was_used || std::equal(before.begin(), before.end(), now.begin()))
          << life.disk().trace.back();
    }
    if (inode.dirty.empty()) synced = inode.stored;
  };
  ASSERT_NO_FATAL_FAILURE(live(life));
}

TEST_P(SingleFileCrash, SurvivesAFailedSyncAnywhereWithACacheThatLies) {
  fail_everywhere(DiskOp::kSync, Code::kIo);
}
TEST_P(SingleFileCrash, SurvivesAFullDiskInAnyWrite) {
  fail_everywhere(DiskOp::kWrite, Code::kFull);
}
TEST_P(SingleFileCrash, SurvivesAFullDiskInAnyAllocation) {
  fail_everywhere(DiskOp::kAllocate, Code::kFull);
}
TEST_P(SingleFileCrash, SurvivesAFailedWriteAnywhere) {
  fail_everywhere(DiskOp::kWrite, Code::kIo);
}
TEST_P(SingleFileCrash, SurvivesAFailedTruncationAnywhere) {
  fail_everywhere(DiskOp::kTruncate, Code::kIo);
}
TEST_P(SingleFileCrash, SurvivesAFailedDirectorySyncAnywhere) {
  fail_everywhere(DiskOp::kSyncDir, Code::kIo);
}
TEST_P(SingleFileCrash, SurvivesAFailedRenameAnywhere) {
  fail_everywhere(DiskOp::kRename, Code::kIo);
}

/// Frames of a sector each, of which a torn write left the first two.
void write_a_clean_end_within_a_block(CrashDisk& disk) {
  uint64_t end = 0;
  {
    const OpenFile log = open_file(disk, options_of({"", Numbering::kLog, false})).value();
    for (int i = 0; i < 5; ++i) ASSERT_OK(append(*log, {std::string(480, 'x')}));
    ASSERT_OK(log->sync());
    end = log->frames_bytes() / kBlockBytes * kBlockBytes + 2 * kBlockBytes - kBlockBytes + 1024;
  }
  std::vector<std::byte>& bytes = disk.bytes(kFile);
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(end), bytes.end(), std::byte{0});
  disk.settle(kFile);
}

// W19
TEST(SingleFile, ClosingWritesNothingIntoTheBlockInWhichTheFramesEnded) {
  CrashDisk disk;
  ASSERT_NO_FATAL_FAILURE(write_a_clean_end_within_a_block(disk));
  const OpenFile log = open_file(disk, options_of({"", Numbering::kLog, false}), 2).value();
  ASSERT_EQ(log->last_lsn(), 2u);
  const size_t before = disk.trace.size();
  ASSERT_OK(log->close());
  for (size_t i = before; i < disk.trace.size(); ++i) {
    EXPECT_FALSE(disk.trace[i].starts_with("write")) << disk.trace[i];
  }
}

// W13
TEST(SingleFile, WhatAnOpeningKeptIsNotReplacedByTheNext) {
  CrashDisk disk;
  const SingleFileOptions options = options_of({"", Numbering::kLog, false});
  {
    const OpenFile log = open_file(disk, options, 1).value();
    ASSERT_OK(append(*log, {"1", "2", std::string(20'000, 'q')}));
    ASSERT_OK(log->sync());
  }
  disk.bytes(kFile).at(2 * kBlockBytes + 40 + 33) ^= std::byte{1};
  disk.settle(kFile);
  std::optional<DiskImage> cut;
  disk.after_operation = [&] {
    if (disk.trace.back().starts_with("truncate") && !cut) cut = disk.image();
  };
  const std::string kept = open_file(disk, options, 2).value()->repair().quarantine;
  disk.after_operation = nullptr;
  ASSERT_TRUE(cut.has_value());
  const size_t kept_bytes = disk.bytes(kept).size();
  ASSERT_GT(kept_bytes, 20'000u);
  Dice dice(1);
  disk.set_image(crash(*cut, CrashKind::kAllKept, dice));
  const OpenFile log = open_file(disk, options, 3).value();
  EXPECT_EQ(disk.bytes(kept).size(), kept_bytes);
  EXPECT_EQ(log->repair().quarantine, kept + "-2");
}

INSTANTIATE_TEST_SUITE_P(, PaddedFileCrash,
                         ::testing::Values(Kind{"Plain", Numbering::kLog, false},
                                           Kind{"Encrypted", Numbering::kLog, true},
                                           Kind{"Numbered", Numbering::kRising, false},
                                           Kind{"NumberedEncrypted", Numbering::kRising, true}),
                         [](const auto& kind) { return kind.param.name; });
INSTANTIATE_TEST_SUITE_P(
    , SingleFileCrash,
    ::testing::Values(Kind{"Plain", Numbering::kLog, false},
                      Kind{"Encrypted", Numbering::kLog, true},
                      Kind{"Numbered", Numbering::kRising, false},
                      Kind{"NumberedEncrypted", Numbering::kRising, true},
                      Kind{"DoubleWrite", Numbering::kLog, false, TornWrites::kDoubleWrite},
                      Kind{"NumberedOff", Numbering::kRising, false, TornWrites::kOff}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace sluice::wal
