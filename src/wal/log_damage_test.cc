// What a log makes of bytes that changed, files that vanished, and tails that tore.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/crc32c.h"
#include "wal/log_fixture.h"
#include "wal/verify.h"

namespace sluice::wal {
namespace {

using ::testing::ElementsAre;

void flip(CrashDisk& disk, const std::string& name, uint64_t offset) {
  disk.bytes(name).at(offset) ^= std::byte{0x40};
  disk.settle(name);
}

/// The error of an opening that must fail without changing anything.
Error open_error(CrashDisk& disk) {
  const size_t operations = disk.trace.size();
  const auto opened = open_log(disk, 50);
  EXPECT_FALSE(opened.ok());
  for (size_t i = operations; i < disk.trace.size(); ++i) {
    EXPECT_TRUE(disk.trace[i].starts_with("sync")) << disk.trace[i];
  }
  return opened.ok() ? Error(Code::kInvalid, "it opened") : opened.error();
}

/// Every frame of a segment, of any type, found with the parser.
std::vector<ParsedFrame> parsed_frames(CrashDisk& disk, const std::string& name) {
  const auto parser =
      SegmentParser::open(disk.open(name, OpenMode::kRead).value(), name, std::nullopt, nullptr)
          .value();
  std::vector<ParsedFrame> found;
  while (const std::optional<ParsedFrame> frame = parser->next().value()) found.push_back(*frame);
  return found;
}

/// Two segments of several syncs each; the newest ends with its closing mark.
void write_two_segments(CrashDisk& disk) {
  const OpenLog log = open_log(disk).value();
  for (int i = 0; i < 6; ++i) {
    if (i == 3) ASSERT_OK(log->roll(as_bytes("state")));
    ASSERT_OK(append(*log, {"frame " + std::to_string(i), std::string(400, 'y')}));
    ASSERT_OK(log->sync());
  }
  ASSERT_OK(log->close());
}

// W5, W6
TEST(LogDamage, ASegmentOfFormatVersion0IsRefusedAndLeftAsItIs) {
  CrashDisk disk;
  ASSERT_OK(disk.create("00000000000000000001.wal").value()->pwrite_at(0, as_bytes("SLUICWAL")));
  const Result<OpenLog> log = open_log(disk);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code(), Code::kUnsupported);
  EXPECT_EQ(log.error().where(), "00000000000000000001.wal");
  const std::vector<Finding> findings = verify_log(disk).value().findings;
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].object, "00000000000000000001.wal");
  EXPECT_EQ(findings[0].error.to_string(), log.error().to_string());
  EXPECT_EQ(disk.list().value().size(), 1u) << "nothing was added";
}

TEST(LogDamage, BelowTheHighestMarkIsReportedWithSegmentAndOffset) {
  CrashDisk disk;
  write_two_segments(disk);
  const std::string name = segment_name(7);
  const ParsedFrame mark = parsed_frames(disk, name).rbegin()[1];
  ASSERT_EQ(mark.type, kMarkType);
  for (uint64_t offset = 0; offset < mark.offset; offset += offset % 4096 < 600 ? 1 : 97) {
    flip(disk, name, offset);
    const Error error = open_error(disk);
    ASSERT_EQ(error.code(), Code::kCorrupt) << "byte " << offset << ": " << error.to_string();
    ASSERT_EQ(error.where(), name);
    ASSERT_LE(error.found(), offset);
    ASSERT_LT(offset - error.found(), 2 * kBlockBytes);
    flip(disk, name, offset);
  }
  ASSERT_OK(open_log(disk, 51));
}

