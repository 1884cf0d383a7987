// Any bytes as what an encrypted segment holds: the wrapped key of its header, the payload of a
// sealed frame, and the records in it. Nothing opens that was not sealed; what opens is taken apart
// within its bounds.
//
// Input: a byte that says which of the three, the bytes.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"
#include "wal/cipher.h"
#include "wal/sealed.h"

namespace {

using namespace sluice;
using namespace sluice::wal;

WalEncryptionKey key() {
  const std::vector<std::byte> bytes(WalEncryptionKey::kBytes, std::byte{7});
  return WalEncryptionKey::from_bytes(bytes).value();
}

void try_header(ByteView bytes) {
  const auto header = decode_segment_header(bytes, "segment");
  if (!header.ok() || !header->is_encrypted()) return;
  const KeyRing ring = KeyRing::make(header->key.id, key()).value();
  CHECK(!unwrap_data_key(&ring, *header, "segment").ok());
}

void try_sealed(ByteView payload) {
  Sealer sealer(SegmentId::parse("000102030405060708090a0b0c0d0e0f").value(), key());
  const auto opened = sealer.open({4096, 1}, payload);
  CHECK(!opened.ok() && opened.error().code() == Code::kCorrupt);
}

void try_records(ByteView bytes) {
  if (bytes.size() < sizeof(SealedHeader)) return;
  auto header = load<SealedHeader>(bytes.data());
  const ByteView plain = bytes.subspan(sizeof(SealedHeader));
  header.plain_bytes = static_cast<uint32_t>(plain.size());
  InnerRecords records(header, Numbering::kLog, 1, plain);
  uint32_t taken = 0;
  Lsn last_lsn = 1;
  while (!records.at_end()) {
    const auto record = records.next();
    if (!record.ok()) {
      CHECK(record.error().code() == Code::kCorrupt && records.at_end());
      return;
    }
    CHECK(record->lsn == last_lsn || record->lsn == last_lsn + 1);
    CHECK(record->payload.data() >= plain.data() &&
          record->payload.data() + record->payload.size() <= plain.data() + plain.size());
    last_lsn = record->lsn;
    ++taken;
  }
  CHECK(plain.empty() || (taken == header.records && last_lsn == header.last_lsn));
}

std::string inner(InnerHeader header, const std::string& payload) {
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  std::string record(as_text(std::as_bytes(std::span(&header, 1))));
  record += payload;
  record.resize(align_up(record.size(), kFrameAlignment));
  return record;
}

}  // namespace

std::vector<std::string> seeds() {
  SegmentHeader header;
  header.log = LogId::parse("00000000000000000000000000000001").value();
  header.opening = OpeningId::parse("00000000000000000000000000000002").value();
  header.segment = SegmentId::parse("000102030405060708090a0b0c0d0e0f").value();
  header.base_lsn = 5;
  header.birth_end = 2 * kBlockBytes;
  header.key.id = 1;
  header.key.bytes[0] = std::byte{1};
  SealedHeader sealed{.counter = 1, .last_lsn = 3, .records = 2};
  const std::string records = inner({.lsn = 2, .tenant = 7, .type = kFirstUserType}, "first") +
                              inner({.lsn = 3, .type = kFirstUserType}, "");
  sealed.plain_bytes = static_cast<uint32_t>(records.size());
  const std::string head(as_text(std::as_bytes(std::span(&sealed, 1))));
  return {std::string(1, '\0').append(as_text(encode_segment_header(header))),
          '\1' + head + records + std::string(kTagBytes, 't'), '\2' + head + records};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const ByteView input = std::as_bytes(std::span(bytes, size)).subspan(1);
  if (bytes[0] % 3 == 0) try_header(input);
  if (bytes[0] % 3 == 1) try_sealed(input);
  if (bytes[0] % 3 == 2) try_records(input);
  return 0;
}
