// Looking at damaged logs, and taking what is whole into new ones.
#include <gtest/gtest.h>

#include "wal/check.h"
#include "wal/salvage.h"
#include "wal/single_file_fixture.h"

namespace sluice::wal {
namespace {

/// Segments of two records each, "1" to "8".
void write_segments(CrashDisk& disk, const std::shared_ptr<const KeyRing>& keys = nullptr) {
  test_keys() = keys;
  const OpenLog log = open_log(disk).value();
  for (int i = 1; i <= 8; i += 2) {
    ASSERT_OK(append(*log, {std::to_string(i), std::to_string(i + 1)}));
    ASSERT_OK(log->roll({}));
  }
  ASSERT_OK(log->close());
  test_keys() = nullptr;
}

void flip(CrashDisk& disk, const std::string& name, uint64_t offset) {
  disk.bytes(name).at(offset) ^= std::byte{0x10};
  disk.settle(name);
}

/// Where the record of this LSN starts.
uint64_t offset_of(CrashDisk& disk, const std::string& name, Lsn lsn) {
  const auto parser = SegmentParser::open_single(disk.open(name, OpenMode::kRead).value(), name,
                                                 std::nullopt, nullptr)
                          .value();
  while (const std::optional<ParsedFrame> frame = parser->next().value()) {
    if (!is_own_type(frame->type) && frame->lsn == lsn) return frame->offset;
  }
  ADD_FAILURE() << "no record " << lsn;
  return 0;
}

WalReport check(CrashDisk& disk, const std::shared_ptr<const KeyRing>& keys = nullptr) {
  TestRuntime runtime;
  return check_log(runtime, disk, {.keys = keys}).value();
}

TestFrames salvaged(CrashDisk& disk, WalSalvage& salvage,
                    const std::shared_ptr<const KeyRing>& keys = nullptr) {
  CrashDisk to;
  TestRuntime runtime(77);
  salvage = salvage_log(runtime, disk, to, keys).value().salvage;
  EXPECT_FALSE(check(to, keys).is_damaged());
  test_keys() = keys;
  const OpenLog log = open_log(to, 5).value();
  TestFrames found = frames(*log).value();
  EXPECT_EQ(append(*log, {"next"}).value(), found.back().first + 1);
  test_keys() = nullptr;
  return found;
}

TEST(Check, DescribesASoundLog) {
  CrashDisk disk;
  write_segments(disk);
  const WalReport report = check(disk);
  EXPECT_FALSE(report.is_damaged());
  EXPECT_FALSE(report.is_file);
  ASSERT_EQ(report.files.size(), 5u);
  EXPECT_EQ(report.records(), 8u);
  EXPECT_EQ(report.files[1].first_lsn, 3u);
  EXPECT_EQ(report.files[1].last_lsn, 4u);
  EXPECT_EQ(report.files[1].payload_bytes, 2u);
  EXPECT_EQ(report.files[4].last_lsn, 8u) << "it holds no record";
  EXPECT_EQ(report.torn_bytes(), 0u);
}

TEST(Check, NamesTheSegmentTheOffsetAndTheKindOfDamage) {
  CrashDisk disk;
  write_segments(disk);
  const uint64_t offset = offset_of(disk, segment_name(3), 4);
  flip(disk, segment_name(3), offset + 32);
  const WalReport report = check(disk);
  ASSERT_TRUE(report.is_damaged());
  ASSERT_TRUE(report.files[1].damage.has_value());
  EXPECT_EQ(report.files[1].damage->reason(), Reason::kCrcMismatch);
  EXPECT_EQ(report.files[1].damage->found(), offset);
  EXPECT_EQ(report.files[1].last_lsn, 3u) << "the last before the damage";
  EXPECT_TRUE(report.findings.empty()) << "nothing is said twice";
}

TEST(Check, FindsAMissingSegment) {
  CrashDisk disk;
  write_segments(disk);
  ASSERT_OK(disk.remove(segment_name(5)));
  const WalReport report = check(disk);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].reason(), Reason::kMissingSegment);
  EXPECT_EQ(report.findings[0].where(), segment_name(7));
}

TEST(Check, SaysThatThereIsNoLogAndThatAKeyIsMissing) {
  CrashDisk empty;
  TestRuntime runtime;
  EXPECT_EQ(check_log(runtime, empty, {}).error().code(), Code::kNotFound);
  CrashDisk disk;
  write_segments(disk, test_ring(1, 9));
  EXPECT_EQ(check_log(runtime, disk, {}).error().reason(), Reason::kMissingKey);
  EXPECT_EQ(check(disk, test_ring(1, 9)).records(), 8u);
}

