#include "wal/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wal/log_fixture.h"

namespace sluice::wal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_text(CrashDisk& disk, const std::string& name) {
  return std::string(as_text(disk.bytes(name)));
}

TEST(Log, GivesBackEveryFieldOfARecord) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  const std::vector<RecordView> records = {
      {.type = 16, .vshard = 3, .tenant = 9, .head = as_bytes("head,"), .body = as_bytes("body")},
      {.type = 17 | kRequiredBit, .body = as_bytes("")}};
  EXPECT_EQ(log->append(records).value(), 1u);
  ASSERT_OK(log->sync());
  const auto reader = log->read({.from = 1}).value();
  const LogFrame first = reader->next().value().value();
  EXPECT_EQ(first.lsn, 1u);
  EXPECT_EQ(first.type, 16);
  EXPECT_EQ(first.vshard, 3);
  EXPECT_EQ(first.tenant, 9u);
  EXPECT_EQ(as_text(first.payload), "head,body");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first.payload.data()) % kFrameAlignment, 0u);
  const LogFrame second = reader->next().value().value();
  EXPECT_EQ(second.lsn, 2u);
  EXPECT_EQ(second.type, 17 | kRequiredBit);
  EXPECT_TRUE(second.payload.empty());
  EXPECT_FALSE(reader->next().value().has_value());
  EXPECT_FALSE(reader->next().value().has_value());
}

TEST(Log, OfAnEmptyDirectoryIsFreshAndStartsAboveTheFloor) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk, 1, 41).value();
    EXPECT_TRUE(log->recovered().fresh);
    EXPECT_EQ(log->recovered().base_lsn, 42u);
    EXPECT_EQ(log->recovered().first_lsn, 42u);
    EXPECT_EQ(log->recovered().last_lsn, 41u);
    EXPECT_EQ(log->durable_lsn(), 41u);
    EXPECT_EQ(append(*log, {"a"}).value(), 42u);
    ASSERT_OK(log->close());
  }
  const OpenLog log = open_log(disk, 2).value();
  EXPECT_FALSE(log->recovered().fresh);
  EXPECT_EQ(log->recovered().last_lsn, 42u);
}

TEST(Log, RefusesAFloorThatLeavesNoLsn) {
  CrashDisk disk;
  EXPECT_EQ(open_log(disk, 1, UINT64_MAX).error().reason(), Reason::kOutOfRange);
}

// W12
TEST(Log, ContinuesAboveAFloorAndReadsAcrossTheDeclaredGap) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk, 1).value();
    ASSERT_OK(append(*log, {"one", "two"}));
    ASSERT_OK(log->sync());
  }
  {
    const OpenLog log = open_log(disk, 2, 10).value();
    EXPECT_EQ(append(*log, {"eleven"}).value(), 11u);
    ASSERT_OK(log->sync());
    EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "one"}, {2, "two"}, {11, "eleven"}}));
  }
  const OpenLog log = open_log(disk, 3).value();
  EXPECT_EQ(log->recovered().base_lsn, 12u);
  EXPECT_EQ(frames(*log, {.from = 5}).value(), (TestFrames{{11, "eleven"}}));
}

// W16
TEST(Log, ShowsReadersOnlyWhatIsDurable) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"durable"}));
  ASSERT_OK(log->sync());
  ASSERT_OK(append(*log, {"not yet"}));
  EXPECT_EQ(log->appended_lsn(), 2u);
  EXPECT_EQ(log->durable_lsn(), 1u);
  EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "durable"}}));
  ASSERT_OK(log->sync());
  EXPECT_EQ(log->durable_lsn(), 2u);
  EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "durable"}, {2, "not yet"}}));
}

TEST(Log, ReadsExactlyTheRangeAskedFor) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  for (const char* text : {"1", "2", "3", "4", "5"}) {
    ASSERT_OK(append(*log, {text}));
    ASSERT_OK(log->roll({}));
  }
  EXPECT_EQ(frames(*log, {.from = 2, .to = 4}).value(), (TestFrames{{2, "2"}, {3, "3"}, {4, "4"}}));
  EXPECT_TRUE(frames(*log, {.from = 6}).value().empty());
  ASSERT_OK(log->trim(2, {}));
  const auto trimmed = log->read({.from = 2});
  EXPECT_EQ(trimmed.error().code(), Code::kNotFound);
  EXPECT_EQ(trimmed.error().reason(), Reason::kMissingSegment);
  EXPECT_EQ(trimmed.error().expected(), 3u);
}