TEST(LogDamage, BelowTheAcceptedEndOfAnOlderSegmentIsReportedToItsReader) {
  CrashDisk disk;
  write_two_segments(disk);
  const std::string name = segment_name(1);
  const uint64_t end = read_segment_header(disk, segment_name(7)).value().accepted.end;
  for (uint64_t offset = kBlockBytes; offset < end; offset += offset % 4096 < 600 ? 7 : 97) {
    flip(disk, name, offset);
    CrashDisk copy(disk.image());
    const Error error = reopened_frames(copy).error();
    ASSERT_EQ(error.code(), Code::kCorrupt) << "byte " << offset;
    ASSERT_EQ(error.where(), name);
    ASSERT_LE(error.found(), offset);
    flip(disk, name, offset);
  }
  flip(disk, name, 100);
  EXPECT_EQ(open_error(disk).where(), name) << "headers are read at every opening";
}

TEST(LogDamage, OfAnOlderSegmentStopsAStrictOpeningBeforeItWrites) {
  CrashDisk disk;
  write_two_segments(disk);
  const std::string name = segment_name(1);
  const auto open_strictly = [&] {
    TestRuntime runtime(61);
    return Log::open(runtime, disk, {.repair = RepairPolicy::kStrict});
  };
  ASSERT_OK(open_strictly());
  const uint64_t end = read_segment_header(disk, segment_name(7)).value().accepted.end;
  for (uint64_t offset = kBlockBytes; offset < end; offset += offset % 4096 < 600 ? 7 : 97) {
    flip(disk, name, offset);
    const size_t files = disk.list().value().size();
    const Error error = open_strictly().error();
    ASSERT_EQ(error.code(), Code::kCorrupt) << "byte " << offset;
    ASSERT_EQ(error.where(), name);
    ASSERT_LE(error.found(), offset);
    ASSERT_EQ(disk.list().value().size(), files);
    flip(disk, name, offset);
  }
}

TEST(LogDamage, OfAnOlderSegmentThatWasCutBelowItsAcceptedEndStopsEveryOpening) {
  for (const RepairPolicy policy : {RepairPolicy::kStrict, RepairPolicy::kTruncatePartial}) {
    CrashDisk disk;
    write_two_segments(disk);
    const std::string name = segment_name(1);
    const uint64_t end = read_segment_header(disk, segment_name(7)).value().accepted.end;
    disk.bytes(name).resize(end - 1);
    disk.settle(name);
    TestRuntime runtime(61);
    const Error error = Log::open(runtime, disk, {.repair = policy}).error();
    EXPECT_EQ(error.code(), Code::kCorrupt);
    EXPECT_EQ(error.reason(), Reason::kIncompletePayload);
    EXPECT_EQ(error.where(), name);
  }
}

TEST(LogDamage, AboveTheHighestMarkIsATornTailThatIsKeptInQuarantine) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    ASSERT_OK(append(*log, {"one"}));
    ASSERT_OK(log->sync());
    ASSERT_OK(append(*log, {"two", "three"}));
    ASSERT_OK(log->sync());
  }
  const std::string name = segment_name(1);
  const auto found = parsed_frames(disk, name);
  const uint64_t cut = found.rbegin()[3].offset;  // "two", before "three", a mark and a pad
  flip(disk, name, cut + 32);
  const std::vector<std::byte> before = disk.bytes(name);
  const OpenLog log = open_log(disk, 2).value();
  EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "one"}}));
  EXPECT_EQ(log->recovered().base_lsn, 2u);
  const uint64_t torn_bytes = log->recovered().repair.torn_bytes;
  ASSERT_GT(torn_bytes, 0u);
  EXPECT_EQ(as_text(disk.bytes(quarantine_name(1, cut))),
            as_text(ByteView(before).subspan(cut, torn_bytes)));
  EXPECT_EQ(disk.bytes(name), before) << "nothing is rewritten in place";
}

// W2
TEST(LogDamage, NeverRevivesFramesBehindACut) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    ASSERT_OK(append(*log, {"one", "two", "three"}));
    ASSERT_OK(log->sync());
  }
  const uint64_t second = parsed_frames(disk, segment_name(1))[3].offset;
  flip(disk, segment_name(1), second);
  EXPECT_EQ(reopened_frames(disk, 2).value(), (TestFrames{{1, "one"}}));
  flip(disk, segment_name(1), second);
  const OpenLog log = open_log(disk, 3).value();
  ASSERT_OK(append(*log, {"new two"}));
  ASSERT_OK(log->sync());
  EXPECT_EQ(frames(*log).value(), (TestFrames{{1, "one"}, {2, "new two"}}));
}

