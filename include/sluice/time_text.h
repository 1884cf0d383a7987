// Times as text: a strict, pure parser and a formatter.
//
//   time := date [(' ' | 'T') HH ':' MM [':' SS ['.' 1 to 9 digits]] [zone]]
//   date := YYYY '-' MM '-' DD | YYYY '/' MM '/' DD | Mon D YYYY | Mon DD YYYY      ("Jan 1 2000")
//   zone := 'Z' | ('+' | '-') HH ':' MM                                       absent: UTC
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/runtime.h"

namespace sluice {

/// Why a text is not a time.
enum class TimeFault : uint8_t {
  kNone,
  kInvalid,     ///< not of the grammar
  kNoSuchTime,  ///< of the grammar, but in no calendar, or on no clock
  kLeapSecond,
  kOutOfRange,  ///< outside of int64: before 1677 or after 2262
};
/// One sentence for people.
std::string_view to_string(TimeFault fault);

struct ParsedTime {
  TimeFault fault = TimeFault::kNone;
  Nanos time = 0;  ///< since 1970 UTC; 0 with a fault
};

ParsedTime parse_time(std::string_view text);

/// "2000-01-01T00:00:00.5Z": as many digits of the fraction as needed. parse_time gives it back.
std::string format_time(Nanos time);

}  // namespace sluice
