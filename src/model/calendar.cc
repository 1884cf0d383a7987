#include "model/calendar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/check.h"

namespace sluice {

namespace {

using Unit = Period::Unit;
using Instant = cctz::time_point<cctz::seconds>;

constexpr int64_t kDaySeconds = 86'400;
constexpr uint32_t kCountMax = 10'000;

constexpr std::array<std::pair<std::string_view, Unit>, 7> kUnits = {{{"s", Unit::kSeconds},
                                                                      {"m", Unit::kMinutes},
                                                                      {"h", Unit::kHours},
                                                                      {"d", Unit::kDays},
                                                                      {"w", Unit::kWeeks},
                                                                      {"mo", Unit::kMonths},
                                                                      {"y", Unit::kYears}}};

/// Of one unit of the clock; 0 of those of the calendar.
int64_t seconds_of(Unit unit) {
  switch (unit) {
    case Unit::kSeconds:
      return 1;
    case Unit::kMinutes:
      return 60;
    case Unit::kHours:
      return 3600;
    default:
      return 0;
  }
}

/// Of a period of the clock.
int64_t width(Period period) {
  return seconds_of(period.unit) * period.count;
}

Status check_period(Period period) {
  if (period.count < 1 || period.count > kCountMax) {
    return Error(Code::kInvalid, Reason::kOutOfRange, "a period is 1 to 10000 of its unit");
  }
  if (width(period) > kDaySeconds) {
    return Error(Code::kInvalid, Reason::kOutOfRange,
                 "a period of seconds, minutes or hours is at most a day; write 1d, 2d, ...");
  }
  return ok();
}

int64_t floor_divide(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// ('+' | '-') HH ':' MM
std::optional<cctz::seconds> parse_offset(std::string_view text) {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return {};
  for (const size_t at : {1, 2, 4, 5}) {
    if (!is_digit(text[at])) return {};
  }
  const int hours = (text[1] - '0') * 10 + (text[2] - '0');
  const int minutes = (text[4] - '0') * 10 + (text[5] - '0');
  if (hours > 23 || minutes > 59) return {};
  return cctz::seconds((text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60));
}

/// The library takes names of files too: only what can be a name of the database goes to it.
bool is_zone_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '/') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  });
}

Result<cctz::time_zone> find_zone(std::string_view text) {
  if (const auto offset = parse_offset(text)) return cctz::fixed_time_zone(*offset);
  cctz::time_zone zone;
  if (is_zone_name(text) && cctz::load_time_zone(std::string(text), &zone)) return zone;
  return Error(Code::kInvalid,
               "there is no such time zone; write Europe/Berlin, America/New_York, UTC or +02:00");
}

int64_t to_second(Instant instant) {
  return instant.time_since_epoch().count();
}
Instant to_instant(int64_t second) {
  return Instant(cctz::seconds(second));
}

/// The instant at which clocks changed from one reading to another.
int64_t second_of_change(const cctz::time_zone& zone,
                         const cctz::time_zone::civil_transition& change) {
  const auto skipped = zone.lookup(change.from);
  if (skipped.kind == cctz::time_zone::civil_lookup::SKIPPED) return to_second(skipped.trans);
  return to_second(zone.lookup(change.to).trans);
}

Nanos to_nanos(int64_t second) {
  Nanos nanos = 0;
  if (!__builtin_mul_overflow(second, kSecond, &nanos)) return nanos;
  return second < 0 ? INT64_MIN : INT64_MAX;
}

}  // namespace

Result<Period> parse_period(std::string_view text) {
  Period period;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, period.count);
  const std::string_view unit(rest, static_cast<size_t>(end - rest));
  for (const auto& [name, known] : kUnits) {
    if (fault != std::errc() || unit != name) continue;
    period.unit = known;
    TRY(check_period(period));
    return period;
  }
  return Error(Code::kInvalid, "is no period; write 15m, 1h, 1d, 1w, 1mo or 1y");
}

Result<std::string> parse_zone(std::string_view text) {
  TRY(find_zone(text));
  return std::string(text);
}

Result<Calendar> Calendar::make(Period period, std::string_view zone) {
  TRY(check_period(period));
  auto found = find_zone(zone);
  if (!found.ok()) return found.error().at(zone);
  return Calendar(period, *found);
}

