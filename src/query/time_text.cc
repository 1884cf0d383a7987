#include "query/time_text.h"

#include <chrono>

namespace sluice::query {

namespace {

/// Takes numbers and marks from the left of a text. The first mismatch makes it bad for good.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return ok_ && rest_.empty(); }
  bool at_end() const { return rest_.empty(); }
  bool take(char mark) {
    if (!rest_.starts_with(mark)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char mark) { ok_ = take(mark) && ok_; }
  void require(bool condition) { ok_ = ok_ && condition; }
  bool at_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }

  /// Exactly `width` digits, at most `limit`.
  int number(int width, int limit) {
    int value = 0;
    for (int i = 0; i < width; ++i) {
      require(at_digit());
      if (!ok_) return 0;
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    require(value <= limit);
    return value;
  }
  /// 1 to 9 digits of a second.
  int fraction() {
    int nanos = number(1, 9);
    for (int digit = 1; digit < 9; ++digit) nanos = nanos * 10 + (at_digit() ? number(1, 9) : 0);
    return nanos;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

int64_t scan_days(Scanner& scan) {
  const int year = scan.number(4, 9999);
  scan.expect('-');
  const int month = scan.number(2, 12);
  scan.expect('-');
  const int day = scan.number(2, 31);
  const auto date = std::chrono::year(year) / month / day;
  scan.require(date.ok());
  return std::chrono::local_days(date).time_since_epoch().count();
}

/// Minutes east of UTC.
int scan_zone(Scanner& scan) {
  if (scan.at_end() || scan.take('Z')) return 0;
  const int sign = scan.take('-') ? -1 : 1;
  if (sign > 0) scan.expect('+');
  const int hours = scan.number(2, 23);
  scan.expect(':');
  return sign * (hours * 60 + scan.number(2, 59));
}

}  // namespace

std::optional<Nanos> parse_time(std::string_view text) {
  Scanner scan(text);
  int64_t seconds = scan_days(scan) * 86'400;
  int64_t nanos = 0;
  if (!scan.at_end()) {
    if (!scan.take('T')) scan.expect(' ');
    seconds += scan.number(2, 23) * 3600;
    scan.expect(':');
    seconds += scan.number(2, 59) * 60;
    if (scan.take(':')) {
      seconds += scan.number(2, 59);
      if (scan.take('.')) nanos = scan.fraction();
    }
    seconds -= scan_zone(scan) * 60;
  }
  if (!scan.done()) return std::nullopt;
  // The first second of the range begins before it: multiply what lies above.
  if (seconds < 0) {
    ++seconds;
    nanos -= kSecond;
  }
  Nanos time = 0;
  if (__builtin_mul_overflow(seconds, kSecond, &time) ||
      __builtin_add_overflow(time, nanos, &time)) {
    return std::nullopt;
  }
  return time;
}

}  // namespace sluice::query
