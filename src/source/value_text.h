// Scalars as text: what a number is, and how a value fits its column. Shared by JSON and CSV, so
// that the same digits mean the same in both.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/runtime.h"
#include "source/source.h"

namespace sluice::source {

/// What a value looks like, before a column says what it has to be.
enum class Kind : uint8_t {
  kNull,
  kBool,
  kLong,      ///< a whole number in int64, spelled as JSON spells it: "007" is text
  kBig,       ///< a whole number outside int64
  kFraction,  ///< a number with a fraction or an exponent, and -0
  kSpecial,   ///< CSV: NaN and the infinities, by name
  kString,
  kNested,  ///< JSON: an object or an array
};

struct NumberText {
  Kind kind = Kind::kString;  ///< kLong, kBig, kFraction; kString: not a number
  int64_t value = 0;          ///< of kLong
};
/// By the grammar of JSON.
NumberText scan_number(std::string_view text);
/// CSV also has ".5", "5.", NaN, nan, inf, Infinity (with sign), true, True, TRUE and their
/// opposites.
Kind kind_of_csv(std::string_view text);

/// The nearest double of a number that scan_number or kind_of_csv knows; nothing if it overflows.
std::optional<double> parse_double(std::string_view number);
/// Whether `value` is exactly the whole number that `digits` spell.
bool is_exact(std::string_view digits, double value);

/// A whole number counted in `unit`, which is not kNone; nothing outside of 1677 to 2262.
std::optional<Nanos> time_from_integer(int64_t value, TimeUnit unit);
/// The unit that puts `value` into 1677 to 2262 at the coarsest: 1.6e9 is seconds, 1.6e12
/// milliseconds.
TimeUnit unit_by_magnitude(int64_t value);

/// Append one number to a long, double or timestamp column; kNone, or why it does not fit and
/// nothing was appended.
RejectReason append_json_number(std::string_view text, const Column& column, size_t index,
                                BatchBuilder& rows);
/// The same for the text of a time.
RejectReason append_time(std::string_view text, size_t index, BatchBuilder& rows);
/// Append one non-empty CSV value to a column of any type but string.
RejectReason append_csv_value(std::string_view text, const Column& column, size_t index,
                              BatchBuilder& rows);

}  // namespace sluice::source
