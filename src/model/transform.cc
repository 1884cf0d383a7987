#include "model/transform.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/check.h"
#include "base/murmur3.h"
#include "sluice/time_text.h"

namespace sluice::model {
namespace {

constexpr Nanos kHour = 3'600 * kSecond;
constexpr Nanos kDay = 24 * kHour;
/// Beyond the years of a time; a calendar is not asked for more.
constexpr int64_t kMonthsMax = 12 * 400;

int64_t floor_divide(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

bool is_text(Type type) {
  return type == Type::kString || type == Type::kBinary;
}

int64_t month_of_day(int64_t day) {
  const std::chrono::sys_days midnight{std::chrono::days(day)};
  const std::chrono::year_month_day date(midnight);
  return (int64_t{int{date.year()}} - 1970) * 12 + int64_t{unsigned{date.month()}} - 1;
}

int64_t first_day_of_month(int64_t month) {
  const int64_t year = 1970 + floor_divide(month, 12);
  const auto in_year = static_cast<unsigned>(month - floor_divide(month, 12) * 12);
  const std::chrono::sys_days first =
      std::chrono::year(static_cast<int>(year)) / std::chrono::month(in_year + 1) / 1;
  return first.time_since_epoch().count();
}

int64_t bucket_of(uint32_t hash, uint32_t buckets) {
  return (hash & INT32_MAX) % buckets;
}

int64_t number_of_time(const PartitionField& field, Nanos time) {
  switch (field.transform) {
    case Transform::kIdentity:
      return floor_divide(time, kMicrosecond);
    case Transform::kBucket:
      return bucket_of(murmur3(floor_divide(time, kMicrosecond)), field.buckets);
    case Transform::kDay:
      return floor_divide(time, kDay);
    case Transform::kHour:
      return floor_divide(time, kHour);
    case Transform::kMonth:
      return month_of_day(floor_divide(time, kDay));
  }
  CHECK(false);
}

/// Neighbours mostly share their day: the calendar is asked once for them.
void months_of(const ColumnView& view, std::vector<int64_t>& numbers) {
  int64_t day = 0;
  int64_t month = 0;
  for (size_t row = 0; row < numbers.size(); ++row) {
    const int64_t its_day = floor_divide(view.int64(row), kDay);
    if (its_day != day) month = month_of_day(its_day);
    day = its_day;
    numbers[row] = month;
  }
}

/// One loop a transform and type, chosen once a column.
template <class Number>
void fill(std::vector<int64_t>& numbers, Number number) {
  for (size_t row = 0; row < numbers.size(); ++row) numbers[row] = number(row);
}

Value make_number(Type type, __int128 number) {
  Value value;
  value.type = type;
  value.int64 = static_cast<int64_t>(std::clamp<__int128>(number, INT64_MIN, INT64_MAX));
  return value;
}

/// From the first nanosecond up to the one before `end`; what no time can be is cut off.
ValueRange times_between(__int128 first, __int128 end) {
  return {make_number(Type::kTimestamp, first), make_number(Type::kTimestamp, end - 1)};
}

ValueRange times_of(Transform transform, int64_t number) {
  const __int128 wide = number;
  switch (transform) {
    case Transform::kIdentity:
      return times_between(wide * kMicrosecond, (wide + 1) * kMicrosecond);
    case Transform::kDay:
      return times_between(wide * kDay, (wide + 1) * kDay);
    case Transform::kHour:
      return times_between(wide * kHour, (wide + 1) * kHour);
    default: {
      const int64_t month = std::clamp(number, -kMonthsMax, kMonthsMax);
      return times_between(__int128{first_day_of_month(month)} * kDay,
                           __int128{first_day_of_month(month + 1)} * kDay);
    }
  }
}

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.append({kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return text;
}

std::string format_number(const PartitionField& field, Type type, int64_t number) {
  if (field.transform == Transform::kBucket) return std::to_string(number);
  if (type == Type::kBool) return number != 0 ? "true" : "false";
  if (type != Type::kTimestamp) return std::to_string(number);
  const std::string text = format_time(times_of(field.transform, number).first.int64);
  switch (field.transform) {
    case Transform::kDay:
      return text.substr(0, std::strlen("2014-01-31"));
    case Transform::kHour:
      return text.substr(0, std::strlen("2014-01-31T23"));
    case Transform::kMonth:
      return text.substr(0, std::strlen("2014-01"));
    default:
      return text;
  }
}

}  // namespace

bool has_text_values(const PartitionField& field, Type type) {
  return field.transform == Transform::kIdentity && is_text(type);
}

PartitionValue partition_value(const PartitionField& field, const Value& value) {
  if (value.is_null()) return {};
  if (has_text_values(field, value.type)) return value.bytes;
  if (value.type == Type::kTimestamp) return number_of_time(field, value.int64);
  if (is_text(value.type)) return bucket_of(murmur3(value.bytes), field.buckets);
  if (value.type == Type::kBool) return int64_t{value.boolean};
  CHECK(value.type == Type::kInt64);
  if (field.transform == Transform::kIdentity) return value.int64;
  return bucket_of(murmur3(value.int64), field.buckets);
}

void partition_numbers(const PartitionField& field, const ColumnView& view,
                       std::vector<int64_t>& numbers) {
  numbers.resize(view.rows);
  const uint32_t buckets = field.buckets;
  if (view.type == Type::kTimestamp) {
    if (field.transform == Transform::kMonth) return months_of(view, numbers);
    if (field.transform == Transform::kDay) {
      return fill(numbers, [&](size_t row) { return floor_divide(view.int64(row), kDay); });
    }
    return fill(numbers, [&](size_t row) { return number_of_time(field, view.int64(row)); });
  }
  if (view.type == Type::kBool) {
    return fill(numbers, [&](size_t row) { return int64_t{view.boolean(row)}; });
  }
  if (is_text(view.type)) {
    return fill(numbers, [&](size_t row) { return bucket_of(murmur3(view.bytes(row)), buckets); });
  }
  CHECK(view.type == Type::kInt64);
  if (field.transform == Transform::kIdentity) {
    return fill(numbers, [&](size_t row) { return view.int64(row); });
  }
  fill(numbers, [&](size_t row) { return bucket_of(murmur3(view.int64(row)), buckets); });
}

std::optional<ValueRange> range_of(const PartitionField& field, Type type,
                                   const PartitionValue& value) {
  if (field.transform == Transform::kBucket) return std::nullopt;
  if (has_text_values(field, type)) {
    if (value.kind != PartitionValue::Kind::kBytes) return std::nullopt;
    Value same;
    same.type = type;
    same.bytes = value.bytes;
    return ValueRange{same, same};
  }
  if (!value.is_number()) return std::nullopt;
  if (type == Type::kTimestamp) return times_of(field.transform, value.number);
  Value same = make_number(type, value.number);
  same.boolean = type == Type::kBool && value.number != 0;
  return ValueRange{same, same};
}

std::string format_value(const PartitionField& field, Type type, const PartitionValue& value) {
  if (value.is_null()) return "null";
  if (value.is_number()) return format_number(field, type, value.number);
  return type == Type::kBinary ? to_hex(value.bytes) : value.bytes;
}

namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == ':' || c == '-';
}

// No text reads as the word that stands for null.
std::string escape(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c) && text != "null") {
      escaped += c;
    } else {
      escaped += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return escaped;
}

}  // namespace

std::string partition_text(const TableSpec& spec, const PartitionTuple& tuple) {
  const std::vector<PartitionField> fields = partition_of(spec);
  if (fields.empty()) return "-";
  std::string text;
  for (size_t at = 0; at < fields.size(); ++at) {
    const auto column = std::find_if(spec.columns.begin(), spec.columns.end(),
                                     [&](const Field& f) { return f.name == fields[at].column; });
    CHECK(column != spec.columns.end());
    const std::string value = format_value(fields[at], column->type, tuple[at]);
    const bool is_text = tuple[at].kind == PartitionValue::Kind::kBytes;
    if (fields.size() > 1 || fields[at].transform != Transform::kDay) {
      if (!text.empty()) text += '/';
      text += partition_name(fields[at]) + "=";
    }
    text += is_text ? escape(value) : value;
  }
  return text;
}

}  // namespace sluice::model
