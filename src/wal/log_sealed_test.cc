// Encrypted logs: what is on the disk, who can read it, and how keys change.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/crc32c.h"
#include "wal/log_fixture.h"
#include "wal/verify.h"

namespace sluice::wal {
namespace {

class LogSealed : public ::testing::Test {
 protected:
  void TearDown() override { test_keys() = nullptr; }

  Result<OpenLog> open(std::shared_ptr<const KeyRing> keys, uint64_t seed = 1) {
    test_keys() = std::move(keys);
    return open_log(disk_, seed);
  }
  Result<TestFrames> read(std::shared_ptr<const KeyRing> keys, uint64_t seed = 50) {
    test_keys() = std::move(keys);
    return reopened_frames(disk_, seed);
  }
  void write(const OpenLog& log, const std::vector<std::string>& texts) {
    ASSERT_OK(append(*log, texts));
    ASSERT_OK(log->sync());
    for (const std::string& text : texts) written_.emplace_back(written_.size() + 1, text);
  }
  /// Every file of the disk, quarantined bytes included.
  std::string everything() {
    std::string all;
    for (const DiskEntry& entry : disk_.list().value()) all += as_text(disk_.bytes(entry.name));
    return all;
  }
  std::vector<SegmentHeader> headers() {
    std::vector<SegmentHeader> headers;
    for (const std::string& name : list_segments(disk_).value()) {
      headers.push_back(read_segment_header(disk_, name).value());
    }
    return headers;
  }

  void overwrite(const std::string& name, uint64_t offset, ByteView bytes) {
    std::copy(bytes.begin(), bytes.end(),
              disk_.bytes(name).begin() + static_cast<ptrdiff_t>(offset));
    disk_.settle(name);
  }
  /// A frame whose checksums fit, whoever wrote it.
  void forge(const std::string& name, uint64_t offset, FrameHeader frame, ByteView payload) {
    const uint32_t seed = frame_seed(read_segment_header(disk_, name).value().segment, offset);
    std::vector<std::byte> padded(payload.begin(), payload.end());
    padded.resize(align_up(payload.size(), kFrameAlignment));
    frame.payload_crc = crc32c(padded, seed);
    frame.header_crc = header_checksum(frame, seed);
    overwrite(name, offset, std::as_bytes(std::span(&frame, 1)));
    overwrite(name, offset + sizeof frame, padded);
  }

