#include "sluice/wal_log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "wal/segmented_fixture.h"

namespace sluice::wal {
namespace {

constexpr const char* kText = "eleven-byte";

using Segmented = SegmentedTest;
INSTANTIATE_TEST_SUITE_P(Logs, Segmented, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Encrypted" : "Plain"; });

TEST_P(Segmented, AFullSegmentIsLeftAfterEachSync) {
  const OpenWal log = open(options(100)).value();
  for (Lsn lsn = 1; lsn <= 20; ++lsn) {
    ASSERT_EQ(append(*log, kText).value(), lsn);
    ASSERT_OK(log->sync());
  }
  EXPECT_EQ(log->list_segments().size(), 20u);
  const TestFrames found = survivors();
  ASSERT_EQ(found.size(), 20u);
  for (Lsn lsn = 1; lsn <= 20; ++lsn) EXPECT_EQ(found[lsn - 1], TestFrame(lsn, kText));
}

TEST_P(Segmented, WhatIsAppendedBetweenTwoSyncsStaysInOneSegment) {
  const OpenWal log = open(options(100)).value();
  for (Lsn lsn = 1; lsn <= 20; ++lsn) ASSERT_OK(append(*log, kText));
  ASSERT_OK(log->sync());
  EXPECT_EQ(first_lsns(*log), std::vector<Lsn>{1});
  ASSERT_OK(append(*log, kText));
  EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{1, 21}));
  EXPECT_EQ(log->active_segment_first_lsn(), 21u);
}

TEST_P(Segmented, ABatchThatIsLargerThanASegmentStaysInOne) {
  const OpenWal log = open(options(100)).value();
  const std::string text(100 << 10, 'x');
  const std::vector<WalRecord> records(5, {.head = as_bytes(text)});
  ASSERT_EQ(log->append(records).value(), 1u);
  ASSERT_EQ(log->append(records).value(), 6u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(first_lsns(*log), std::vector<Lsn>{1});
  EXPECT_EQ(survivors().size(), 10u);
}

TEST_P(Segmented, ABatchThatOutgrowsItsSegmentTouchesTheFileInSteps) {
  const OpenWal log = open(options(100)).value();
  const size_t operations = disk_.trace.size();
  const std::string text(64, 'x');
  for (int i = 0; i < 10'000; ++i) ASSERT_OK(append(*log, text));
  EXPECT_LT(disk_.trace.size() - operations, 20u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors().size(), 10'000u);
}

TEST_P(Segmented, WhatWasNotSyncedIsInMemoryOnly) {
  const OpenWal log = open(options()).value();
  const size_t operations = disk_.trace.size();
  ASSERT_EQ(append(*log, "r1").value(), 1u);
  EXPECT_EQ(disk_.trace.size(), operations);
  EXPECT_EQ(log->durable_lsn(), 0u);
  EXPECT_EQ(log->next_lsn(), 2u);
  EXPECT_EQ(survivors(CrashKind::kAllKept), TestFrames());
  ASSERT_OK(log->sync());
  EXPECT_EQ(log->durable_lsn(), 1u);
  EXPECT_EQ(survivors(), numbered(1, 1));
}

TEST_P(Segmented, ASyncWithNothingOutstandingTouchesNoFile) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->sync());
  const size_t operations = disk_.trace.size();
  ASSERT_OK(log->sync());
  ASSERT_OK(log->wait_durable(1));
  EXPECT_EQ(disk_.trace.size(), operations);
}

TEST_P(Segmented, OthersAppendWhileTheDeviceWorksAndTheTargetIsSetBefore) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  bool appended = false;
  disk_.after_operation = [&] {
    if (appended || !disk_.trace.back().starts_with("sync ")) return;
    appended = true;
    EXPECT_EQ(append(*log, "r2").value(), 2u);
  };
  ASSERT_OK(log->sync());
  EXPECT_TRUE(appended);
  EXPECT_EQ(log->durable_lsn(), 1u);
  EXPECT_EQ(survivors(), numbered(1, 1));
  ASSERT_OK(log->wait_durable(2));
  EXPECT_EQ(survivors(), numbered(1, 2));
}

TEST_P(Segmented, WaitingSyncsIfNobodyDidAndRefusesWhatWasNeverAppended) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->wait_durable(1));
  EXPECT_EQ(log->durable_lsn(), 1u);
  for (const Lsn lsn : {0u, 2u}) {
    EXPECT_EQ(log->wait_durable(lsn).error().reason(), Reason::kOutOfRange);
  }
}

