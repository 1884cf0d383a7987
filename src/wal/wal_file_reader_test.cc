// Reading logs in one file, following what grows, and what damage makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "wal/single_file_fixture.h"
#include "wal/wal_reader_fixture.h"

namespace sluice::wal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// As file_fixture's open_file(), with numbers by the log.
OpenFile open_events(CrashDisk& disk, std::shared_ptr<const KeyRing> keys = nullptr,
                     Numbering numbering = Numbering::kLog, uint64_t seed = 1) {
  SingleFileOptions options{.numbering = numbering};
  options.file.repair = RepairPolicy::kTruncatePartial;
  options.file.keys = std::move(keys);
  return open_file(disk, std::move(options), seed).value();
}
Result<std::unique_ptr<WalReader>> open_reader_of_file(Disk& disk, WalReadOptions options = {},
                                                       std::shared_ptr<const KeyRing> keys = {}) {
  return open_wal_file_reader(disk, kFile, std::move(keys), std::move(options));
}
Result<std::vector<Lsn>> lsns_of_file(Disk& disk, WalReadOptions options = {},
                                      std::shared_ptr<const KeyRing> keys = {}) {
  const auto reader = TRY(open_reader_of_file(disk, std::move(options), std::move(keys)));
  const std::vector<TestRecord> records = TRY(rest_of(*reader));
  return lsns(records);
}
uint64_t end_of_frames(CrashDisk& disk) {
  const auto parser = SegmentParser::open_single(disk.open(kFile, OpenMode::kRead).value(), kFile,
                                                 std::nullopt, nullptr)
                          .value();
  uint64_t end = 0;
  while (const std::optional<ParsedFrame> frame = parser->next().value()) {
    if (!is_own_type(frame->type)) end = parser->position().end;
  }
  return end;
}
void append_bytes(CrashDisk& disk, uint64_t offset, size_t count) {
  std::vector<std::byte>& bytes = disk.bytes(kFile);
  bytes.resize(std::max(bytes.size(), offset + count));
  std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(offset), count, std::byte{0x5a});
  disk.settle(kFile);
}

TEST(WalFileReading, AMissingFileIsNotFoundAndAnEmptyOneIsAnEmptyLog) {
  CrashDisk disk;
  EXPECT_EQ(open_reader_of_file(disk).error().code(), Code::kNotFound);
  ASSERT_OK(disk.create(kFile));
  EXPECT_THAT(lsns_of_file(disk).value(), IsEmpty());
}

TEST(WalFileReading, AFileOfTenBytesIsNoLogBecauseLogsAreBornWhole) {
  CrashDisk disk;
  ASSERT_OK(disk.create(kFile).value()->pwrite_at(0, as_bytes("0123456789")));
  EXPECT_EQ(open_reader_of_file(disk).error().reason(), Reason::kIncompleteHeader);
}

