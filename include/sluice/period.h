// Period: a step of the calendar ("15m", "1d", "3mo"), and the zones whose calendar it is.
//
// A zone is a name of the time zone database ("Europe/Berlin"), "UTC", or a fixed offset from UTC
// ("+02:00"). A period cuts the time of a zone into buckets that leave nothing out and do not
// overlap:
//
//   y mo w d   from the first instant of a local day to that of another: a day has 23 or 25 hours
//              where clocks change. Years and months are counted from year 0, weeks from Monday,
//              days from 1970-01-01: 3mo are the quarters, 2w may begin in any odd or even week.
//   h m s      from one reading of the local clock that is a multiple, counted from midnight, to
//              the next reading that is one. An hour that clocks repeat is two buckets, one that
//              they skip is none; a bucket that is longer than the change of the clock may be
//              longer or shorter by it. Every local midnight begins a bucket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice {

struct Period {
  enum class Unit : uint8_t { kSeconds, kMinutes, kHours, kDays, kWeeks, kMonths, kYears };
  Unit unit = Unit::kDays;
  uint32_t count = 1;  ///< 1 to 10000; seconds, minutes and hours at most a day
  friend bool operator==(const Period&, const Period&) = default;
};
/// `<n>` and one of s m h d w mo y: "1h".
Result<Period> parse_period(std::string_view text);

/// The zone's name, if there is such a zone. kInvalid.
Result<std::string> parse_zone(std::string_view text);

}  // namespace sluice