TEST_P(Segmented, ACommitIsDurableWithAllBeforeIt) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  const std::vector<WalRecord> records = {{.head = as_bytes("r2")}, {.head = as_bytes("r3")}};
  EXPECT_EQ(log->commit(records).value(), 2u);
  EXPECT_EQ(log->durable_lsn(), 3u);
  EXPECT_EQ(survivors(), numbered(1, 3));
}

TEST_P(Segmented, WhatIsRefusedTakesNoLsn) {
  SegmentedWalOptions small = options();
  small.payload_bytes_max = 8;
  const OpenWal log = open(small).value();
  const WalRecord good{.head = as_bytes("r1")};
  const WalRecord large{.head = as_bytes("123456789")};
  const std::vector<WalRecord> both = {good, large};
  EXPECT_EQ(log->append(both).error().reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(log->commit(both).error().reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(log->check(large).error().reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(log->append(std::span<const WalRecord>()).error().reason(), Reason::kOutOfRange);
  for (const int type : {0, 15, 0x4010, 0x8003}) {
    const WalRecord record{.type = static_cast<uint16_t>(type), .head = as_bytes("x")};
    EXPECT_EQ(log->append(record).error().reason(), Reason::kOutOfRange) << type;
  }
  EXPECT_EQ(log->append(good).value(), 1u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 1));
}

TEST_P(Segmented, TruncatingTakesWholeSegmentsBelowAndCountsThem) {
  const OpenWal log = open(options()).value();
  fill(*log, 30, 10);
  ASSERT_EQ(first_lsns(*log), (std::vector<Lsn>{1, 11, 21, 31}));
  const uint64_t oldest_bytes = log->list_segments()[0].bytes;
  const WalTruncation gone = log->truncate_before(15).value();
  EXPECT_EQ(gone.segments, 1u);
  EXPECT_EQ(gone.bytes, oldest_bytes);
  EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{11, 21, 31}));
  EXPECT_EQ(survivors(), numbered(11, 30));
}

TEST_P(Segmented, ASegmentGoesIffTheNextBeginsAtOrBelowAndTheActiveOneStays) {
  const OpenWal log = open(options()).value();
  fill(*log, 49, 49);
  fill(*log, 99, 99);
  ASSERT_EQ(first_lsns(*log), (std::vector<Lsn>{1, 50, 100}));
  EXPECT_EQ(log->truncate_before(49).value().segments, 0u);
  EXPECT_EQ(log->truncate_before(0).value().segments, 0u);
  EXPECT_EQ(log->truncate_before(100).value().segments, 2u);
  EXPECT_EQ(first_lsns(*log), std::vector<Lsn>{100});
  EXPECT_EQ(log->truncate_before(999).value().segments, 0u);
  EXPECT_EQ(append(*log, "next").value(), 100u);
}

TEST_P(Segmented, AReopenedLogGoesOnBehindTheLastLsn) {
  {
    const OpenWal log = open(options()).value();
    fill(*log, 7, 3);
    ASSERT_OK(log->close());
  }
  EXPECT_EQ(survivors(), numbered(1, 7));
  const OpenWal log = open(options(), 2).value();
  EXPECT_EQ(log->repair().torn_bytes, 0u);
  EXPECT_EQ(log->next_lsn(), 8u);
  EXPECT_EQ(log->durable_lsn(), 7u);
  ASSERT_EQ(append(*log, "r8").value(), 8u);
  ASSERT_OK(log->sync());
  EXPECT_EQ(survivors(), numbered(1, 8));
}

TEST_P(Segmented, ClosingMakesAllDurableAndThenEveryCallAnswersClosed) {
  const OpenWal log = open(options()).value();
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->close());
  EXPECT_EQ(survivors(), numbered(1, 1));
  const WalRecord record{.head = as_bytes("late")};
  const std::vector<Status> answers = {append(*log, "late").ok() ? ok() : append(*log, "x").error(),
                                       log->commit({&record, 1}).error(),
                                       log->sync(),
                                       log->roll(),
                                       log->set_keys(test_ring(3, 3)),
                                       log->truncate_before(1).error(),
                                       log->close()};
  for (const Status& answer : answers) EXPECT_EQ(answer.error().reason(), Reason::kClosed);
  ASSERT_OK(log->wait_durable(1));
}

TEST_P(Segmented, ASecondOpenerIsRefusedUntilTheFirstIsGone) {
  {
    const OpenWal log = open(options()).value();
    EXPECT_EQ(open(options(), 2).error().reason(), Reason::kLocked);
  }
  ASSERT_OK(open(options(), 3));
}

