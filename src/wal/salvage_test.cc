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
  EXPECT_EQ(append(*log, {"next"}).value(), salvage.next_lsn);
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
  EXPECT_EQ(salvage.next_lsn, 9u);
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

/// Logs whose last records are lost: in segments or one file, sealed or not, closed or killed.
struct Shape {
  bool is_file = false;
  bool is_sealed = false;
  bool is_closed = false;
};

class SalvageOfAnEnd : public ::testing::TestWithParam<Shape> {
 protected:
  /// Commits of so many records each.
  void write(const std::vector<int>& commits) {
    const auto write_to = [&](auto& log) {
      for (const int records : commits) {
        ASSERT_OK(append(*log, std::vector<std::string>(records, "record")));
        ASSERT_OK(log->sync());
      }
      if (GetParam().is_closed) {
        ASSERT_OK(log->close());
      }
    };
    if (GetParam().is_file) {
      const OpenFile log = open_file(disk_, {{.keys = keys_}, {}}).value();
      write_to(log);
    } else {
      test_keys() = keys_;
      const OpenLog log = open_log(disk_).value();
      write_to(log);
      test_keys() = nullptr;
    }
  }
  std::string file() const { return GetParam().is_file ? kFile : segment_name(1); }
  /// The start of the block that the commit with this number, from 0, began in.
  static uint64_t block_of(int commit) { return (2 + commit) * kBlockBytes; }
  void spoil(uint64_t offset, uint64_t bytes) {
    for (uint64_t at = offset; at < offset + bytes; ++at) disk_.bytes(file()).at(at) ^= kSpoilt;
    disk_.settle(file());
  }
  /// Everything from the offset on is of no use, but no byte is gone.
  void spoil_from(uint64_t offset) { spoil(offset, disk_.bytes(file()).size() - offset); }
  /// What the next records of the new log have.
  Lsn salvage_next() {
    TestRuntime runtime(77);
    if (!GetParam().is_file) {
      CrashDisk to;
      salvage_ = salvage_log(runtime, disk_, to, keys_).value().salvage;
      test_keys() = keys_;
      const OpenLog log = open_log(to, 5).value();
      records_ = frames(*log).value().size();
      test_keys() = nullptr;
      return append(*log, {"next"}).value();
    }
    salvage_ = salvage_file(runtime, disk_, kFile, "new.log", keys_).value().salvage;
    EXPECT_FALSE(check_file(disk_, "new.log", {.keys = keys_}).value().is_damaged());
    EXPECT_TRUE(disk_.rename("new.log", kFile).ok());
    records_ = file_frames(disk_, keys_.get()).value().size();
    const OpenFile log = open_file(disk_, {{.keys = keys_}, {}}, 9).value();
    return append(*log, {"next"}).value();
  }

  static constexpr std::byte kSpoilt{0x5a};
  CrashDisk disk_;
  const std::shared_ptr<const KeyRing> keys_ =
      GetParam().is_sealed ? test_ring(1, 9) : std::shared_ptr<const KeyRing>();
  WalSalvage salvage_;
  size_t records_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, SalvageOfAnEnd,
                         ::testing::Values(Shape{}, Shape{true}, Shape{false, true},
                                           Shape{true, true}, Shape{false, false, true},
                                           Shape{true, false, true}, Shape{false, true, true},
                                           Shape{true, true, true}),
                         [](const auto& shape) {
                           const Shape& of = shape.param;
                           return std::string(of.is_file ? "File" : "Segments") +
                                  (of.is_sealed ? "Sealed" : "") + (of.is_closed ? "Closed" : "");
                         });

TEST_P(SalvageOfAnEnd, GivesTheLsnOfALastRecordThatRottedToNoOther) {
  for (const uint64_t offset : {0, 2, 16, 24, 34}) {  // its frame's header, and its payload
    disk_.set_image({});
    write({1, 1, 1, 1, 1});
    spoil(block_of(4) + offset, 1);
    EXPECT_EQ(salvage_next(), 6u) << "the pad behind it says so";
    EXPECT_EQ(records_, 4u);
    EXPECT_EQ(salvage_.records, 4u);
    EXPECT_EQ(salvage_.gaps, 1u);
    EXPECT_EQ(salvage_.next_lsn, 6u);
  }
}

TEST_P(SalvageOfAnEnd, PassesOverAsManyLsnsAsThereMayHaveBeenRecordsWhereNothingTells) {
  for (const int lost : {1, 30, 300}) {
    for (const bool has_header : {true, false}) {
      disk_.set_image({});
      write({1, 1, lost});
      spoil_from(block_of(2) + (has_header ? sizeof(FrameHeader) : 0));
      EXPECT_GT(salvage_next(), Lsn(2 + lost));
      EXPECT_EQ(records_, 2u);
      EXPECT_EQ(salvage_.gaps, 1u);
    }
  }
}

