// Times as people write them in a predicate.
//
//   time := YYYY '-' MM '-' DD [(' ' | 'T') HH ':' MM [':' SS ['.' 1 to 9 digits]] [zone]]
//   zone := 'Z' | ('+' | '-') HH ':' MM                                       absent: UTC
#pragma once

#include <optional>
#include <string_view>

#include "sluice/runtime.h"

namespace sluice::query {

/// Nanoseconds since 1970 UTC; nothing if the text is not such a time, if the calendar has no such
/// day or the day no such time (a leap second included), or outside of 1677 to 2262.
std::optional<Nanos> parse_time(std::string_view text);

}  // namespace sluice::query
