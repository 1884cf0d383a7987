#include "wal/format.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "wal/checkpoint.h"
#include "wal/log_fixture.h"

namespace sluice::wal {
namespace {

template <class Id>
Id id(uint8_t fill) {
  std::array<std::byte, 16> bytes;
  bytes.fill(std::byte{fill});
  return Id::from_bytes(bytes);
}

SegmentHeader sample_header() {
  return {.log = id<LogId>(0x11),
          .opening = id<OpeningId>(0x22),
          .segment = id<SegmentId>(0x33),
          .predecessor = id<SegmentId>(0x44),
          .accepted = {.end = 20480, .last_lsn = 6},
          .base_lsn = 9};
}

/// Every 16 bytes that are not zero, as "offset: hex".
std::string dump(ByteView bytes) {
  std::string text;
  for (size_t row = 0; row < bytes.size(); row += 16) {
    const auto id = LogId::from_bytes(bytes.subspan(row).first<16>());
    if (!id.is_zero()) text += std::to_string(row) + ": " + id.hex() + "\n";
  }
  return text;
}

/// One segment with a checkpoint, two frames, a sync, a mark and a frame.
std::string write_sample(CrashDisk& disk) {
  const Checkpoint checkpoint{.trim_lsn = 2,
                              .chain = {{id<OpeningId>(0x22), 9}},
                              .application = {std::byte{0xaa}, std::byte{0xbb}}};
  TestRuntime runtime;
  const std::string name = "sample";
  const auto writer =
      Writer::create(runtime, disk, name, sample_header(), checkpoint, {kTestSegmentBytes, nullptr})
          .value();
  const std::vector<RecordView> records = {
      {.type = 16, .vshard = 0x0102, .tenant = 0x03040506, .head = as_bytes("first")},
      {.type = 17 | kRequiredBit}};
  EXPECT_TRUE(writer->append(records).ok() && writer->sync().ok());
  const RecordView last{.head = as_bytes("eight by"), .body = as_bytes("te")};
  EXPECT_TRUE(writer->append(std::span(&last, 1)).ok() && writer->sync().ok());
  return name;
}

TEST(Format, HasTheseBytes) {
  CrashDisk disk;
  const std::string name = write_sample(disk);
  EXPECT_EQ(dump(disk.bytes(name)), R"(0: 534c55494357414c0100000000100000
16: 11111111111111111111111111111111
32: 22222222222222222222222222222222
48: 33333333333333333333333333333333
64: 44444444444444444444444444444444
80: 06000000000000000050000000000000
96: 09000000000000000020000000000000
4080: 000000000000000000000000783168e2
4096: 1c7946ef6c33c4d62a00000003800000
4112: 00000000000000000800000000000000
4128: 02000000000000000100000022222222
4144: 22222222222222222222222209000000
4160: 0000000002000000aabb000000000000
4176: 347e93701c5e012d900f000001000000
4192: 00000000000000000800000000000000
8192: ea786c1790eaeaaf0500000010000201
8208: 06050403000000000900000000000000
8224: 6669727374000000ee9480eff4a7631a
8240: 00000000118000000000000000000000
8256: 0a00000000000000eebf230cedeea4d1
8272: 980f0000010000000000000000000000
8288: 0a000000000000000000000000000000
12288: e2de4846de1d01c00a00000010000000
12304: 00000000000000000b00000000000000
12320: 65696768742062797465000000000000
12336: 5c5446854f97fc000800000002000000
12352: 00000000000000000b00000000000000
12368: 00300000000000001ff858e6714711a4
12384: 880f0000010000000000000000000000
12400: 0b000000000000000000000000000000
)");
}

TEST(Format, DecodesTheHeaderThatItEncodes) {
  SegmentHeader header = sample_header();
  header.birth_end = 8192;
  const SegmentHeader decoded =
      decode_segment_header(encode_segment_header(header), "name").value();
  EXPECT_EQ(decoded.log, header.log);
  EXPECT_EQ(decoded.opening, header.opening);
  EXPECT_EQ(decoded.segment, header.segment);
  EXPECT_EQ(decoded.predecessor, header.predecessor);
  EXPECT_EQ(decoded.accepted.end, header.accepted.end);
  EXPECT_EQ(decoded.accepted.last_lsn, header.accepted.last_lsn);
  EXPECT_EQ(decoded.base_lsn, header.base_lsn);
  EXPECT_EQ(decoded.birth_end, header.birth_end);
}

/// The sample header with one field overwritten and the CRC put right.
Result<SegmentHeader> decode_with(size_t offset, uint64_t value, size_t bytes) {
  SegmentHeader header = sample_header();
  header.birth_end = 8192;
  std::vector<std::byte> block = encode_segment_header(header);
  std::memcpy(block.data() + offset, &value, bytes);
  store(block.data() + 4092, crc32c(ByteView(block).first(4092)));
  return decode_segment_header(block, "name");
}

TEST(Format, TellsAnotherVersionFromDamage) {
  for (const uint32_t version : {0, 2}) {
    const Error error = decode_with(8, version, 4).error();
    EXPECT_EQ(error.code(), Code::kUnsupported);
    EXPECT_EQ(error.reason(), Reason::kVersion);
    EXPECT_EQ(error.expected(), 1u);
    EXPECT_EQ(error.found(), version);
    EXPECT_EQ(error.where(), "name");
  }
  EXPECT_EQ(decode_with(192, 2, 4).value().numbering, Numbering::kAny);
  EXPECT_EQ(decode_with(192, 3, 4).error().code(), Code::kUnsupported) << "an unknown numbering";
  EXPECT_EQ(decode_with(12, 8192, 4).error().code(), Code::kUnsupported);
  EXPECT_EQ(decode_with(112, 1, 4).value().key.id, 1u);
  EXPECT_EQ(decode_with(116, 1, 4).error().code(), Code::kUnsupported) << "an unknown field";
  EXPECT_EQ(decode_with(196, 1, 1).error().code(), Code::kUnsupported) << "and one behind all";
  EXPECT_EQ(decode_with(4091, 1, 1).error().code(), Code::kUnsupported);
  EXPECT_EQ(decode_with(120, 1, 1).error().code(), Code::kUnsupported) << "wrapped, but no key id";
  EXPECT_EQ(decode_with(183, 1, 1).error().code(), Code::kUnsupported) << "a longer wrapped key";
}

TEST(Format, RefusesAHeaderThatContradictsItself) {
  EXPECT_EQ(decode_with(0, 0, 8).error().code(), Code::kCorrupt) << "magic";
  EXPECT_EQ(decode_with(96, 6, 8).error().code(), Code::kCorrupt) << "base LSN as accepted LSN";
  EXPECT_EQ(decode_with(88, 4096, 8).error().code(), Code::kCorrupt) << "accepted end in header";
  EXPECT_EQ(decode_with(88, 20481, 8).error().code(), Code::kCorrupt) << "accepted end odd";
  EXPECT_EQ(decode_with(104, 4096, 8).error().code(), Code::kCorrupt) << "no birth frames";
  EXPECT_EQ(decode_with(104, 8200, 8).error().code(), Code::kCorrupt) << "birth end in a block";
  EXPECT_EQ(decode_segment_header(std::vector<std::byte>(4095), "name").error().reason(),
            Reason::kIncompleteHeader);
}

// W14
TEST(Format, BindsAFrameToItsSegmentAndItsOffset) {
  const uint32_t seed = frame_seed(id<SegmentId>(1), 8192);
  EXPECT_NE(seed, frame_seed(id<SegmentId>(1), 8200));
  EXPECT_NE(seed, frame_seed(id<SegmentId>(2), 8192));
  FrameHeader header{.type = kMarkType};
  header.header_crc = header_checksum(header, seed);
  EXPECT_TRUE(is_sound(header, seed));
  EXPECT_FALSE(is_sound(header, seed + 1));
}

TEST(Format, NeverTakesZerosOrAnOversizedFrameForAHeader) {
  FrameHeader header{.payload_bytes = kPayloadBytesMax, .type = 16};
  header.header_crc = header_checksum(header, 5);
  EXPECT_TRUE(is_sound(header, 5));
  ++header.payload_bytes;
  header.header_crc = header_checksum(header, 5);
  EXPECT_FALSE(is_sound(header, 5));
  FrameHeader typeless{.type = kRequiredBit};
  typeless.header_crc = header_checksum(typeless, 5);
  EXPECT_FALSE(is_sound(typeless, 5));
}

TEST(Format, NamesSegmentsSoThatTheySortByLsn) {
  EXPECT_EQ(segment_name(42), "wal-00000000000000000042.seg");
  EXPECT_EQ(parse_segment_name(segment_name(UINT64_MAX)), UINT64_MAX);
  for (const char* bad : {"wal-00000000000000000000.seg", "wal-99999999999999999999.seg",
                          "wal-0000000000000000042.seg", "wal-00000000000000000042.seg.new",
                          "wal--0000000000000000042.seg", "quarantine-42-8192.bin"}) {
    EXPECT_FALSE(parse_segment_name(bad).has_value()) << bad;
  }
  for (const std::string& own : {temporary_name(segment_name(42)), spare_name(UINT64_MAX),
                                 zeros_name(), temporary_name(quarantine_name(42, 8192))}) {
    EXPECT_TRUE(is_temporary_name(own)) << own;
  }
  for (const char* foreign :
       {"letter.new", ".new", "zeros", "wal-x.seg.new", "wal-42.seg.new", "log.new",
        "wal-00000000000000000042.seg", "wal-00000000000000000042.seg.new.new", "spare-42.new",
        "spare-0000000000000000004x.new", "quarantine-42.bin.new", "quarantine-42-x.bin.new",
        "quarantine--1.bin.new", "quarantine-.bin.new", "quarantine-42-8192.new", "my-zeros.new"}) {
    EXPECT_FALSE(is_temporary_name(foreign)) << foreign;
  }
  EXPECT_EQ(quarantine_name(42, 8192), "quarantine-42-8192.bin");
}

TEST(Checkpoint, DecodesWhatItEncodesAndNothingElse) {
  const Checkpoint checkpoint{.trim_lsn = 77,
                              .chain = {{id<OpeningId>(1), 1}, {id<OpeningId>(2), 1}},
                              .application = {std::byte{5}}};
  std::vector<std::byte> bytes = encode_checkpoint(checkpoint);
  EXPECT_EQ(bytes.size(), checkpoint_bytes(checkpoint));
  EXPECT_EQ(decode_checkpoint(bytes).value(), checkpoint);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decode_checkpoint(ByteView(bytes).first(size)).error().reason(),
              Reason::kDecodeFailure);
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_checkpoint(bytes).ok()) << "a byte too many";
  EXPECT_FALSE(decode_checkpoint(encode_checkpoint({})).ok()) << "no opening";
  EXPECT_FALSE(decode_checkpoint(
                   encode_checkpoint({.chain = {{id<OpeningId>(1), 3}, {id<OpeningId>(2), 2}}}))
                   .ok())
      << "falling LSNs";
  store(bytes.data() + 8, UINT32_MAX);
  EXPECT_FALSE(decode_checkpoint(bytes).ok()) << "more links than bytes";
}

}  // namespace
}  // namespace sluice::wal
