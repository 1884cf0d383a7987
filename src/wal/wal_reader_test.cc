// What readers of a log directory promise: order, filters, pages, following, holes.
#include "sluice/wal_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "wal/wal_reader_fixture.h"

namespace sluice::wal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint16_t kPut = 20 | kWalRequired;
constexpr uint16_t kNote = 30;

std::shared_ptr<const KeyRing> keys_of(bool is_sealed) {
  return is_sealed ? test_ring(1, 0x11) : nullptr;
}

/// Everything that holds of a plain log and of an encrypted one.
class WalReading : public ::testing::TestWithParam<bool> {
 protected:
  WalReading() { test_keys() = keys_of(GetParam()); }
  ~WalReading() override { test_keys() = nullptr; }

  /// `count` records of mixed kinds, a sync for every three, in segments of ten.
  void write_mixed(int count) {
    const OpenLog log = open_log(disk_, seed_++).value();
    std::vector<TestRecord> group;
    for (int i = 0; i < count; ++i) {
      group.push_back({.type = i % 3 == 0 ? kPut : kNote,
                       .vshard = static_cast<uint16_t>(i % 5),
                       .tenant = static_cast<uint32_t>(i % 4),
                       .payload = "record " + std::to_string(i) + std::string(i * 7 % 200, 'p')});
      if (group.size() < 3 && i + 1 < count) continue;
      write(*log, group);
      written_.insert(written_.end(), group.begin(), group.end());
      group.clear();
      if (written_.size() % 10 < 3) ASSERT_OK(log->roll(as_bytes("state")));
    }
    ASSERT_OK(log->close());
  }
  template <class Predicate>
  std::vector<TestRecord> written(Predicate is_wanted) const {
    std::vector<TestRecord> some;
    std::copy_if(written_.begin(), written_.end(), std::back_inserter(some), is_wanted);
    return some;
  }

