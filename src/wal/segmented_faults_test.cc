// What a SegmentedWal does when one thing fails or is absent: a disk that is full, a sync, a name.
#include <gtest/gtest.h>

#include <algorithm>

#include "wal/segmented_fixture.h"

namespace sluice::wal {
namespace {

using SegmentedFaults = SegmentedTest;
// W16: whatever may be staged beside a running sync is: a sync of its own would overtake it.
TEST(SegmentedStage, TheLargestBatchThatIsStagedIsNotWrittenBesideARunningSync) {
  for (const auto& keys : {std::shared_ptr<const KeyRing>(), test_ring(1, 9)}) {
    CrashDisk disk;
    test_keys() = keys;
    const OpenLog log = open_log(disk, 1).value();
    test_keys() = nullptr;
    const std::string large(kThroughBytes - sizeof(FrameHeader), 'b');
    const auto stage = [&](std::string_view text) {
      const RecordView record{.head = as_bytes(text)};
      return log->stage({&record, 1});
    };
    ASSERT_OK(stage("first"));
    const Boundary target = log->begin_sync().value();
    const Status waited = log->wait_for_sync();
    ASSERT_OK(stage("second"));
    size_t syncs = 0;
    disk.after_operation = [&] { syncs += disk.trace.back().starts_with("sync") ? 1 : 0; };
    ASSERT_OK(stage(large));
    EXPECT_EQ(syncs, 0u);
    ASSERT_OK(log->end_sync(target, waited));
    EXPECT_EQ(log->durable_lsn(), 1u);
    ASSERT_OK(log->sync());
    EXPECT_EQ(log->durable_lsn(), 3u);
  }
}

INSTANTIATE_TEST_SUITE_P(Logs, SegmentedFaults, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Encrypted" : "Plain"; });

TEST_P(SegmentedFaults, AFailedDirectorySyncInARollRefusesTheAppendAndLeavesTheOldSegment) {
  const OpenWal log = open(options(100)).value();
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->sync());
  disk_.fail(DiskOp::kSyncDir, Code::kIo);
  const Result<Lsn> refused = append(*log, "refused");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kIo);
  EXPECT_EQ(first_lsns(*log), std::vector<Lsn>{1});
  EXPECT_EQ(append(*log, "r2").value(), 2u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 2));
  EXPECT_EQ(survivors(CrashKind::kAllKept), numbered(1, 2));
}

TEST_P(SegmentedFaults, AFailedDirectorySyncInARollLeavesTheOldSegmentWritable) {
  const OpenWal log = open(options(100)).value();
  ASSERT_OK(append(*log, "r1"));
  disk_.fail(DiskOp::kSyncDir, Code::kIo);
  EXPECT_EQ(log->roll().error().code(), Code::kIo);
  // The batch goes on in the old segment if another roll fails, too.
  disk_.fail(DiskOp::kRename, Code::kFull);
  EXPECT_EQ(append(*log, "refused").error().code(), Code::kFull);
  EXPECT_EQ(append(*log, "r2").value(), 2u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 2));
}

// W10: or the successor's name, which a crash may leave, ends the log before what follows.
TEST_P(SegmentedFaults, AFailedDirectorySyncInARollIsUndoneBeforeTheOldSegmentGoesOn) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  disk_.fail(DiskOp::kSyncDir, Code::kIo);
  EXPECT_EQ(log->roll().error().code(), Code::kIo);
  EXPECT_EQ(append(*log, "r2").value(), 2u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(first_lsns(*log), std::vector<Lsn>{1}) << "it is not full";
  for (const CrashKind kind :
       {CrashKind::kAllLost, CrashKind::kAllKept, CrashKind::kMixed, CrashKind::kProcessDied}) {
    EXPECT_EQ(survivors(kind), numbered(1, 2));
  }
}

TEST_P(SegmentedFaults, AFailedDirectorySyncInATruncationIsReturnedAndARetryCompletes) {
  const OpenWal log = open(options()).value();
  fill(*log, 30, 10);
  disk_.fail(DiskOp::kSyncDir, Code::kIo, 1);
  EXPECT_EQ(log->truncate_before(30).error().code(), Code::kIo);
  EXPECT_FALSE(survivors().empty());
  ASSERT_OK(log->truncate_before(30));
  EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{21, 31}));
  EXPECT_EQ(survivors(), numbered(21, 30));
}

