// Whoever looks at the same bytes says the same of them: an opening, a reader, a seek, a check.
#include <gtest/gtest.h>

#include <functional>

#include "base/crc32c.h"
#include "sluice/wal_reader.h"
#include "wal/check.h"
#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

struct Damage {
  const char* name;
  Reason reason;
  uint64_t records;  ///< that are whole before it
  /// The file's new bytes behind `end`, where the next record would be; `next` is such a record.
  std::function<std::string(const std::string& next)> tail;
};

const Damage kDamages[] = {
    {"two bytes of a header", Reason::kIncompleteHeader, 1,
     [](const std::string& next) { return next.substr(0, 2); }},
    {"a header and three bytes", Reason::kIncompletePayload, 1,
     [](const std::string& next) { return next.substr(0, sizeof(FrameHeader) + 3); }},
    {"a header and three bytes behind two records", Reason::kIncompletePayload, 2,
     [](const std::string& next) { return next.substr(0, sizeof(FrameHeader) + 3); }},
    {"a payload that another checksum was made for", Reason::kCrcMismatch, 2,
     [](std::string next) {
       next[sizeof(FrameHeader)] ^= 1;
       return next;
     }},
    {"junk", Reason::kIncompleteHeader, 1, [](const std::string&) { return "\x7fjunk!!"; }},
};

class TailAnswers : public WalFileTest {
 protected:
  Result<WalFsWriter> open(const WalFsOptions& options = {}) {
    return WalFsWriter::open(runtime_, disk_, kFile, options);
  }
  Result<std::unique_ptr<WalReader>> reader(Lsn from = 1) {
    return open_wal_file_reader(disk_, kFile, nullptr,
                                {.from = from, .repair = RepairPolicy::kStrict});
  }
  /// So many records of one block each, and of the one behind them what the damage leaves.
  uint64_t write(const Damage& damage) {
    disk_.set_image({});
    {
      WalFsWriter log = open().value();
      put_synced(log, damage.records + 1);
      kill(std::move(log));
    }
    const uint64_t end = offsets()[damage.records];
    const std::string next = content().substr(end, frame_bytes(std::string("record 1").size()));
    truncate(end);
    add(damage.tail(next));
    return end;
  }
};

TEST_F(TailAnswers, OfAnOpeningAReaderAndACheckAreTheSameByteAndReason) {
  for (const Damage& damage : kDamages) {
    SCOPED_TRACE(damage.name);
    const uint64_t end = write(damage);
    EXPECT_TRUE(is_damaged_at(end, damage.reason, open()));
    EXPECT_EQ(tail().offset, end);
    EXPECT_EQ(tail().reason, damage.reason);
    const WalFileReport report = check_file(disk_, kFile, {}).value().files.at(0);
    EXPECT_EQ(report.accepted_end, end);
    EXPECT_EQ(report.torn_reason, damage.reason);
    EXPECT_EQ(report.records, damage.records);
    const auto all = reader().value();
    for (Lsn lsn = 1; lsn <= damage.records; ++lsn) EXPECT_EQ(all->next().value()->lsn, lsn);
    EXPECT_TRUE(is_damaged_at(end, damage.reason, all->next()));
    EXPECT_TRUE(is_damaged_at(end, damage.reason, all->next_header()));
    const auto mended = open({policy(RepairPolicy::kTruncatePartial)});
    ASSERT_OK(mended);
    EXPECT_EQ(mended->repair().offset, end);
    EXPECT_EQ(mended->repair().reason, damage.reason);
  }
}

// The design wins: memory is one window, so a reader meets damage when it gets there, and checks
// nothing behind what it was asked for; who wants to know first checks, or opens strictly.
TEST_F(TailAnswers, OfASeekAreThoseOfTheReaderThatGetsThereAndNoneBefore) {
  for (const Damage& damage : kDamages) {
    SCOPED_TRACE(damage.name);
    const uint64_t end = write(damage);
    const auto sought = reader(damage.records).value();
    EXPECT_EQ(sought->next().value()->lsn, damage.records);
    EXPECT_TRUE(is_damaged_at(end, damage.reason, sought->next()));
    sought->reset();
    EXPECT_TRUE(is_damaged_at(end, damage.reason, sought->next()));
    sought->seek(1);
    EXPECT_TRUE(is_damaged_at(end, damage.reason, sought->next())) << "it has ended for good";
    const auto behind = reader(999).value();
    EXPECT_TRUE(is_damaged_at(end, damage.reason, behind->next())) << "and is no end of the log";
  }
}