  CrashDisk disk_;
  std::vector<TestRecord> written_;
  uint64_t seed_ = 1;
};
INSTANTIATE_TEST_SUITE_P(PlainAndSealed, WalReading, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Sealed" : "Plain"; });

TEST_P(WalReading, AnEmptyDirectoryAndALogWithoutRecordsYieldNothing) {
  EXPECT_THAT(read_all(disk_).value(), IsEmpty());
  { ASSERT_OK(open_log(disk_).value()->close()); }
  EXPECT_THAT(read_all(disk_).value(), IsEmpty());
  EXPECT_THAT(read_all(disk_, {.from = 999}).value(), IsEmpty());
}

TEST_P(WalReading, EveryRecordComesBackInOrderWithAllItsFieldsEachTimeItIsRead) {
  write_mixed(100);
  EXPECT_EQ(read_all(disk_).value(), written_);
  EXPECT_EQ(read_all(disk_).value(), written_);
}

TEST_P(WalReading, TenThousandRecordsComeBackInOrder) {
  {
    const OpenLog log = open_log(disk_).value();
    std::vector<TestRecord> records(10'000, {.type = kNote, .tenant = 3, .payload = "same size"});
    write(*log, records);
    written_ = records;
  }
  EXPECT_EQ(read_all(disk_).value(), written_);
}

TEST_P(WalReading, HeadersFirstYieldsTheSameWhetherPayloadsAreReadOrNot) {
  write_mixed(60);
  const auto by_header = [&](const auto& reads_payload) {
    const std::unique_ptr<WalReader> reader = open_reader(disk_).value();
    return rest_by_header(*reader, reads_payload).value();
  };
  EXPECT_EQ(by_header([](const WalFrameHeader&) { return true; }), written_);
  std::vector<TestRecord> some = written_;
  for (TestRecord& record : some) {
    if (record.lsn % 3 != 0) record.payload.clear();
  }
  EXPECT_EQ(by_header([](const WalFrameHeader& header) { return header.lsn % 3 == 0; }), some);
  EXPECT_EQ(by_header([](const WalFrameHeader&) { return false; }).size(), written_.size());
}

TEST_P(WalReading, APayloadIsReadOnceAndOnlyBehindItsHeader) {
  write_mixed(6);
  const std::unique_ptr<WalReader> reader = open_reader(disk_).value();
  EXPECT_EQ(reader->payload().error().code(), Code::kInvalid);
  ASSERT_TRUE(reader->next_header().value());
  EXPECT_EQ(as_text(reader->payload().value()), written_[0].payload);
  EXPECT_EQ(reader->payload().error().code(), Code::kInvalid);
  EXPECT_EQ(copy(*reader->next().value()), written_[1]) << "such a mistake does no harm";
  EXPECT_EQ(reader->payload().error().code(), Code::kInvalid);
  ASSERT_TRUE(reader->next_header().value());
  EXPECT_TRUE(reader->has_more().value());
  EXPECT_EQ(reader->payload().error().code(), Code::kInvalid) << "it has looked further";
  EXPECT_EQ(copy(*reader->next().value()), written_[3]);
}

TEST_P(WalReading, AFilterYieldsExactlyTheRecordsOfItsTypesTenantsAndVshards) {
  write_mixed(120);
  const WalFilter puts{.types = {20}};
  const WalFilter flagged{.types = {kPut}};
  const WalFilter tenants{.tenants = {3, 1}};
  const WalFilter all{.types = {kNote}, .tenants = {2}, .vshards = {4, 0, 1}};
  const auto is_put = [](const TestRecord& record) { return record.type == kPut; };
  EXPECT_EQ(read_all(disk_, {.filter = puts}).value(), written(is_put));
  EXPECT_EQ(read_all(disk_, {.filter = flagged}).value(), written(is_put));
  EXPECT_EQ(read_all(disk_, {.filter = tenants}).value(),
            written([](const TestRecord& record) { return record.tenant % 2 == 1; }));
  EXPECT_EQ(read_all(disk_, {.from = 17, .filter = all}).value(),
            written([](const TestRecord& record) {
              return record.lsn >= 17 && record.type == kNote && record.tenant == 2 &&
                     (record.vshard == 4 || record.vshard < 2);
            }));
  EXPECT_THAT(read_all(disk_, {.filter = {.tenants = {9}}}).value(), IsEmpty());
}

TEST_P(WalReading, StartsAtTheFirstRecordAtOrAboveTheLsnWhereverThatIs) {
  write_mixed(40);
  for (Lsn from = 1; from <= 42; ++from) {
    EXPECT_EQ(read_all(disk_, {.from = from}).value(),
              written([&](const TestRecord& record) { return record.lsn >= from; }))
        << from;
  }
}

TEST_P(WalReading, PagesHoldWhatTheLimitSaysAndKnowWhetherMoreFollows) {
  write_mixed(10);
  struct Page {
    Lsn from;
    uint64_t limit;
    std::vector<Lsn> lsns;
    bool has_more;
  };
  const std::vector<Page> pages = {
      {6, kUnlimitedRecords, {6, 7, 8, 9, 10}, false},
      {1, 100, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, false},
      {1, 3, {1, 2, 3}, true},
      {6, 2, {6, 7}, true},
      {999, 5, {}, false},
      {8, 3, {8, 9, 10}, false},
      {1, 0, {}, true},
      {999, 0, {}, false},
  };
  for (const Page& page : pages) {
    const std::unique_ptr<WalReader> reader =
        open_reader(disk_, {.from = page.from, .limit = page.limit}).value();
    EXPECT_EQ(lsns(rest_of(*reader).value()), page.lsns);
    EXPECT_FALSE(reader->next().value()) << "the limit is an end";
    EXPECT_EQ(reader->has_more().value(), page.has_more) << page.from << " " << page.limit;
    EXPECT_FALSE(reader->next().value());
  }
}

TEST_P(WalReading, HasMoreIsFalseWhenOnlyRecordsThatDoNotMatchAreLeft) {
  write_mixed(30);
  const WalFilter of_tenant{.tenants = {1}};  // the last record's is 29 % 4
  const std::unique_ptr<WalReader> reader =
      open_reader(disk_, {.from = 25, .limit = 2, .filter = of_tenant}).value();
  EXPECT_THAT(lsns(rest_of(*reader).value()), ElementsAre(26, 30));
  EXPECT_FALSE(reader->has_more().value());
}

TEST_P(WalReading, PagesFollowOneAnotherWithoutReadingASegmentAgain) {
  write_mixed(100);
  CountingDisk counting(disk_);
  const std::unique_ptr<WalReader> reader = open_reader(counting, {.limit = 7}).value();
  std::vector<TestRecord> found;
  while (reader->has_more().value()) {
    for (TestRecord& record : rest_of(*reader).value()) found.push_back(std::move(record));
    reader->reset();
  }
  EXPECT_EQ(found, written_);
  uint64_t log_bytes = 0;
  for (const DiskEntry& entry : disk_.list().value()) log_bytes += entry.bytes;
  EXPECT_LE(counting.read_bytes, 2 * log_bytes);
  EXPECT_EQ(reader->stats().segments_opened, list_segments(disk_).value().size());
  reader->reset(1);
  EXPECT_FALSE(reader->next().value());
}

TEST_P(WalReading, FromTheFirstLsnOfTheLastSegmentOpensThatFileOnly) {
  write_mixed(35);
  const std::string last = list_segments(disk_).value().back();
  const Lsn from = *parse_segment_name(last);
  CountingDisk counting(disk_);
  const std::unique_ptr<WalReader> reader = open_reader(counting, {.from = from}).value();
  EXPECT_EQ(rest_of(*reader).value(),
            written([&](const TestRecord& record) { return record.lsn >= from; }));
  EXPECT_EQ(reader->stats().segments_opened, 1u);
  EXPECT_THAT(counting.opened, ::testing::Each(last));
}

TEST_P(WalReading, SkippingOfLargePayloadsReadsNoneOfThem) {
  {
    const OpenLog log = open_log(disk_).value();
    for (int i = 0; i < 8; ++i) {
      std::vector<TestRecord> records = {
          {.type = kNote, .tenant = 1, .payload = std::string(1 << 20, 'x')},
          {.type = kNote, .tenant = 2, .payload = "small " + std::to_string(i)}};
      write(*log, records);
      written_.push_back(records[1]);
    }
    ASSERT_OK(log->close());
  }
  CountingDisk counting(disk_);
  const std::unique_ptr<WalReader> reader =
      open_reader(counting, {.filter = {.tenants = {2}}}).value();
  EXPECT_EQ(rest_of(*reader).value(), written_);
  EXPECT_LT(counting.read_bytes, 512u << 10) << "of more than 8 MiB";
  EXPECT_GE(reader->stats().payload_bytes_skipped, 8u << 20);
  EXPECT_EQ(reader->stats().blocks_skipped, GetParam() ? 9u : 0u) << "the checkpoint's, too";
}

TEST_P(WalReading, SkippingThreeRecordsByTheirHeadersAndReadingTheFourth) {
  {
    const OpenLog log = open_log(disk_).value();
    std::vector<TestRecord> records(3, {.type = kPut, .payload = std::string(10'000, 'x')});
    records.push_back({.type = kPut, .payload = "wanted"});
    write(*log, records);
    ASSERT_OK(log->close());
  }
  const std::unique_ptr<WalReader> reader = open_reader(disk_).value();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(reader->next_header().value());
  EXPECT_EQ(as_text(reader->payload().value()), "wanted");
  const uint64_t skipped_bytes = reader->stats().payload_bytes_skipped;
  EXPECT_TRUE(GetParam() ? skipped_bytes < 10'000 : skipped_bytes == 30'000) << skipped_bytes;
  EXPECT_FALSE(reader->next_header().value());
}

TEST_P(WalReading, UnknownOptionalRecordsAreSkippedInALoopAndRequiredOnesAreAnError) {
  {
    const OpenLog log = open_log(disk_).value();
    std::vector<TestRecord> records(50'000, {.type = 99});
    records.push_back({.type = kPut, .payload = "wanted"});
    write(*log, records);
    std::vector<TestRecord> unknown = {{.type = 98 | kWalRequired}, {.type = kPut}};
    write(*log, unknown);
  }
  const std::unique_ptr<WalReader> reader = open_reader(disk_, {.known_types = {20}}).value();
  EXPECT_EQ(reader->next().value()->lsn, 50'001u);
  const Error error = reader->next().error();
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_EQ(error.expected(), 50'002u);
  EXPECT_EQ(error.found(), 98 | kWalRequired);
  EXPECT_NE(error.message().find("50002"), std::string::npos);
  EXPECT_EQ(reader->next().error().code(), Code::kUnsupported) << "for ever";
  for (const WalFilter& filter : {WalFilter{.types = {20}}, WalFilter{.tenants = {0}}}) {
    EXPECT_EQ(read_all(disk_, {.filter = filter, .known_types = {20}}).error().found(),
              98 | kWalRequired)
        << "no filter passes it";
  }
  EXPECT_EQ(read_all(disk_, {.filter = {.tenants = {7}}, .known_types = {20}}).error().code(),
            Code::kUnsupported);
  EXPECT_EQ(read_all(disk_, {.from = 50'003, .known_types = {20}}).value().size(), 1u);
  EXPECT_EQ(open_log(disk_, 9).value()->recovered().last_lsn, 50'003u);
}

TEST_P(WalReading, TheValidatorIsAskedForWhatIsHandedOutAndItsNoStays) {
  write_mixed(9);
  WalReadOptions options;
  std::vector<Lsn> asked;
  options.validate = [&](const WalFrame& frame) {
    asked.push_back(frame.lsn);
    return frame.lsn != 6;
  };
  options.filter.vshards = {0, 2};  // LSNs 1, 3, 6, 8
  const std::unique_ptr<WalReader> reader = open_reader(disk_, options).value();
  EXPECT_EQ(reader->next().value()->lsn, 1u);
  EXPECT_EQ(reader->next_header().value()->lsn, 3u);
  const Error error = reader->next().error();
  EXPECT_EQ(error.code(), Code::kCorrupt);
  EXPECT_EQ(error.reason(), Reason::kDecodeFailure);
  EXPECT_EQ(reader->next().error().reason(), Reason::kDecodeFailure);
  EXPECT_THAT(asked, ElementsAre(1, 6));
}

TEST_P(WalReading, ARecordAboveTheLimitOfPayloadsIsAnErrorUnlessItIsSkipped) {
  {
    const OpenLog log = open_log(disk_).value();
    std::vector<TestRecord> records = {{.type = kNote, .payload = "a"},
                                       {.type = kPut, .payload = std::string(5000, 'x')},
                                       {.type = kNote, .payload = "b"}};
    write(*log, records);
  }
  const Error error = read_all(disk_, {.payload_bytes_max = 4999}).error();
  EXPECT_EQ(error.reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(error.expected(), 4999u);
  EXPECT_EQ(error.found(), 5000u);
  EXPECT_EQ(read_all(disk_, {.payload_bytes_max = 5000}).value().size(), 3u);
  EXPECT_EQ(read_all(disk_, {.filter = {.types = {kNote}}, .payload_bytes_max = 10}).value().size(),
            2u);
}

TEST_P(WalReading, ARecordAboveTheLimitIsRefusedBeforeItsPayloadIsRead) {
  const uint64_t bytes = 8 << 20;
  {
    const OpenLog log = open_log(disk_).value();
    std::vector<TestRecord> records = {{.type = kNote, .payload = "a"},
                                       {.type = kNote, .payload = std::string(bytes, 'x')}};
    write(*log, records);
  }
  for (const bool by_header : {false, true}) {
    CountingDisk counting(disk_);
    const std::unique_ptr<WalReader> reader =
        open_reader(counting, {.payload_bytes_max = 5000}).value();
    ASSERT_TRUE(reader->next().value().has_value());
    const Error error = by_header ? reader->next_header().error() : reader->next().error();
    EXPECT_EQ(error.reason(), Reason::kPayloadTooLarge);
    EXPECT_EQ(error.expected(), 5000u);
    EXPECT_LE(error.found(), bytes);
    EXPECT_GT(error.found(), bytes - 8);
    EXPECT_LE(counting.largest_read, 1u << 20) << "and no more is ever in memory";
  }
}

TEST_P(WalReading, ATornRecordAboveTheLimitIsNoneAtAll) {
  {
    const OpenLog log = open_log(disk_).value();
    std::vector<TestRecord> records = {{.type = kNote, .payload = "a"},
                                       {.type = kNote, .payload = std::string(1 << 20, 'x')}};
    write(*log, records);
  }
  const std::string name = list_segments(disk_).value().back();
  disk_.bytes(name)[900 << 10] ^= std::byte{1};
  disk_.settle(name);
  EXPECT_EQ(read_all(disk_).value().size(), 1u);
  EXPECT_EQ(read_all(disk_, {.payload_bytes_max = 5000}).value().size(), 1u);
}

TEST_P(WalReading, ALimitedReaderStopsBeforeAHoleAndOneThatGoesOnNamesIt) {
  write_mixed(40);
  const std::vector<std::string> names = list_segments(disk_).value();
  ASSERT_GE(names.size(), 4u);
  const Lsn hole_start = *parse_segment_name(names[1]);
  const Lsn hole_end = *parse_segment_name(names[2]);
  ASSERT_OK(disk_.remove(names[1]));
  const std::unique_ptr<WalReader> reader = open_reader(disk_, {.limit = hole_start - 1}).value();
  EXPECT_EQ(rest_of(*reader).value().size(), hole_start - 1);
  reader->reset();
  for (int i = 0; i < 2; ++i) {
    const Error error = reader->next().error();
    EXPECT_EQ(error.code(), Code::kCorrupt);
    EXPECT_EQ(error.reason(), Reason::kMissingSegment);
    EXPECT_EQ(error.expected(), hole_start);
    EXPECT_EQ(error.found(), hole_end);
  }
  const std::unique_ptr<WalReader> by_header = open_reader(disk_).value();
  const auto headers = rest_by_header(*by_header, [](const WalFrameHeader&) { return false; });
  EXPECT_EQ(headers.error().reason(), Reason::kMissingSegment);
  EXPECT_EQ(read_all(disk_, {.from = hole_end}).value().size(), 40 - hole_end + 1);
}

TEST_P(WalReading, WithoutTheOldestSegmentsTheRestIsRead) {
  write_mixed(40);
  const std::vector<std::string> names = list_segments(disk_).value();
  ASSERT_OK(disk_.remove(names[0]));
  const Lsn first = *parse_segment_name(names[1]);
  EXPECT_EQ(read_all(disk_).value(),
            written([&](const TestRecord& record) { return record.lsn >= first; }));
}

TEST_P(WalReading, ASeekGoesAnywhereAndBehindTheEndNothingEarlierComes) {
  write_mixed(30);
  const std::unique_ptr<WalReader> reader = open_reader(disk_, {.from = 12}).value();
  EXPECT_EQ(reader->next().value()->lsn, 12u);
  reader->seek(2);
  EXPECT_EQ(copy(*reader->next().value()), written_[1]);
  EXPECT_EQ(reader->next().value()->lsn, 3u);
  reader->seek(999);
  EXPECT_FALSE(reader->next().value());
  reader->reset();
  EXPECT_FALSE(reader->next().value());
  EXPECT_FALSE(reader->next_header().value());
  reader->seek(30);
  EXPECT_EQ(reader->next_header().value()->lsn, 30u);
  EXPECT_FALSE(reader->has_more().value());
}

TEST_P(WalReading, AfterTheEndNothingComesUntilAResetAlsoIfTheLogGrew) {
  write_mixed(10);
  const std::unique_ptr<WalReader> reader = open_reader(disk_).value();
  EXPECT_EQ(rest_of(*reader).value(), written_);
  const size_t before = written_.size();
  write_mixed(15);
  EXPECT_FALSE(reader->next().value());
  EXPECT_FALSE(reader->has_more().value());
  reader->reset();
  std::vector<TestRecord> expected(written_.begin() + static_cast<ptrdiff_t>(before),
                                   written_.end());
  EXPECT_EQ(rest_of(*reader).value(), expected);
  EXPECT_FALSE(reader->next_header().value());
}

TEST_P(WalReading, AnEmptyLogIsFollowedFromItsFirstRecord) {
  const std::unique_ptr<WalReader> reader = open_reader(disk_).value();
  EXPECT_FALSE(reader->next().value());
  { ASSERT_OK(open_log(disk_, seed_++).value()->close()); }
  reader->reset();
  EXPECT_FALSE(reader->next().value());
  write_mixed(4);  // in a segment that replaced the empty one
  EXPECT_FALSE(reader->next().value());
  reader->reset();
  EXPECT_EQ(rest_of(*reader).value(), written_);
}

TEST_P(WalReading, AReaderThatHasAllOfATrimmedSegmentGoesOnBehindItAndOthersAreTold) {
  const OpenLog log = open_log(disk_).value();
  const auto write_one = [&] {
    std::vector<TestRecord> records = {{.type = kNote, .payload = "x"}};
    write(*log, records);
  };
  write_one();
  write_one();
  const std::unique_ptr<WalReader> late = open_reader(disk_, {.limit = 1}).value();
  EXPECT_EQ(rest_of(*late).value().size(), 1u);
  const std::unique_ptr<WalReader> prompt = open_reader(disk_).value();
  EXPECT_EQ(rest_of(*prompt).value().size(), 2u);
  ASSERT_OK(log->roll({}));
  write_one();
  ASSERT_OK(log->trim(2, {}));
  prompt->reset();
  EXPECT_THAT(lsns(rest_of(*prompt).value()), ElementsAre(3));
  write_one();
  prompt->reset();
  EXPECT_THAT(lsns(rest_of(*prompt).value()), ElementsAre(4));
  ASSERT_OK(log->roll({}));
  write_one();
  write_one();
  ASSERT_OK(log->roll({}));
  write_one();
  ASSERT_OK(log->trim(6, {}));
  prompt->reset();
  const Error error = prompt->next().error();
  EXPECT_EQ(error.code(), Code::kNotFound) << error.to_string();
  EXPECT_EQ(error.reason(), Reason::kMissingSegment);
}

}  // namespace
}  // namespace sluice::wal