TEST(WalFileReading, GoesThroughReopeningsAndChangesOfKeys) {
  CrashDisk disk;
  KeyRing rotated = KeyRing::make(2, test_key(0x22)).value();
  ASSERT_OK(rotated.add(1, test_key(0x11)));
  const auto keys = std::make_shared<const KeyRing>(std::move(rotated));
  for (uint64_t opening = 1; opening <= 4; ++opening) {
    const auto ring = opening == 1 ? nullptr : opening == 2 ? test_ring(1, 0x11) : keys;
    const OpenFile file = open_events(disk, ring, Numbering::kLog, opening);
    ASSERT_OK(append(*file, {"a", std::string(3000, 'b')}));
    ASSERT_OK(file->sync());
    if (opening != 2) ASSERT_OK(file->close());
  }
  EXPECT_THAT(lsns_of_file(disk, {}, keys).value(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(lsns_of_file(disk, {.from = 6}, keys).value(), ElementsAre(6, 7, 8));
  const auto reader = open_reader_of_file(disk, {}, keys).value();
  const auto none = [](const WalFrameHeader&) { return false; };
  EXPECT_EQ(rest_by_header(*reader, none).value().size(), 8u);
  const Error error = lsns_of_file(disk).error();
  EXPECT_EQ(error.reason(), Reason::kMissingKey) << "ciphertext is never handed out";
}

TEST(WalFileReading, StartsAtAnLsnAlsoWhereCallersNumberInAnyOrder) {
  CrashDisk disk;
  {
    const OpenFile file = open_events(disk, nullptr, Numbering::kAny);
    for (const Lsn lsn : {9, 2, 30, 4, 12, 9}) ASSERT_OK(append(*file, {"x"}, lsn));
    ASSERT_OK(file->close());
  }
  EXPECT_THAT(lsns_of_file(disk).value(), ElementsAre(9, 2, 30, 4, 12, 9));
  EXPECT_THAT(lsns_of_file(disk, {.from = 9}).value(), ElementsAre(9, 30, 12, 9));
}

TEST(WalFileReading, ByHeaderPassesNoRecordThatAnOpeningLeftTornBeforeAReopening) {
  for (const bool by_header : {false, true}) {
    CrashDisk disk;
    {
      const OpenFile file = open_events(disk);
      ASSERT_OK(append(*file, {"1", "torn"}));
      ASSERT_OK(file->sync());
    }
    disk.bytes(kFile).at(end_of_frames(disk) - 1) ^= std::byte{1};
    disk.settle(kFile);
    {
      const OpenFile file = open_events(disk, nullptr, Numbering::kLog, 2);
      ASSERT_GT(file->repair().torn_bytes, 0u);
      ASSERT_OK(append(*file, {"2", "3"}));
      ASSERT_OK(file->close());
    }
    const auto reader = open_reader_of_file(disk).value();
    const auto all = [](const WalFrameHeader&) { return true; };
    const auto found = by_header ? rest_by_header(*reader, all) : rest_of(*reader);
    ASSERT_OK(found);
    ASSERT_EQ(found->size(), 3u);
    for (const TestRecord& record : *found) EXPECT_EQ(record.payload, std::to_string(record.lsn));
  }
}

TEST(WalFileReading, ATornTailIsTheEndUnlessTheReaderIsStrict) {
  CrashDisk disk;
  {
    const OpenFile file = open_events(disk);
    ASSERT_OK(append(*file, {"1", "2", "3", "4", "5"}));
    ASSERT_OK(file->sync());
  }
  const uint64_t end = closed_end(end_of_frames(disk));
  append_bytes(disk, end, 4);
  EXPECT_THAT(lsns_of_file(disk).value(), ElementsAre(1, 2, 3, 4, 5));
  const auto strict = open_reader_of_file(disk, {.repair = RepairPolicy::kStrict}).value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(strict->next().value());
  const Error error = strict->next().error();
  EXPECT_EQ(error.code(), Code::kCorrupt);
  EXPECT_EQ(error.where(), kFile);
  EXPECT_EQ(strict->next().error().code(), Code::kCorrupt);
}

TEST(WalFileReading, DamageBelowAMarkIsHandedUpWithItsOffsetAndNothingBehindItIsEverRead) {
  CrashDisk disk;
  {
    const OpenFile file = open_events(disk);
    for (int i = 0; i < 5; ++i) {
      ASSERT_OK(append(*file, {"same"}));
      ASSERT_OK(file->sync());
    }
    ASSERT_OK(file->close());
  }
  uint64_t third = 0;
  {
    const auto parser = SegmentParser::open_single(disk.open(kFile, OpenMode::kRead).value(), kFile,
                                                   std::nullopt, nullptr)
                            .value();
    while (const std::optional<ParsedFrame> frame = parser->next().value()) {
      if (frame->lsn == 3 && !is_own_type(frame->type)) third = frame->offset;
    }
  }
  disk.bytes(kFile).at(third + sizeof(FrameHeader)) ^= std::byte{1};
  disk.settle(kFile);
  const auto reader = open_reader_of_file(disk).value();
  EXPECT_EQ(reader->next().value()->lsn, 1u);
  EXPECT_EQ(reader->next().value()->lsn, 2u);
  for (int i = 0; i < 3; ++i) {
    const Error error = reader->next().error();
    EXPECT_EQ(error.reason(), Reason::kCrcMismatch);
    EXPECT_EQ(error.found(), third);
    reader->reset();
  }
  reader->seek(4);
  EXPECT_FALSE(reader->next().ok());
  const auto by_header = open_reader_of_file(disk).value();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(by_header->next_header().value());
  const Error error = by_header->payload().error();
  EXPECT_EQ(error.reason(), Reason::kCrcMismatch);
  EXPECT_EQ(error.found(), third);
  EXPECT_FALSE(by_header->next_header().ok());
  EXPECT_THAT(lsns_of_file(disk, {.from = 4}).value(), ElementsAre(4, 5))
      << "what is passed is not checked";
}

TEST(WalFileReading, ALengthThatWasFlippedIsDamageAndNoAllocation) {
  CrashDisk disk;
  {
    const OpenFile file = open_events(disk);
    ASSERT_OK(append(*file, {"1", "2"}));
    ASSERT_OK(file->sync());
    ASSERT_OK(file->close());
  }
  const uint64_t second = end_of_frames(disk) - frame_bytes(1);
  for (const bool by_header : {false, true}) {
    std::fill_n(disk.bytes(kFile).begin() + static_cast<ptrdiff_t>(second) + 8, 4, std::byte{0xff});
    disk.settle(kFile);
    CountingDisk counting(disk);
    const auto reader = open_reader_of_file(counting).value();
    ASSERT_TRUE(by_header ? reader->next_header().value().has_value()
                          : reader->next().value().has_value());
    EXPECT_EQ(by_header ? reader->next_header().error().code() : reader->next().error().code(),
              Code::kCorrupt);
    EXPECT_LE(counting.largest_read, 1u << 20);
  }
}

TEST(WalFileReading, FollowsAFileThatGrowsAndNeverTakesHalfARecordForDamage) {
  CrashDisk disk;
  const OpenFile file = open_events(disk);
  ASSERT_OK(append(*file, {"first"}));
  ASSERT_OK(file->sync());
  const std::vector<std::byte> before = disk.bytes(kFile);
  const uint64_t durable_end = closed_end(end_of_frames(disk));
  ASSERT_OK(append(*file, {std::string(9000, 'x'), "third"}));
  ASSERT_OK(file->sync());
  const std::vector<std::byte> after = disk.bytes(kFile);
  const auto show = [&](std::vector<std::byte> bytes, uint64_t end) {
    std::fill(bytes.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(end, bytes.size())),
              bytes.end(), std::byte{0});
    disk.bytes(kFile) = std::move(bytes);
    disk.settle(kFile);
  };
  for (uint64_t end = durable_end; end < after.size(); end += end < 32 << 10 ? 397 : 99'991) {
    show(before, before.size());
    const auto reader = open_reader_of_file(disk).value();
    EXPECT_THAT(lsns(rest_of(*reader).value()), ElementsAre(1));
    show(after, end);
    EXPECT_FALSE(reader->next().value()) << "not before a reset";
    reader->reset();
    const Result<std::vector<TestRecord>> half = rest_of(*reader);
    ASSERT_TRUE(half.ok()) << end << ": " << half.error().to_string();
    std::vector<Lsn> found = lsns(*half);
    show(after, after.size());
    reader->reset();
    for (const TestRecord& record : rest_of(*reader).value()) found.push_back(record.lsn);
    ASSERT_THAT(found, ElementsAre(2, 3)) << end;
  }
}

/// Segments and what is durable of them, as a log that is open would tell.
class LiveReading : public ::testing::TestWithParam<bool> {
 protected:
  LiveReading() {
    test_keys() = GetParam() ? test_ring(1, 0x11) : nullptr;
    log_.emplace(open_log(disk_).value());
  }
  ~LiveReading() override { test_keys() = nullptr; }

  /// What is there now is what the reader will be told.
  void publish() {
    view_ = {.keys = test_keys()};
    for (const std::string& name : list_segments(disk_).value()) {
      const SegmentHeader header = read_segment_header(disk_, name).value();
      if (!view_.segments.empty()) view_.segments.back().boundary = header.accepted;
      view_.segments.push_back({.name = name, .header = header, .is_ours = true});
    }
    const std::string& last = view_.segments.back().name;
    const auto parser = SegmentParser::open(disk_.open(last, OpenMode::kRead).value(), last,
                                            std::nullopt, test_keys().get())
                            .value();
    view_.segments.back().boundary = parse_segment(*parser, last, TypeSet({})).value().accepted;
  }
  void write_durably(int count) {
    std::vector<TestRecord> records;
    for (int i = 0; i < count; ++i) records.push_back({.type = 20, .payload = std::string(i, 'r')});
    write(**log_, records);
    publish();
  }
  std::unique_ptr<WalReader> follow(WalReadOptions options = {}) {
    const auto source = [this](Lsn) -> Result<LogView> { return view_; };
    return wal::open_reader(disk_, source, std::move(options)).value();
  }

  CrashDisk disk_;
  std::optional<OpenLog> log_;
  LogView view_;
};
INSTANTIATE_TEST_SUITE_P(PlainAndSealed, LiveReading, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Sealed" : "Plain"; });

TEST_P(LiveReading, EndsAtWhatIsDurableAndGoesOnThereAfterAReset) {
  write_durably(3);
  const std::unique_ptr<WalReader> reader = follow();
  ASSERT_OK(append(**log_, {"not durable", "nor this"}));
  EXPECT_THAT(lsns(rest_of(*reader).value()), ElementsAre(1, 2, 3));
  reader->reset();
  EXPECT_FALSE(reader->next().value()) << "it is whole on the disk, but not durable";
  ASSERT_OK((*log_)->sync());
  publish();
  EXPECT_FALSE(reader->next().value());
  reader->reset();
  EXPECT_THAT(lsns(rest_of(*reader).value()), ElementsAre(4, 5));
}

TEST_P(LiveReading, FollowsRollsAndOpensEachSegmentOnce) {
  write_durably(4);
  const std::unique_ptr<WalReader> reader = follow({.limit = 3});
  std::vector<Lsn> found;
  for (int round = 0; round < 12; ++round) {
    if (round % 3 == 0) ASSERT_OK((*log_)->roll(as_bytes("state")));
    write_durably(2);
    for (const TestRecord& record : rest_of(*reader).value()) found.push_back(record.lsn);
    reader->reset();
  }
  reader->reset(kUnlimitedRecords);
  for (const TestRecord& record : rest_of(*reader).value()) found.push_back(record.lsn);
  std::vector<Lsn> all(28);
  for (size_t i = 0; i < all.size(); ++i) all[i] = i + 1;
  EXPECT_EQ(found, all);
  EXPECT_EQ(reader->stats().segments_opened, view_.segments.size());
}

TEST_P(LiveReading, TellsWhatATrimTookBeforeItWasRead) {
  write_durably(4);
  const std::unique_ptr<WalReader> reader = follow({.limit = 4});
  EXPECT_EQ(rest_of(*reader).value().size(), 4u);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK((*log_)->roll(as_bytes("state")));
    write_durably(4);
  }
  ASSERT_OK((*log_)->trim(12, as_bytes("state")));
  publish();
  reader->reset();
  const Error error = reader->next().error();
  EXPECT_EQ(error.code(), Code::kNotFound) << error.to_string();
  EXPECT_EQ(error.reason(), Reason::kMissingSegment);
}

}  // namespace
}  // namespace sluice::wal
