#include "part/prune.h"

#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "part/micros.h"
#include "part/tally.h"

namespace sluice::part {
namespace {

template <class T>
std::string encode(T value) {
  return std::string(as_text(std::as_bytes(std::span(&value, 1))));
}

float round_to_float(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  if (std::abs(value) > kMax) return value > 0 ? INFINITY : -INFINITY;
  return static_cast<float>(value);
}

/// The literal as the column stores it; nothing if the two cannot be compared. Of a time, the
/// microsecond that it is in: whole microseconds apart is what statistics can prove.
std::optional<std::string> encode_literal(PhysicalType type, const Value& value) {
  switch (type) {
    case PhysicalType::kBool:
      if (value.type != Type::kBool) return std::nullopt;
      return encode(static_cast<uint8_t>(value.boolean));
    case PhysicalType::kInt32:
      if (value.type != Type::kInt64 || value.int64 != static_cast<int32_t>(value.int64)) {
        return std::nullopt;
      }
      return encode(static_cast<int32_t>(value.int64));
    case PhysicalType::kInt64:
      if (value.type != Type::kInt64) return std::nullopt;
      return encode(value.int64);
    case PhysicalType::kTimestampMicros:
      if (value.type != Type::kTimestamp) return std::nullopt;
      return encode(floor_micros(value.int64));
    case PhysicalType::kFloat:
      // Rounding keeps the order, so what it proves of the rounded literal holds for the literal.
      if (value.type != Type::kDouble || std::isnan(value.real)) return std::nullopt;
      return encode(round_to_float(value.real));
    case PhysicalType::kDouble:
      if (value.type != Type::kDouble || std::isnan(value.real)) return std::nullopt;
      return encode(value.real);
    case PhysicalType::kString:
      if (value.type != Type::kString) return std::nullopt;
      return value.bytes;
    case PhysicalType::kBinary:
      if (value.type != Type::kBinary) return std::nullopt;
      return value.bytes;
  }
  return std::nullopt;
}

/// Whether a bound from a file can be compared at all.
bool is_sound(PhysicalType type, const std::optional<std::string>& bound, Author author) {
  if (!bound) return false;
  switch (type) {
    case PhysicalType::kBool:
      return bound->size() == 1;
    case PhysicalType::kInt32:
      return bound->size() == sizeof(int32_t);
    case PhysicalType::kInt64:
    case PhysicalType::kTimestampMicros:
      return bound->size() == sizeof(int64_t);
    case PhysicalType::kFloat:
      return author == Author::kSluice && bound->size() == sizeof(float) &&
             !std::isnan(load<float>(as_bytes(*bound).data()));
    case PhysicalType::kDouble:
      return author == Author::kSluice && bound->size() == sizeof(double) &&
             !std::isnan(load<double>(as_bytes(*bound).data()));
    case PhysicalType::kString:
    case PhysicalType::kBinary:
      return true;
  }
  return false;
}

}  // namespace

bool may_hold(const Column& column, const parquet::Chunk& chunk, const Range& range,
              Author author) {
  const PhysicalType type = column.type;
  const parquet::Statistics& statistics = chunk.statistics;
  if (range.lower && is_sound(type, statistics.upper, author)) {
    const auto lower = encode_literal(type, *range.lower);
    if (lower && compare_encoded(type, *statistics.upper, *lower) < 0) return false;
  }
  if (range.upper && is_sound(type, statistics.lower, author)) {
    const auto upper = encode_literal(type, *range.upper);
    if (upper && compare_encoded(type, *statistics.lower, *upper) > 0) return false;
  }
  return true;
}

}  // namespace sluice::part