TEST_P(SegmentedFaults, ATruncationCountsWhatAnEarlierOneFailedToRemove) {
  const OpenWal log = open(options()).value();
  fill(*log, 40, 10);
  disk_.fail(DiskOp::kSyncDir, Code::kIo);
  EXPECT_EQ(log->truncate_before(31).error().code(), Code::kIo);
  ASSERT_EQ(first_lsns(*log).size(), 5u);
  const uint64_t bytes = log->total_size_bytes();
  const WalTruncation truncated = log->truncate_before(11).value();
  EXPECT_EQ(truncated.segments, 3u);
  EXPECT_EQ(truncated.bytes + log->total_size_bytes(), bytes + kBlockBytes) << "and a checkpoint";
  EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{31, 41}));
}

TEST_P(SegmentedFaults, ACrashInATruncationLeavesASuffixWithoutAHoleAndARetryCompletes) {
  std::vector<DiskImage> images;
  {
    const OpenWal log = open(options()).value();
    fill(*log, 40, 10);
    disk_.after_operation = [&] { images.push_back(disk_.image()); };
    ASSERT_EQ(log->truncate_before(31).value().segments, 3u);
    disk_.after_operation = nullptr;
  }
  ASSERT_GT(images.size(), 5u);
  for (const CrashKind kind : {CrashKind::kAllLost, CrashKind::kAllKept, CrashKind::kMixed}) {
    Dice dice(3);
    for (const DiskImage& image : images) {
      CrashDisk after(crash(image, kind, dice));
      const OpenWal log = open_wal(after, options(), 4).value();
      const std::vector<Lsn> lsns = first_lsns(*log);
      ASSERT_GE(lsns.size(), 2u);
      for (size_t i = 1; i < lsns.size(); ++i) EXPECT_EQ(lsns[i], lsns[i - 1] + 10);
      ASSERT_OK(log->truncate_before(31));
      EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{31, 41}));
    }
  }
}

TEST_P(SegmentedFaults, AFailedSyncPoisonsForEver) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->sync());
  ASSERT_OK(append(*log, "r2"));
  disk_.fail(DiskOp::kSync, Code::kIo);
  EXPECT_EQ(log->sync().error().code(), Code::kPoisoned);
  const WalRecord record{.head = as_bytes("late")};
  for (const Status& answer :
       {log->sync(), log->roll(), log->close(), log->wait_durable(2), log->set_keys(keys()),
        Status(append(*log, "late").error()), Status(log->commit({&record, 1}).error()),
        Status(log->truncate_before(1).error())}) {
    EXPECT_EQ(answer.error().code(), Code::kPoisoned);
  }
  EXPECT_EQ(log->durable_lsn(), 1u);
  ASSERT_OK(log->wait_durable(1));
}

TEST_P(SegmentedFaults, AFullDiskInASyncPoisonsToo) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  disk_.fail(DiskOp::kSync, Code::kFull);
  EXPECT_EQ(log->sync().error().code(), Code::kPoisoned);
  EXPECT_EQ(log->sync().error().code(), Code::kPoisoned);
}

TEST_P(SegmentedFaults, AFullDiskAtASyncKeepsWhatWasAppendedForTheNextSync) {
  const OpenWal log = open(options()).value();
  for (const char* text : {"r1", "r2", "r3"}) ASSERT_OK(append(*log, text));
  disk_.fail(DiskOp::kWrite, Code::kFull);
  const Status full = log->sync();
  EXPECT_EQ(full.error().code(), Code::kFull);
  EXPECT_EQ(log->durable_lsn(), 0u);
  EXPECT_EQ(log->next_lsn(), 4u);
  EXPECT_EQ(survivors(), TestFrames());
  ASSERT_EQ(append(*log, "r4").value(), 4u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 4));
}

TEST_P(SegmentedFaults, AFullDiskAtACloseLeavesTheLogOpen) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  disk_.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_EQ(log->close().error().code(), Code::kFull);
  ASSERT_EQ(append(*log, "r2").value(), 2u);
  disk_.fail(DiskOp::kWrite, Code::kFull, 1);  // the mark behind the sync
  EXPECT_EQ(log->close().error().code(), Code::kFull);
  ASSERT_EQ(append(*log, "r3").value(), 3u);
  ASSERT_OK(log->close());
  EXPECT_EQ(survivors(), numbered(1, 3));
}