TEST_P(Segmented, FilesWithOtherNamesAreIgnored) {
  for (const char* name : {"wal.log", "wal-abc.seg", "other-00000000000000000001.seg"}) {
    ASSERT_OK(disk_.create(name));
  }
  const OpenWal log = open(options()).value();
  ASSERT_EQ(log->list_segments().size(), 1u);
  EXPECT_EQ(log->list_segments()[0].name, "wal-00000000000000000001.seg");
  EXPECT_EQ(segment_name(UINT64_MAX), "wal-18446744073709551615.seg");
}

TEST_P(Segmented, AMissingMiddleSegmentIsAnErrorWithTheLsnsOnBothSides) {
  {
    const OpenWal log = open(options()).value();
    fill(*log, 30, 10);
  }
  ASSERT_OK(disk_.remove(segment_name(11)));
  const Result<OpenWal> log = open(options(), 2);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().reason(), Reason::kMissingSegment);
  EXPECT_EQ(log.error().expected(), 11u);
  EXPECT_EQ(log.error().found(), 21u);
  EXPECT_NE(log.error().message().find("LSNs 11 to 20 are missing"), std::string::npos);
}

TEST_P(Segmented, AStrictOpeningRefusesATornTailAndChangesNothing) {
  {
    const OpenWal log = open(options()).value();
    fill(*log, 3, 100);
  }
  ASSERT_OK(open(options(), 2));
  std::copy_n(as_bytes("torn").begin(), 4, disk_.bytes(segment_name(4)).begin() + 8192);
  disk_.settle(segment_name(4));
  SegmentedWalOptions strict = options();
  strict.repair = RepairPolicy::kStrict;
  disk_.trace.clear();
  const Result<OpenWal> refused = open(strict, 3);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kCorrupt);
  EXPECT_EQ(refused.error().where(), segment_name(4));
  EXPECT_EQ(refused.error().found(), 8192u);
  for (const std::string& operation : disk_.trace) EXPECT_TRUE(operation.starts_with("sync"));

  const OpenWal log = open(options(), 4).value();
  EXPECT_GE(log->repair().torn_bytes, 4u);
  EXPECT_EQ(log->repair().offset, 8192u);
  EXPECT_NE(log->repair().reason, Reason::kNone);
  EXPECT_TRUE(disk_.has(log->repair().quarantine));
  EXPECT_EQ(survivors(), numbered(1, 3));
}

TEST_P(Segmented, AStrictOpeningTakesACleanLog) {
  SegmentedWalOptions strict = options();
  strict.repair = RepairPolicy::kStrict;
  {
    const OpenWal log = open(strict).value();
    fill(*log, 5, 2);
  }
  const OpenWal log = open(strict, 2).value();
  EXPECT_EQ(log->next_lsn(), 6u);
}

TEST_P(Segmented, OptionsThatSayNothingAreRefused) {
  SegmentedWalOptions unsynced = options();
  unsynced.repair = RepairPolicy::kTruncateUnsynced;
  SegmentedWalOptions ageless = options();
  ageless.retention.age_max = -1;
  SegmentedWalOptions large = options();
  large.payload_bytes_max = kWalPayloadBytesMax + 1;
  for (const SegmentedWalOptions& bad : {unsynced, ageless, large}) {
    EXPECT_EQ(open(bad).error().reason(), Reason::kOutOfRange);
  }
}

TEST_P(Segmented, TheArchiveIsShownWhatGoesOldestFirstAndMayKeepTheRest) {
  std::vector<std::string> shown;
  SegmentedWalOptions with = options();
  bool refuses = true;
  with.archive = [&](const WalSegment& segment, File& file) {
    if (refuses && segment.first_lsn == 21) return Status(Error(Code::kIo, "no tape"));
    EXPECT_EQ(read_segment_header(disk_, segment.name).value().base_lsn, segment.first_lsn);
    EXPECT_GE(file.size().value(), segment.bytes);
    EXPECT_EQ(segment.last_lsn, segment.first_lsn + 9);
    shown.push_back(segment.name);
    return ok();
  };
  const OpenWal log = open(with).value();
  fill(*log, 40, 10);
  EXPECT_EQ(log->truncate_before(100).error().message(), "no tape");
  EXPECT_EQ(first_lsns(*log), (std::vector<Lsn>{21, 31, 41}));
  refuses = false;
  EXPECT_EQ(log->truncate_before(100).value().segments, 2u);
  EXPECT_EQ(shown, (std::vector<std::string>{segment_name(1), segment_name(11), segment_name(21),
                                             segment_name(31)}));
}

}  // namespace
}  // namespace sluice::wal
