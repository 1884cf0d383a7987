#include "wal/sealed.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::wal {
namespace {

Error undecodable(std::string message) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure, std::move(message));
}

/// Takes note of a record in the header of the block that gets it.
void note(const RecordView& record, Lsn lsn, SealedHeader& header) {
  header.types |= uint64_t{1} << ((record.type & kTypeNumberMask) % 64);
  ++header.records;
  if (is_own_type(record.type)) return;
  header.last_lsn = std::max(header.last_lsn, lsn);
  header.tenant_min = std::min(header.tenant_min, record.tenant);
  header.tenant_max = std::max(header.tenant_max, record.tenant);
  header.vshard_min = std::min(header.vshard_min, record.vshard);
  header.vshard_max = std::max(header.vshard_max, record.vshard);
}

bool may_be_sealed(uint16_t type) {
  const uint16_t number = type & kTypeNumberMask;
  return number != 0 && number != kPadType && number != kMarkType &&
         number != (kSealedType & kTypeNumberMask) && (type & kEncryptedBit) == 0;
}

}  // namespace

uint64_t sealed_frames_bytes(uint64_t open_bytes, std::span<const RecordView> records) {
  uint64_t bytes = 0;
  uint64_t block_bytes = open_bytes;
  for (const RecordView& record : records) {
    const uint64_t record_bytes = inner_bytes(record.payload_bytes());
    if (block_bytes > 0 && block_bytes + record_bytes > kBlockPlainBytes) {
      bytes += frame_bytes(sealed_payload_bytes(block_bytes));
      block_bytes = 0;
    }
    block_bytes += record_bytes;
  }
  return block_bytes > 0 ? bytes + frame_bytes(sealed_payload_bytes(block_bytes)) : bytes;
}

Result<SealedHeader> decode_sealed_header(ByteView payload) {
  if (payload.size() < sealed_payload_bytes(0)) {
    return undecodable("the sealed frame is shorter than its header");
  }
  const auto header = load<SealedHeader>(payload.data());
  const bool fits = payload.size() == sealed_payload_bytes(header.plain_bytes);
  if (!fits || header.counter == 0 || header.records == 0 || header.zero != 0) {
    return undecodable("the sealed frame's header contradicts itself");
  }
  return header;
}

Sealer::Sealer(const SegmentId& segment, const WalEncryptionKey& data_key)
    : segment_(segment), cipher_(data_key) {}

std::vector<std::byte> Sealer::additional(SealPlace place, const SealedHeader& header) const {
  ByteWriter writer;
  writer.raw(segment_.bytes());
  writer.fixed(place.offset);
  writer.fixed(kSealedType);
  writer.fixed(static_cast<uint32_t>(sealed_payload_bytes(header.plain_bytes)));
  writer.fixed(place.lsn);
  writer.raw(std::as_bytes(std::span(&header, 1)));
  return writer.take();
}

bool Sealer::has_room(const RecordView& record) const {
  return plain_.empty() || plain_.size() + inner_bytes(record.payload_bytes()) <= kBlockPlainBytes;
}

void Sealer::add(const RecordView& record, Lsn lsn, Lsn before) {
  CHECK(has_room(record));
  if (plain_.empty()) {
    lsn_before_ = before;
    header_ = {.last_lsn = before, .tenant_min = UINT32_MAX, .vshard_min = UINT16_MAX};
  }
  note(record, lsn, header_);
  const InnerHeader inner{.lsn = lsn,
                          .payload_bytes = static_cast<uint32_t>(record.payload_bytes()),
                          .tenant = record.tenant,
                          .type = record.type,
                          .vshard = record.vshard};
  const uint64_t bytes = inner_bytes(record.payload_bytes());
  std::byte* const at = plain_.extend(bytes);
  // Where the padding is, if there is any.
  store(at + bytes - kFrameAlignment, uint64_t{0});
  store(at, inner);
  std::byte* const body = at + sizeof inner + record.head.size();
  if (!record.head.empty()) std::memcpy(at + sizeof inner, record.head.data(), record.head.size());
  if (!record.body.empty()) std::memcpy(body, record.body.data(), record.body.size());
}

void Sealer::seal(uint64_t offset, std::span<std::byte> payload) {
  CHECK(!plain_.empty() && payload.size() == sealed_payload_bytes(plain_.size()));
  SealedHeader header = header_;
  header.plain_bytes = static_cast<uint32_t>(plain_.size());
  header.counter = ++counter_;  // W17
  store(payload.data(), header);
  cipher_.seal(header.counter, additional({offset, lsn_before_}, header), plain_.bytes(),
               payload.subspan(sizeof(SealedHeader)));
  plain_.clear();
}

Result<ByteView> Sealer::open(SealPlace place, ByteView payload) {
  const SealedHeader header = TRY(decode_sealed_header(payload));
  plain_.resize(header.plain_bytes);
  const bool opened = cipher_.open(header.counter, additional(place, header),
                                   payload.subspan(sizeof(SealedHeader)), plain_.writable());
  if (opened) return plain_.bytes();
  return Error(Code::kCorrupt, Reason::kWrongKey,
               "the frame's seal is broken: its bytes are not what was sealed");
}

Result<InnerRecords::Record> InnerRecords::next() {
  const ByteView rest = plain_;
  plain_ = {};  // after damage nothing more is handed out
  if (rest.size() < sizeof(InnerHeader)) return undecodable("a sealed record is cut short");
  const auto inner = load<InnerHeader>(rest.data());
  const uint64_t whole_bytes = inner_bytes(inner.payload_bytes);
  if (whole_bytes > rest.size() || inner.zero != 0 || !may_be_sealed(inner.type)) {
    return undecodable("a sealed record's header contradicts itself");
  }
  const bool fits = is_own_type(inner.type) ? inner.lsn == last_lsn_
                                            : continues(numbering_, last_lsn_, inner.lsn);
  if (!fits) {
    return Error({Code::kCorrupt,
                  Reason::kSequenceViolation,
                  "a sealed record does not continue the LSNs",
                  {},
                  last_lsn_ + 1,
                  inner.lsn});
  }
  last_lsn_ = std::max(last_lsn_, inner.lsn);
  ++taken_;
  plain_ = rest.subspan(whole_bytes);
  if (plain_.empty() && (taken_ != header_.records || last_lsn_ != header_.last_lsn)) {
    return undecodable("a sealed frame holds other records than its header says");
  }
  return Record{inner.lsn, inner.type, inner.vshard, inner.tenant,
                rest.subspan(sizeof(InnerHeader), inner.payload_bytes)};
}

}  // namespace sluice::wal