TEST_P(SegmentedFaults, ACommitOnAFullDiskIsTakenBackAndWhatOthersAppendedIsKept) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  const WalRecord record{.head = as_bytes("taken back")};
  disk_.fail(DiskOp::kWrite, Code::kFull, 1);  // the first writes what others appended
  EXPECT_EQ(log->commit({&record, 1}).error().code(), Code::kFull);
  EXPECT_EQ(log->next_lsn(), 2u);
  EXPECT_EQ(append(*log, "r2").value(), 2u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 2));
  EXPECT_EQ(survivors(CrashKind::kAllKept), numbered(1, 2));
}

TEST_P(SegmentedFaults, ACommitIsRefusedIfWhatOthersAppendedCannotBeWritten) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  const WalRecord record{.head = as_bytes("refused")};
  disk_.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_EQ(log->commit({&record, 1}).error().code(), Code::kFull);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 1));
}

TEST_P(SegmentedFaults, AnAppendWithoutSpaceTakesNoLsn) {
  const OpenWal log = open(options(100)).value();
  const std::string large(kStagedBytesMax, 'x');
  for (int i = 0; i < 3; ++i) {
    disk_.fail(DiskOp::kAllocate, Code::kFull);
    EXPECT_EQ(append(*log, large).error().code(), Code::kFull);
  }
  EXPECT_EQ(append(*log, "r1").value(), 1u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 1));
}

TEST_P(SegmentedFaults, AWriteOfUnknownOutcomePoisons) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  disk_.fail(DiskOp::kWrite, Code::kIo);
  EXPECT_EQ(log->sync().error().code(), Code::kPoisoned);
  EXPECT_EQ(append(*log, "r2").error().code(), Code::kPoisoned);
}

TEST(SegmentedKeys, EverySegmentIsSealedAndNoTextLiesOnTheDisk) {
  CrashDisk disk;
  const auto keys = test_ring(1, 9);
  {
    const OpenWal log = open_wal(disk, {.segment_bytes = 100, .keys = keys}).value();
    for (int i = 0; i < 10; ++i) {
      ASSERT_OK(append(*log, "secret-" + std::to_string(i)));
      ASSERT_OK(log->sync());
    }
    EXPECT_EQ(log->key_ring(), keys);
    ASSERT_EQ(log->list_segments().size(), 10u);
    for (const WalSegment& segment : log->list_segments()) {
      EXPECT_TRUE(read_segment_header(disk, segment.name).value().is_encrypted());
    }
  }
  for (const DiskEntry& entry : disk.list().value()) {
    EXPECT_EQ(as_text(disk.bytes(entry.name)).find("secret"), std::string_view::npos);
  }
  const TestFrames found =
      frames_after(disk, CrashKind::kProcessDied, test_ring(1, 9)).value();  // the bytes alone
  ASSERT_EQ(found.size(), 10u);
  EXPECT_EQ(found[9], TestFrame(10, "secret-9"));
  EXPECT_EQ(frames_after(disk, CrashKind::kProcessDied, nullptr).error().reason(),
            Reason::kMissingKey);
}

TEST(SegmentedKeys, KeysThatAreSetOnALogWithRecordsTakeEffectInANewSegment) {
  CrashDisk disk;
  const OpenWal log = open_wal(disk, {}).value();
  EXPECT_EQ(log->key_ring(), nullptr);
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->set_keys(test_ring(1, 9)));
  EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{1, 2}));
  ASSERT_OK(append(*log, "r2"));
  ASSERT_OK(log->sync());
  EXPECT_FALSE(read_segment_header(disk, segment_name(1)).value().is_encrypted());
  EXPECT_TRUE(read_segment_header(disk, segment_name(2)).value().is_encrypted());
  EXPECT_EQ(frames_after(disk, CrashKind::kAllLost, test_ring(1, 9)).value(), numbered(1, 2));
}

TEST(SegmentedKeys, KeysThatAreSetBeforeTheFirstRecordSealIt) {
  CrashDisk disk;
  const OpenWal log = open_wal(disk, {}).value();
  ASSERT_OK(log->set_keys(test_ring(1, 9)));
  EXPECT_EQ(first_lsns(*log), std::vector<Lsn>{1});
  EXPECT_TRUE(read_segment_header(disk, segment_name(1)).value().is_encrypted());
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->sync());
  EXPECT_EQ(frames_after(disk, CrashKind::kAllLost, test_ring(1, 9)).value(), numbered(1, 1));
}