// W13
TEST(LogDamage, KeepsTheQuarantineFileBeforeTheCutSegmentCanGo) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    ASSERT_OK(append(*log, {"one"}));
    ASSERT_OK(log->sync());
  }
  flip(disk, segment_name(1), 8192);
  const std::string quarantine = quarantine_name(1, 8192);
  disk.after_operation = [&] {
    if (disk.trace.back() != "rename " + segment_name(1) + ".new " + segment_name(1)) return;
    Dice dice(1);
    CrashDisk after(crash(disk.image(), CrashKind::kAllLost, dice));
    EXPECT_TRUE(after.has(quarantine));
    EXPECT_GT(after.bytes(quarantine).size(), 0u);
  };
  ASSERT_OK(open_log(disk, 2));
  EXPECT_TRUE(disk.has(quarantine));
}

/// Four segments with two frames each.
void write_four_segments(CrashDisk& disk) {
  const OpenLog log = open_log(disk).value();
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(append(*log, {"a", "b"}));
    if (i < 3) ASSERT_OK(log->roll({}));
  }
  ASSERT_OK(log->close());
}

TEST(LogDamage, ReportsAMissingSegmentWithItsLsns) {
  for (const Lsn base_lsn : {3, 5}) {
    CrashDisk disk;
    write_four_segments(disk);
    ASSERT_OK(disk.remove(segment_name(base_lsn)));
    const Error error = open_error(disk);
    EXPECT_EQ(error.reason(), Reason::kMissingSegment);
    EXPECT_EQ(error.where(), segment_name(base_lsn + 2));
    EXPECT_EQ(error.expected(), base_lsn) << "the first that is missing";
    EXPECT_EQ(error.found(), base_lsn + 2);
    const std::vector<Finding> findings = verify_log(disk).value().findings;
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].error.to_string(), error.to_string());
    EXPECT_EQ(findings[0].error.expected(), base_lsn);
  }
}

TEST(LogDamage, ReportsMissingOldestSegmentsUnlessTheyWereTrimmed) {
  CrashDisk disk;
  write_four_segments(disk);
  {
    const OpenLog log = open_log(disk, 2).value();
    ASSERT_OK(log->trim(2, {}));
  }
  ASSERT_OK(open_log(disk, 3));
  ASSERT_OK(disk.remove(segment_name(3)));
  const Error error = open_error(disk);
  EXPECT_EQ(error.code(), Code::kCorrupt);
  EXPECT_EQ(error.reason(), Reason::kMissingSegment);
  EXPECT_EQ(error.expected(), 3u);
  EXPECT_EQ(error.found(), 5u);
}

TEST(LogDamage, ReportsANewestSegmentWithoutHeaderOrBirthFrames) {
  const std::string name = segment_name(7);
  for (const size_t kept_bytes : {0, 100, 4096, 4150}) {
    CrashDisk disk;
    write_four_segments(disk);
    disk.bytes(name).resize(kept_bytes);
    disk.settle(name);
    EXPECT_EQ(open_error(disk).code(), Code::kCorrupt) << kept_bytes;
    disk.bytes(name).resize(65536);
    disk.settle(name);
    EXPECT_EQ(open_error(disk).code(), Code::kCorrupt) << "then zeros";
  }
}

TEST(LogDamage, ReportsASegmentOfAnotherLogOrUnderAnotherName) {
  CrashDisk disk;
  write_four_segments(disk);
  CrashDisk other;
  {
    const OpenLog log = open_log(other, 77).value();
    ASSERT_OK(append(*log, {"a", "b"}));
    ASSERT_OK(log->roll({}));
  }
  disk.bytes(segment_name(3)) = other.bytes(segment_name(3));
  disk.settle(segment_name(3));
  EXPECT_EQ(open_error(disk).reason(), Reason::kForked);
  CrashDisk renamed;
  write_four_segments(renamed);
  ASSERT_OK(renamed.rename(segment_name(7), segment_name(9)));
  EXPECT_EQ(open_error(renamed).code(), Code::kCorrupt);
}

