#include "sluice/wal_replay.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "base/utf8.h"

namespace sluice {
namespace {

constexpr size_t kAnchorBytes = sizeof(Lsn) + sizeof(int64_t);

Error undecodable(std::string message) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure, std::move(message));
}

/// Hands each record of the type to `take`, which says whether it could be decoded; how many could
/// not.
template <class Take>
Result<uint64_t> collect_type(WalReader& reader, uint16_t type, Take take) {
  uint64_t undecoded = 0;
  while (const std::optional<WalFrameHeader> header = TRY(reader.next_header())) {
    if (header->type != type) continue;
    const ByteView payload = TRY(reader.payload());
    if (!take(header->tenant, payload)) ++undecoded;
  }
  return undecoded;
}

}  // namespace

Result<std::vector<std::byte>> encode_tombstone(const WalTombstone& tombstone) {
  if (tombstone.name.size() > WalTombstone::kNameBytesMax) {
    return Error({Code::kInvalid,
                  Reason::kPayloadTooLarge,
                  "the name of a tombstone is limited",
                  {},
                  WalTombstone::kNameBytesMax,
                  tombstone.name.size()});
  }
  if (!is_utf8(tombstone.name)) {
    return Error(Code::kInvalid, "the name of a tombstone is UTF-8");
  }
  ByteWriter writer;
  writer.text(tombstone.name);
  writer.fixed(tombstone.purge_lsn);
  return writer.take();
}

Result<WalTombstone> decode_tombstone(ByteView payload) {
  ByteReader reader(payload);
  const auto name_bytes = reader.fixed<uint32_t>();
  if (name_bytes > WalTombstone::kNameBytesMax) {
    return undecodable("the tombstone's name is longer than a name can be");
  }
  const std::string_view name = as_text(reader.raw(name_bytes));
  const auto purge_lsn = reader.fixed<Lsn>();
  if (!reader.ok()) return undecodable("the tombstone is cut short");
  if (!is_utf8(name)) return undecodable("the tombstone's name is not UTF-8");
  return WalTombstone{std::string(name), purge_lsn};
}

std::vector<std::byte> encode_anchor(const WalAnchor& anchor) {
  ByteWriter writer;
  writer.fixed(anchor.lsn);
  writer.fixed(anchor.wall_ms);
  return writer.take();
}

Result<WalAnchor> decode_anchor(ByteView payload) {
  if (payload.size() != kAnchorBytes) return undecodable("an anchor has 16 bytes");
  ByteReader reader(payload);
  WalAnchor anchor;
  anchor.lsn = reader.fixed<Lsn>();
  anchor.wall_ms = reader.fixed<int64_t>();
  return anchor;
}

void TombstoneSet::insert(uint32_t tenant, std::string_view name, Lsn purge_lsn) {
  Lsn& purge = purges_[tenant][std::string(name)];
  purge = std::max(purge, purge_lsn);
}

void TombstoneSet::merge(const TombstoneSet& other) {
  for (const auto& [tenant, purges] : other.purges_) {
    for (const auto& [name, purge] : purges) insert(tenant, name, purge);
  }
}

Lsn TombstoneSet::purge_lsn(uint32_t tenant, std::string_view name) const {
  const auto of_tenant = purges_.find(tenant);
  if (of_tenant == purges_.end()) return 0;
  const auto found = of_tenant->second.find(name);
  return found == of_tenant->second.end() ? 0 : found->second;
}

size_t TombstoneSet::size() const {
  size_t size = 0;
  for (const auto& [tenant, purges] : purges_) size += purges.size();
  return size;
}

bool TombstoneSet::shadows(uint32_t tenant, std::string_view name, Lsn lsn) const {
  return lsn < purge_lsn(tenant, name);
}

Result<TombstoneSet::Collected> TombstoneSet::collect(WalReader& reader) {
  Collected collected;
  const auto take = [&](uint32_t tenant, ByteView payload) {
    const Result<WalTombstone> tombstone = decode_tombstone(payload);
    if (tombstone.ok()) {
      collected.tombstones.insert(tenant, tombstone->name, tombstone->purge_lsn);
    }
    return tombstone.ok();
  };
  collected.undecodable = TRY(collect_type(reader, kWalTombstoneType, take));
  return collected;
}

/// A clock that was set back gives later LSNs earlier times: then those between are not needed.
void AnchorSet::insert(const WalAnchor& anchor) {
  const auto later = lsns_.upper_bound(anchor.wall_ms);
  if (later != lsns_.begin() && std::prev(later)->second >= anchor.lsn) return;
  auto end = later;
  while (end != lsns_.end() && end->second <= anchor.lsn) ++end;
  lsns_.erase(later, end);
  lsns_[anchor.wall_ms] = anchor.lsn;
}

std::optional<Lsn> AnchorSet::lsn_at(int64_t wall_ms) const {
  const auto later = lsns_.upper_bound(wall_ms);
  return later == lsns_.begin() ? std::nullopt : std::optional(std::prev(later)->second);
}

Result<AnchorSet::Collected> AnchorSet::collect(WalReader& reader) {
  Collected collected;
  const auto take = [&](uint32_t, ByteView payload) {
    const Result<WalAnchor> anchor = decode_anchor(payload);
    if (anchor.ok()) collected.anchors.insert(*anchor);
    return anchor.ok();
  };
  collected.undecodable = TRY(collect_type(reader, kWalAnchorType, take));
  return collected;
}

}  // namespace sluice