TEST(SegmentedKeys, AReaderGoesOnWhereKeysReplacedTheSegmentThatItWaitedFor) {
  CrashDisk disk;
  const OpenWal log = open_wal(disk, {}).value();
  const auto reader = log->read({}).value();
  ASSERT_OK(log->set_keys(test_ring(1, 9)));
  EXPECT_FALSE(reader->next().value().has_value());
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->sync());
  reader->reset();
  EXPECT_EQ(reader->next().value()->lsn, 1u);
}

TEST(SegmentedKeys, AReaderFromOutsideWaitsWhileKeysAreSetAgainAndAgain) {
  class HookedDisk : public CrashDisk {
   public:
    std::function<void()> before_open;
    Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
      const auto hook = std::exchange(before_open, nullptr);
      if (hook) hook();
      return CrashDisk::open(name, mode);
    }
  };
  HookedDisk disk;
  const auto keys = test_ring(1, 9);
  const OpenWal log = open_wal(disk, {.keys = keys}).value();
  const auto reader = open_wal_reader(disk, keys, {}).value();
  int turns = 0;
  const std::function<void()> turn = [&] {
    ASSERT_OK(log->set_keys(keys));
    if (++turns < 5) disk.before_open = turn;
  };
  disk.before_open = turn;
  ASSERT_OK(reader->next());
  EXPECT_EQ(turns, 5);
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->sync());
  reader->reset();
  EXPECT_EQ(reader->next().value()->lsn, 1u);
}

TEST(SegmentedKeys, KeysThatAreSetWhereAFullSegmentWasJustLeftSealWhatFollows) {
  CrashDisk disk;
  const OpenWal log = open_wal(disk, {.keys = test_ring(1, 9)}).value();
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->roll());
  auto both = KeyRing::make(2, test_key(8)).value();
  ASSERT_OK(both.add(1, test_key(9)));
  const auto ring = std::make_shared<const KeyRing>(both);
  ASSERT_OK(log->set_keys(ring));
  EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{1, 2}));
  EXPECT_EQ(read_segment_header(disk, segment_name(2)).value().key.id, 2u);
  ASSERT_OK(append(*log, "r2"));
  ASSERT_OK(log->sync());
  EXPECT_EQ(frames_after(disk, CrashKind::kAllLost, ring).value(), numbered(1, 2));
}

TEST(SegmentedKeys, APowerCutWhileKeysAreSetLosesNothing) {
  for (const CrashKind kind : {CrashKind::kAllLost, CrashKind::kAllKept, CrashKind::kMixed}) {
    CrashDisk disk;
    const OpenWal log = open_wal(disk, {}).value();
    ASSERT_OK(append(*log, "r1"));
    ASSERT_OK(log->roll());
    std::vector<DiskImage> images;
    disk.after_operation = [&] { images.push_back(disk.image()); };
    ASSERT_OK(log->set_keys(test_ring(1, 9)));
    disk.after_operation = nullptr;
    for (const DiskImage& image : images) {
      EXPECT_EQ(frames_after(CrashDisk(image), kind, test_ring(1, 9)).value(), numbered(1, 1));
    }
  }
}

TEST(SegmentedKeys, ANameThatMayBeLostWhileKeysAreSetPoisons) {
  CrashDisk disk;
  const OpenWal log = open_wal(disk, {}).value();
  disk.fail(DiskOp::kSyncDir, Code::kIo);
  EXPECT_EQ(log->set_keys(test_ring(1, 9)).error().code(), Code::kPoisoned);
  EXPECT_EQ(append(*log, "late").error().code(), Code::kPoisoned);
}

TEST(SegmentedKeys, ALogThatRefusesPlaintextNeedsAKeyAtOpeningAndForEver) {
  CrashDisk disk;
  const SegmentedWalOptions refusing{.plaintext = Plaintext::kRefused};
  EXPECT_EQ(open_wal(disk, refusing).error().reason(), Reason::kMissingKey);
  SegmentedWalOptions keyed = refusing;
  keyed.keys = test_ring(1, 9);
  const OpenWal log = open_wal(disk, keyed).value();
  EXPECT_EQ(log->set_keys(nullptr).error().reason(), Reason::kMissingKey);
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->sync());
  EXPECT_EQ(frames_after(disk, CrashKind::kAllLost, keyed.keys).value(), numbered(1, 1));
}

}  // namespace
}  // namespace sluice::wal