  CrashDisk disk_;
  TestFrames written_;
};

TEST_F(LogSealed, ComesBackWithTheKeysAloneAndShowsNothingOnTheDisk) {
  {
    const OpenLog log = open(test_ring(1, 0x11)).value();
    for (int i = 0; i < 10; ++i) {
      write(log, {"secret-" + std::to_string(i) + std::string(3000, 'z')});
      ASSERT_OK(log->roll(as_bytes("secret-application")));
    }
    write(log, {""});
  }
  EXPECT_GE(headers().size(), 10u);
  EXPECT_EQ(read(test_ring(1, 0x11)).value(), written_);
  const std::string all = everything();
  for (const char* fragment : {"secret", "zzzzzzzz", "application"}) {
    EXPECT_EQ(all.find(fragment), std::string::npos) << fragment;
  }
  EXPECT_EQ(all.find(std::string(32, '\x11')), std::string::npos) << "nor the key";
}

TEST_F(LogSealed, BlocksHoldManyRecordsOrOneLargeOne) {
  {
    const OpenLog log = open(test_ring(1, 0x11)).value();
    std::vector<std::string> texts;
    for (int i = 0; i < 2000; ++i) texts.push_back(std::to_string(i) + std::string(i % 100, 'a'));
    write(log, texts);
    write(log, {std::string(200'000, 'b'), "small", std::string(64 << 10, 'c')});
  }
  EXPECT_EQ(read(test_ring(1, 0x11)).value(), written_);
}

// W17
TEST_F(LogSealed, TheSameRecordsAreNeverTheSameBytes) {
  constexpr uint64_t kClearBytes = sizeof(FrameHeader) + sizeof(SealedHeader);
  std::vector<std::string> lives;
  for (const uint64_t seed : {1, 2}) {
    CrashDisk disk;
    test_keys() = test_ring(1, 0x11);
    const OpenLog log = open_log(disk, seed).value();
    ASSERT_OK(append(*log, {std::string(1000, 'x'), std::string(1000, 'x')}));
    ASSERT_OK(log->sync());
    const std::string name = segment_name(1);
    const uint64_t sealed = read_segment_header(disk, name).value().birth_end + kClearBytes;
    lives.emplace_back(as_text(disk.bytes(name)).substr(sealed, 2 * inner_bytes(1000) + kTagBytes));
  }
  for (size_t at = 0; at + 16 <= lives[0].size(); at += 16) {
    EXPECT_NE(lives[0].substr(at, 16), lives[1].substr(at, 16)) << at;
    EXPECT_EQ(lives[0].find(lives[0].substr(at, 16)), at) << "nor twice in one life";
  }
}

TEST_F(LogSealed, FailsWithoutItsKeyOrWithAnotherOfTheSameId) {
  {
    const OpenLog log = open(test_ring(4, 0x11)).value();
    write(log, {"one"});
  }
  const auto without = read(nullptr);
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().code(), Code::kInvalid);
  EXPECT_EQ(without.error().reason(), Reason::kMissingKey);
  EXPECT_EQ(without.error().found(), 4u);
  EXPECT_EQ(read(test_ring(5, 0x11)).error().reason(), Reason::kMissingKey);
  const auto wrong = read(test_ring(4, 0x22));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code(), Code::kCorrupt);
  EXPECT_EQ(wrong.error().reason(), Reason::kWrongKey);
  EXPECT_EQ(read(test_ring(4, 0x11)).value(), written_) << "and nothing was changed";
}

TEST_F(LogSealed, AChangedHeaderOrFrameIsFoundThoughItsChecksumsFit) {
  {
    const OpenLog log = open(test_ring(1, 0x11)).value();
    write(log, {"one", "two"});
    ASSERT_OK(log->roll({}));
    write(log, {"three"});
  }
  const std::string first = segment_name(1);
  SegmentHeader header = read_segment_header(disk_, first).value();
  const std::vector<std::byte> bytes = encode_segment_header(header);
  header.opening = OpeningId::from_bytes(header.segment.bytes());
  overwrite(first, 0, encode_segment_header(header));
  EXPECT_EQ(read(test_ring(1, 0x11)).error().reason(), Reason::kWrongKey);
  overwrite(first, 0, bytes);

  const uint64_t offset = header.birth_end;
  const auto frame = load<FrameHeader>(disk_.bytes(first).data() + offset);
  ASSERT_EQ(frame.type, kSealedType);
  const ByteView payload =
      ByteView(disk_.bytes(first)).subspan(offset + sizeof frame, frame.payload_bytes);
  std::vector<std::byte> changed(payload.begin(), payload.end());
  changed[36] ^= std::byte{1};  // the highest tenant
  forge(first, offset, frame, changed);
  const auto broken = read(test_ring(1, 0x11));
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().reason(), Reason::kWrongKey);
  EXPECT_EQ(broken.error().found(), offset);
}

TEST_F(LogSealed, PlainFramesAreNotTakenForFramesOfAnEncryptedSegment) {
  {
    const OpenLog log = open(test_ring(1, 0x11)).value();
    write(log, {"one"});
  }
  const std::string name = segment_name(1);
  const SegmentHeader header = read_segment_header(disk_, name).value();
  const FrameHeader forged{.payload_bytes = 6, .type = kFirstUserType, .lsn = 1};
  forge(name, header.birth_end, forged, as_bytes("forged"));
  const auto read_back = read(test_ring(1, 0x11));
  ASSERT_FALSE(read_back.ok());
  EXPECT_EQ(read_back.error().code(), Code::kCorrupt);
}

TEST_F(LogSealed, KeysRotateOnlineAndOldOnesGoOnReading) {
  {
    const OpenLog log = open(test_ring(1, 0x11)).value();
    write(log, {"first"});
    auto rotated = std::make_shared<KeyRing>(KeyRing::make(2, test_key(0x22)).value());
    ASSERT_OK(rotated->add(1, test_key(0x11)));
    ASSERT_OK(log->use_keys(rotated));
    write(log, {"second"});
    EXPECT_EQ(headers().back().key.id, 1u) << "from the next segment on";
    ASSERT_OK(log->roll({}));
    write(log, {"third"});
    EXPECT_EQ(headers().back().key.id, 2u);
    EXPECT_EQ(frames(*log).value(), written_);
  }
  auto both = std::make_shared<KeyRing>(KeyRing::make(2, test_key(0x22)).value());
  ASSERT_OK(both->add(1, test_key(0x11)));
  EXPECT_EQ(read(both).value(), written_);
  EXPECT_EQ(read(test_ring(2, 0x22)).error().reason(), Reason::kMissingKey);
}

TEST_F(LogSealed, EndsOnlineAndWhatWasSealedGoesOnReading) {
  {
    const OpenLog log = open(test_ring(1, 0x11)).value();
    write(log, {"sealed"});
    ASSERT_OK(log->use_keys(nullptr));
    ASSERT_OK(log->roll({}));
    write(log, {"plain"});
    EXPECT_FALSE(headers().back().is_encrypted());
    const auto found = frames(*log);
    ASSERT_OK(found);
    EXPECT_EQ(*found, written_);
  }
  EXPECT_EQ(read(test_ring(1, 0x11)).value(), written_);
}

TEST_F(LogSealed, AMixedLogReplaysUnlessPlaintextIsRefused) {
  {
    const OpenLog log = open(nullptr).value();
    write(log, {"plain"});
  }
  {
    const OpenLog log = open(test_ring(1, 0x11), 2).value();
    write(log, {"sealed"});
    EXPECT_EQ(frames(*log).value(), written_);
  }
  EXPECT_EQ(read(test_ring(1, 0x11)).value(), written_);
  TestRuntime runtime;
  LogOptions options{.keys = test_ring(1, 0x11), .plaintext = Plaintext::kRefused};
  const auto refused = Log::open(runtime, disk_, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kCorrupt);
  options.keys = nullptr;
  EXPECT_EQ(Log::open(runtime, disk_, options).error().reason(), Reason::kMissingKey);
}

TEST_F(LogSealed, VerifyReadsItWithItsKeysAndSaysSoWithout) {
  {
    const OpenLog log = open(test_ring(1, 0x11)).value();
    write(log, {"one", "two"});
  }
  const std::shared_ptr<const KeyRing> keys = test_ring(1, 0x11);
  const LogReport report = verify_log(disk_, nullptr, keys.get()).value();
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.segments.front().content.user_frames, 2u);
  const LogReport blind = verify_log(disk_).value();
  ASSERT_EQ(blind.findings.size(), 1u);
  EXPECT_EQ(blind.findings[0].error.reason(), Reason::kMissingKey);
}

}  // namespace
}  // namespace sluice::wal
