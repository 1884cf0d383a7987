// Tally: what is counted of a page, a chunk or a part: rows, nulls, NaNs and bounds.
//
// Values are in Iceberg's single-value encoding, which is also that of Parquet's statistics. Long
// strings and binaries are cut: a lower bound to a prefix, an upper bound to a prefix whose last
// character or byte is then incremented. Cutting keeps the order, so bounds that are cut first
// and merged then are as tight as the other way round.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "part/meta.h"

namespace sluice::part {

inline constexpr size_t kFileBoundBytes = 64;  ///< in the Parquet file
inline constexpr size_t kMetaBoundBytes = 16;  ///< in Meta

/// Negative, zero or positive, like memcmp. Both have the type's width; neither is NaN.
int compare_encoded(PhysicalType type, std::string_view a, std::string_view b);

/// At most `bytes_max` bytes, at most `value`; a string ends at a character.
std::string_view cut_lower(PhysicalType type, std::string_view value, size_t bytes_max);
/// At most `bytes_max` bytes, at least everything that begins like `value`; nothing if there is
/// no such bound: a prefix of 0xff or U+10FFFF only.
std::optional<std::string> cut_upper(PhysicalType type, std::string_view value, size_t bytes_max);

struct Tally {
  uint64_t rows = 0;
  uint64_t null_count = 0;
  uint64_t nan_count = 0;
  bool any = false;  ///< a value that is neither null nor NaN: the bounds are filled
  bool upper_open = false;
  bool lower_exact = true;
  bool upper_exact = true;
  std::string lower;
  std::string upper;

  // Where a NaN is, bounds would be misread by many.
  bool has_lower() const { return any && nan_count == 0; }
  bool has_upper() const { return has_lower() && !upper_open; }
  bool all_null() const { return rows == null_count; }

  /// Adds the non-null values; rows and nulls are the caller's to count.
  void add(PhysicalType type, std::span<const uint8_t> values);
  void add(PhysicalType type, std::span<const int32_t> values);
  void add(PhysicalType type, std::span<const int64_t> values);
  void add(PhysicalType type, std::span<const float> values);
  void add(PhysicalType type, std::span<const double> values);
  void add(PhysicalType type, std::span<const std::string_view> values);
  void merge(PhysicalType type, const Tally& other);

 private:
  template <class T>
  void add_numbers(PhysicalType type, std::span<const T> values);
  template <class T>
  void add_reals(PhysicalType type, std::span<const T> values);
  void widen(PhysicalType type, std::string_view low, std::string_view high);
};

}  // namespace sluice::part
