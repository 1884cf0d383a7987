// WalFsWriter: the caller's numbers, its narrower repairs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "sluice/wal_file.h"
#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

/// {expected, provided} of a refused append.
using Refusal = std::pair<uint64_t, uint64_t>;

Refusal refusal(const Status& appended) {
  if (!fails_with(appended, Code::kInvalid, Reason::kSequenceViolation)) return {};
  return {appended.error().expected(), appended.error().found()};
}

WalFsOptions any_order(RepairPolicy repair = RepairPolicy::kStrict) {
  return {.file = {.repair = repair}, .rule = SequenceRule::kAny};
}

class WalFs : public WalFileTest {
 protected:
  Result<WalFsWriter> open(WalFsOptions options = {}) {
    return WalFsWriter::open(runtime_, disk_, kFile, std::move(options));
  }
  Result<WalFsWriter> open(RepairPolicy repair) {
    return open(WalFsOptions{.file = policy(repair)});
  }
  /// One record per number, its payload the number, all of one sync.
  static void append(WalFsWriter& log, const std::vector<uint64_t>& sequences) {
    for (const uint64_t sequence : sequences) {
      ASSERT_OK(log.append(sequence, as_bytes(std::to_string(sequence))));
    }
    ASSERT_OK(log.sync());
  }
  static TestFrames records(const std::vector<uint64_t>& sequences) {
    TestFrames frames;
    for (const uint64_t sequence : sequences) {
      frames.emplace_back(sequence, std::to_string(sequence));
    }
    return frames;
  }
  /// Of one life of the log: opened, appended to, closed.
  void write(const std::vector<uint64_t>& sequences, const WalFsOptions& options = {}) {
    WalFsWriter log = open(options).value();
    append(log, sequences);
    ASSERT_OK(log.close());
  }
  void write_killed(const std::vector<uint64_t>& sequences, const WalFsOptions& options = {}) {
    WalFsWriter log = open(options).value();
    append(log, sequences);
    kill(std::move(log));
  }
  /// What an opening with the policy does not mend it does not touch either.
  void expect_refused(uint64_t offset, Reason reason, const WalFsOptions& options) {
    const std::string before = everything();
    EXPECT_TRUE(is_damaged_at(offset, reason, open(options)));
    EXPECT_TRUE(everything() == before);
  }
};

TEST_F(WalFs, TakesTheCallersNumbersWithGapsAndGoesOnAfterReopening) {
  write({5});
  {
    const auto log = open();
    ASSERT_OK(log);
    EXPECT_EQ(log->current_sequence(), 5u);
  }
  write({10});
  write({12, 100, 101});
  write({std::numeric_limits<uint32_t>::max()});
  EXPECT_EQ(frames().value(), records({5, 10, 12, 100, 101, 4294967295}));
  EXPECT_EQ(open().value().current_sequence(), 4294967295u);
}

TEST_F(WalFs, HasNoCurrentSequenceWhileItIsEmpty) {
  EXPECT_EQ(open().value().current_sequence(), 0u);
  EXPECT_EQ(open().value().current_sequence(), 0u);
}

TEST_F(WalFs, RefusesARepeatedNumberAndOneThatIsLowerAndZero) {
  WalFsWriter log = open().value();
  EXPECT_EQ(refusal(log.append(0, as_bytes("zero"))), Refusal(1, 0));
  append(log, {1});
  EXPECT_EQ(refusal(log.append(1, as_bytes("repeat"))), Refusal(2, 1));
  append(log, {5});
  EXPECT_EQ(refusal(log.append(3, as_bytes("lower"))), Refusal(6, 3));
  EXPECT_EQ(refusal(log.append(5, as_bytes("equal"))), Refusal(6, 5));
  EXPECT_EQ(refusal(log.append(0, as_bytes("zero"))), Refusal(6, 0));
  EXPECT_EQ(log.current_sequence(), 5u);
}

TEST_F(WalFs, RefusesTheNumbersOfAnEarlierLife) {
  write({1, 2});
  WalFsWriter log = open().value();
  EXPECT_EQ(refusal(log.append(1, as_bytes("1"))), Refusal(3, 1));
  EXPECT_EQ(refusal(log.append(2, as_bytes("2"))), Refusal(3, 2));
  append(log, {3});
  EXPECT_EQ(frames().value(), records({1, 2, 3}));
}