TEST(Check, TellsATornEndOfAFileFromDamage) {
  CrashDisk disk;
  {
    const OpenFile log = open_file(disk, {}).value();
    ASSERT_OK(append(*log, {"one"}));
    ASSERT_OK(log->sync());
    ASSERT_OK(append(*log, {"two"}));
    ASSERT_OK(log->sync());
  }
  const uint64_t last = offset_of(disk, kFile, 2);
  flip(disk, kFile, last + 32);
  const WalReport torn = check_file(disk, kFile, {}).value();
  EXPECT_TRUE(torn.is_file);
  EXPECT_FALSE(torn.is_damaged());
  EXPECT_GT(torn.torn_bytes(), 0u);
  EXPECT_EQ(torn.files[0].torn_reason, Reason::kCrcMismatch);
  EXPECT_EQ(torn.files[0].accepted_end, last);
  flip(disk, kFile, offset_of(disk, kFile, 1) + 32);
  EXPECT_TRUE(check_file(disk, kFile, {}).value().is_damaged());
}

TEST(Salvage, KeepsEveryRecordOfASoundLog) {
  for (const auto& keys : {std::shared_ptr<const KeyRing>(), test_ring(1, 9)}) {
    CrashDisk disk;
    write_segments(disk, keys);
    WalSalvage salvage;
    const TestFrames found = salvaged(disk, salvage, keys);
    EXPECT_EQ(found.size(), 8u);
    EXPECT_EQ(found.back(), TestFrame(8, "8"));
    EXPECT_EQ(salvage.records, 8u);
    EXPECT_EQ(salvage.gaps, 0u);
    EXPECT_EQ(salvage.lost_bytes, 0u);
  }
}

TEST(Salvage, LosesTheRecordThatRottedAndNoOther) {
  CrashDisk disk;
  write_segments(disk);
  flip(disk, segment_name(3), offset_of(disk, segment_name(3), 3) + 33);
  WalSalvage salvage;
  const TestFrames found = salvaged(disk, salvage);
  EXPECT_EQ(found,
            (TestFrames{{1, "1"}, {2, "2"}, {4, "4"}, {5, "5"}, {6, "6"}, {7, "7"}, {8, "8"}}));
  EXPECT_EQ(salvage.gaps, 1u);
  EXPECT_EQ(salvage.lost_bytes, 40u);
}

TEST(Salvage, GoesOnBehindAMissingSegment) {
  CrashDisk disk;
  write_segments(disk);
  ASSERT_OK(disk.remove(segment_name(5)));
  WalSalvage salvage;
  const TestFrames found = salvaged(disk, salvage);
  EXPECT_EQ(found.size(), 6u);
  EXPECT_EQ(found[4], TestFrame(7, "7"));
}

TEST(Salvage, ReadsASegmentWithoutAHeaderByWhatTheNextOneSaysOfIt) {
  CrashDisk disk;
  write_segments(disk);
  flip(disk, segment_name(3), 20);
  WalSalvage salvage;
  EXPECT_EQ(salvaged(disk, salvage).size(), 8u);
}

TEST(Salvage, LosesTheSealedBlockThatRottedAndNoOther) {
  CrashDisk disk;
  const auto keys = test_ring(1, 9);
  write_segments(disk, keys);
  flip(disk, segment_name(3), 2 * kBlockBytes + 90);
  WalSalvage salvage;
  const TestFrames found = salvaged(disk, salvage, keys);
  EXPECT_EQ(found.size(), 6u) << "records 3 and 4 were sealed together";
  EXPECT_EQ(salvage.gaps, 1u);
}

TEST(Salvage, OfAFileDeclaresTheGapAndGoesOnNumbering) {
  for (const auto& keys : {std::shared_ptr<const KeyRing>(), test_ring(1, 9)}) {
    CrashDisk disk;
    const SingleFileOptions options{{.repair = RepairPolicy::kTruncatePartial, .keys = keys}, {}};
    for (const char* text : {"one", "two", "three"}) {
      const OpenFile log = open_file(disk, options).value();
      ASSERT_OK(append(*log, {text}));
      ASSERT_OK(log->close());
    }
    std::vector<std::byte>& bytes = disk.bytes(kFile);
    size_t at = keys ? 5 * kBlockBytes + 100 : offset_of(disk, kFile, 2) + 33;
    bytes.at(at) ^= std::byte{1};
    disk.settle(kFile);
    EXPECT_FALSE(open_file(disk, options).ok());
    TestRuntime runtime(5);
    const WalSalvage salvage = salvage_file(runtime, disk, kFile, "new.log", keys).value().salvage;
    EXPECT_EQ(salvage.records, 2u);
    EXPECT_EQ(salvage.gaps, 1u);
    ASSERT_OK(disk.rename("new.log", kFile));
    EXPECT_EQ(file_frames(disk, keys.get()).value(), (TestFrames{{1, "one"}, {3, "three"}}));
    const OpenFile log = open_file(disk, options, 9).value();
    EXPECT_EQ(append(*log, {"four"}).value(), 4u);
  }
}