TEST_F(TailAnswers, OfEverySingleBitThatIsFlippedAreThatItIsDamaged) {
  {
    WalFsWriter log = open().value();
    put_synced(log, 3);
    kill(std::move(log));
  }
  const uint64_t second = offsets()[1];
  const std::string sound = content();
  for (uint64_t bit = 0; bit < 8 * frame_bytes(std::string("record 2").size()); ++bit) {
    std::string flipped = sound;
    flipped[second + bit / 8] ^= static_cast<char>(1 << bit % 8);
    restore(flipped);
    ASSERT_TRUE(is_damaged_at(second, Reason::kCrcMismatch, open())) << bit;
    const auto found = reader().value();
    ASSERT_EQ(found->next().value()->lsn, 1u);
    ASSERT_TRUE(is_damaged_at(second, Reason::kCrcMismatch, found->next())) << bit;
  }
}

// A length that nobody could have written, under checksums that fit.
TEST_F(TailAnswers, OfALengthThatLeadsBeyondTheFileAreThatItIsIncomplete) {
  const uint64_t end = write(kDamages[0]);
  const SegmentHeader segment =
      decode_segment_header(ByteView(bytes()).first(kBlockBytes), kFile).value();
  for (const uint64_t payload_bytes : {uint64_t{1000}, kPayloadBytesMax}) {
    FrameHeader header{
        .payload_bytes = static_cast<uint32_t>(payload_bytes), .type = kFirstUserType, .lsn = 2};
    header.header_crc = header_checksum(header, frame_seed(segment.segment, end));
    truncate(end);
    add(as_text(std::as_bytes(std::span(&header, 1))));
    add("x");
    EXPECT_TRUE(is_damaged_at(end, Reason::kIncompletePayload, open()));
  }
}

TEST_F(TailAnswers, OfAFileOfAnotherVersionAreThatItIsNotSupported) {
  write(kDamages[0]);
  for (const uint32_t version : {0u, 2u, 99u}) {
    store(bytes().data() + 8, version);
    store(bytes().data() + 4092, crc32c(ByteView(bytes()).first(4092)));
    disk_.settle(kFile);
    const std::string before = everything();
    for (const RepairPolicy repair : kPolicies) {
      EXPECT_TRUE(fails_with(open({policy(repair)}), Code::kUnsupported, Reason::kVersion));
    }
    EXPECT_TRUE(fails_with(WalWriter::open(runtime_, disk_, kFile, {}), Code::kUnsupported,
                           Reason::kVersion));
    EXPECT_TRUE(fails_with(reader(), Code::kUnsupported, Reason::kVersion));
    EXPECT_TRUE(fails_with(check_file(disk_, kFile, {}), Code::kUnsupported, Reason::kVersion));
    EXPECT_TRUE(everything() == before);
  }
}

TEST_F(TailAnswers, OfPaddingAreZerosAlsoWhereALargerBatchWasStagedBefore) {
  WalFsWriter log = open().value();
  ASSERT_OK(log.append(1, as_bytes(std::string(20'000, 'x'))));
  ASSERT_OK(log.sync());
  ASSERT_OK(log.append(2, as_bytes("short")));
  ASSERT_OK(log.sync());
  kill(std::move(log));
  const uint64_t record = offsets()[1];
  const std::string found = content();
  EXPECT_EQ(found.substr(record + sizeof(FrameHeader), 8), std::string("short\0\0\0", 8));
  const uint64_t pad = offsets(kPadType).back();
  const uint64_t zeros = pad + sizeof(FrameHeader);
  EXPECT_EQ(found.substr(zeros, closed_end(pad) - zeros),
            std::string(closed_end(pad) - zeros, '\0'));
}

}  // namespace
}  // namespace sluice::wal