TEST_F(WalFs, RefusesANumberThatLeavesNoneAboveIt) {
  WalFsWriter log = open().value();
  append(log, {7});
  const uint64_t highest = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(refusal(log.append(highest, as_bytes("highest"))), Refusal(8, highest));
  EXPECT_EQ(refusal(log.append(kLsnMax, as_bytes("limit"))), Refusal(8, kLsnMax));
  append(log, {kLsnMax - 1});
  EXPECT_EQ(frames().value(), records({7, kLsnMax - 1}));
}

TEST_F(WalFs, WithTheHighestNumberThereIsIsMendedAndReadEverAfter) {
  write_killed({kLsnMax - 1});
  add("torn");
  EXPECT_GT(open(RepairPolicy::kTruncateUnsynced).value().repair().torn_bytes, 0u);
  EXPECT_EQ(open().value().current_sequence(), kLsnMax - 1);
  EXPECT_EQ(frames().value(), records({kLsnMax - 1}));
}

TEST_F(WalFs, CutOffWithinZerosIsReadAsIfTheyWereThereForGood) {
  const std::string zeros = "last" + std::string(20, '\0');
  write_killed({1});
  {
    WalFsWriter log = open().value();
    ASSERT_OK(log.append(2, as_bytes(zeros)));
    ASSERT_OK(log.sync());
    kill(std::move(log));
  }
  const std::string before = content();
  const uint64_t start = offsets().back();
  const uint64_t text_end = start + sizeof(FrameHeader) + 4;
  for (uint64_t size = start + 1; size <= start + sizeof(FrameHeader) + zeros.size(); ++size) {
    restore(before);
    truncate(size);
    TestFrames expected = records({1});
    if (size >= text_end) expected.emplace_back(2, zeros);
    EXPECT_EQ(frames().value(), expected) << size;
    WalFsWriter log = open(RepairPolicy::kTruncateUnsynced).value();
    EXPECT_EQ(log.repair().torn_bytes == 0, size >= text_end);
    append(log, {3});
    kill(std::move(log));
    expected.emplace_back(3, "3");
    EXPECT_EQ(frames().value(), expected) << size;
    EXPECT_EQ(open().value().current_sequence(), 3u);
  }
}

TEST_F(WalFs, IsUntouchedByARefusalAndUsableAfterIt) {
  WalFsWriter log = open().value();
  append(log, {4});
  const std::string before = content();
  const size_t operations = disk_.trace.size();
  for (const uint64_t sequence : {0, 3, 4}) {
    EXPECT_FALSE(log.append(sequence, as_bytes("refused")).ok());
    ASSERT_OK(log.flush());
  }
  EXPECT_TRUE(content() == before);
  EXPECT_EQ(disk_.trace.size(), operations);
  append(log, {5});
  ASSERT_OK(log.close());
  EXPECT_EQ(frames().value(), records({4, 5}));
}

TEST_F(WalFs, DoesNotDisturbWhatWaitsForASyncWhenItRefuses) {
  WalFsWriter log = open().value();
  ASSERT_OK(log.append(4, as_bytes("4")));
  EXPECT_EQ(refusal(log.append(4, as_bytes("again"))), Refusal(5, 4));
  ASSERT_OK(log.append(6, as_bytes("6")));
  ASSERT_OK(log.flush());
  lose_power();
  EXPECT_EQ(frames().value(), records({4, 6}));
}

TEST_F(WalFs, OfAnyOrderKeepsTheHighestNumber) {
  {
    WalFsWriter log = open(any_order()).value();
    append(log, {9});
    append(log, {5, 9, 2});
    EXPECT_EQ(log.current_sequence(), 9u);
    EXPECT_EQ(refusal(log.append(0, as_bytes("zero"))), Refusal(1, 0));
    append(log, {11, 1});
    EXPECT_EQ(log.current_sequence(), 11u);
    ASSERT_OK(log.close());
  }
  EXPECT_EQ(frames().value(), records({9, 5, 9, 2, 11, 1}));
  EXPECT_EQ(open(any_order()).value().current_sequence(), 11u);
}

TEST_F(WalFs, MayChangeItsRuleFromOneLifeToTheNext) {
  write({3, 8});
  write({8, 2}, any_order());
  WalFsWriter log = open().value();
  EXPECT_EQ(log.current_sequence(), 8u);
  EXPECT_EQ(refusal(log.append(8, as_bytes("8"))), Refusal(9, 8));
  append(log, {9});
  ASSERT_OK(log.close());
  EXPECT_EQ(frames().value(), records({3, 8, 8, 2, 9}));
}