TEST(LogDamage, RefusesASegmentOfANewerFormat) {
  CrashDisk disk;
  write_four_segments(disk);
  std::vector<std::byte>& bytes = disk.bytes(segment_name(7));
  store(bytes.data() + 8, kFormatVersion + 1);
  store(bytes.data() + 4092, crc32c(ByteView(bytes).first(4092)));
  disk.settle(segment_name(7));
  const Error error = open_error(disk);
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_EQ(error.reason(), Reason::kVersion);
}

/// Changes the first user frame's type or LSN and puts its checksum right.
void forge(CrashDisk& disk, const std::string& name, uint16_t type, Lsn lsn) {
  std::vector<std::byte>& bytes = disk.bytes(name);
  const SegmentHeader segment = decode_segment_header(bytes, name).value();
  std::byte* const at = bytes.data() + segment.birth_end;
  auto header = load<FrameHeader>(at);
  header.type = type;
  header.lsn = lsn;
  header.header_crc = header_checksum(header, frame_seed(segment.segment, segment.birth_end));
  store(at, header);
  disk.settle(name);
}

void write_one_frame(CrashDisk& disk) {
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one"}));
  ASSERT_OK(log->sync());
}

TEST(LogDamage, RefusesFramesThatAReaderMustUnderstand) {
  for (const int type : {15 | kRequiredBit, 15 | kEncryptedBit, 16 | kEncryptedBit}) {
    CrashDisk disk;
    write_one_frame(disk);
    const Lsn lsn = is_own_type(static_cast<uint16_t>(type)) ? 0 : 1;
    forge(disk, segment_name(1), static_cast<uint16_t>(type), lsn);
    EXPECT_EQ(open_error(disk).code(), Code::kUnsupported) << type;
  }
}

TEST(LogDamage, SkipsFramesThatAReaderMayIgnore) {
  CrashDisk disk;
  write_one_frame(disk);
  forge(disk, segment_name(1), 15, 0);
  EXPECT_EQ(parsed_frames(disk, segment_name(1))[2].type, 15);
  EXPECT_TRUE(parsed_frames(disk, segment_name(1)).size() < 4) << "the pad's LSN does not continue";
  EXPECT_TRUE(reopened_frames(disk).value().empty());
}

TEST(LogDamage, CutsAFrameWhoseLsnDoesNotContinue) {
  CrashDisk disk;
  write_one_frame(disk);
  forge(disk, segment_name(1), 16, 2);
  EXPECT_TRUE(reopened_frames(disk).value().empty());
}

TEST(LogDamage, FindsAMarkWhereverItLiesBehindTheDamage) {
  for (size_t filler_bytes = 0; filler_bytes < 80; filler_bytes += 8) {
    CrashDisk disk;
    {
      const OpenLog log = open_log(disk).value();
      ASSERT_OK(
          append(*log, {std::string(filler_bytes, 'f'), std::string((512 << 10) - 3000, 'x')}));
      ASSERT_OK(log->close());
    }
    const uint64_t damaged = 8192 + frame_bytes(filler_bytes);
    flip(disk, segment_name(1), damaged + 100);
    const Error error = open_error(disk);
    EXPECT_EQ(error.code(), Code::kCorrupt) << filler_bytes;
    EXPECT_EQ(error.found(), damaged);
    EXPECT_EQ(error.expected(), 8192u + (512 << 10)) << "what the mark confirms";
  }
}

TEST(LogDamage, ReportsASegmentThatEndsBeforeTheLsnThatItsSuccessorNames) {
  CrashDisk disk;
  write_two_segments(disk);
  std::vector<std::byte>& bytes = disk.bytes(segment_name(7));
  store(bytes.data() + 80, Lsn{5});
  store(bytes.data() + 4092, crc32c(ByteView(bytes).first(4092)));
  disk.settle(segment_name(7));
  EXPECT_EQ(reopened_frames(disk).error().reason(), Reason::kSequenceViolation);
}

