// Logs whose commits share blocks: what is written, what a torn block does, what openings restore.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "sluice/wal_check.h"
#include "wal/check.h"
#include "wal/segmented_fixture.h"
#include "wal/side_file.h"
#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

const std::string kSideFile(kSideFileName);

TestFrames texts(Lsn count) {
  TestFrames frames;
  for (Lsn lsn = 1; lsn <= count; ++lsn) frames.emplace_back(lsn, "r" + std::to_string(lsn));
  return frames;
}

class SharedBlocks : public ::testing::Test {
 protected:
  SegmentedWalOptions options(TornWrites torn_writes,
                              RepairPolicy repair = RepairPolicy::kTruncatePartial) const {
    return {.segment_bytes = kTestSegmentBytes, .repair = repair, .torn_writes = torn_writes};
  }
  Result<OpenWal> open(TornWrites torn_writes, uint64_t seed = 1) {
    return open_wal(disk_, options(torn_writes), seed);
  }
  /// `count` commits of a small record each.
  void commit(SegmentedWal& log, Lsn count) {
    for (Lsn i = 0; i < count; ++i) {
      ASSERT_OK(append(log, "r" + std::to_string(log.next_lsn())));
      ASSERT_OK(log.sync());
    }
  }
  size_t writes_of(const std::string& name) const {
    const std::string words = "write " + name + " ";
    return static_cast<size_t>(
        std::count_if(disk_.trace.begin(), disk_.trace.end(),
                      [&](const std::string& done) { return done.starts_with(words); }));
  }
  /// Four commits, the last of them under way when its block was spoilt.
  void spoil_a_commit(std::byte with) {
    const OpenWal log = open(TornWrites::kDoubleWrite).value();
    ASSERT_NO_FATAL_FAILURE(commit(*log, 3));
    ASSERT_OK(append(*log, "under way"));
    DiskImage image;
    disk_.after_operation = [&] {
      if (disk_.trace.back().starts_with("write " + kSegment)) image = disk_.image();
    };
    ASSERT_OK(log->sync());
    disk_.after_operation = nullptr;
    Dice dice(1);
    disk_.set_image(crash(image, CrashKind::kAllLost, dice));
    std::vector<std::byte>& bytes = disk_.bytes(kSegment);
    const auto block = bytes.begin() + static_cast<ptrdiff_t>(tail_block());
    std::fill(block, block + kBlockBytes, with);
    disk_.settle(kSegment);
  }
  uint64_t tail_block() { return load_tail_image(disk_, kSideFile).value().value().offset; }
  Result<TestFrames> reread(TornWrites torn_writes, RepairPolicy repair) {
    const OpenWal log = TRY(open_wal(disk_, options(torn_writes, repair), 7));
    restored_bytes_ = log->repair().restored_bytes;
    const std::unique_ptr<WalReader> reader = TRY(log->read({}));
    TestFrames found;
    while (const auto frame = TRY(reader->next())) {
      found.emplace_back(frame->lsn, as_text(frame->payload));
    }
    return found;
  }

  const std::string kSegment = segment_name(1);
  CrashDisk disk_;
  uint64_t restored_bytes_ = 0;
};

TEST_F(SharedBlocks, HoldManySmallCommitsWhereAPaddedLogTakesABlockForEach) {
  const auto bytes_of = [](TornWrites torn_writes) {
    CrashDisk disk;
    const OpenWal log =
        open_wal(disk, {.segment_bytes = 1 << 20, .torn_writes = torn_writes}).value();
    const uint64_t before = log->total_size_bytes();
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(append(*log, "x").ok());
      EXPECT_TRUE(log->sync().ok());
    }
    return log->total_size_bytes() - before;
  };
  EXPECT_EQ(bytes_of(TornWrites::kPad), 20 * kBlockBytes);
  EXPECT_LE(bytes_of(TornWrites::kDoubleWrite), kBlockBytes);
  EXPECT_LE(bytes_of(TornWrites::kOff), kBlockBytes);
}

