// TypeSet: which types of records somebody wants or knows.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "wal/format.h"

namespace sluice::wal {

class TypeSet {
 public:
  /// Numbers; the bits beside them say nothing. An empty list: all.
  explicit TypeSet(const std::vector<uint16_t>& types) {
    if (types.empty()) set_.set();
    for (const uint16_t type : types) set_.set(type & kTypeNumberMask);
  }

  bool has_all() const { return set_.all(); }
  bool has(uint16_t type) const { return set_[type & kTypeNumberMask]; }
  /// Whether the type says that it must be known, and is none of these.
  bool must_refuse(uint16_t type) const { return (type & kRequiredBit) != 0 && !has(type); }
  /// What is said of a user's record of such a type in the file `where`. kUnsupported (kVersion):
  /// expected() is the LSN, found() the type. Frames of the log's own pass.
  Status check(Lsn lsn, uint16_t type, std::string_view where) const;

 private:
  std::bitset<kTypeNumberMask + 1> set_;
};

}  // namespace sluice::wal