TEST_P(SalvageOfAnEnd, DeclaresNoGapWhereNothingIsLost) {
  write({1, 3, 2});
  EXPECT_EQ(salvage_next(), 7u);
  EXPECT_EQ(salvage_.gaps, 0u);
  EXPECT_EQ(salvage_.lost_bytes, 0u);
}

TEST_P(SalvageOfAnEnd, OrOfABeginningDeclaresTheGap) {
  write({1, 1, 1});
  spoil(block_of(0) + 34, 1);
  EXPECT_EQ(salvage_next(), 4u);
  EXPECT_EQ(records_, 2u);
  EXPECT_EQ(salvage_.gaps, 1u);
}

TEST_P(SalvageOfAnEnd, OfWhichNoRecordIsLeftStillGoesOnBehindIt) {
  write({1, 2});
  spoil(block_of(0) + 34, 1);
  spoil(block_of(1) + 34, 1);
  spoil(block_of(1) + 74, 1);
  EXPECT_EQ(salvage_next(), 4u);
  EXPECT_EQ(salvage_.records + records_, 0u);
  EXPECT_EQ(salvage_.gaps, 1u);
}

TEST(Salvage, GivesNoLsnOfANewestSegmentWithoutAHeaderToAnother) {
  for (const auto& keys : {std::shared_ptr<const KeyRing>(), test_ring(1, 9)}) {
    CrashDisk disk;
    write_segments(disk, keys);
    test_keys() = keys;
    {
      const OpenLog log = open_log(disk, 3).value();
      ASSERT_OK(append(*log, {"9", "10", "11"}));
      ASSERT_OK(log->close());
    }
    test_keys() = nullptr;
    flip(disk, segment_name(9), 20);
    WalSalvage salvage;
    EXPECT_EQ(salvaged(disk, salvage, keys).size(), 8u);
    EXPECT_EQ(salvage.gaps, 1u);
    EXPECT_GT(salvage.next_lsn, 11u);
    std::vector<std::byte>& bytes = disk.bytes(segment_name(9));
    bytes.resize(kBlockBytes);
    disk.settle(segment_name(9));
    EXPECT_EQ(salvaged(disk, salvage, keys).size(), 8u);
    EXPECT_EQ(salvage.next_lsn, 9u) << "no byte of a record is left";
    EXPECT_EQ(salvage.gaps, 0u);
  }
}

TEST(Salvage, TakesWhatASegmentBeforeHadInItsFileForNoLostRecords) {
  for (const bool is_idle : {true, false}) {
    CrashDisk disk;
    {
      const OpenLog log = open_log(disk).value();
      for (int i = 1; i <= 8; i += 2) {
        ASSERT_OK(append(*log, {std::to_string(i), std::string(3 * kBlockBytes, 'x')}));
        ASSERT_OK(log->roll({}));
        ASSERT_OK(log->trim(i - 1, {}));
      }
      ASSERT_OK(append(*log, {"9"}));
      ASSERT_OK(log->sync());
      if (is_idle) {
        ASSERT_OK(log->idle());
      }
    }
    const SegmentHeader header = read_segment_header(disk, segment_name(9)).value();
    ASSERT_GT(header.recycled_bytes, 4 * kBlockBytes);
    WalSalvage salvage;
    EXPECT_EQ(salvaged(disk, salvage).back(), TestFrame(9, "9"));
    EXPECT_EQ(salvage.next_lsn == 10, is_idle) << "else something may have been under way";
    EXPECT_EQ(salvage.gaps, is_idle ? 0u : 1u);
  }
}

TEST(Salvage, LeavesTheNumbersOfCallersToThem) {
  CrashDisk disk;
  {
    const OpenFile log = open_file(disk, {{}, Numbering::kRising}).value();
    for (const Lsn sequence : {3, 9}) {
      ASSERT_OK(append(*log, {"record"}, sequence));
      ASSERT_OK(log->sync());
    }
    ASSERT_OK(log->close());
  }
  flip(disk, kFile, offset_of(disk, kFile, 9) + 33);
  TestRuntime runtime(5);
  const WalSalvage salvage = salvage_file(runtime, disk, kFile, "new.log", nullptr).value().salvage;
  EXPECT_EQ(salvage.records, 1u);
  EXPECT_EQ(salvage.gaps + salvage.next_lsn, 0u);
  ASSERT_OK(disk.rename("new.log", kFile));
  const OpenFile log = open_file(disk, {{}, Numbering::kRising}, 9).value();
  EXPECT_EQ(append(*log, {"again"}, 9).value(), 9u);
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
