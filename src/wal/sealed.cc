#include "wal/sealed.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::wal {
namespace {

Error undecodable(std::string message) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure, std::move(message));
}

uint64_t plain_bytes_of(std::span<const RecordView> records) {
  uint64_t bytes = 0;
  for (const RecordView& record : records) bytes += inner_bytes(record.payload_bytes());
  return bytes;
}

SealedHeader describe(Lsn lsn_before, std::span<const RecordView> records) {
  SealedHeader header{.last_lsn = lsn_before,
                      .records = static_cast<uint32_t>(records.size()),
                      .tenant_min = UINT32_MAX,
                      .vshard_min = UINT16_MAX};
  for (const RecordView& record : records) {
    header.types |= uint64_t{1} << ((record.type & kTypeNumberMask) % 64);
    if (is_own_type(record.type)) continue;
    ++header.last_lsn;
    header.tenant_min = std::min(header.tenant_min, record.tenant);
    header.tenant_max = std::max(header.tenant_max, record.tenant);
    header.vshard_min = std::min(header.vshard_min, record.vshard);
    header.vshard_max = std::max(header.vshard_max, record.vshard);
  }
  return header;
}

std::byte* put(std::byte* to, ByteView bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

// `plain` is zero where no byte of a record goes.
void lay_out(Lsn lsn, std::span<const RecordView> records, std::span<std::byte> plain) {
  std::byte* to = plain.data();
  for (const RecordView& record : records) {
    if (!is_own_type(record.type)) ++lsn;
    const InnerHeader inner{.lsn = lsn,
                            .payload_bytes = static_cast<uint32_t>(record.payload_bytes()),
                            .tenant = record.tenant,
                            .type = record.type,
                            .vshard = record.vshard};
    std::byte* const end = to + inner_bytes(record.payload_bytes());
    to = put(put(put(to, std::as_bytes(std::span(&inner, 1))), record.head), record.body);
    std::fill(to, end, std::byte{0});
    to = end;
  }
  CHECK(to == plain.data() + plain.size());
}

bool may_be_sealed(uint16_t type) {
  const uint16_t number = type & kTypeNumberMask;
  return number != 0 && number != kPadType && number != kMarkType &&
         number != (kSealedType & kTypeNumberMask) && (type & kEncryptedBit) == 0;
}

}  // namespace

size_t block_records(std::span<const RecordView> records) {
  uint64_t bytes = 0;
  for (size_t count = 0; count < records.size(); ++count) {
    bytes += inner_bytes(records[count].payload_bytes());
    if (bytes > kBlockPlainBytes) return std::max<size_t>(count, 1);
  }
  return records.size();
}

uint64_t sealed_frames_bytes(std::span<const RecordView> records) {
  uint64_t bytes = 0;
  while (!records.empty()) {
    const auto block = records.first(block_records(records));
    bytes += frame_bytes(sealed_payload_bytes(plain_bytes_of(block)));
    records = records.subspan(block.size());
  }
  return bytes;
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

ByteView Sealer::seal(SealPlace place, std::span<const RecordView> records) {
  SealedHeader header = describe(place.lsn, records);
  const uint64_t plain_bytes = plain_bytes_of(records);
  header.plain_bytes = static_cast<uint32_t>(plain_bytes);
  header.counter = ++counter_;  // W17
  plain_.resize(plain_bytes);
  lay_out(place.lsn, records, plain_);
  payload_.resize(sealed_payload_bytes(plain_bytes));
  store(payload_.data(), header);
  cipher_.seal(header.counter, additional(place, header), plain_,
               std::span(payload_).subspan(sizeof(SealedHeader)));
  return payload_;
}

Result<ByteView> Sealer::open(SealPlace place, ByteView payload) {
  const SealedHeader header = TRY(decode_sealed_header(payload));
  plain_.resize(header.plain_bytes);
  const bool opened = cipher_.open(header.counter, additional(place, header),
                                   payload.subspan(sizeof(SealedHeader)), plain_);
  if (opened) return ByteView(plain_);
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
  const Lsn expected_lsn = is_own_type(inner.type) ? last_lsn_ : last_lsn_ + 1;
  if (inner.lsn != expected_lsn) {
    return Error({Code::kCorrupt,
                  Reason::kSequenceViolation,
                  "a sealed record does not continue the LSNs",
                  {},
                  expected_lsn,
                  inner.lsn});
  }
  last_lsn_ = inner.lsn;
  ++taken_;
  plain_ = rest.subspan(whole_bytes);
  if (plain_.empty() && (taken_ != header_.records || last_lsn_ != header_.last_lsn)) {
    return undecodable("a sealed frame holds other records than its header says");
  }
  return Record{inner.lsn, inner.type, inner.vshard, inner.tenant,
                rest.subspan(sizeof(InnerHeader), inner.payload_bytes)};
}

}  // namespace sluice::wal
