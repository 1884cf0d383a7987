// Times as text: a strict, pure parser and a formatter.
//
//   time := date [(' ' | 'T') HH ':' MM [':' SS ['.' 1 to 9 digits]] [zone]]
//   date := YYYY '-' MM '-' DD | YYYY '/' MM '/' DD | Mon D YYYY | Mon DD YYYY      ("Jan 1 2000")
//   zone := 'Z' | ('+' | '-') HH ':' MM                                       absent: UTC
#pragma once

#include <string>
#include <string_view>

#include "sluice/runtime.h"
#include "source/source.h"

namespace sluice::source {

struct ParsedTime {
  /// kNone, kInvalidTime, kNoSuchTime, kLeapSecond or kTimeOutOfRange.
  RejectReason reason = RejectReason::kNone;
  Nanos time = 0;  ///< since 1970 UTC
};

ParsedTime parse_time(std::string_view text);

/// A whole number counted in `unit`; kTimeOutOfRange, and kTimeUnitUnknown for kNone.
ParsedTime time_from_integer(int64_t value, TimeUnit unit);

/// The unit that puts `value` into 1677 to 2262 at the coarsest: 1.6e9 is seconds, 1.6e12
/// milliseconds.
TimeUnit unit_by_magnitude(int64_t value);

/// "2000-01-01T00:00:00.5Z": as many digits of the fraction as needed. parse_time gives it back.
std::string format_time(Nanos time);

}  // namespace sluice::source
