#include "wal/format.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/crc32c.h"

namespace sluice::wal {
namespace {

constexpr size_t kHeaderCrcOffset = kBlockBytes - sizeof(uint32_t);

template <class Id>
Id read_id(ByteReader& reader) {
  const ByteView bytes = reader.raw(16);
  return bytes.size() == 16 ? Id::from_bytes(bytes.first<16>()) : Id{};
}

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte byte) { return byte == std::byte{0}; });
}

/// What the fields must satisfy whatever the rest of the log looks like.
bool is_plausible(const SegmentHeader& header) {
  const Boundary& accepted = header.accepted;
  if (header.segment.is_zero() || header.log.is_zero() || header.opening.is_zero()) return false;
  if (header.base_lsn <= accepted.last_lsn || header.base_lsn > kLsnMax) return false;
  if (header.birth_end <= kBlockBytes || header.birth_end % kBlockBytes != 0) return false;
  if (header.predecessor.is_zero()) return accepted.end == 0 && accepted.last_lsn == 0;
  return accepted.end > kBlockBytes && accepted.end % kFrameAlignment == 0;
}

}  // namespace

bool is_known(const WrappedKey& key) {
  return all_zero(ByteView(key.bytes).subspan(key.id != 0 ? kWrappedKeyBytes - 4 : 0));
}

bool is_numbering(uint32_t value) {
  return value <= static_cast<uint32_t>(Numbering::kAny);
}

std::vector<std::byte> encode_segment_header(const SegmentHeader& header) {
  CHECK(is_plausible(header));
  ByteWriter writer;
  writer.raw(as_bytes(kMagic));
  writer.fixed(kFormatVersion);
  writer.fixed(static_cast<uint32_t>(kBlockBytes));
  writer.raw(header.log.bytes());
  writer.raw(header.opening.bytes());
  writer.raw(header.segment.bytes());
  writer.raw(header.predecessor.bytes());
  writer.fixed(header.accepted.last_lsn);
  writer.fixed(header.accepted.end);
  writer.fixed(header.base_lsn);
  writer.fixed(header.birth_end);
  writer.fixed(header.key.id);
  writer.fixed(uint32_t{0});
  writer.raw(header.key.bytes);
  writer.fixed(header.recycled_bytes);
  writer.fixed(static_cast<uint32_t>(header.numbering));
  std::vector<std::byte> block = writer.take();
  block.resize(kBlockBytes);
  store(block.data() + kHeaderCrcOffset, crc32c(ByteView(block).first(kHeaderCrcOffset)));
  return block;
}

Result<SegmentHeader> decode_segment_header(ByteView block, std::string_view name) {
  if (block.size() < kBlockBytes) {
    return corruption(Reason::kIncompleteHeader, "the segment is shorter than its header", name, 0);
  }
  ByteReader reader(block.first(kHeaderCrcOffset));
  if (as_text(reader.raw(kMagic.size())) != kMagic) {
    return corruption(Reason::kIncompleteHeader, "the segment has no header", name, 0);
  }
  if (load<uint32_t>(block.data() + kHeaderCrcOffset) != crc32c(block.first(kHeaderCrcOffset))) {
    return corruption(Reason::kCrcMismatch, "the segment header is damaged", name, 0);
  }
  const auto version = reader.fixed<uint32_t>();
  if (version != kFormatVersion) {
    return Error({Code::kUnsupported, Reason::kVersion,
                  "the segment has another format version; use the program that wrote it",
                  std::string(name), kFormatVersion, version});
  }
  const auto block_bytes = reader.fixed<uint32_t>();
  SegmentHeader header;
  header.log = read_id<LogId>(reader);
  header.opening = read_id<OpeningId>(reader);
  header.segment = read_id<SegmentId>(reader);
  header.predecessor = read_id<SegmentId>(reader);
  header.accepted.last_lsn = reader.fixed<Lsn>();
  header.accepted.end = reader.fixed<uint64_t>();
  header.base_lsn = reader.fixed<Lsn>();
  header.birth_end = reader.fixed<uint64_t>();
  header.key.id = reader.fixed<uint32_t>();
  const auto zero = reader.fixed<uint32_t>();
  const ByteView wrapped_key = reader.raw(kWrappedKeyBytes);
  std::copy(wrapped_key.begin(), wrapped_key.end(), header.key.bytes.begin());
  header.recycled_bytes = reader.fixed<uint64_t>();
  const auto numbering = reader.fixed<uint32_t>();
  const bool is_rest_known = zero == 0 && all_zero(reader.raw(reader.remaining()));
  if (block_bytes != kBlockBytes || !is_rest_known || !is_known(header.key) ||
      !is_numbering(numbering)) {
    return Error(Code::kUnsupported, "the segment uses another block size or a newer feature",
                 std::string(name));
  }
  header.numbering = static_cast<Numbering>(numbering);
  if (!is_plausible(header)) {
    return corruption(Reason::kDecodeFailure, "the segment header contradicts itself", name, 0);
  }
  return header;
}

Error corruption(Reason reason, std::string message, std::string_view where, uint64_t offset) {
  return Error({Code::kCorrupt, reason, std::move(message), std::string(where), 0, offset});
}

Error shorter_than_accepted(std::string_view name, uint64_t file_bytes) {
  return corruption(Reason::kIncompletePayload, "the segment is shorter than its accepted end",
                    name, file_bytes);
}

std::string behind(Lsn last_lsn) {
  return ", behind LSN " + std::to_string(last_lsn);
}

}  // namespace sluice::wal
