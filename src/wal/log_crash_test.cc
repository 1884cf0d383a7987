// Power cuts, kills and failures at every operation of a scripted life of a log.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "wal/log_fixture.h"

namespace sluice::wal {
namespace {

/// What the world may still expect of a log at some moment.
struct Promise {
  TestFrames history;   ///< every frame that may come back, in order
  Lsn acked_lsn = 0;    ///< those up to here must
  Lsn trimmed_lsn = 0;  ///< except those up to here
};

/// Checks what a log recovered against what was promised.
::testing::AssertionResult keeps(const Promise& promise, const TestFrames& found) {
  const auto fail = [] { return ::testing::AssertionFailure(); };
  const Lsn last_lsn = found.empty() ? promise.trimmed_lsn : found.back().first;
  if (last_lsn < promise.acked_lsn) {
    return fail() << "lost: ends at " << last_lsn << ", acked " << promise.acked_lsn;
  }
  if (found.empty()) return ::testing::AssertionSuccess();
  const Lsn first_lsn = found.front().first;
  if (first_lsn > promise.trimmed_lsn + 1 && first_lsn != promise.history.front().first) {
    return fail() << "lost: starts at " << first_lsn << ", trimmed " << promise.trimmed_lsn;
  }
  auto expected = promise.history.begin();
  while (expected != promise.history.end() && expected->first != first_lsn) ++expected;
  for (const TestFrame& frame : found) {
    if (expected == promise.history.end() || frame != *expected) {
      return fail() << "phantom or hole at LSN " << frame.first;
    }
    ++expected;
  }
  return ::testing::AssertionSuccess();
}

/// A log's life: every step goes on in the face of errors, as the contract says.
class Life {
 public:
  struct Moment {
    DiskImage image;
    Promise promise;
    size_t operations;
  };

  explicit Life(uint64_t seed) : disk_({}, seed), seed_(seed) {
    disk_.after_operation = [this] {
      if (on_moment) on_moment({disk_.image(), promise_, disk_.trace.size()});
    };
  }

  std::function<void(const Moment&)> on_moment;
  CrashDisk& disk() { return disk_; }

  void open() {
    log_.reset();
    for (int attempt = 0; attempt < 3 && !log_; ++attempt) {
      Result<OpenLog> opened = open_log(disk_, ++seed_);
      if (opened.ok()) log_.emplace(std::move(*opened));
    }
    ASSERT_TRUE(log_.has_value());
    const Result<TestFrames> found = frames(**log_);
    ASSERT_OK(found);
    ASSERT_TRUE(keeps(promise_, *found));
    promise_.history = *found;
    promise_.acked_lsn = (*log_)->durable_lsn();
  }
  void append(int count, size_t bytes) {
    std::vector<std::string> texts;
    const size_t before = promise_.history.size();
    for (int i = 0; i < count; ++i) {
      std::string text = std::to_string(++serial_) + ":";
      text.resize(std::max(text.size(), bytes), 'x');
      promise_.history.emplace_back((*log_)->appended_lsn() + 1 + i, text);
      texts.push_back(std::move(text));
    }
    const Result<Lsn> appended = wal::append(**log_, texts);
    if (!appended.ok() && appended.error().code() == Code::kFull) promise_.history.resize(before);
    settle(appended.ok() ? ok() : Status(appended.error()));
  }
  void sync() { settle((*log_)->sync()); }
  void idle() { settle((*log_)->idle()); }
  void roll() { settle((*log_)->roll(as_bytes("rolled"))); }
  void checkpoint() { settle((*log_)->checkpoint(as_bytes("point"), 0)); }
  void trim(Lsn upto) {
    upto = std::min(upto, (*log_)->durable_lsn());
    promise_.trimmed_lsn = std::max(promise_.trimmed_lsn, upto);
    settle((*log_)->trim(upto, as_bytes("trimmed")));
  }
  void close() { settle((*log_)->close()); }

 private:
  void settle(const Status& status) {
    if (!status.ok() && status.error().code() == Code::kPoisoned) {
      open();
    } else {
      promise_.acked_lsn = std::max(promise_.acked_lsn, (*log_)->durable_lsn());
    }
  }

