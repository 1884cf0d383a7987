// Any bytes as one frame of the log: it is read, with just its fields, if and only if all that the
// format asks of it holds.
//
// Input: a byte that says which of both checksums are made right first and where the frame stands,
// the frame.
#include <algorithm>
#include <optional>

#include "base/check.h"
#include "fuzz/log_recipe_fixture.h"
#include "fuzz/memory_disk_fixture.h"
#include "fuzz/target.h"
#include "wal/segment_parser.h"

namespace {

using namespace sluice;
using namespace sluice::wal;

constexpr size_t kFrameBytesMax = 16 << 10;
constexpr Lsn kBaseLsn = 5;

enum Option : uint8_t { kFitHeader = 1, kFitPayload = 2, kAtEnd = 4 };

SegmentDraft draft() {
  SegmentHeader header;
  header.log = LogId::parse("00000000000000000000000000000001").value();
  header.opening = OpeningId::parse("00000000000000000000000000000002").value();
  header.segment = SegmentId::parse("000102030405060708090a0b0c0d0e0f").value();
  header.base_lsn = kBaseLsn;
  return SegmentDraft(header, nullptr);
}

std::string bytes_of(FrameHeader header, std::string payload) {
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  payload.resize(align_up(payload.size(), kFrameAlignment));
  return std::string(as_text(std::as_bytes(std::span(&header, 1)))) + payload;
}

/// What the format says of the bytes, in its own words: the header of the frame, if it is one.
std::optional<FrameHeader> frame_in(ByteView bytes, uint64_t offset, const SegmentId& segment) {
  if (bytes.size() < sizeof(FrameHeader)) return std::nullopt;
  const auto header = load<FrameHeader>(bytes.data());
  const uint32_t seed = frame_seed(segment, offset);
  const bool is_sealed = header.type == kSealedType;
  const uint64_t limit = is_sealed ? kFramePayloadBytesMax : kPayloadBytesMax;
  const uint64_t padded_bytes = align_up(header.payload_bytes, kFrameAlignment);
  if (header.payload_bytes > limit || bytes.size() - sizeof(FrameHeader) < padded_bytes) {
    return std::nullopt;
  }
  const ByteView payload = bytes.subspan(sizeof(FrameHeader), padded_bytes);
  const bool fits = header.header_crc == crc32c(bytes.subspan(4, 28), seed) &&
                    header.payload_crc == crc32c(payload, seed);
  const bool is_numbered =
      is_own_type(header.type) ? header.lsn == kBaseLsn - 1 : header.lsn == kBaseLsn;
  const bool is_typed = (header.type & kTypeNumberMask) != 0;
  if (!fits || !is_numbered || !is_typed || header.zero != 0) return std::nullopt;
  return header;
}

bool is_for_others(uint16_t type) {
  const bool is_known = type == kCheckpointType || type == kSealedType || type == kReopeningType;
  const bool must_be = is_own_type(type) && (type & kRequiredBit) != 0;
  return !is_known && (must_be || (type & kEncryptedBit) != 0);
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string fits(1, static_cast<char>(kFitHeader | kFitPayload));
  const FrameHeader user{.type = kFirstUserType, .vshard = 3, .tenant = 7, .lsn = kBaseLsn};
  const FrameHeader own{.type = kMarkType, .lsn = kBaseLsn - 1};
  FrameHeader sealed = own;
  sealed.type = kSealedType;
  FrameHeader reopening = own;
  reopening.type = kReopeningType;
  return {fits + bytes_of(user, "payload"), fits + bytes_of(user, ""),
          fits + bytes_of(own, std::string(8, '\0')), fits + bytes_of(sealed, std::string(72, 's')),
          fits + bytes_of(reopening, std::string(kReopeningBytes, '\1'))};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  if (size == 0 || size > kFrameBytesMax) return 0;
  const ByteView given = std::as_bytes(std::span(input, size)).subspan(1);
  std::vector<std::byte> frame(given.begin(), given.end());
  SegmentDraft segment = draft();
  const SegmentId id = segment.header().segment;
  const uint64_t offset = segment.at();
  if (frame.size() >= sizeof(FrameHeader)) {
    auto header = load<FrameHeader>(frame.data());
    const uint32_t seed = frame_seed(id, offset);
    const uint64_t padded_bytes = align_up(header.payload_bytes, kFrameAlignment);
    const bool is_whole = frame.size() - sizeof(header) >= padded_bytes;
    if ((input[0] & kFitPayload) != 0 && is_whole) {
      header.payload_crc = crc32c(ByteView(frame).subspan(sizeof(header), padded_bytes), seed);
    }
    if ((input[0] & kFitHeader) != 0) header.header_crc = header_checksum(header, seed);
    store(frame.data(), header);
  }
  segment.put(frame);
  if ((input[0] & kAtEnd) == 0) segment.put(std::vector<std::byte>(kBlockBytes));
  const auto bytes = std::make_shared<std::vector<std::byte>>(segment.bytes());
  const auto parser = SegmentParser::open(std::make_unique<MemoryFile>(bytes),
                                          segment_name(kBaseLsn), std::nullopt, nullptr)
                          .value();
  for (int born = 0; born < 2; ++born) CHECK(parser->next().value().has_value());
  const auto parsed = parser->next();
  const auto expected = frame_in(ByteView(*bytes).subspan(offset), offset, id);
  if (!expected) {
    CHECK(parsed.ok() && !*parsed && parser->position().end == offset);
  } else if (is_for_others(expected->type)) {
    CHECK(!parsed.ok() && parsed.error().code() == Code::kUnsupported);
  } else if (expected->type == kSealedType || expected->type == kReopeningType) {
    CHECK(!parsed.ok() && parsed.error().code() != Code::kIo);  // not in a segment without a key
  } else {
    const ParsedFrame& found = **parsed;
    CHECK(found.offset == offset && found.type == expected->type && found.lsn == expected->lsn);
    CHECK(found.tenant == expected->tenant && found.vshard == expected->vshard);
    CHECK(std::ranges::equal(found.payload, ByteView(*bytes).subspan(offset + sizeof(FrameHeader),
                                                                     expected->payload_bytes)));
  }
  return 0;
}