TEST(Salvage, OfAFileTakesNumbersInAnyOrderWhereAReopeningAllowedThem) {
  CrashDisk disk;
  for (const Numbering numbering : {Numbering::kRising, Numbering::kAny, Numbering::kRising}) {
    const OpenFile log = open_file(disk, {{}, numbering}).value();
    ASSERT_OK(append(*log, {"record"}, numbering == Numbering::kAny ? 3 : log->next_lsn() + 6));
    ASSERT_OK(log->close());
  }
  TestRuntime runtime(5);
  ASSERT_OK(salvage_file(runtime, disk, kFile, "new.log", nullptr));
  ASSERT_OK(disk.rename("new.log", kFile));
  EXPECT_EQ(file_frames(disk).value(), (TestFrames{{7, "record"}, {3, "record"}, {14, "record"}}));
  const OpenFile log = open_file(disk, {{}, Numbering::kRising}, 9).value();
  EXPECT_EQ(append(*log, {"low"}, 14).error().reason(), Reason::kSequenceViolation);
  ASSERT_OK(append(*log, {"high"}, 15));
}

TEST(Salvage, OfSegmentsTakesNothingThatAnOpeningCut) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk, 1).value();
    ASSERT_OK(append(*log, {"1"}));
    ASSERT_OK(log->sync());
    ASSERT_OK(append(*log, {"cut", "cut", "cut"}));  // never synced
  }
  flip(disk, segment_name(1), offset_of(disk, segment_name(1), 2) + 32);
  {
    const OpenLog log = open_log(disk, 2).value();
    ASSERT_OK(append(*log, {"2", "3", "4"}));
    ASSERT_OK(log->close());
  }
  WalSalvage salvage;
  EXPECT_EQ(salvaged(disk, salvage), (TestFrames{{1, "1"}, {2, "2"}, {3, "3"}, {4, "4"}}));
  for (const std::string& name : {segment_name(2), segment_name(1)}) {
    flip(disk, name, 20);  // in the header, which says where the segment before it ends
    const TestFrames left = salvaged(disk, salvage);
    for (const auto& [lsn, text] : left) EXPECT_EQ(text, std::to_string(lsn));
    EXPECT_EQ(left.front(), TestFrame(1, "1"));
    flip(disk, name, 20);
  }
}

TEST(Salvage, OfAFileTakesNothingThatAnOpeningCut) {
  CrashDisk disk;
  const SingleFileOptions options{{.repair = RepairPolicy::kTruncatePartial}, {}};
  {
    const OpenFile log = open_file(disk, options, 1).value();
    ASSERT_OK(append(*log, {"1", "cut", "cut", "cut"}));
    ASSERT_OK(log->sync());
  }
  flip(disk, kFile, offset_of(disk, kFile, 2) + 32);
  {
    const OpenFile log = open_file(disk, options, 2).value();
    ASSERT_GT(log->repair().torn_bytes, 0u);
    ASSERT_OK(append(*log, {"2", "3", "4"}));
    ASSERT_OK(log->close());
  }
  TestRuntime runtime(5);
  ASSERT_OK(salvage_file(runtime, disk, kFile, "new.log", nullptr));
  ASSERT_OK(disk.rename("new.log", kFile));
  EXPECT_EQ(file_frames(disk).value(), (TestFrames{{1, "1"}, {2, "2"}, {3, "3"}, {4, "4"}}));
}

TEST(Salvage, IsRefusedWhileSomebodyHasTheLogOpen) {
  CrashDisk disk;
  CrashDisk to;
  const OpenLog log = open_log(disk).value();
  TestRuntime runtime(5);
  EXPECT_EQ(salvage_log(runtime, disk, to, nullptr).error().reason(), Reason::kLocked);
}

}  // namespace
}  // namespace sluice::wal