TEST(Log, LetsAReaderFinishTheFileThatATrimRemoves) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one", "two"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(append(*log, {"three"}));
  ASSERT_OK(log->roll({}));
  const auto reader = log->read({.from = 1}).value();
  EXPECT_EQ(reader->next().value()->lsn, 1u);
  ASSERT_OK(log->trim(3, {}));
  EXPECT_EQ(reader->next().value()->lsn, 2u);
  const auto gone = reader->next();
  EXPECT_EQ(gone.error().code(), Code::kNotFound);
  EXPECT_EQ(reader->next().error().code(), Code::kNotFound);
}

TEST(Log, RefusesAPayloadAboveTheLimitAndTakesOneAtIt) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  const std::vector<std::byte> large(kPayloadBytesMax + 1, std::byte{'x'});
  const RecordView too_large{.head = ByteView(large).first(1), .body = ByteView(large).subspan(1)};
  const auto refused = log->append(std::span(&too_large, 1));
  EXPECT_EQ(refused.error().code(), Code::kInvalid);
  EXPECT_EQ(refused.error().reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(refused.error().found(), kPayloadBytesMax + 1);
  const RecordView at_limit{.body = ByteView(large).subspan(1)};
  EXPECT_EQ(log->append(std::span(&at_limit, 1)).value(), 1u);
  ASSERT_OK(log->sync());
  EXPECT_TRUE(log->wants_roll());
  const auto reader = log->read({.from = 1}).value();
  EXPECT_EQ(reader->next().value()->payload.size(), kPayloadBytesMax);
}

// W15
TEST(Log, ExcludesASecondOpener) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    const auto second = open_log(disk, 2);
    EXPECT_EQ(second.error().code(), Code::kBusy);
    EXPECT_EQ(second.error().reason(), Reason::kLocked);
  }
  ASSERT_OK(open_log(disk, 3));
}

// W8
TEST(Log, IsPoisonedForGoodByAFailedSync) {
  for (const Code code : {Code::kIo, Code::kFull}) {
    CrashDisk disk;
    const OpenLog log = open_log(disk).value();
    ASSERT_OK(append(*log, {"a"}));
    disk.fail(DiskOp::kSync, code);
    EXPECT_EQ(log->sync().error().code(), Code::kPoisoned);
    EXPECT_EQ(log->sync().error().code(), Code::kPoisoned);
    EXPECT_EQ(append(*log, {"b"}).error().code(), Code::kPoisoned);
    EXPECT_EQ(log->roll({}).error().code(), Code::kPoisoned);
    EXPECT_EQ(log->checkpoint({}, 0).error().code(), Code::kPoisoned);
    EXPECT_EQ(log->trim(0, {}).error().code(), Code::kPoisoned);
    EXPECT_EQ(log->idle().error().code(), Code::kPoisoned);
    EXPECT_EQ(log->close().error().code(), Code::kPoisoned);
    EXPECT_EQ(log->durable_lsn(), 0u);
  }
}

TEST(Log, TakesTheSameRecordsAfterAFullDiskAndNeverShowsThemTwice) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"before"}));
  disk.fail(DiskOp::kAllocate, Code::kFull);
  const std::string large(200'000, 'x');
  EXPECT_EQ(append(*log, {"first", large}).error().code(), Code::kFull);
  EXPECT_EQ(log->appended_lsn(), 1u);
  EXPECT_EQ(append(*log, {"first", large}).value(), 2u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "before"}, {2, "first"}, {3, large}}));
}

TEST(Log, IsPoisonedWhenWhatAFullDiskLeftCannotBeErased) {
  for (const DiskOp op : {DiskOp::kWrite, DiskOp::kAllocate, DiskOp::kSync}) {
    CrashDisk disk;
    const OpenLog log = open_log(disk).value();
    ASSERT_OK(append(*log, {"before"}));
    disk.fail(DiskOp::kWrite, Code::kFull);
    disk.fail(op, Code::kFull);
    EXPECT_EQ(append(*log, {"first"}).error().code(), Code::kPoisoned);
  }
}

// W9
TEST(Log, ErasesWhatAFullDiskLeftAndGoesOnAtTheSamePlace) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"before"}));
  disk.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_EQ(append(*log, {"first", "second"}).error().code(), Code::kFull);
  EXPECT_EQ(log->durable_lsn(), 1u) << "erasing syncs what was there before";
  EXPECT_EQ(file_text(disk, segment_name(1)).find("first"), std::string::npos);
  EXPECT_EQ(append(*log, {"first", "second"}).value(), 2u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "before"}, {2, "first"}, {3, "second"}}));
}

