// JsonWriter: JSON text, piece by piece, on one line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/batch.h"

namespace sluice::cli {

/// Whether it is UTF-8 without control characters, but for the tab.
bool is_text(std::string_view bytes);

/// Puts the commas; that brackets match and keys stand in objects is the caller's part.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  JsonWriter& key(std::string_view name);
  /// Bytes that are not UTF-8 become U+FFFD.
  JsonWriter& text(std::string_view value);
  JsonWriter& number(uint64_t value);
  JsonWriter& real(double value);  ///< NaN and the infinities as strings
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// A value that is JSON already.
  JsonWriter& raw(std::string_view json) { return bare(json); }
  /// A row's value: 64-bit numbers as numbers, times as ISO 8601, binary in base 16.
  JsonWriter& value(const ColumnView& column, size_t row);

  std::string take();

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  JsonWriter& bare(std::string_view token);

  std::string out_;
  bool needs_comma_ = false;
};

}  // namespace sluice::cli