// W4: what a cache shows after a failed sync is believed neither at opening nor later.
TEST(LogDamage, ReadsRecoveredSegmentsPastACacheThatLies) {
  CrashDisk disk;
  write_two_segments(disk);
  for (const char* name : {"wal-00000000000000000001.seg", "wal-00000000000000000007.seg"}) {
    disk.bytes(name).at(8192 + 40) ^= std::byte{1};
  }
  EXPECT_EQ(reopened_frames(disk).value().size(), 12u);
}

TEST(LogDamage, KeepsAReaderAtTheErrorThatItMet) {
  CrashDisk disk;
  const OpenLog log = open_log(disk).value();
  ASSERT_OK(append(*log, {"one", "two"}));
  ASSERT_OK(log->sync());
  const uint64_t second = parsed_frames(disk, segment_name(1))[3].offset;
  flip(disk, segment_name(1), second + 32);
  const auto reader = log->read({.from = 1}).value();
  EXPECT_EQ(reader->next().value()->lsn, 1u);
  EXPECT_EQ(reader->next().error().found(), second);
  flip(disk, segment_name(1), second + 32);
  EXPECT_EQ(reader->next().error().found(), second);
}

/// Fails its second read only.
class FlakyFile : public File {
 public:
  explicit FlakyFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Status pwrite_at(uint64_t, ByteView) override { return ok(); }
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    if (++reads_ == 2) return Error(Code::kIo, "a read that failed once");
    return file_->read_at(offset, out);
  }
  Status sync() override { return ok(); }
  Status truncate(uint64_t) override { return ok(); }
  Status allocate(uint64_t, uint64_t) override { return ok(); }
  Result<uint64_t> size() override { return file_->size(); }

 private:
  std::unique_ptr<File> file_;
  int reads_ = 0;
};