// W9: a payload that is not staged; its header or itself meets the full disk.
TEST(Log, LosesNothingBehindALargeRecordThatAFullDiskRefused) {
  const std::string large(700'000, 'x');
  for (const int place : {0, 1, 2}) {
    CrashDisk disk;
    {
      const OpenLog log = open_log(disk).value();
      ASSERT_OK(append(*log, {"before"}));
      disk.fail(DiskOp::kWrite, Code::kFull, place);
      EXPECT_EQ(append(*log, {large}).error().code(), Code::kFull);
      EXPECT_EQ(append(*log, {"behind"}).value(), 2u);
      ASSERT_OK(log->sync());
    }
    EXPECT_EQ(reopened_frames(disk).value(), (TestFrames{{1, "before"}, {2, "behind"}}));
    EXPECT_EQ(file_text(disk, segment_name(1)).find("xxxx"), std::string::npos);
  }
}

TEST(Log, TrimsOnAFullDiskFromItsReserve) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"a"}));
  ASSERT_OK(log->roll({}));
  for (int i = 0; i < 1000; ++i) disk.fail(DiskOp::kAllocate, Code::kFull);
  const std::string block(4000, 'x');
  Result<Lsn> appended = append(*log, {block});
  while (appended.ok()) appended = append(*log, {block});
  EXPECT_EQ(appended.error().code(), Code::kFull);
  ASSERT_OK(log->trim(log->durable_lsn(), as_bytes("state")));
  EXPECT_FALSE(disk.has(segment_name(1)));
}

// W10
TEST(Log, GoesOnInTheOldSegmentWhenARollFails) {
  for (const DiskOp op : {DiskOp::kCreate, DiskOp::kRename, DiskOp::kSyncDir}) {
    CrashDisk disk;
    const OpenLog log = open_log(disk).value();
    ASSERT_OK(append(*log, {"one"}));
    disk.fail(op, Code::kIo);
    EXPECT_EQ(log->roll(as_bytes("x")).error().code(), Code::kIo);
    EXPECT_EQ(list_segments(disk).value().size(), 1u);
    EXPECT_EQ(append(*log, {"two"}).value(), 2u);
    ASSERT_OK(log->roll(as_bytes("x")));
    EXPECT_EQ(list_segments(disk).value().size(), 2u);
    EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "one"}, {2, "two"}}));
  }
}

TEST(Log, IsPoisonedWhenAFailedRollCannotBeUndone) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one"}));
  disk.fail(DiskOp::kSyncDir, Code::kIo);
  disk.fail(DiskOp::kSyncDir, Code::kIo);
  EXPECT_EQ(log->roll({}).error().code(), Code::kPoisoned);
  EXPECT_EQ(append(*log, {"two"}).error().code(), Code::kPoisoned);
}

TEST(Log, RemovesOnlyWholeSegmentsBelowTheTrimLsn) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(append(*log, {"a", "b"}));
    ASSERT_OK(log->roll({}));
  }
  ASSERT_OK(log->trim(3, {}));
  EXPECT_THAT(list_segments(disk).value(),
              ElementsAre(segment_name(3), segment_name(5), segment_name(7)));
  EXPECT_EQ(log->stats().segments, 3u);
  ASSERT_OK(log->trim(1, {}));
  EXPECT_EQ(log->trim(7, {}).error().reason(), Reason::kOutOfRange);
  ASSERT_OK(log->trim(6, {}));
  EXPECT_THAT(list_segments(disk).value(), ElementsAre(segment_name(7)));
  EXPECT_TRUE(frames(*log, {.from = 7}).value().empty());
}

TEST(Log, CarriesTheApplicationsPartAndTheTrimLsnThroughOpenings) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk, 1).value();
    EXPECT_TRUE(log->recovered().application.empty());
    ASSERT_OK(append(*log, {"one"}));
    ASSERT_OK(log->roll(as_bytes("first")));
    ASSERT_OK(append(*log, {"two"}));
    ASSERT_OK(log->sync());
    ASSERT_OK(log->trim(1, as_bytes("second")));
    ASSERT_OK(log->close());
  }
  for (uint64_t seed = 2; seed < 5; ++seed) {
    const OpenLog log = open_log(disk, seed).value();
    EXPECT_EQ(as_text(log->recovered().application), "second");
    EXPECT_EQ(log->recovered().first_lsn, 2u);
    EXPECT_EQ(log->recovered().last_lsn, 2u);
  }
}