TEST_F(WalFs, RefusesALogThatNumbersItself) {
  {
    WalWriter log = WalWriter::open(runtime_, disk_, kFile, {}).value();
    put_synced(log, 2);
    ASSERT_OK(log.close());
  }
  const std::string before = content();
  for (const RepairPolicy repair : kPolicies) {
    EXPECT_TRUE(fails_with(open(repair), Code::kInvalid));
    EXPECT_TRUE(fails_with(open(any_order(repair)), Code::kInvalid));
  }
  EXPECT_TRUE(content() == before);
  ASSERT_OK(WalWriter::open(runtime_, disk_, kFile, {}));
}

TEST_F(WalFs, GivesTheCallersNumbersToTheValidator) {
  write({3, 700});
  std::vector<Lsn> asked;
  const WalValidator note = [&](const WalFrame& frame) {
    asked.push_back(frame.lsn);
    return true;
  };
  ASSERT_OK(open(WalFsOptions{.file = {.validate = note}}));
  EXPECT_EQ(asked, (std::vector<Lsn>{3, 700}));
}

TEST_F(WalFs, OnAPathIsStrictUnlessAPolicyIsGiven) {
  std::string folder = ::testing::TempDir() + "wal-fs-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/events.log";
  {
    WalFsWriter log = WalFsWriter::open(path).value();
    append(log, {1, 2});
    ASSERT_OK(log.close());
  }
  std::ofstream(path, std::ios::app | std::ios::binary) << "junk";
  EXPECT_TRUE(fails_with(WalFsWriter::open(path), Code::kCorrupt, Reason::kIncompleteHeader));
  {
    const auto log = WalFsWriter::open(path, RepairPolicy::kTruncatePartial);
    ASSERT_OK(log);
    EXPECT_EQ(log->repair().torn_bytes, 4u);
    EXPECT_EQ(log->current_sequence(), 2u);
  }
  ASSERT_OK(WalFsWriter::open(path));
  ASSERT_OK(WalFsWriter::open(path, any_order()));
  std::filesystem::remove_all(folder);
}

TEST_F(WalFs, CutsARecordInItsMiddleOnlyWhereNoMarkConfirmsItAndOnlyIfAllowed) {
  write_killed({1, 2, 3, 4, 5});
  const uint64_t third = offsets()[2];
  flip(third + sizeof(FrameHeader));
  expect_refused(third, Reason::kCrcMismatch, {});
  expect_refused(third, Reason::kCrcMismatch, {policy(RepairPolicy::kTruncatePartial)});
  const std::string torn = content().substr(third, tail().torn_bytes);
  {
    const auto log = open(RepairPolicy::kTruncateUnsynced);
    ASSERT_OK(log);
    EXPECT_EQ(log->repair().offset, third);
    EXPECT_EQ(log->repair().torn_bytes, torn.size());
    EXPECT_EQ(log->current_sequence(), 2u);
    EXPECT_EQ(as_text(disk_.bytes(log->repair().quarantine)), torn);
  }
  EXPECT_EQ(frames().value(), records({1, 2}));
  write({3});
  EXPECT_EQ(frames().value(), records({1, 2, 3}));
}

TEST_F(WalFs, CutsTheLastOfSeveralRecordsOfOneSync) {
  write_killed({1, 2, 3});
  const uint64_t third = offsets()[2];
  flip(third + sizeof(FrameHeader));
  const auto log = open(RepairPolicy::kTruncatePartial);
  ASSERT_OK(log);
  EXPECT_EQ(log->repair().offset, third);
  EXPECT_EQ(frames().value(), records({1, 2}));
}

