#include "cli/figures.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "sluice/time_text.h"

namespace sluice::cli {
namespace {

std::string with_decimals(double value, int decimals) {
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, decimals);
  return std::string(text.data(), end.ptr);
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./,:=+@%").find(c) != std::string_view::npos;
}

/// Columns of the character that begins at `at`; 0 for the bytes within one. Scripts from U+1100 on
/// are taken as wide where most of them are.
size_t columns_of(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if ((byte & 0xc0) == 0x80) return 0;
  if (byte < 0xe1) return 1;
  const auto next = static_cast<unsigned char>(at + 1 < text.size() ? text[at + 1] : 0);
  const bool is_hangul_jamo = byte == 0xe1 && next == 0x84;
  const bool is_east_asian = (byte == 0xe2 && next >= 0xba) || (byte >= 0xe3 && byte <= 0xed);
  const bool is_full_width = byte == 0xef && next >= 0xa4 && next != 0xbb && next != 0xbf;
  return is_hangul_jamo || is_east_asian || is_full_width || byte >= 0xf0 ? 2 : 1;
}

}  // namespace

std::string format_count(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

std::string format_bytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits{" B", " kB", " MB", " GB", " TB", " PB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return with_decimals(value, unit > 0 && value < 99.95 ? 1 : 0).append(kUnits[unit]);
}

std::string format_seconds(Nanos span) {
  const double seconds = static_cast<double>(span) / kSecond;
  return with_decimals(seconds, seconds < 100 ? 2 : 0) + " s";
}

std::string format_span(Nanos span) {
  const auto seconds = static_cast<uint64_t>(std::max<Nanos>(span, 0) / kSecond);
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 120 * 60) return std::to_string(seconds / 60) + " min";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

uint64_t per_second(uint64_t count, Nanos span) {
  return static_cast<uint64_t>(static_cast<double>(count) * kSecond /
                               static_cast<double>(std::max<Nanos>(span, kMicrosecond)));
}

std::string format_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  std::string text(digits.data(), end.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string format_base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view three = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t byte = 0; byte < 3; ++byte) {
      bits = bits << 8 | (byte < three.size() ? static_cast<unsigned char>(three[byte]) : 0u);
    }
    for (size_t digit = 0; digit < 4; ++digit) {
      text += digit <= three.size() ? kDigits[bits >> (18 - 6 * digit) & 63] : '=';
    }
  }
  return text;
}

std::string format_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

std::string format_value(const ColumnView& column, size_t row) {
  switch (column.type) {
    case Type::kNull:
      return "";
    case Type::kBool:
      return column.boolean(row) ? "true" : "false";
    case Type::kInt64:
      return std::to_string(column.int64(row));
    case Type::kDouble:
      return format_double(column.real(row));
    case Type::kString:
      return std::string(column.bytes(row));
    case Type::kBinary:
      return format_hex(column.bytes(row));
    case Type::kTimestamp:
      return format_time(column.int64(row));
  }
  return "";
}

std::string make_visible(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool has_next = at + 1 < text.size();
    if (byte == 0xc2 && has_next && static_cast<unsigned char>(text[at + 1]) < 0xa0) {
      out += "\\x" + format_hex(text.substr(++at, 1));  // U+0080 to U+009F
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x" + format_hex(text.substr(at, 1));
    } else {
      out += text[at];
    }
  }
  return out;
}

size_t width_of(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size(); ++at) width += columns_of(text, at);
  return width;
}

std::string cut_to_width(std::string_view text, size_t width) {
  size_t used = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    used += columns_of(text, at);
    if (used > width) return std::string(text.substr(0, at));
  }
  return std::string(text);
}

std::string quote_for_shell(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace sluice::cli