TEST(Log, KeepsTheChainOfItsOpenings) {
  CrashDisk disk;
  std::vector<ChainLink> expected;
  LogId log_id;
  for (uint64_t seed = 1; seed < 5; ++seed) {
    const OpenLog log = open_log(disk, seed).value();
    const RecoveredLog& recovered = log->recovered();
    if (seed == 1) log_id = recovered.log_id;
    EXPECT_EQ(recovered.log_id, log_id);
    expected.push_back({recovered.opening, recovered.base_lsn});
    EXPECT_EQ(recovered.chain, expected);
    if (seed % 2 == 0) {
      ASSERT_OK(append(*log, {"x"}));
      ASSERT_OK(log->roll({}));
    }
  }
}

TEST(Log, ReplacesAnEmptyNewestSegment) {
  CrashDisk disk;
  ASSERT_OK(open_log(disk, 1));
  ASSERT_OK(open_log(disk, 2));
  EXPECT_THAT(list_segments(disk).value(), ElementsAre(segment_name(1)));
}

TEST(Log, RefusesChangesAfterItsCloseAndStillReads) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one"}));
  ASSERT_OK(log->close());
  EXPECT_EQ(log->durable_lsn(), 1u);
  EXPECT_EQ(append(*log, {"two"}).error().reason(), Reason::kClosed);
  EXPECT_EQ(log->sync().error().reason(), Reason::kClosed);
  EXPECT_EQ(log->close().error().reason(), Reason::kClosed);
  EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "one"}}));
}

TEST(Log, SyncsNothingWhenNothingWasAppended) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one"}));
  ASSERT_OK(log->sync());
  const uint64_t syncs = log->stats().syncs;
  ASSERT_OK(log->idle());
  ASSERT_OK(log->sync());
  EXPECT_EQ(log->stats().syncs, syncs);
}

// W1, W3, W4, W10, W11, W18: the order of the steps.
TEST(Log, DoesItsDurableStepsInThisOrder) {
  CrashDisk disk;
  const std::string first = segment_name(1);
  const std::string second = segment_name(2);
  const std::string third = segment_name(3);
  const std::string spare = spare_name(1);
  {
    const OpenLog log = open_log(disk).value();
    ASSERT_OK(append(*log, {"one"}));
    ASSERT_OK(log->roll({}));
    ASSERT_OK(log->trim(1, {}));
    ASSERT_OK(append(*log, {"two"}));
    ASSERT_OK(log->roll({}));
  }
  EXPECT_THAT(
      disk.trace,
      ElementsAre("sync_dir", "create " + first + ".new", "allocate " + first + ".new 0+81920",
                  "write " + first + ".new 0+4096", "write " + first + ".new 4096+4096",
                  "sync " + first + ".new", "rename " + first + ".new " + first, "sync_dir",
                  // append
                  "write " + first + ".new 8192+4096",
                  // roll
                  "sync " + first + ".new", "create " + second + ".new",
                  "allocate " + second + ".new 0+81920", "write " + second + ".new 0+4096",
                  "write " + second + ".new 4096+4096", "sync " + second + ".new",
                  "rename " + second + ".new " + second, "sync_dir",
                  // trim
                  "write " + second + ".new 8192+4096", "sync " + second + ".new",
                  "rename " + first + " " + spare, "sync_dir",
                  // append
                  "write " + second + ".new 12288+4096",
                  // roll: the blocks of the first segment's file were written before
                  "sync " + second + ".new", "rename " + spare + " " + third + ".new",
                  "write " + third + ".new 0+4096", "write " + third + ".new 4096+4096",
                  "write " + third + ".new 8192+4096", "sync " + third + ".new",
                  "rename " + third + ".new " + third, "sync_dir"));
  disk.trace.clear();
  ASSERT_OK(open_log(disk, 2));
  EXPECT_THAT(disk.trace,
              ElementsAre("sync_dir", "sync " + third, HasSubstr("create "), HasSubstr("allocate "),
                          HasSubstr("write "), HasSubstr("write "), "sync " + third + ".new",
                          "rename " + third + ".new " + third, "sync_dir"));
}