  CrashDisk disk_;
  uint64_t seed_;
  std::optional<OpenLog> log_;
  Promise promise_;
  int serial_ = 0;
};

/// Every segment from the third on is born in the file of one that was trimmed.
void live_in_older_files(Life& life) {
  for (int i = 0; i < 3; ++i) {
    life.append(2, 5000);
    life.roll();
    life.append(1, 20);
    life.trim(kLsnMax);
    life.roll();
    life.append(2, 100);
    life.sync();
    life.idle();
    if (i == 1) life.roll();
    life.append(1, 4100);
  }
  life.open();  // kills; trims what was found
  life.append(1, 30);
  life.trim(kLsnMax);
  life.roll();
  life.append(1, 600);
  life.sync();
  life.trim(kLsnMax);
  life.close();
  life.open();
}

/// Where blocks are shared these few bytes are, by marks too, across a roll and a kill.
void live_in_small_commits(Life& life) {
  for (int i = 0; i < 3; ++i) {
    life.append(1, 20);
    life.sync();
  }
  life.idle();
  life.append(1, 25);
  life.sync();
  life.append(1, 3400);
  life.sync();
  life.append(1, 15);
  life.idle();
  life.roll();
  life.append(1, 12);
  life.sync();
  life.append(1, 13);
  life.sync();
  life.idle();
  life.open();  // kills
  life.append(1, 14);
  life.sync();
}

void live(Life& life) {
  life.open();
  live_in_small_commits(life);
  life.append(1, 10);
  life.sync();
  life.append(3, 100);
  life.append(1, 3900);
  life.sync();
  life.append(1, 4033);  // leaves a gap too small for a pad's header
  life.sync();
  life.append(2, 0);
  life.idle();
  life.roll();
  life.idle();
  life.append(2, 5000);
  life.sync();
  life.checkpoint();
  life.idle();
  life.append(2, 50);
  life.open();  // kills: what was appended is in the cache only
  life.open();  // replaces the empty newest segment
  life.append(4, 2000);
  life.sync();
  life.append(1, 77);
  life.roll();
  life.append(2, 300);
  life.trim(16);
  life.roll();
  life.roll();  // of an empty segment: a checkpoint
  life.append(1, 40);
  life.trim(25);
  life.append(1, 9000);
  life.sync();
  life.append(1, 1);
  life.close();
  life.open();
  live_in_older_files(life);
}

/// Recovers, twice; appends, and recovers that.
void check_recovery(const Life::Moment& moment, CrashKind kind, uint64_t seed) {
  Dice dice(seed);
  CrashDisk disk(crash(moment.image, kind, dice), seed);
  const Result<TestFrames> first = reopened_frames(disk, seed + 1);
  ASSERT_OK(first);
  ASSERT_TRUE(keeps(moment.promise, *first));
  CrashDisk again(crash(disk.image(), CrashKind::kAllLost, dice), seed);
  Result<OpenLog> log = open_log(again, seed + 2);
  ASSERT_OK(log);
  const Result<TestFrames> second = frames(**log);
  ASSERT_OK(second);
  ASSERT_EQ(*first, *second);
  TestFrames expected = *second;
  const Result<Lsn> lsn = append(**log, {"after"});
  ASSERT_OK(lsn);
  ASSERT_TRUE(expected.empty() || *lsn > expected.back().first);
  ASSERT_OK((*log)->sync());
  expected.emplace_back(*lsn, "after");
  CrashDisk last(crash(again.image(), CrashKind::kAllLost, dice), seed);
  const Result<TestFrames> third = reopened_frames(last, seed + 3);
  ASSERT_OK(third);
  ASSERT_EQ(*third, expected);
}

struct LogKind {
  const char* name;
  bool encrypted;
  TornWrites torn_writes;
};

class LogCrash : public ::testing::TestWithParam<LogKind> {
 protected:
  void SetUp() override {
    test_keys() = GetParam().encrypted ? test_ring(1, 0x5a) : nullptr;
    test_torn_writes() = GetParam().torn_writes;
  }
  void TearDown() override {
    test_keys() = nullptr;
    test_torn_writes() = TornWrites::kPad;
  }
};

/// Of kinds that share no blocks.
class PaddedLogCrash : public LogCrash {};

/// Whether a block holds something, and not what the file held before it was recycled.
bool has_frames(ByteView block, ByteView older) {
  const bool is_older = std::equal(block.begin(), block.end(), older.begin(), older.end());
  return !is_older && std::any_of(block.begin(), block.end(),
                                  [](std::byte byte) { return byte != std::byte{0}; });
}

// W7
TEST_P(PaddedLogCrash, NeverWritesABlockThatASyncHasCovered) {
  struct File {
    std::vector<std::byte> synced{};
    std::vector<std::byte> older{};
  };
  Life life(1);
  std::map<uint64_t, File> files;
  size_t recycled = 0;
  life.on_moment = [&](const Life::Moment& moment) {
    const std::string& operation = life.disk().trace.back();
    if (operation.starts_with("rename spare-")) {
      const uint64_t number = moment.image.names().at(operation.substr(operation.rfind(' ') + 1));
      files[number] = {{}, moment.image.inodes.at(number).cached};
      ++recycled;
    }
    for (const auto& [number, inode] : moment.image.inodes) {
      auto& [synced, older] = files[number];
      older.resize(std::max(older.size(), inode.cached.size()));
      for (size_t at = 0; at + kBlockBytes <= synced.size(); at += kBlockBytes) {
        const ByteView before = ByteView(synced).subspan(at, kBlockBytes);
        const ByteView now = ByteView(inode.cached).subspan(at, kBlockBytes);
        ASSERT_TRUE(!has_frames(before, ByteView(older).subspan(at, kBlockBytes)) ||
                    std::equal(before.begin(), before.end(), now.begin()))
            << operation;
      }
      if (inode.dirty.empty()) synced = inode.stored;
    }
  };
  ASSERT_NO_FATAL_FAILURE(live(life));
  EXPECT_GT(files.size(), 4u);
  EXPECT_GE(recycled, 3u);
}

TEST_P(LogCrash, KeepsEverySyncedFrameThroughACrashAfterEveryOperation) {
  const CrashKind worst = worst_crash(GetParam().torn_writes);
  Life life(1);
  uint64_t seed = 0;
  life.on_moment = [&](const Life::Moment& moment) {
    if (::testing::Test::HasFatalFailure()) return;
    for (const CrashKind kind :
         {CrashKind::kAllLost, CrashKind::kAllKept, CrashKind::kProcessDied}) {
      check_recovery(moment, kind, seed += 10);
    }
    for (int i = 0; i < 3; ++i) check_recovery(moment, worst, seed += 10);
    if (::testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << "after operation " << moment.operations << ": " << life.disk().trace.back();
    }
  };
  ASSERT_NO_FATAL_FAILURE(live(life));
  EXPECT_GT(life.disk().trace.size(), 80u);
}

TEST_P(LogCrash, KeepsEverySyncedFrameThroughACrashWithinARecovery) {
  const CrashKind worst = worst_crash(GetParam().torn_writes);
  Life life(2);
  uint64_t seed = 1'000'000;
  life.on_moment = [&](const Life::Moment& moment) {
    if (::testing::Test::HasFatalFailure() || moment.operations % 5 != 0) return;
    const bool killed = moment.operations % 2 == 0;
    Dice dice(seed += 100);
    CrashDisk disk(crash(moment.image, killed ? CrashKind::kProcessDied : worst, dice), seed);
    disk.after_operation = [&] {
      if (::testing::Test::HasFatalFailure()) return;
      const Life::Moment inner{disk.image(), moment.promise, moment.operations};
      for (int i = 0; i < 3; ++i) check_recovery(inner, worst, seed += 100);
      check_recovery(inner, CrashKind::kAllLost, seed += 100);
    };
    ASSERT_OK(reopened_frames(disk, seed));
  };
  ASSERT_NO_FATAL_FAILURE(live(life));
}

/// One failure of one kind at each place in turn, and power cuts in the operations after it.
void fail_everywhere(DiskOp op, Code code) {
  uint64_t seed = 5'000'000;
  for (int place = 0;; ++place) {
    Life life(static_cast<uint64_t>(place) + 1);
    life.disk().fail(op, code, place);
    size_t failed_at = 0;
    life.on_moment = [&](const Life::Moment& moment) {
      if (::testing::Test::HasFatalFailure()) return;
      if (life.disk().trace.back().ends_with("FAILS")) failed_at = moment.operations;
      if (failed_at == 0 || moment.operations > failed_at + 8) return;
      check_recovery(moment, worst_crash(test_torn_writes()), seed += 10);
      if (::testing::Test::HasFatalFailure()) {
        ADD_FAILURE() << "place " << place << ", after operation " << moment.operations << ": "
                      << life.disk().trace.back();
      }
    };
    ASSERT_NO_FATAL_FAILURE(live(life));
    if (failed_at == 0) break;
  }
}

TEST_P(LogCrash, SurvivesAFailedSyncAnywhereWithACacheThatLies) {
  fail_everywhere(DiskOp::kSync, Code::kIo);
}
TEST_P(LogCrash, SurvivesAFullDiskInAnyWrite) {
  fail_everywhere(DiskOp::kWrite, Code::kFull);
}
TEST_P(LogCrash, SurvivesAFullDiskInAnyAllocation) {
  fail_everywhere(DiskOp::kAllocate, Code::kFull);
}
TEST_P(LogCrash, SurvivesAFailedWriteAnywhere) {
  fail_everywhere(DiskOp::kWrite, Code::kIo);
}
TEST_P(LogCrash, SurvivesAFailedDirectorySyncAnywhere) {
  fail_everywhere(DiskOp::kSyncDir, Code::kIo);
}
TEST_P(LogCrash, SurvivesAFailedRenameAnywhere) {
  fail_everywhere(DiskOp::kRename, Code::kIo);
}
TEST_P(LogCrash, SurvivesAFailedRemovalAnywhere) {
  fail_everywhere(DiskOp::kRemove, Code::kIo);
}

INSTANTIATE_TEST_SUITE_P(, PaddedLogCrash,
                         ::testing::Values(LogKind{"Plain", false, TornWrites::kPad},
                                           LogKind{"Encrypted", true, TornWrites::kPad}),
                         [](const auto& kind) { return kind.param.name; });
INSTANTIATE_TEST_SUITE_P(, LogCrash,
                         ::testing::Values(LogKind{"Plain", false, TornWrites::kPad},
                                           LogKind{"Encrypted", true, TornWrites::kPad},
                                           LogKind{"DoubleWrite", false, TornWrites::kDoubleWrite},
                                           LogKind{"Off", false, TornWrites::kOff}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace sluice::wal