TEST_F(SharedBlocks, AreStoredOnceBeforeTheyAreWrittenAgain) {
  const OpenWal log = open(TornWrites::kDoubleWrite).value();
  ASSERT_NO_FATAL_FAILURE(commit(*log, 1));
  EXPECT_EQ(writes_of(kSideFile), 0u) << "nothing in the block was durable";
  for (int i = 0; i < 5; ++i) ASSERT_OK(append(*log, "more"));
  EXPECT_EQ(writes_of(kSideFile), 0u) << "nothing was written yet";
  ASSERT_OK(log->sync());
  EXPECT_EQ(writes_of(kSideFile), 1u);
  EXPECT_EQ(log->protection().double_writes, 1u);
  const size_t before = disk_.trace.size();
  ASSERT_OK(log->sync());
  EXPECT_EQ(disk_.trace.size(), before) << "nothing is left to write";
}

// W20
TEST_F(SharedBlocks, AreDurableInTheSideFileWhenTheirRewriteBegins) {
  const OpenWal log = open(TornWrites::kDoubleWrite).value();
  ASSERT_NO_FATAL_FAILURE(commit(*log, 2));
  size_t rewrites = 0;
  disk_.after_operation = [&] {
    if (!disk_.trace.back().starts_with("write " + kSegment)) return;
    Dice dice(1);
    CrashDisk after(crash(disk_.image(), CrashKind::kAllLost, dice));
    const auto image = load_tail_image(after, kSideFile).value();
    ASSERT_TRUE(image);
    const std::vector<std::byte>& stored = after.bytes(kSegment);
    const auto block = stored.begin() + static_cast<ptrdiff_t>(image->offset);
    EXPECT_TRUE(std::equal(image->bytes.begin(), image->bytes.end(), block));
    EXPECT_EQ(image->offset + image->bytes.size(), log->list_segments().back().bytes);
    ++rewrites;
  };
  ASSERT_NO_FATAL_FAILURE(commit(*log, 10));
  disk_.after_operation = nullptr;
  EXPECT_EQ(rewrites, 10u);
}

// W20
TEST_F(SharedBlocks, ComeBackFromTheSideFileIfTheirRewriteSpoiltThem) {
  for (const std::byte with : {std::byte{0xd5}, std::byte{0}}) {
    disk_.set_image({});
    ASSERT_NO_FATAL_FAILURE(spoil_a_commit(with));
    const Result<TestFrames> found =
        reread(TornWrites::kDoubleWrite, RepairPolicy::kTruncatePartial);
    ASSERT_OK(found);
    EXPECT_EQ(*found, texts(3));
    EXPECT_GT(restored_bytes_, 0u);
    EXPECT_EQ(reread(TornWrites::kDoubleWrite, RepairPolicy::kStrict).value(), texts(3));
    EXPECT_EQ(restored_bytes_, 0u);
  }
}

