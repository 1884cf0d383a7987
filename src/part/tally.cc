#include "part/tally.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"

namespace sluice::part {
namespace {

bool is_bytes(PhysicalType type) {
  return type == PhysicalType::kString || type == PhysicalType::kBinary;
}

template <class T>
int compare_as(std::string_view a, std::string_view b) {
  CHECK(a.size() == sizeof(T) && b.size() == sizeof(T));
  const auto x = load<T>(as_bytes(a).data());
  const auto y = load<T>(as_bytes(b).data());
  return x < y ? -1 : y < x ? 1 : 0;
}

template <class T>
std::string encode(T value) {
  return std::string(as_text(std::as_bytes(std::span(&value, 1))));
}

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

uint32_t decode_character(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first;
  uint32_t point = first & (0x7f >> character.size());
  for (const char byte : character.substr(1)) point = point << 6 | (byte & 0x3f);
  return point;
}

std::string encode_character(uint32_t point) {
  const auto tail = [point](int shift) {
    return static_cast<char>(0x80 | (point >> shift & 0x3f));
  };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xe0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | point >> 18), tail(12), tail(6), tail(0)};
}

/// The next character, or nothing after the last one.
std::string next_character(std::string_view character) {
  const uint32_t point = decode_character(character);
  if (point >= 0x10ffff) return {};
  return encode_character(point == 0xd7ff ? 0xe000 : point + 1);  // surrogates are no characters
}

std::optional<std::string> increment_text(std::string_view prefix, size_t bytes_max) {
  while (!prefix.empty()) {
    size_t start = prefix.size() - 1;
    while (start > 0 && continues_character(prefix[start])) --start;
    const std::string next = next_character(prefix.substr(start));
    prefix = prefix.substr(0, start);
    if (!next.empty() && start + next.size() <= bytes_max) return std::string(prefix) + next;
  }
  return std::nullopt;
}

std::optional<std::string> increment_binary(std::string_view prefix) {
  const size_t last = prefix.find_last_not_of('\xff');
  if (last == std::string_view::npos) return std::nullopt;
  std::string bound(prefix.substr(0, last + 1));
  bound.back() = static_cast<char>(bound.back() + 1);
  return bound;
}

}  // namespace

int compare_encoded(PhysicalType type, std::string_view a, std::string_view b) {
  switch (type) {
    case PhysicalType::kBool:
      return compare_as<uint8_t>(a, b);
    case PhysicalType::kInt32:
      return compare_as<int32_t>(a, b);
    case PhysicalType::kInt64:
    case PhysicalType::kTimestampMicros:
      return compare_as<int64_t>(a, b);
    case PhysicalType::kFloat:
      return compare_as<float>(a, b);
    case PhysicalType::kDouble:
      return compare_as<double>(a, b);
    case PhysicalType::kString:
    case PhysicalType::kBinary:
      return a.compare(b);
  }
  CHECK(false);
}

std::string_view cut_lower(PhysicalType type, std::string_view value, size_t bytes_max) {
  if (!is_bytes(type) || value.size() <= bytes_max) return value;
  size_t end = bytes_max;
  if (type == PhysicalType::kString) {
    while (end > 0 && continues_character(value[end])) --end;
  }
  return value.substr(0, end);
}

std::optional<std::string> cut_upper(PhysicalType type, std::string_view value, size_t bytes_max) {
  const std::string_view prefix = cut_lower(type, value, bytes_max);
  if (prefix.size() == value.size()) return std::string(value);
  return type == PhysicalType::kString ? increment_text(prefix, bytes_max)
                                       : increment_binary(prefix);
}

void Tally::widen(PhysicalType type, std::string_view low, std::string_view high) {
  if (!any || compare_encoded(type, low, lower) < 0) lower = low;
  if (!any || compare_encoded(type, high, upper) > 0) upper = high;
  any = true;
}

void Tally::merge(PhysicalType type, const Tally& other) {
  rows += other.rows;
  null_count += other.null_count;
  nan_count += other.nan_count;
  if (!other.any) return;
  lower_exact = lower_exact && other.lower_exact;
  upper_exact = upper_exact && other.upper_exact;
  upper_open = upper_open || other.upper_open;
  widen(type, other.lower, other.upper);
}

template <class T>
void Tally::add_numbers(PhysicalType type, std::span<const T> values) {
  if (values.empty()) return;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  widen(type, encode(*low), encode(*high));
}

void Tally::add(PhysicalType type, std::span<const uint8_t> values) {
  add_numbers(type, values);
}

void Tally::add(PhysicalType type, std::span<const int32_t> values) {
  add_numbers(type, values);
}

void Tally::add(PhysicalType type, std::span<const int64_t> values) {
  add_numbers(type, values);
}

template <class T>
void Tally::add_reals(PhysicalType type, std::span<const T> values) {
  T low = INFINITY;
  T high = -INFINITY;
  uint64_t numbers = 0;
  for (const T value : values) {
    numbers += value == value;
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  nan_count += values.size() - numbers;
  if (numbers == 0) return;
  // Equal zeros have two signs, and comparisons cannot tell which one came: take the wider bound.
  widen(type, encode(low == 0 ? -T{0} : low), encode(high == 0 ? T{0} : high));
}

void Tally::add(PhysicalType type, std::span<const float> values) {
  add_reals(type, values);
}

void Tally::add(PhysicalType type, std::span<const double> values) {
  add_reals(type, values);
}

void Tally::add(PhysicalType type, std::span<const std::string_view> values) {
  if (values.empty()) return;
  std::string_view low = values[0];
  std::string_view high = values[0];
  std::string_view previous = values[0];
  for (const std::string_view value : values) {
    if (same_text(value, previous)) continue;  // sorted parts have long runs
    previous = value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const std::string_view cut = cut_lower(type, low, kFileBoundBytes);
  const std::optional<std::string> bound = cut_upper(type, high, kFileBoundBytes);
  lower_exact = lower_exact && cut.size() == low.size();
  upper_exact = upper_exact && bound == high;
  upper_open = upper_open || !bound;
  widen(type, cut, bound ? std::string_view(*bound) : cut);
}

}  // namespace sluice::part
