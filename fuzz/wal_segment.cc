// Any bytes as a segment of the log: an error, or frames that end where the next opening would say.
//
// Input: a byte whose lowest bit says whether the checksums are made right first (or nothing gets
// past them), the segment.
#include <algorithm>

#include "base/check.h"
#include "fuzz/log_recipe_fixture.h"
#include "fuzz/memory_disk_fixture.h"
#include "fuzz/target.h"
#include "wal/segment_parser.h"
#include "wal/segments.h"

namespace {

using namespace sluice;
using namespace sluice::wal;

constexpr size_t kSegmentBytesMax = 256 << 10;
constexpr uint64_t kBirthEnd = 2 * kBlockBytes;

struct Walk {
  SegmentWalk walk;
  std::vector<std::pair<uint64_t, Lsn>> frames;
};

Walk walk(ByteView segment, const std::string& name, std::optional<Boundary> boundary) {
  const auto bytes = std::make_shared<std::vector<std::byte>>(segment.begin(), segment.end());
  auto parser = SegmentParser::open(std::make_unique<MemoryFile>(bytes), name, boundary, nullptr);
  CHECK(parser.ok());
  Walk found;
  found.walk = walk_segment(**parser, name, [&](const ParsedFrame& frame) {
    found.frames.emplace_back(frame.offset, frame.lsn);
  });
  const auto after = (*parser)->next();
  if (!found.walk.damage) CHECK(after.ok() && !*after);
  return found;
}

struct SeedFrame {
  uint16_t type;
  Lsn lsn;
  std::string payload;
};

// Born with a checkpoint and a pad, then `frames`. The checksums are the target's to make.
std::string seed_of(const std::vector<SeedFrame>& frames) {
  SegmentHeader header;
  header.log = LogId::parse("00000000000000000000000000000001").value();
  header.opening = OpeningId::parse("00000000000000000000000000000002").value();
  header.segment = SegmentId::parse("000102030405060708090a0b0c0d0e0f").value();
  header.base_lsn = 5;
  header.birth_end = kBirthEnd;
  Checkpoint checkpoint;
  checkpoint.chain = {{header.opening, header.base_lsn}};
  std::string segment(as_text(encode_segment_header(header)));
  const auto add = [&segment](const SeedFrame& frame) {
    FrameHeader head;
    head.payload_bytes = static_cast<uint32_t>(frame.payload.size());
    head.type = frame.type;
    head.lsn = frame.lsn;
    segment.append(as_text(std::as_bytes(std::span(&head, 1))));
    segment.append(frame.payload);
    segment.resize(align_up(segment.size(), kFrameAlignment));
  };
  add({kCheckpointType, 4, std::string(as_text(encode_checkpoint(checkpoint)))});
  add({kPadType, 4, std::string(kBirthEnd - segment.size() - sizeof(FrameHeader), '\0')});
  for (const SeedFrame& frame : frames) add(frame);
  return '\1' + segment + std::string(64, '\0');
}

std::string mark_of(uint64_t offset) {
  return std::string(as_text(std::as_bytes(std::span(&offset, 1))));
}

}  // namespace

std::vector<std::string> seeds() {
  const SeedFrame user{kFirstUserType, 5, "payload"};
  const SeedFrame mark{kMarkType, 5, mark_of(kBirthEnd)};
  const SeedFrame pad{kPadType, 5, std::string(100, '\0')};
  return {seed_of({}), seed_of({user, mark, pad}),
          seed_of({user, {kFirstUserType, 9, "torn"}, mark})};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0 || size > kSegmentBytesMax) return 0;
  const ByteView input = std::as_bytes(std::span(bytes, size)).subspan(1);
  std::vector<std::byte> segment(input.begin(), input.end());
  if (bytes[0] % 2 == 1) mend_segment(segment);
  const auto header =
      decode_segment_header(ByteView(segment).first(std::min(segment.size(), kBlockBytes)), "");
  if (!header.ok() || header->is_encrypted()) return 0;  // those are wal_sealed's
  const std::string name = segment_name(header->base_lsn);
  const Walk newest = walk(segment, name, std::nullopt);
  if (newest.walk.damage) return 0;
  const Boundary accepted = newest.walk.content.accepted;
  CHECK(accepted.end >= header->birth_end && accepted.end <= segment.size());
  const Walk sealed = walk(segment, name, accepted);
  CHECK(!sealed.walk.damage && sealed.frames == newest.frames);
  return 0;
}