Calendar::Bucket Calendar::bucket_of(Nanos time) const {
  const int64_t second = floor_divide(time, kSecond);
  const Span span = seconds_of(period_.unit) == 0
                        ? span_of_days(second)
                        : Span{first_of_clock(second), end_of_clock(second)};
  CHECK(span.first <= second && second < span.end);
  const Nanos end = to_nanos(span.end);
  return {to_nanos(span.first), end == INT64_MAX ? end : end - 1};
}

// ---- Days, weeks, months, years

/// The number of the step that a local day belongs to.
int64_t Calendar::step_of(cctz::civil_day day) const {
  switch (period_.unit) {
    case Unit::kYears:
      return floor_divide(day.year(), period_.count);
    case Unit::kMonths:
      return floor_divide(day.year() * 12 + day.month() - 1, period_.count);
    case Unit::kWeeks:
      return floor_divide(floor_divide(day - cctz::civil_day(1970, 1, 5), 7), period_.count);
    default:
      return floor_divide(day - cctz::civil_day(1970, 1, 1), period_.count);
  }
}

cctz::civil_day Calendar::day_of_step(int64_t step) const {
  const int64_t units = step * period_.count;
  switch (period_.unit) {
    case Unit::kYears:
      return cctz::civil_day(units, 1, 1);
    case Unit::kMonths:
      return cctz::civil_day(floor_divide(units, 12),
                             static_cast<int>(units - floor_divide(units, 12) * 12) + 1, 1);
    case Unit::kWeeks:
      return cctz::civil_day(1970, 1, 5) + units * 7;
    default:
      return cctz::civil_day(1970, 1, 1) + units;
  }
}

/// Where clocks skip midnight the day begins when they have; where they repeat it, the first time.
int64_t Calendar::first_second_of(cctz::civil_day day) const {
  const auto midnight = zone_.lookup(cctz::civil_second(day));
  const bool skipped = midnight.kind == cctz::time_zone::civil_lookup::SKIPPED;
  return to_second(skipped ? midnight.trans : midnight.pre);
}

// The local date may step back for a moment, and whole days may be missing: the first seconds
// decide, not the date.
Calendar::Span Calendar::span_of_days(int64_t second) const {
  int64_t step = step_of(cctz::civil_day(cctz::convert(to_instant(second), zone_)));
  while (first_second_of(day_of_step(step)) > second) --step;
  while (first_second_of(day_of_step(step + 1)) <= second) ++step;
  return {first_second_of(day_of_step(step)), first_second_of(day_of_step(step + 1))};
}

// ---- Hours, minutes, seconds

/// What the local clock shows, as seconds since it showed 1970-01-01 00:00:00.
int64_t Calendar::reading(int64_t second) const {
  return second + zone_.lookup(to_instant(second)).offset;
}

/// The last multiple of the period, counted from midnight, up to a reading.
int64_t Calendar::mark_of(int64_t reading) const {
  const int64_t midnight = floor_divide(reading, kDaySeconds) * kDaySeconds;
  return midnight + (reading - midnight) / width(period_) * width(period_);
}

/// Whether a bucket goes on over a change of the clock: both sides read the same mark, and the
/// clock does not begin at it once more.
bool Calendar::goes_on_at(int64_t change) const {
  const int64_t after = reading(change);
  return mark_of(after) == mark_of(reading(change - 1)) && mark_of(after) != after;
}

int64_t Calendar::first_of_clock(int64_t second) const {
  const int64_t shown = reading(second);
  const int64_t first = second - (shown - mark_of(shown));
  cctz::time_zone::civil_transition change;
  if (!zone_.prev_transition(to_instant(second + 1), &change)) return first;
  const int64_t at = second_of_change(zone_, change);
  if (at <= first) return first;
  return goes_on_at(at) ? first_of_clock(at - 1) : at;
}

int64_t Calendar::end_of_clock(int64_t second) const {
  const int64_t shown = reading(second);
  const int64_t midnight = floor_divide(shown, kDaySeconds) * kDaySeconds;
  const int64_t next = std::min(mark_of(shown) + width(period_), midnight + kDaySeconds);
  const int64_t end = second + (next - shown);
  cctz::time_zone::civil_transition change;
  if (!zone_.next_transition(to_instant(second), &change)) return end;
  const int64_t at = second_of_change(zone_, change);
  if (at > end) return end;
  return goes_on_at(at) ? end_of_clock(at) : at;
}

}  // namespace sluice
