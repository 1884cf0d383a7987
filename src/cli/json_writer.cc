#include "cli/json_writer.h"

#include <cmath>
#include <utility>

#include "cli/figures.h"

namespace sluice::cli {
namespace {

// The length of the UTF-8 sequence at the front, or 0 if there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first < 0xc2   ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return 0;
  }
  const bool is_overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool is_surrogate = first == 0xed && byte(1) >= 0xa0;
  const bool is_beyond = first == 0xf4 && byte(1) >= 0x90;
  return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
    out += "\\u00" + format_hex({&c, 1});
  } else {
    out += c;
  }
}

}  // namespace

bool is_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = sequence_length(bytes);
    const auto first = static_cast<unsigned char>(bytes.front());
    const bool is_ascii_control = (first < 0x20 && first != '\t') || first == 0x7f;
    const bool is_other_control =
        length == 2 && first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0;
    if (length == 0 || is_ascii_control || is_other_control) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

JsonWriter& JsonWriter::begin(char bracket) {
  bare({&bracket, 1});
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::bare(std::string_view token) {
  if (needs_comma_) out_ += ',';
  out_ += token;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  bare("\"");
  while (!value.empty()) {
    const size_t length = sequence_length(value);
    if (length == 1) {
      append_escaped(out_, value.front());
    } else if (length == 0) {
      out_ += "\xef\xbf\xbd";
    } else {
      out_ += value.substr(0, length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::number(uint64_t value) {
  return bare(std::to_string(value));
}

JsonWriter& JsonWriter::real(double value) {
  return std::isfinite(value) ? bare(format_double(value)) : text(format_double(value));
}

JsonWriter& JsonWriter::boolean(bool value) {
  return bare(value ? "true" : "false");
}

JsonWriter& JsonWriter::null() {
  return bare("null");
}

JsonWriter& JsonWriter::value(const ColumnView& column, size_t row) {
  if (column.is_null(row)) return null();
  switch (column.type) {
    case Type::kBool:
    case Type::kInt64:
      return bare(format_value(column, row));
    case Type::kDouble:
      return real(column.real(row));
    default:
      return text(format_value(column, row));
  }
}

std::string JsonWriter::take() {
  needs_comma_ = false;
  return std::exchange(out_, {});
}

}  // namespace sluice::cli
