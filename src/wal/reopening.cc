#include "wal/reopening.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::wal {

std::vector<std::byte> encode_reopening(const Reopening& reopening) {
  ByteWriter writer;
  writer.fixed(reopening.accepted.end);
  writer.fixed(reopening.accepted.last_lsn);
  writer.fixed(reopening.base_lsn);
  writer.raw(reopening.opening.bytes());
  writer.fixed(reopening.key.id);
  writer.fixed(static_cast<uint32_t>(reopening.numbering));
  writer.raw(reopening.key.bytes);
  return writer.take();
}

Result<Reopening> decode_reopening(ByteView payload) {
  if (payload.size() != kReopeningBytes) {
    return Error(Code::kCorrupt, Reason::kDecodeFailure, "a reopening has another length");
  }
  ByteReader reader(payload);
  Reopening reopening;
  reopening.accepted.end = reader.fixed<uint64_t>();
  reopening.accepted.last_lsn = reader.fixed<Lsn>();
  reopening.base_lsn = reader.fixed<Lsn>();
  reopening.opening = OpeningId::from_bytes(reader.raw(16).first<16>());
  reopening.key.id = reader.fixed<uint32_t>();
  const auto numbering = reader.fixed<uint32_t>();
  const ByteView wrapped = reader.raw(kWrappedKeyBytes);
  std::copy(wrapped.begin(), wrapped.end(), reopening.key.bytes.begin());
  if (!is_numbering(numbering) || !is_known(reopening.key)) {
    return Error(Code::kUnsupported, Reason::kVersion,
                 "the log was reopened with a feature that this version does not know");
  }
  if (reopening.base_lsn <= reopening.accepted.last_lsn || reopening.base_lsn > kLsnMax) {
    return Error(Code::kCorrupt, Reason::kDecodeFailure, "a reopening contradicts itself");
  }
  reopening.numbering = static_cast<Numbering>(numbering);
  return reopening;
}

}  // namespace sluice::wal
