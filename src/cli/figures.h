// Figures: counts, sizes, spans and values as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/batch.h"
#include "sluice/runtime.h"

namespace sluice::cli {

std::string format_count(uint64_t count);  ///< "113,493"
std::string format_bytes(uint64_t bytes);  ///< "4.1 MB", powers of 1000
std::string format_seconds(Nanos span);    ///< "0.31 s"
std::string format_span(Nanos span);       ///< "12 s", "3 min", "5 h", "4 days"
uint64_t per_second(uint64_t count, Nanos span);

/// The shortest digits that give the same double again, always with a point or an exponent; NaN,
/// Infinity, -Infinity.
std::string format_double(double value);
std::string format_base64(std::string_view bytes);  ///< padded
std::string format_hex(std::string_view bytes);  ///< two lower-case digits a byte

/// The value in `row`, which is not null: times as ISO 8601 with Z, binary in hex.
std::string format_value(const ColumnView& column, size_t row);

/// `text` with control characters spelled out, so that none reaches the terminal's controls.
std::string make_visible(std::string_view text);

/// Columns that valid UTF-8 takes on a terminal, about: wide characters count twice.
size_t width_of(std::string_view text);
/// The longest front of `text` that takes at most `width` columns.
std::string cut_to_width(std::string_view text, size_t width);

/// `text` as one word of a shell's command line.
std::string quote_for_shell(std::string_view text);

}  // namespace sluice::cli
