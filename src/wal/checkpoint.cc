#include "wal/checkpoint.h"

namespace sluice::wal {
namespace {

constexpr uint64_t kLinkBytes = 16 + sizeof(Lsn);

bool is_plausible(const Checkpoint& checkpoint) {
  Lsn base_lsn = 1;
  for (const ChainLink& link : checkpoint.chain) {
    if (link.base_lsn < base_lsn) return false;
    base_lsn = link.base_lsn;
  }
  return !checkpoint.chain.empty();
}

}  // namespace

uint64_t checkpoint_bytes(const Checkpoint& checkpoint) {
  return sizeof(Lsn) + 2 * sizeof(uint32_t) + checkpoint.chain.size() * kLinkBytes +
         checkpoint.application.size();
}

std::vector<std::byte> encode_checkpoint(const Checkpoint& checkpoint) {
  ByteWriter writer;
  writer.fixed(checkpoint.trim_lsn);
  writer.fixed(static_cast<uint32_t>(checkpoint.chain.size()));
  for (const ChainLink& link : checkpoint.chain) {
    writer.raw(link.opening.bytes());
    writer.fixed(link.base_lsn);
  }
  writer.text(as_text(checkpoint.application));
  return writer.take();
}

Result<Checkpoint> decode_checkpoint(ByteView payload) {
  ByteReader reader(payload);
  Checkpoint checkpoint;
  checkpoint.trim_lsn = reader.fixed<Lsn>();
  const auto links = reader.fixed<uint32_t>();
  ByteReader link_reader(reader.raw(links * kLinkBytes));
  while (!link_reader.at_end()) {
    const OpeningId opening = OpeningId::from_bytes(link_reader.raw(16).first<16>());
    checkpoint.chain.push_back({opening, link_reader.fixed<Lsn>()});
  }
  const ByteView application = as_bytes(reader.text());
  checkpoint.application.assign(application.begin(), application.end());
  if (!reader.ok() || !reader.at_end() || !is_plausible(checkpoint)) {
    return Error(Code::kCorrupt, Reason::kDecodeFailure, "the checkpoint cannot be decoded");
  }
  return checkpoint;
}

}  // namespace sluice::wal