// No ring of slots, so none is too small: a record of any size ends in the only block at risk.
TEST_F(SharedBlocks, OfRecordsLargerThanTheBlockComeBackToo) {
  const std::string large(100'000, 'l');
  DiskImage image;
  {
    SegmentedWalOptions roomy = options(TornWrites::kDoubleWrite);
    roomy.segment_bytes = 1 << 20;
    const OpenWal log = open_wal(disk_, roomy).value();
    ASSERT_NO_FATAL_FAILURE(commit(*log, 1));
    ASSERT_OK(append(*log, large));
    ASSERT_OK(log->sync());
    ASSERT_OK(append(*log, "under way"));
    disk_.after_operation = [&] {
      if (disk_.trace.back().starts_with("write " + kSegment)) image = disk_.image();
    };
    ASSERT_OK(log->sync());
    disk_.after_operation = nullptr;
    EXPECT_EQ(log->protection().padded_blocks, 0u);
  }
  Dice dice(1);
  disk_.set_image(crash(image, CrashKind::kAllLost, dice));
  std::fill_n(disk_.bytes(kSegment).begin() + static_cast<ptrdiff_t>(tail_block()), kBlockBytes,
              std::byte{0xd5});
  disk_.settle(kSegment);
  EXPECT_EQ(reread(TornWrites::kDoubleWrite, RepairPolicy::kTruncatePartial).value(),
            (TestFrames{{1, "r1"}, {2, large}}));
  EXPECT_GT(restored_bytes_, 0u);
}

TEST_F(SharedBlocks, ComeBackInWhateverModeTheLogIsOpened) {
  for (const TornWrites mode : {TornWrites::kPad, TornWrites::kOff}) {
    disk_.set_image({});
    ASSERT_NO_FATAL_FAILURE(spoil_a_commit(std::byte{0xd5}));
    EXPECT_EQ(reread(mode, RepairPolicy::kTruncatePartial).value(), texts(3));
    EXPECT_FALSE(disk_.has(kSideFile)) << "what nobody writes does not stay";
  }
}

TEST_F(SharedBlocks, AreNotRestoredByAStrictOpeningWhichSaysSoAndChangesNothing) {
  // Zeros would pass for the end of a shorter log.
  for (const std::byte with : {std::byte{0xd5}, std::byte{0}}) {
    disk_.set_image({});
    ASSERT_NO_FATAL_FAILURE(spoil_a_commit(with));
    const size_t before = disk_.trace.size();
    const auto refused = reread(TornWrites::kDoubleWrite, RepairPolicy::kStrict);
    ASSERT_TRUE(fails_with(refused, Code::kCorrupt, Reason::kCrcMismatch));
    EXPECT_EQ(refused.error().where(), kSegment);
    EXPECT_EQ(refused.error().found(), tail_block());
    for (size_t i = before; i < disk_.trace.size(); ++i) {
      EXPECT_TRUE(disk_.trace[i].starts_with("sync")) << disk_.trace[i];
    }
  }
}

TEST_F(SharedBlocks, AreReadFromTheSideFileByThoseWhoChangeNothing) {
  ASSERT_NO_FATAL_FAILURE(spoil_a_commit(std::byte{0xd5}));
  const std::unique_ptr<WalReader> reader = open_wal_reader(disk_, nullptr, {}).value();
  TestFrames found;
  while (const auto frame = reader->next().value()) {
    found.emplace_back(frame->lsn, as_text(frame->payload));
  }
  EXPECT_EQ(found, texts(3));
  TestRuntime runtime;
  const WalReport report = check_log(runtime, disk_, {}).value();
  EXPECT_FALSE(report.is_damaged());
  EXPECT_GT(report.restorable_bytes(), 0u);
  EXPECT_EQ(report.records(), 3u);
}

TEST_F(SharedBlocks, NeverGetARecordFromTheSideFileThatTheLogDidNotHave) {
  DiskImage image;
  {
    const OpenWal log = open(TornWrites::kDoubleWrite).value();
    ASSERT_NO_FATAL_FAILURE(commit(*log, 3));
    ASSERT_OK(append(*log, "under way"));
    disk_.after_operation = [&] {
      if (disk_.trace.back() == "sync " + kSideFile) image = disk_.image();
    };
    ASSERT_OK(log->sync());
    disk_.after_operation = nullptr;
  }
  Dice dice(1);
  disk_.set_image(crash(image, CrashKind::kAllLost, dice));
  EXPECT_EQ(reread(TornWrites::kDoubleWrite, RepairPolicy::kStrict).value(), texts(3));
}

// W20
TEST_F(SharedBlocks, AreLeftWhenTheSideFileFailsSoThatNothingIsEverUnprotected) {
  const OpenWal log = open(TornWrites::kDoubleWrite).value();
  ASSERT_NO_FATAL_FAILURE(commit(*log, 3));
  disk_.fail(DiskOp::kWrite, Code::kIo);  // the next is the side file's
  size_t written = disk_.trace.size();
  ASSERT_NO_FATAL_FAILURE(commit(*log, 4));
  const WalProtection protection = log->protection();
  ASSERT_TRUE(protection.failure);
  EXPECT_EQ(protection.failure->code(), Code::kIo);
  EXPECT_EQ(protection.padded_blocks, 1u);
  EXPECT_EQ(log->durable_lsn(), 7u);
  for (; written < disk_.trace.size(); ++written) {
    EXPECT_FALSE(disk_.trace[written] == "sync " + kSideFile);
  }
  ASSERT_OK(log->attach_side_file());
  EXPECT_FALSE(log->protection().failure);
  ASSERT_NO_FATAL_FAILURE(commit(*log, 3));
  EXPECT_GT(log->protection().double_writes, 2u);
  EXPECT_EQ(frames_after(disk_, CrashKind::kAllLost, nullptr).value(), texts(10));
}

TEST_F(SharedBlocks, LoseNothingWhateverFailsOfTheSideFileAndWheneverThePowerGoes) {
  for (const DiskOp op : {DiskOp::kCreate, DiskOp::kWrite, DiskOp::kSync, DiskOp::kSyncDir}) {
    for (int place = 0; place < 24; ++place) {
      CrashDisk disk;
      const OpenWal log = open_wal(disk, options(TornWrites::kDoubleWrite)).value();
      disk.fail(op, Code::kIo, place);
      Lsn acked = 0;
      disk.after_operation = [&] {
        Dice dice(acked * 100 + disk.trace.size());
        CrashDisk after(crash(disk.image(), CrashKind::kMixed, dice));
        TestRuntime runtime(5);
        const auto reopened = Log::open(runtime, after, {});
        ASSERT_OK(reopened);
        const TestFrames found = frames(**reopened).value();
        ASSERT_GE(found.size(), acked);
        ASSERT_EQ(found, texts(found.size()));
      };
      for (int i = 0; i < 6 && log->append({.head = as_bytes("r" + std::to_string(i + 1))}).ok();
           ++i) {
        if (log->sync().ok()) acked = log->durable_lsn();
        if (i == 3) static_cast<void>(log->attach_side_file());
      }
      disk.after_operation = nullptr;
    }
  }
}

TEST_F(SharedBlocks, HaveNoSideFileWhereNoneIsWanted) {
  for (const TornWrites mode : {TornWrites::kPad, TornWrites::kOff}) {
    CrashDisk disk;
    const OpenWal log = open_wal(disk, options(mode)).value();
    ASSERT_NO_FATAL_FAILURE(commit(*log, 5));
    EXPECT_TRUE(fails_with(log->attach_side_file(), Code::kInvalid));
    EXPECT_FALSE(log->protection().failure) << "a mode is no failure";
    EXPECT_EQ(log->protection().torn_writes, mode);
    EXPECT_FALSE(disk.has(kSideFile));
  }
}

TEST_F(SharedBlocks, AreNotForEncryptedLogs) {
  for (const TornWrites mode : {TornWrites::kDoubleWrite, TornWrites::kOff}) {
    SegmentedWalOptions with_keys = options(mode);
    with_keys.keys = test_ring(1, 9);
    EXPECT_TRUE(fails_with(open_wal(disk_, with_keys), Code::kInvalid, Reason::kOutOfRange));
    const OpenWal log = open(mode).value();
    EXPECT_TRUE(fails_with(log->set_keys(test_ring(1, 9)), Code::kInvalid, Reason::kOutOfRange));
    ASSERT_NO_FATAL_FAILURE(commit(*log, 2));
  }
}

TEST_F(SharedBlocks, AreSharedByFileLogsToo) {
  const WalFileOptions options{.repair = RepairPolicy::kTruncatePartial,
                               .torn_writes = TornWrites::kDoubleWrite};
  TestRuntime runtime;
  DiskImage image;
  {
    WalWriter log = WalWriter::open(runtime, disk_, kFile, options).value();
    for (int i = 1; i <= 5; ++i) {
      ASSERT_OK(put(log, "r" + std::to_string(i)));
      if (i == 4) {
        disk_.after_operation = [&] {
          if (disk_.trace.back().starts_with("write " + unborn_name(kFile))) image = disk_.image();
        };
      }
      ASSERT_OK(log.sync());
      disk_.after_operation = nullptr;
      EXPECT_LT(log.file_offset(), kBlockBytes);
    }
    EXPECT_EQ(log.protection().double_writes, 4u);
  }
  Dice dice(1);
  disk_.set_image(crash(image, CrashKind::kAllLost, dice));
  const std::string side = side_file_name(kFile);
  const uint64_t block = load_tail_image(disk_, side).value().value().offset;
  std::vector<std::byte>& bytes = disk_.bytes(kFile);
  std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(block), kBlockBytes, std::byte{0xd5});
  disk_.settle(kFile);
  EXPECT_TRUE(fails_with(WalWriter::open(runtime, disk_, kFile, policy(RepairPolicy::kStrict)),
                         Code::kCorrupt, Reason::kCrcMismatch));
  EXPECT_EQ(check_file(disk_, kFile, {}).value().records(), 3u);
  WalWriter log = WalWriter::open(runtime, disk_, kFile, options).value();
  EXPECT_EQ(log.current_lsn(), 3u);
  EXPECT_GT(log.repair().restored_bytes, 0u);
  ASSERT_OK(put(log, "r4"));
  ASSERT_OK(log.close());
  EXPECT_EQ(file_frames(disk_).value(), texts(4));
}

}  // namespace
}  // namespace sluice::wal