TEST(SegmentParser, StaysEndedAfterAReadThatFailedOnce) {
  CrashDisk disk;
  {
    const OpenLog log = open_log(disk).value();
    for (int i = 0; i < 3; ++i) ASSERT_OK(append(*log, {std::string(900'000, 'x')}));
    ASSERT_OK(log->close());
  }
  const std::string name = segment_name(1);
  auto file = std::make_unique<FlakyFile>(disk.open(name, OpenMode::kRead).value());
  const auto parser = SegmentParser::open(std::move(file), name, std::nullopt, nullptr).value();
  Result<std::optional<ParsedFrame>> frame = parser->next();
  while (frame.ok()) frame = parser->next();
  EXPECT_EQ(frame.error().code(), Code::kIo);
  EXPECT_EQ(frame.error().where(), name);
  EXPECT_EQ(parser->next().error().message(), "a read that failed once");
}

TEST(VerifyLog, CountsWhatAHealthyLogHolds) {
  CrashDisk disk;
  EXPECT_TRUE(verify_log(disk).value().segments.empty());
  write_two_segments(disk);
  const size_t operations = disk.trace.size();
  const LogReport report = verify_log(disk).value();
  EXPECT_EQ(disk.trace.size(), operations) << "verifying changes nothing";
  EXPECT_TRUE(report.findings.empty());
  ASSERT_EQ(report.segments.size(), 2u);
  EXPECT_EQ(report.segments[0].name, segment_name(1));
  EXPECT_EQ(report.segments[0].content.accepted.last_lsn, 6u);
  EXPECT_EQ(report.segments[1].header->base_lsn, 7u);
  const SegmentContent& newest = report.segments[1].content;
  EXPECT_EQ(newest.accepted.last_lsn, 12u);
  EXPECT_EQ(newest.user_frames, 6u);
  EXPECT_EQ(newest.torn_bytes, 0u);
  EXPECT_GT(newest.marks, 0u);
  EXPECT_LE(newest.confirmed_end, newest.accepted.end);
  EXPECT_EQ(report.segments[0].content.accepted.end,
            read_segment_header(disk, segment_name(7)).value().accepted.end);
}

TEST(VerifyLog, ShowsEveryFrameToTheVisitorUpToTheDamage) {
  CrashDisk disk;
  write_four_segments(disk);
  std::vector<Lsn> all;
  const auto visit_into = [](std::vector<Lsn>& lsns) {
    return [&lsns](const ParsedFrame& frame) {
      if (!is_own_type(frame.type)) lsns.push_back(frame.lsn);
    };
  };
  ASSERT_OK(verify_log(disk, visit_into(all)));
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(all.front(), 1u);
  flip(disk, segment_name(1), 8192);
  flip(disk, segment_name(5), 0);
  std::vector<Lsn> readable;
  const LogReport report = verify_log(disk, visit_into(readable)).value();
  ASSERT_EQ(report.segments.size(), 4u);
  EXPECT_EQ(report.segments[0].damage->found(), 8192u);
  EXPECT_EQ(report.segments[0].content.accepted.end, 8192u);
  EXPECT_FALSE(report.segments[2].header.has_value());
  EXPECT_TRUE(std::includes(all.begin(), all.end(), readable.begin(), readable.end()));
  EXPECT_LT(readable.size(), all.size());
  EXPECT_EQ(readable.back(), all.back());
}

TEST(VerifyLog, FindsEveryDamageWithObjectAndOffset) {
  CrashDisk disk;
  write_four_segments(disk);
  flip(disk, segment_name(1), 8192);
  flip(disk, segment_name(5), 0);
  flip(disk, segment_name(7), 4100);
  const LogReport report = verify_log(disk).value();
  std::vector<std::pair<std::string, uint64_t>> found;
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.error.code(), Code::kCorrupt);
    found.emplace_back(finding.object, finding.offset);
  }
  EXPECT_THAT(found, ElementsAre(std::pair(segment_name(5), 0), std::pair(segment_name(1), 8192),
                                 std::pair(segment_name(7), 4096)));
}

// W5: below the accepted end of an older segment, and below what a mark of the newest confirms.
TEST(VerifyLog, FindsEveryFlippedByteThatWasConfirmed) {
  CrashDisk disk;
  write_two_segments(disk);
  const LogReport healthy = verify_log(disk).value();
  const uint64_t ends[] = {healthy.segments[0].content.accepted.end,
                           healthy.segments[1].content.confirmed_end};
  for (size_t i = 0; i < 2; ++i) {
    const std::string& name = healthy.segments[i].name;
    for (uint64_t at = 0; at < ends[i]; at += at % kBlockBytes < 512 ? 1 : 13) {
      flip(disk, name, at);
      const LogReport report = verify_log(disk).value();
      ASSERT_EQ(report.findings.size(), 1u) << name << " at " << at;
      EXPECT_EQ(report.findings[0].object, name);
      EXPECT_LE(report.findings[0].offset, at);
      flip(disk, name, at);
    }
  }
}

TEST(VerifyLog, FindsMissingSegmentsAndLeavesTornTailsAlone) {
  CrashDisk disk;
  write_four_segments(disk);
  ASSERT_OK(disk.remove(segment_name(1)));
  ASSERT_OK(disk.remove(segment_name(5)));
  std::vector<std::byte>& bytes = disk.bytes(segment_name(7));
  bytes[bytes.size() - 8] = std::byte{1};
  disk.settle(segment_name(7));
  const LogReport report = verify_log(disk).value();
  ASSERT_EQ(report.findings.size(), 2u);
  EXPECT_EQ(report.findings[0].object, segment_name(7));
  EXPECT_EQ(report.findings[1].object, segment_name(3));
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.error.reason(), Reason::kMissingSegment);
    EXPECT_EQ(finding.offset, 0u);
  }
  EXPECT_GT(report.segments.back().content.torn_bytes, 0u);
}

}  // namespace
}  // namespace sluice::wal
