// Records that a log's user and the log agree on: tombstones, which say that a collection's older
// records are void, and anchors, which say when an LSN was reached. And what a replay makes of
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/wal_reader.h"
#include "sluice/wal_record.h"

namespace sluice {

inline constexpr uint16_t kWalTombstoneType = (kWalTypeMax - 1) | kWalRequired;
inline constexpr uint16_t kWalAnchorType = kWalTypeMax;

/// The payload: u32 bytes of the name, the name, u64 purge LSN; what follows is ignored. The tenant
/// is the record's.
struct WalTombstone {
  static constexpr size_t kNameBytesMax = 255;
  std::string name{};  ///< of the collection; UTF-8, may be empty
  Lsn purge_lsn = 0;   ///< records below it are void
};
/// kInvalid: kPayloadTooLarge, a longer name; kNone, one that is not UTF-8.
Result<std::vector<std::byte>> encode_tombstone(const WalTombstone& tombstone);
/// kCorrupt (kDecodeFailure). Nothing is allocated before its length was checked.
Result<WalTombstone> decode_tombstone(ByteView payload);

/// The payload: u64 LSN, i64 milliseconds; exactly 16 bytes.
struct WalAnchor {
  Lsn lsn = 0;
  int64_t wall_ms = 0;  ///< UTC since 1970; negative before that
};
std::vector<std::byte> encode_anchor(const WalAnchor& anchor);
/// kCorrupt (kDecodeFailure).
Result<WalAnchor> decode_anchor(ByteView payload);

/// Which records are void. A value; the order in which tombstones come does not matter.
class TombstoneSet {
 public:
  void insert(uint32_t tenant, std::string_view name, Lsn purge_lsn);
  void merge(const TombstoneSet& other);
  /// Whether the record of `lsn` lies strictly below the highest purge of its collection.
  bool shadows(uint32_t tenant, std::string_view name, Lsn lsn) const;
  /// 0: none.
  Lsn purge_lsn(uint32_t tenant, std::string_view name) const;
  size_t size() const;  ///< collections

  struct Collected;
  /// Everything that the reader has left; records of other types are passed over. A tombstone that
  /// cannot be decoded is skipped and counted, and the rest count. The reader's error.
  static Result<Collected> collect(WalReader& reader);

 private:
  std::map<uint32_t, std::map<std::string, Lsn, std::less<>>> purges_;  ///< by tenant, by name
};

struct TombstoneSet::Collected {
  TombstoneSet tombstones{};
  uint64_t undecodable = 0;
};

/// Finds LSNs by time. A value.
class AnchorSet {
 public:
  void insert(const WalAnchor& anchor);
  /// The highest LSN that was anchored at or before the time; none: the log begins later.
  std::optional<Lsn> lsn_at(int64_t wall_ms) const;
  size_t size() const { return lsns_.size(); }

  struct Collected;
  /// As TombstoneSet::collect().
  static Result<Collected> collect(WalReader& reader);

 private:
  std::map<int64_t, Lsn> lsns_;  ///< by time; each LSN above those of earlier times
};

struct AnchorSet::Collected {
  AnchorSet anchors{};
  uint64_t undecodable = 0;
};

}  // namespace sluice
