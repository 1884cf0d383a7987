// Any bytes as tombstones and anchors: each decodes and encodes to what was read, or is an error;
// and what sets of them answer is what a plain list would.
//
// Input: a byte that says which of the three, the payload, or the steps.
#include "sluice/wal_replay.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"

namespace {

using namespace sluice;

void try_tombstone(ByteView payload) {
  const auto tombstone = decode_tombstone(payload);
  if (!tombstone.ok()) {
    CHECK(tombstone.error().reason() == Reason::kDecodeFailure);
    return;
  }
  CHECK(tombstone->name.size() <= WalTombstone::kNameBytesMax);
  const std::vector<std::byte> again = encode_tombstone(*tombstone).value();
  // What follows is ignored.
  CHECK(again.size() <= payload.size() && std::ranges::equal(again, payload.first(again.size())));
}

void try_anchor(ByteView payload) {
  const auto anchor = decode_anchor(payload);
  CHECK(anchor.ok() == (payload.size() == 16));
  if (anchor.ok()) CHECK(std::ranges::equal(encode_anchor(*anchor), payload));
}

struct Purge {
  uint32_t tenant;
  std::string name;
  Lsn lsn;
};

void try_sets(ByteView steps) {
  ByteReader choices(steps);
  TombstoneSet tombstones;
  TombstoneSet others;
  AnchorSet anchors;
  std::vector<Purge> purges;
  std::vector<WalAnchor> placed;
  while (!choices.at_end()) {
    const auto tenant = choices.fixed<uint8_t>();
    const std::string name(tenant % 4, static_cast<char>(choices.fixed<uint8_t>() % 3));
    const Lsn lsn = choices.fixed<uint8_t>();
    const auto wall_ms = static_cast<int64_t>(choices.fixed<int8_t>());
    purges.push_back({tenant % 3u, name, lsn});
    (tenant % 2 == 0 ? tombstones : others).insert(tenant % 3, name, lsn);
    placed.push_back({lsn, wall_ms});
    anchors.insert({lsn, wall_ms});
  }
  tombstones.merge(others);
  for (const Purge& asked : purges) {
    Lsn highest = 0;
    for (const Purge& purge : purges) {
      const bool is_same = purge.tenant == asked.tenant && purge.name == asked.name;
      if (is_same) highest = std::max(highest, purge.lsn);
    }
    CHECK(tombstones.purge_lsn(asked.tenant, asked.name) == highest);
    CHECK(tombstones.shadows(asked.tenant, asked.name, asked.lsn) == (asked.lsn < highest));
  }
  for (int64_t wall_ms = -129; wall_ms <= 128; wall_ms += 3) {
    std::optional<Lsn> highest;
    for (const WalAnchor& anchor : placed) {
      if (anchor.wall_ms <= wall_ms) highest = std::max(highest.value_or(0), anchor.lsn);
    }
    CHECK(anchors.lsn_at(wall_ms) == highest);
  }
}

}  // namespace

std::vector<std::string> seeds() {
  const auto tombstone = encode_tombstone({.name = "collection", .purge_lsn = 9}).value();
  const auto anchor = encode_anchor({.lsn = 7, .wall_ms = -1});
  return {'\0' + std::string(as_text(tombstone)), '\0' + std::string(as_text(tombstone)) + "more",
          '\1' + std::string(as_text(anchor)),
          std::string("\2\1\1\5\1\1\1\7\2\2\2\3\4\1\1\6\5\4\1\7\1", 21)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const ByteView input = std::as_bytes(std::span(bytes, size)).subspan(1);
  if (bytes[0] % 3 == 0) try_tombstone(input);
  if (bytes[0] % 3 == 1) try_anchor(input);
  if (bytes[0] % 3 == 2) try_sets(input);
  return 0;
}
