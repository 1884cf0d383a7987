// Conflicts: the sorts of trouble that keep a record from being a row, counted and told.
//
//   kind         what it is                                                     can be kept
//   type         a value that its column cannot hold, or that has no column     yes, but in a key
//   missing_key  a key or time column is absent                                 no
//   null_key     it is there, without a value                                   no
//   time_range   a time outside of 1677 to 2262                                 as type
//   oversized    a record or row larger than a batch may be                     no
//   no_row       the text is no row at all, or none of this table               no
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/conflict.h"
#include "source/source.h"

namespace sluice::source {

enum class ConflictKind : uint8_t {
  kType,
  kMissingKey,
  kNullKey,
  kTimeRange,
  kOversized,
  kNoRow,
};
inline constexpr std::array kConflictKinds = {ConflictKind::kType,      ConflictKind::kMissingKey,
                                              ConflictKind::kNullKey,   ConflictKind::kTimeRange,
                                              ConflictKind::kOversized, ConflictKind::kNoRow};
/// As above.
std::string_view to_string(ConflictKind kind);
/// Of any reason but kNone.
ConflictKind kind_of(RejectReason reason);

/// Whether the reason is a value that is sound but does not fit its column, or has none: that can
/// be kept in `_rest`, unless the column is required.
bool is_conflict(RejectReason reason);

/// How many there were of each kind.
class ConflictCounts {
 public:
  void count(RejectReason reason) { ++counts_[static_cast<size_t>(kind_of(reason))]; }
  void add(const ConflictCounts& more);
  uint64_t of(ConflictKind kind) const { return counts_[static_cast<size_t>(kind)]; }
  uint64_t total() const;
  friend bool operator==(const ConflictCounts&, const ConflictCounts&) = default;

 private:
  std::array<uint64_t, kConflictKinds.size()> counts_{};
};

/// What a column of this type, or the table, would have taken instead; empty: the reason says it.
std::string allowed(RejectReason reason, Type type);
/// For people: "n: a number with ... column; found 2.5; allowed is a whole number ...".
std::string describe(const Reject& reject);

}  // namespace sluice::source
