#include "source/point.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/utf8.h"
#include "source/rest.h"
#include "source/value_text.h"

namespace sluice::source {
namespace {

constexpr uint8_t kComma = 1;
constexpr uint8_t kSpace = 2;
constexpr uint8_t kEquals = 4;

constexpr std::array<uint8_t, 256> kClassOf = [] {
  std::array<uint8_t, 256> classes{};
  classes[','] = kComma;
  classes[' '] = kSpace;
  classes['='] = kEquals;
  return classes;
}();

uint8_t class_of(char c) {
  return kClassOf[static_cast<unsigned char>(c)];
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_sign(std::string_view literal) {
  if (literal.starts_with('-') || literal.starts_with('+')) literal.remove_prefix(1);
  return literal;
}

struct Whole {
  bool is_whole = false;
  bool fits = false;  ///< int64
  int64_t value = 0;
};

Whole parse_whole(std::string_view literal) {
  const bool negative = literal.starts_with('-');
  const std::string_view digits = without_sign(literal);
  if (digits.empty()) return {};
  uint64_t magnitude = 0;
  bool overflow = false;
  for (const char c : digits) {
    if (!is_digit(c)) return {};
    overflow |= __builtin_mul_overflow(magnitude, 10u, &magnitude);
    overflow |= __builtin_add_overflow(magnitude, static_cast<uint64_t>(c - '0'), &magnitude);
  }
  const uint64_t limit = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (overflow || magnitude > limit) return {.is_whole = true};
  return {true, true, static_cast<int64_t>(negative ? 0 - magnitude : magnitude)};
}

/// Digits with at most one point among or around them, then perhaps an exponent.
bool is_decimal(std::string_view literal) {
  const std::string_view text = without_sign(literal);
  size_t at = 0;
  size_t points = 0;
  while (at < text.size() && (is_digit(text[at]) || text[at] == '.')) points += text[at++] == '.';
  if (points > 1 || at == points) return false;
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  const std::string_view exponent = without_sign(text.substr(at + 1));
  return !exponent.empty() && std::all_of(exponent.begin(), exponent.end(), is_digit);
}

std::optional<bool> parse_bool(std::string_view literal) {
  for (const std::string_view word : {"t", "T", "true", "True", "TRUE"}) {
    if (literal == word) return true;
  }
  for (const std::string_view word : {"f", "F", "false", "False", "FALSE"}) {
    if (literal == word) return false;
  }
  return std::nullopt;
}

RejectReason read_whole(std::string_view literal, bool is_unsigned, PointField& field) {
  const Whole whole = parse_whole(literal);
  if (!whole.is_whole || (is_unsigned && literal.front() == '-')) {
    return RejectReason::kInvalidFieldValue;
  }
  field.type = Type::kInt64;
  field.integer = whole.value;
  field.in_range = whole.fits;
  return RejectReason::kNone;
}

/// A value that is no string.
RejectReason read_literal(std::string_view literal, PointField& field) {
  if (literal.empty()) return RejectReason::kInvalidField;
  field.text = literal;
  if (const char last = literal.back(); last == 'i' || last == 'u') {
    field.text.remove_suffix(1);
    const RejectReason reason = read_whole(field.text, last == 'u', field);
    if (field.text.starts_with('+')) field.text.remove_prefix(1);
    return reason;
  }
  if (is_decimal(literal)) {
    if (literal.front() == '+') field.text.remove_prefix(1);
    const std::optional<double> value = parse_double(field.text);
    field.type = Type::kDouble;
    field.real = value.value_or(0);
    field.in_range = value.has_value();
    return RejectReason::kNone;
  }
  const std::optional<bool> value = parse_bool(literal);
  if (!value) return RejectReason::kInvalidFieldValue;
  field.type = Type::kBool;
  field.boolean = *value;
  return RejectReason::kNone;
}

}  // namespace

std::string_view PointParser::take(size_t count) {
  const std::string_view taken = unread_.substr(0, count);
  unread_.remove_prefix(taken.size());
  return taken;
}

/// Up to the first byte of the classes `stops` that has no backslash before it.
std::string_view PointParser::take_word(uint8_t stops) {
  size_t end = 0;
  for (; end < unread_.size(); ++end) {
    if ((class_of(unread_[end]) & stops) == 0) continue;
    if (!has_backslash_ || end == 0 || unread_[end - 1] != '\\') break;
  }
  return take(end);
}

std::string_view PointParser::without_escapes(std::string_view word, uint8_t escapable) {
  if (!has_backslash_ || word.find('\\') == word.npos) return word;
  const size_t begin = unescaped_.size();
  for (size_t i = 0; i < word.size(); ++i) {
    const bool escapes =
        word[i] == '\\' && i + 1 < word.size() && (class_of(word[i + 1]) & escapable) != 0;
    unescaped_ += word[escapes ? ++i : i];
  }
  return std::string_view(unescaped_).substr(begin);
}

std::string_view PointParser::without_escapes_in_quotes(std::string_view inside) {
  if (!has_backslash_ || inside.find('\\') == inside.npos) return inside;
  const size_t begin = unescaped_.size();
  for (size_t i = 0; i < inside.size(); ++i) {
    const bool escapes = inside[i] == '\\' && i + 1 < inside.size() &&
                         (inside[i + 1] == '"' || inside[i + 1] == '\\');
    unescaped_ += inside[escapes ? ++i : i];
  }
  return std::string_view(unescaped_).substr(begin);
}

RejectReason PointParser::parse(std::string_view record) {
  point_.measurement = {};
  if (!is_utf8(record)) return RejectReason::kInvalidUtf8;
  const size_t begin = std::min(record.find_first_not_of(" \t"), record.size());
  const size_t end = record.find_last_not_of(" \t\r");
  unread_ = begin == record.size() ? "" : record.substr(begin, end + 1 - begin);
  has_backslash_ = unread_.find('\\') != unread_.npos;
  point_.tags.clear();
  point_.fields.clear();
  unescaped_.clear();
  if (has_backslash_) unescaped_.reserve(unread_.size());
  RejectReason reason = read_measurement();
  if (reason == RejectReason::kNone) reason = read_tags();
  if (reason == RejectReason::kNone) reason = read_fields();
  if (reason == RejectReason::kNone) reason = read_time();
  return reason;
}

RejectReason PointParser::read_measurement() {
  const std::string_view word = take_word(kComma | kSpace);
  if (word.empty()) return RejectReason::kMissingMeasurement;
  point_.measurement = without_escapes(word, kComma | kSpace);
  return RejectReason::kNone;
}

RejectReason PointParser::read_tags() {
  const char* begin = unread_.data();
  while (at(',')) {
    take(1);
    const RejectReason reason = read_tag();
    if (reason != RejectReason::kNone) return reason;
  }
  const auto size = static_cast<size_t>(unread_.data() - begin);
  point_.series = size == 0 ? std::string_view() : std::string_view(begin + 1, size - 1);
  return sort_tags();
}

RejectReason PointParser::read_tag() {
  const char* begin = unread_.data();
  const std::string_view key = take_word(kComma | kSpace | kEquals);
  if (key.empty() || !at('=')) return RejectReason::kInvalidTag;
  take(1);
  const std::string_view value = take_word(kComma | kSpace | kEquals);
  if (value.empty() || at('=')) return RejectReason::kInvalidTag;
  constexpr uint8_t kEscapable = kComma | kSpace | kEquals;
  point_.tags.push_back({without_escapes(key, kEscapable), without_escapes(value, kEscapable),
                         std::string_view(begin, key.size() + 1 + value.size())});
  return RejectReason::kNone;
}

/// Every character that can be escaped has to be, so tags have one spelling, and only their order
/// is free.
RejectReason PointParser::sort_tags() {
  const auto by_key = [](const PointTag& a, const PointTag& b) { return a.key < b.key; };
  const auto same_key = [](const PointTag& a, const PointTag& b) { return a.key == b.key; };
  std::vector<PointTag>& tags = point_.tags;
  if (!std::is_sorted(tags.begin(), tags.end(), by_key)) {
    std::sort(tags.begin(), tags.end(), by_key);
    series_.clear();
    for (const PointTag& tag : tags) {
      if (!series_.empty()) series_ += ',';
      series_ += tag.spelled;
    }
    point_.series = series_;
  }
  const bool unique = std::adjacent_find(tags.begin(), tags.end(), same_key) == tags.end();
  return unique ? RejectReason::kNone : RejectReason::kDuplicateColumn;
}

RejectReason PointParser::read_fields() {
  take(std::min(unread_.find_first_not_of(' '), unread_.size()));
  if (unread_.empty()) return RejectReason::kMissingField;
  for (;;) {
    const RejectReason reason = read_field();
    if (reason != RejectReason::kNone) return reason;
    if (!at(',')) return RejectReason::kNone;
    take(1);
  }
}

RejectReason PointParser::read_field() {
  const std::string_view key = take_word(kComma | kSpace | kEquals);
  if (key.empty() || !at('=')) return RejectReason::kInvalidField;
  take(1);
  PointField& field = point_.fields.emplace_back();
  field.key = without_escapes(key, kComma | kSpace | kEquals);
  if (at('"')) return read_string(field);
  size_t end = 0;
  while (end < unread_.size() && (class_of(unread_[end]) & (kComma | kSpace)) == 0) ++end;
  return read_literal(take(end), field);
}

RejectReason PointParser::read_string(PointField& field) {
  size_t end = 1;
  while (end < unread_.size() && unread_[end] != '"') end += unread_[end] == '\\' ? 2 : 1;
  if (end >= unread_.size()) return RejectReason::kInvalidQuoting;
  field.type = Type::kString;
  field.text = without_escapes_in_quotes(take(end + 1).substr(1, end - 1));
  const bool ends = unread_.empty() || at(',') || at(' ');
  return ends ? RejectReason::kNone : RejectReason::kInvalidQuoting;
}

RejectReason PointParser::read_time() {
  take(std::min(unread_.find_first_not_of(' '), unread_.size()));
  if (unread_.empty()) return RejectReason::kMissingTime;
  const Whole whole = parse_whole(unread_);
  if (!whole.is_whole) return RejectReason::kInvalidTimestamp;
  const std::optional<Nanos> time =
      whole.fits ? time_from_integer(whole.value, precision_) : std::nullopt;
  if (!time) return RejectReason::kTimeOutOfRange;
  point_.time = *time;
  return RejectReason::kNone;
}

namespace {

void append_json_number(std::string_view literal, bool has_fraction, std::string& json) {
  if (literal.front() == '-') json += '-';
  const std::string_view number = without_sign(literal);
  const size_t whole_end = std::min(number.find_first_of(".eE"), number.size());
  const std::string_view whole = number.substr(0, whole_end);
  const size_t zeros = std::min(whole.find_first_not_of('0'), whole.size());
  json += zeros == whole.size() ? "0" : whole.substr(zeros);
  if (!has_fraction) return;
  std::string_view tail = number.substr(whole_end);
  if (tail.starts_with('.')) tail.remove_prefix(1);
  const size_t exponent = std::min(tail.find_first_of("eE"), tail.size());
  const std::string_view fraction = tail.substr(0, exponent);
  json.append(".").append(fraction.empty() ? "0" : fraction).append(tail.substr(exponent));
}

}  // namespace

void append_json(const PointField& field, std::string& json) {
  if (field.type == Type::kBool) {
    json += field.boolean ? "true" : "false";
  } else if (field.type == Type::kString) {
    append_json_string(field.text, json);
  } else {
    append_json_number(field.text, field.type == Type::kDouble, json);
  }
}

}  // namespace sluice::source
