#include "source/value_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "sluice/time_text.h"

namespace sluice::source {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

size_t skip_digits(std::string_view text, size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// Whether `text` is a fraction, an exponent or both, as JSON has them behind the whole digits.
bool is_number_tail(std::string_view text) {
  size_t at = 0;
  if (at < text.size() && text[at] == '.') {
    const size_t end = skip_digits(text, at + 1);
    if (end == at + 1) return false;
    at = end;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const size_t end = skip_digits(text, at);
    if (end == at) return false;
    at = end;
  }
  return at == text.size();
}

std::optional<double> special_value(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN" || text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf" || text == "Infinity") return kInfinity;
  if (text == "-inf" || text == "-Infinity") return -kInfinity;
  return std::nullopt;
}

std::optional<bool> bool_value(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

/// ".5", "-.5e3", "5.": fractions that JSON does not know but that mean the same everywhere.
bool is_loose_fraction(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with('.')) return is_number_tail(text);
  if (!text.ends_with('.')) return false;
  text.remove_suffix(1);
  const Kind kind = scan_number(text).kind;
  return (kind == Kind::kLong || kind == Kind::kBig) && text.front() != '-';
}

Kind csv_number_kind(std::string_view text, NumberText& number) {
  number = scan_number(text);
  if (number.kind == Kind::kString && is_loose_fraction(text)) number.kind = Kind::kFraction;
  return number.kind;
}

RejectReason reason_of(TimeFault fault) {
  switch (fault) {
    case TimeFault::kNone:
      return RejectReason::kNone;
    case TimeFault::kInvalid:
      return RejectReason::kInvalidTime;
    case TimeFault::kNoSuchTime:
      return RejectReason::kNoSuchTime;
    case TimeFault::kLeapSecond:
      return RejectReason::kLeapSecond;
    case TimeFault::kOutOfRange:
      return RejectReason::kTimeOutOfRange;
  }
  CHECK(false);
}

Nanos length_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kNone:
      break;
    case TimeUnit::kSeconds:
      return kSecond;
    case TimeUnit::kMillis:
      return kMillisecond;
    case TimeUnit::kMicros:
      return kMicrosecond;
    case TimeUnit::kNanos:
      return 1;
  }
  CHECK(false);
}

RejectReason append_counted_time(int64_t value, TimeUnit unit, size_t index, BatchBuilder& rows) {
  if (unit == TimeUnit::kNone) return RejectReason::kTimeUnitUnknown;
  const std::optional<Nanos> time = time_from_integer(value, unit);
  if (!time) return RejectReason::kTimeOutOfRange;
  rows.append_timestamp(index, *time);
  return RejectReason::kNone;
}

RejectReason append_double(std::string_view text, Kind kind, size_t index, BatchBuilder& rows) {
  const std::optional<double> value = parse_double(text);
  if (!value) return RejectReason::kOutOfRange;
  if (kind != Kind::kFraction && !is_exact(text, *value)) return RejectReason::kInexact;
  rows.append_double(index, *value);
  return RejectReason::kNone;
}

RejectReason append_number(std::string_view text, const NumberText& number, const Column& column,
                           size_t index, BatchBuilder& rows) {
  switch (column.field.type) {
    case Type::kInt64:
      if (number.kind == Kind::kFraction) return RejectReason::kFractionInLong;
      if (number.kind == Kind::kBig) return RejectReason::kOutOfRange;
      rows.append_int64(index, number.value);
      return RejectReason::kNone;
    case Type::kDouble:
      return append_double(text, number.kind, index, rows);
    case Type::kTimestamp:
      if (number.kind == Kind::kFraction) return RejectReason::kInvalidTime;
      if (number.kind == Kind::kBig) return RejectReason::kTimeOutOfRange;
      return append_counted_time(number.value, column.unit, index, rows);
    default:
      return RejectReason::kTypeMismatch;
  }
}

}  // namespace

NumberText scan_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  size_t at = negative ? 1 : 0;
  if (at == text.size() || !is_digit(text[at])) return {};
  const size_t end = skip_digits(text, at);
  if (text[at] == '0' && end > at + 1) return {};
  if (end < text.size()) {
    return is_number_tail(text.substr(end)) ? NumberText{Kind::kFraction, 0} : NumberText{};
  }
  if (negative && text[at] == '0') return {Kind::kFraction, 0};
  uint64_t magnitude = 0;
  for (; at < end; ++at) {
    const auto digit = static_cast<uint64_t>(text[at] - '0');
    if (__builtin_mul_overflow(magnitude, 10u, &magnitude) ||
        __builtin_add_overflow(magnitude, digit, &magnitude)) {
      return {Kind::kBig, 0};
    }
  }
  const uint64_t limit = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (magnitude > limit) return {Kind::kBig, 0};
  return {Kind::kLong, static_cast<int64_t>(negative ? 0 - magnitude : magnitude)};
}

Kind kind_of_csv(std::string_view text) {
  NumberText number;
  if (csv_number_kind(text, number) != Kind::kString) return number.kind;
  if (bool_value(text)) return Kind::kBool;
  return special_value(text) ? Kind::kSpecial : Kind::kString;
}

std::optional<double> parse_double(std::string_view number) {
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc() && end == number.data() + number.size()) return value;
  return std::nullopt;
}

bool is_exact(std::string_view digits, double value) {
  if (digits.size() <= 15) return true;
  std::array<char, std::numeric_limits<double>::max_exponent10 + 3> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 0);
  return error == std::errc() &&
         digits == std::string_view(text.data(), static_cast<size_t>(end - text.data()));
}

std::optional<Nanos> time_from_integer(int64_t value, TimeUnit unit) {
  Nanos time = 0;
  if (__builtin_mul_overflow(value, length_of(unit), &time)) return std::nullopt;
  return time;
}

TimeUnit unit_by_magnitude(int64_t value) {
  for (const TimeUnit unit : {TimeUnit::kSeconds, TimeUnit::kMillis, TimeUnit::kMicros}) {
    if (time_from_integer(value, unit)) return unit;
  }
  return TimeUnit::kNanos;
}

RejectReason append_json_number(std::string_view text, const Column& column, size_t index,
                                BatchBuilder& rows) {
  const NumberText number = scan_number(text);
  if (number.kind == Kind::kString) return RejectReason::kInvalidJson;
  return append_number(text, number, column, index, rows);
}

RejectReason append_time(std::string_view text, size_t index, BatchBuilder& rows) {
  const ParsedTime parsed = parse_time(text);
  if (parsed.fault == TimeFault::kNone) rows.append_timestamp(index, parsed.time);
  return reason_of(parsed.fault);
}

RejectReason append_csv_value(std::string_view text, const Column& column, size_t index,
                              BatchBuilder& rows) {
  if (column.field.type == Type::kBool) {
    const std::optional<bool> value = bool_value(text);
    if (!value) return RejectReason::kTypeMismatch;
    rows.append_bool(index, *value);
    return RejectReason::kNone;
  }
  NumberText number;
  if (csv_number_kind(text, number) != Kind::kString) {
    return append_number(text, number, column, index, rows);
  }
  if (column.field.type == Type::kTimestamp) return append_time(text, index, rows);
  const std::optional<double> special = special_value(text);
  if (column.field.type != Type::kDouble || !special) return RejectReason::kTypeMismatch;
  rows.append_double(index, *special);
  return RejectReason::kNone;
}

}  // namespace sluice::source