TEST_F(WalFs, RefusesToCutWhatAnEncryptedRecordFollows) {
  const WalFileOptions sealed{.keys = test_ring(1, 0x11)};
  {
    WalFsWriter log = open(WalFsOptions{sealed}).value();
    append(log, {1});
    for (const uint64_t sequence : {2, 3}) {  // each fills a sealed block
      ASSERT_OK(log.append(sequence, as_bytes(std::string(70'000, 'x'))));
    }
    ASSERT_OK(log.sync());
    kill(std::move(log));
  }
  const uint64_t second = offsets(std::nullopt, sealed.keys.get())[1];
  flip(second + sizeof(FrameHeader) + 100);
  WalFsOptions partial{sealed};
  partial.file.repair = RepairPolicy::kTruncatePartial;
  expect_refused(second, Reason::kCrcMismatch, partial);
  partial.file.repair = RepairPolicy::kTruncateUnsynced;
  EXPECT_EQ(open(partial).value().current_sequence(), 1u);
  EXPECT_EQ(frames(sealed.keys.get()).value(), records({1}));
}

TEST_F(WalFs, RefusesToCutWhereSequencesFallBack) {
  write_killed({5, 3}, any_order());
  const uint64_t second = offsets()[1];
  // The header says now that numbers rise.
  SegmentHeader header = decode_segment_header(ByteView(bytes()).first(kBlockBytes), kFile).value();
  header.numbering = Numbering::kRising;
  const std::vector<std::byte> block = encode_segment_header(header);
  std::copy(block.begin(), block.end(), bytes().begin());
  disk_.settle(kFile);
  expect_refused(second, Reason::kSequenceViolation, {});
}

TEST_F(WalFs, AndItsLikeHaveAPolicyEachWhereNoneIsChosenWhateverElseIs) {
  WalFileOptions limited{};
  limited.payload_bytes_max = 1 << 20;
  WalFileOptions sealed{};
  sealed.keys = test_ring(1, 9);
  for (const WalFileOptions& options : {WalFileOptions{}, limited, sealed}) {
    disk_.set_image({});
    write({1, 2}, {options});
    add("torn");
    EXPECT_TRUE(fails_with(open({options}), Code::kCorrupt, Reason::kIncompleteHeader));
    disk_.set_image({});
    {
      WalWriter log = WalWriter::open(runtime_, disk_, kFile, options).value();
      put_synced(log, 2);
      ASSERT_OK(log.close());
    }
    add("torn");
    EXPECT_EQ(WalWriter::open(runtime_, disk_, kFile, options).value().repair().torn_bytes, 4u);
  }
}

// W19
class WalFsReopened : public WalFs {
 protected:
  /// Numbers 9, 5 and a mark in one block; 3 was torn off it, and behind a reopening follows 4.
  void SetUp() override {
    {
      WalFsWriter log = open(any_order()).value();
      append(log, {20});
      append(log, {9, 5, 3});
      kill(std::move(log));
    }
    truncate(offsets()[3] + 10);
    write({4}, any_order(RepairPolicy::kTruncatePartial));
    ASSERT_EQ(frames().value(), records({20, 9, 5, 4}));
    ASSERT_EQ(offsets(kReopeningType).size(), 1u);
    ASSERT_GT(offsets(kReopeningType)[0], offsets()[2]);
    ASSERT_LT(offsets(kReopeningType)[0], offsets()[3]);
  }
  void expect_hard(uint64_t offset) {
    for (const RepairPolicy repair : kPolicies) {
      expect_refused(offset, Reason::kCrcMismatch, any_order(repair));
    }
    const auto damaged = frames();
    EXPECT_TRUE(is_damaged_at(offset, Reason::kCrcMismatch, damaged));
  }
};

TEST_F(WalFsReopened, IsCorruptAndNotShorterWhenTheLastRecordBeforeTheReopeningRots) {
  const uint64_t offset = offsets()[2];
  flip(offset + sizeof(FrameHeader));
  expect_hard(offset);
}

TEST_F(WalFsReopened, IsCorruptAndNotShorterWhenAnEarlierRecordOfThatBlockRots) {
  const uint64_t offset = offsets()[1];
  flip(offset);
  expect_hard(offset);
}

TEST_F(WalFsReopened, IsCorruptWhenTheReopeningRots) {
  const uint64_t end = offsets()[2] + frame_bytes(1);
  flip(offsets(kReopeningType)[0] + sizeof(FrameHeader));
  expect_hard(end);
}

TEST_F(WalFsReopened, IsCorruptAndNotShorterWhenNothingFollowsTheReopeningYet) {
  const uint64_t offset = offsets()[2];
  truncate(offsets(kReopeningType)[0] + kBlockBytes);
  ASSERT_EQ(frames().value(), records({20, 9, 5}));
  flip(offset + sizeof(FrameHeader));
  expect_hard(offset);
}

TEST_F(WalFsReopened, DoesNotCareForWhatLiesBetweenItsEndAndTheReopening) {
  flip(offsets(kReopeningType)[0] - 1);
  write({6}, any_order());
  EXPECT_EQ(frames().value(), records({20, 9, 5, 4, 6}));
}

}  // namespace
}  // namespace sluice::wal
