// Calendar: the buckets that a period cuts the time of a zone into (see sluice/period.h).
#pragma once

#include <cctz/time_zone.h>

#include <string_view>

#include "sluice/period.h"
#include "sluice/runtime.h"

namespace sluice {

/// Immutable; any thread may ask.
class Calendar {
 public:
  /// kInvalid: no such period or zone.
  static Result<Calendar> make(Period period, std::string_view zone);

  /// first <= time <= last, in nanoseconds. Cut where int64 ends: in 1677 and 2262.
  struct Bucket {
    Nanos first = 0;
    Nanos last = 0;
    bool holds(Nanos time) const { return first <= time && time <= last; }
  };
  /// The bucket that holds `time`. Takes about a microsecond: ask once for a run of times.
  Bucket bucket_of(Nanos time) const;

 private:
  /// first <= second < end, in seconds.
  struct Span {
    int64_t first = 0;
    int64_t end = 0;
  };
  Calendar(Period period, cctz::time_zone zone) : period_(period), zone_(zone) {}
  Span span_of_days(int64_t second) const;
  int64_t step_of(cctz::civil_day day) const;
  cctz::civil_day day_of_step(int64_t step) const;
  int64_t first_second_of(cctz::civil_day day) const;
  int64_t reading(int64_t second) const;
  int64_t mark_of(int64_t reading) const;
  bool goes_on_at(int64_t change) const;
  int64_t first_of_clock(int64_t second) const;
  int64_t end_of_clock(int64_t second) const;

  Period period_;
  cctz::time_zone zone_;
};

}  // namespace sluice
