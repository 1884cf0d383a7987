// The distinct values of a column chunk, numbered in the order of their first appearance. The
// values are kept PLAIN, so that they are the dictionary page as they stand. One thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/hash.h"
#include "part/encoding/plain.h"

namespace sluice::part {

/// T: int32_t, int64_t, float, double (told apart by their bits), std::string_view.
template <class T>
class Dictionary {
 public:
  Dictionary() : slots_(kSlotsMin) {}

  uint32_t index_of(T value) {
    if (2 * (size() + 1) > slots_.size()) grow();
    const uint64_t hash = hash_value(value);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      Slot& slot = slots_[at];
      if (slot.next_index == 0) {
        slot = {tag, add(value) + 1};
        return slot.next_index - 1;
      }
      if (slot.tag == tag && same_bits((*this)[slot.next_index - 1], value)) {
        return slot.next_index - 1;
      }
    }
  }

  T operator[](uint32_t index) const {
    if constexpr (std::is_same_v<T, std::string_view>) {
      const size_t begin = ends_[index] + kLengthBytes;
      return as_text(ByteView(plain_).subspan(begin, ends_[index + 1] - begin));
    } else {
      return load<T>(plain_.data() + index * sizeof(T));
    }
  }
  size_t size() const { return size_; }
  ByteView plain() const { return plain_; }

  void clear() { *this = Dictionary(); }

 private:
  static constexpr size_t kSlotsMin = 64;
  struct Slot {
    uint32_t tag = 0;         ///< the hash's upper half; the lower half is the place
    uint32_t next_index = 0;  ///< 0: empty
  };

  size_t mask() const { return slots_.size() - 1; }

  static bool same_bits(T a, T b) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      return same_text(a, b);
    } else {
      return std::memcmp(&a, &b, sizeof(T)) == 0;
    }
  }

  uint32_t add(T value) {
    append_plain(std::span<const T>(&value, 1), plain_);
    if constexpr (std::is_same_v<T, std::string_view>) ends_.push_back(plain_.size());
    return static_cast<uint32_t>(size_++);
  }

  void grow() {
    slots_.assign(2 * slots_.size(), Slot{});
    for (uint32_t index = 0; index < size_; ++index) {
      const uint64_t hash = hash_value((*this)[index]);
      size_t at = hash & mask();
      while (slots_[at].next_index != 0) at = (at + 1) & mask();
      slots_[at] = {static_cast<uint32_t>(hash >> 32), index + 1};
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half full, probed in line
  Bytes plain_;
  std::vector<size_t> ends_ = {0};  // of strings: where the values end in `plain_`
  size_t size_ = 0;
};

}  // namespace sluice::part
