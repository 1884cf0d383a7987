#include "sluice/time_text.h"

#include <array>
#include <chrono>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t kDaySeconds = 86'400;

/// Consumes a text from the left. The first mismatch makes it bad for good.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool digit_next() const { return peek() >= '0' && peek() <= '9'; }
  bool take(char c) {
    if (peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = take(c) && ok_; }
  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      ok_ = ok_ && digit_next();
      if (!ok_) return 0;
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  /// 1 to 12.
  int month_name() {
    for (size_t i = 0; i < kMonths.size(); ++i) {
      if (!rest_.starts_with(kMonths[i])) continue;
      rest_.remove_prefix(kMonths[i].size());
      return static_cast<int>(i) + 1;
    }
    ok_ = false;
    return 0;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Date {
  int year = 0;
  int month = 0;
  int day = 0;
};
struct TimeOfDay {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int nanos = 0;
  int zone_minutes = 0;  ///< east of UTC
};

Date scan_date(Scanner& scan) {
  Date date;
  if (scan.digit_next()) {
    date.year = scan.digits(4);
    const char separator = scan.peek() == '/' ? '/' : '-';
    scan.expect(separator);
    date.month = scan.digits(2);
    scan.expect(separator);
    date.day = scan.digits(2);
    return date;
  }
  date.month = scan.month_name();
  scan.expect(' ');
  date.day = scan.digits(1);
  if (scan.digit_next()) date.day = date.day * 10 + scan.digits(1);
  scan.expect(' ');
  date.year = scan.digits(4);
  return date;
}

int scan_fraction(Scanner& scan) {
  int nanos = scan.digits(1);
  int count = 1;
  for (; count < 9 && scan.digit_next(); ++count) nanos = nanos * 10 + scan.digits(1);
  for (; count < 9; ++count) nanos *= 10;
  return nanos;
}

/// False: the zone names no offset on Earth's clocks.
bool scan_zone(Scanner& scan, TimeOfDay& time) {
  if (scan.at_end() || scan.take('Z')) return true;
  const int sign = scan.take('-') ? -1 : 1;
  if (sign == 1) scan.expect('+');
  const int hours = scan.digits(2);
  scan.expect(':');
  const int minutes = scan.digits(2);
  time.zone_minutes = sign * (hours * 60 + minutes);
  return hours < 24 && minutes < 60;
}

/// Seconds times 1e9 plus nanos, unless that leaves int64.
ParsedTime combine(int64_t seconds, int64_t nanos) {
  if (seconds < 0 && nanos > 0) {
    ++seconds;
    nanos -= kSecond;
  }
  ParsedTime result;
  if (__builtin_mul_overflow(seconds, kSecond, &result.time) ||
      __builtin_add_overflow(result.time, nanos, &result.time)) {
    return {TimeFault::kOutOfRange, 0};
  }
  return result;
}

void append_padded(std::string& text, int64_t value, size_t width) {
  const std::string digits = std::to_string(value);
  text.append(width > digits.size() ? width - digits.size() : 0, '0');
  text += digits;
}

}  // namespace

std::string_view to_string(TimeFault fault) {
  switch (fault) {
    case TimeFault::kNone:
      return "none";
    case TimeFault::kInvalid:
      return "the value is not a time";
    case TimeFault::kNoSuchTime:
      return "no such day or time of day exists";
    case TimeFault::kLeapSecond:
      return "leap seconds cannot be stored";
    case TimeFault::kOutOfRange:
      return "the time is outside the years 1677 to 2262";
  }
  return "unknown";
}

ParsedTime parse_time(std::string_view text) {
  Scanner scan(text);
  const Date date = scan_date(scan);
  TimeOfDay time;
  bool zone_exists = true;
  if (scan.ok() && !scan.at_end()) {
    if (!scan.take('T')) scan.expect(' ');
    time.hour = scan.digits(2);
    scan.expect(':');
    time.minute = scan.digits(2);
    if (scan.take(':')) {
      time.second = scan.digits(2);
      if (scan.take('.')) time.nanos = scan_fraction(scan);
    }
    zone_exists = scan_zone(scan, time);
  }
  if (!scan.ok() || !scan.at_end()) return {TimeFault::kInvalid, 0};

  const auto day = std::chrono::year(date.year) / date.month / date.day;
  if (time.second == 60) return {TimeFault::kLeapSecond, 0};
  if (!day.ok() || time.hour > 23 || time.minute > 59 || time.second > 59 || !zone_exists) {
    return {TimeFault::kNoSuchTime, 0};
  }
  const int64_t days = std::chrono::local_days(day).time_since_epoch().count();
  const int64_t minutes = int64_t{time.hour} * 60 + time.minute - time.zone_minutes;
  return combine(days * kDaySeconds + minutes * 60 + time.second, time.nanos);
}

std::string format_time(Nanos time) {
  int64_t seconds = time / kSecond;
  int64_t nanos = time % kSecond;
  if (nanos < 0) {
    --seconds;
    nanos += kSecond;
  }
  const std::chrono::local_seconds moment{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day day(midnight);
  const int64_t second_of_day = (moment - midnight).count();

  std::string text;
  append_padded(text, int{day.year()}, 4);
  text += '-';
  append_padded(text, unsigned{day.month()}, 2);
  text += '-';
  append_padded(text, unsigned{day.day()}, 2);
  text += 'T';
  append_padded(text, second_of_day / 3600, 2);
  text += ':';
  append_padded(text, second_of_day / 60 % 60, 2);
  text += ':';
  append_padded(text, second_of_day % 60, 2);
  if (nanos != 0) {
    text += '.';
    append_padded(text, nanos, 9);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + 'Z';
}

}  // namespace sluice