/// A log whose newest segment lies in the file of its first one, which was full.
void recycle(Log& log) {
  ASSERT_OK(append(log, {std::string(11'000, 'o'), std::string(11'000, 'o')}));
  ASSERT_OK(log.roll({}));
  ASSERT_OK(append(log, {"two"}));
  ASSERT_OK(log.trim(2, {}));
  ASSERT_OK(log.roll({}));
}

// W14, W18
TEST(Log, OlderBytesOfARecycledFileAreNeitherFramesNorATornTail) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    recycle(*log);
    EXPECT_GT(read_segment_header(disk, segment_name(4)).value().recycled_bytes, 22'000u);
    ASSERT_OK(log->close());
  }
  {
    const OpenLog log = open_log(disk, 2).value();
    EXPECT_EQ(log->recovered().repair.torn_bytes, 0u) << "where it was born";
    EXPECT_THAT(frames(*log).value(), ElementsAre(TestFrame{3, "two"}));
    recycle(*log);
    ASSERT_OK(append(*log, {"last"}));
    ASSERT_OK(log->close());
  }
  const OpenLog log = open_log(disk, 3).value();
  EXPECT_EQ(log->recovered().repair.torn_bytes, 0u) << "behind the mark of a close";
  EXPECT_EQ(frames(*log).value().back().second, "last");
}

// W13
TEST(Log, OfARecycledFileWithoutAMarkAtItsEndABoundedTailIsKept) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    recycle(*log);
    ASSERT_OK(append(*log, {"last"}));
    ASSERT_OK(log->sync());
  }
  const OpenLog log = open_log(disk, 2).value();
  EXPECT_EQ(frames(*log).value().back().second, "last");
  EXPECT_GT(log->recovered().repair.torn_bytes, 0u);
  EXPECT_LE(log->recovered().repair.torn_bytes, kRecycledTailBytes);
}

TEST(Log, AReaderOfATrimmedSegmentIsToldSoThoughItsFileHoldsAnother) {
  CrashDisk disk;
  TestRuntime runtime;
  const std::unique_ptr<Log> log = Log::open(runtime, disk, {.segment_bytes = 1 << 20}).value();
  const std::string large(15'000, 'o');
  ASSERT_OK(append(*log, std::vector<std::string>(90, large)));  // more than a reader's window
  ASSERT_OK(log->sync());
  const auto reader = log->read({.from = 1}).value();
  ASSERT_TRUE(reader->next().value().has_value());
  ASSERT_OK(log->roll({}));
  ASSERT_OK(append(*log, {"two"}));
  ASSERT_OK(log->sync());
  ASSERT_EQ(log->stats().segments, 2u);
  ASSERT_OK(log->trim(90, {}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(append(*log, std::vector<std::string>(90, std::string(15'000, 'n'))));
  std::optional<Error> failure;
  while (!failure) {
    const auto frame = reader->next();
    if (!frame.ok()) failure = frame.error();
    ASSERT_TRUE(failure || frame->has_value()) << "it ends as if there had been no more";
  }
  EXPECT_EQ(failure->code(), Code::kNotFound);
  EXPECT_EQ(failure->reason(), Reason::kMissingSegment);
}

TEST(Log, AFullDiskTakesTheSparesFirst) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(log->trim(1, {}));
  ASSERT_TRUE(disk.has(spare_name(1)));
  disk.fail(DiskOp::kWrite, Code::kFull);
  ASSERT_OK(append(*log, {"two"}));
  EXPECT_FALSE(disk.has(spare_name(1)));
  ASSERT_OK(log->sync());
}

// W18
TEST(Log, WhatWasNeverEncryptedDoesNotLieOnBelowAnEncryptedSegment) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(log->use_keys(test_ring(1, 0x11)));
  ASSERT_OK(append(*log, {"one"}));
  ASSERT_OK(log->roll({}));
  ASSERT_OK(log->trim(1, {}));
  EXPECT_FALSE(disk.has(spare_name(1)));
  ASSERT_OK(append(*log, {"two"}));
  ASSERT_OK(log->roll({}));
  EXPECT_EQ(read_segment_header(disk, segment_name(3)).value().recycled_bytes, 0u);
  ASSERT_OK(log->trim(2, {}));
  ASSERT_OK(append(*log, {"three"}));
  ASSERT_OK(log->roll({}));
  EXPECT_GT(read_segment_header(disk, segment_name(4)).value().recycled_bytes, 0u);
}

}  // namespace
}  // namespace sluice::wal
