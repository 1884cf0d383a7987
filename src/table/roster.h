// Roster: which device lies in which group. Table state like marks: `<table>/groups/<commit
// id>.bin`, immutable, committed with the metadata that names it (property sluice.groups).
//
// A table names its newest roster, which names those below it that it stands on; together they name
// each device once (T16). A commit that brings new devices adds one roster, into which it takes the
// smaller ones on top: a few rosters, each more than twice as large as the next, and a device is
// written anew at most once for each doubling of their number. A roster names others by their
// commit ids, so a table that moves needs no other rosters.
//
//     offset  bytes
//          0      8  magic "SLUICEDG"
//          8      4  format, 0
//         12      4  rosters below, B <= 256
//         16      4  devices, N >= 1
//         20      4  groups so far: every group, here and below, is less
//         24      8  bytes of ids, T
//         32      4  CRC-32C of the body
//         36      4  zero
//         40   32 B  rosters below, the oldest first:
//                      16 commit id   8 bytes of the object   4 its devices   4 zero
//     40+32B      4  CRC-32C of what is before it: the head, which can be read alone
//                    the body:
//                4N  the devices' groups
//                4N  where their ids end in the text, ascending; the last is T
//                 T  the ids, ascending, each once
//
// The object ends there: 44 + 32 B + 8 N + T bytes. Little-endian. Both sums begin with the
// object's name (T10). An id is the value of the key's first column (model/device_id.h).
//
// Ladder: format 0. One above it is kUnsupported.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "sluice/result.h"

namespace sluice::table {

inline constexpr std::string_view kRosterMagic = "SLUICEDG";
inline constexpr uint32_t kRosterFormat = 0;
inline constexpr uint32_t kRostersBelowMax = 256;
inline constexpr uint32_t kGroupsMax = 1u << 30;
inline constexpr uint64_t kRosterBytesMax = 256ull << 20;
/// A roster is not taken into another one if they were more bytes together.
inline constexpr uint64_t kRosterBytesTarget = 64ull << 20;
/// A head is no longer than this.
inline constexpr uint64_t kRosterHeadBytesMax = 44 + 32 * kRostersBelowMax;

struct RosterRef {
  CommitId commit;
  uint64_t bytes = 0;
  uint32_t devices = 0;
  friend bool operator==(const RosterRef&, const RosterRef&) = default;
};

/// A device and its group; the id is borrowed.
struct Membership {
  std::string_view device;
  uint32_t group = 0;
  friend bool operator==(const Membership&, const Membership&) = default;
};

/// Immutable, held as the bytes of its object; any thread.
class Roster {
 public:
  /// kCorrupt, kUnsupported. Checks everything.
  static Result<Roster> decode(std::string bytes, std::string_view key);
  /// The rosters below, from the first bytes of an object, or all.
  static Result<std::vector<RosterRef>> decode_below(std::string_view bytes, std::string_view key);

  const std::vector<RosterRef>& below() const { return below_; }
  uint32_t groups() const { return groups_; }
  uint32_t size() const { return size_; }
  Membership operator[](uint32_t at) const;
  /// The first place from `from` on whose device is not less.
  uint32_t lower_bound(std::string_view device, uint32_t from = 0) const;
  uint64_t bytes() const { return bytes_.size(); }

 private:
  std::string bytes_;
  std::vector<RosterRef> below_;
  uint32_t groups_ = 0;
  uint32_t size_ = 0;
  size_t body_ = 0;
};

/// `devices` ascend, each once, at least one; `groups` is above each group, here and below.
std::string encode_roster(const std::vector<RosterRef>& below, std::span<const Membership> devices,
                          uint32_t groups, std::string_view key);

}  // namespace sluice::table
