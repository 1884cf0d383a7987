#include "source/time_text.h"

#include <gtest/gtest.h>

#include <random>

namespace sluice::source {
namespace {

TEST(TimeText, ReadsEveryFormOfDateAndTime) {
  const std::pair<const char*, const char*> cases[] = {
      {"2000-01-01", "2000-01-01T00:00:00Z"},
      {"2012/12/31", "2012-12-31T00:00:00Z"},
      {"2012-02-29", "2012-02-29T00:00:00Z"},
      {"2001-02-03 04:05", "2001-02-03T04:05:00Z"},
      {"2001/02/03T04:05:06", "2001-02-03T04:05:06Z"},
      {"2001-02-03T04:05:06.7", "2001-02-03T04:05:06.7Z"},
      {"2001-02-03T04:05:06.123456789Z", "2001-02-03T04:05:06.123456789Z"},
      {"2001-02-03T04:05:06.100Z", "2001-02-03T04:05:06.1Z"},
      {"2001-02-03T04:05Z", "2001-02-03T04:05:00Z"},
      {"2001-02-03T00:30:00+01:00", "2001-02-02T23:30:00Z"},
      {"2001-02-03T23:30:00-05:30", "2001-02-04T05:00:00Z"},
      {"Jan 1 2000", "2000-01-01T00:00:00Z"},
      {"Dec 09 1999", "1999-12-09T00:00:00Z"},
      {"Mar 31 1980 07:08", "1980-03-31T07:08:00Z"},
      {"1969-12-31T23:59:59.999999999", "1969-12-31T23:59:59.999999999Z"},
      {"1677-09-21T00:12:43.145224192Z", "1677-09-21T00:12:43.145224192Z"},
      {"2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775807Z"},
  };
  for (const auto& [text, expected] : cases) {
    const ParsedTime parsed = parse_time(text);
    EXPECT_EQ(parsed.reason, RejectReason::kNone) << text;
    EXPECT_EQ(format_time(parsed.time), expected) << text;
  }
}

TEST(TimeText, RefusesWhatIsNoTimeAndSaysWhy) {
  const std::pair<const char*, RejectReason> cases[] = {
      {"", RejectReason::kInvalidTime},
      {"2000", RejectReason::kInvalidTime},
      {"2000-1-1", RejectReason::kInvalidTime},
      {"2000-01/01", RejectReason::kInvalidTime},
      {"2000-01-01 ", RejectReason::kInvalidTime},
      {"2000-01-01Z", RejectReason::kInvalidTime},
      {"2000-01-01T", RejectReason::kInvalidTime},
      {"2000-01-01T01", RejectReason::kInvalidTime},
      {"2000-01-01T01:02:", RejectReason::kInvalidTime},
      {"2000-01-01T01:02:03.", RejectReason::kInvalidTime},
      {"2000-01-01T01:02:03.1234567890", RejectReason::kInvalidTime},
      {"2000-01-01T01:02:03+0100", RejectReason::kInvalidTime},
      {"2000-01-01T01:02:03+01:00x", RejectReason::kInvalidTime},
      {"01-02-2000", RejectReason::kInvalidTime},
      {"Jan  1 2000", RejectReason::kInvalidTime},
      {"jan 1 2000", RejectReason::kInvalidTime},
      {"Jan 1 20", RejectReason::kInvalidTime},
      {"Jan 1, 2000", RejectReason::kInvalidTime},
      {"2001-02-29", RejectReason::kNoSuchTime},
      {"2000-02-30", RejectReason::kNoSuchTime},
      {"2000-13-01", RejectReason::kNoSuchTime},
      {"2000-00-01", RejectReason::kNoSuchTime},
      {"2000-01-00", RejectReason::kNoSuchTime},
      {"Feb 30 2000", RejectReason::kNoSuchTime},
      {"2000-01-01T24:00", RejectReason::kNoSuchTime},
      {"2000-01-01T23:60", RejectReason::kNoSuchTime},
      {"2000-01-01T23:59:61", RejectReason::kNoSuchTime},
      {"2000-01-01T23:59:00+24:00", RejectReason::kNoSuchTime},
      {"2016-12-31T23:59:60Z", RejectReason::kLeapSecond},
      {"1677-09-21T00:12:43.145224191Z", RejectReason::kTimeOutOfRange},
      {"2262-04-11T23:47:16.854775808Z", RejectReason::kTimeOutOfRange},
      {"0001-01-01", RejectReason::kTimeOutOfRange},
      {"9999-12-31", RejectReason::kTimeOutOfRange},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(parse_time(text).reason, expected) << text;
}

TEST(TimeText, ReadsBackWhatItFormats) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Nanos time = static_cast<Nanos>(random());
    if (i % 3 == 0) time -= time % kSecond;
    if (i % 3 == 1) time -= time % kMicrosecond;
    const ParsedTime parsed = parse_time(format_time(time));
    ASSERT_EQ(parsed.reason, RejectReason::kNone) << format_time(time);
    ASSERT_EQ(parsed.time, time);
  }
  for (const Nanos time : {INT64_MIN, INT64_MAX, Nanos{0}, Nanos{-1}}) {
    EXPECT_EQ(parse_time(format_time(time)).time, time);
  }
}

TEST(TimeText, ScalesIntegersByTheirUnitWithinRange) {
  EXPECT_EQ(time_from_integer(1'600'000'000, TimeUnit::kSeconds).time, 1'600'000'000 * kSecond);
  EXPECT_EQ(time_from_integer(-5, TimeUnit::kMillis).time, -5 * kMillisecond);
  EXPECT_EQ(time_from_integer(7, TimeUnit::kMicros).time, 7 * kMicrosecond);
  EXPECT_EQ(time_from_integer(INT64_MIN, TimeUnit::kNanos).time, INT64_MIN);
  EXPECT_EQ(time_from_integer(INT64_MAX, TimeUnit::kSeconds).reason, RejectReason::kTimeOutOfRange);
  EXPECT_EQ(time_from_integer(1, TimeUnit::kNone).reason, RejectReason::kTimeUnitUnknown);
}

TEST(TimeText, TellsTheUnitByMagnitude) {
  EXPECT_EQ(unit_by_magnitude(1'600'000'000), TimeUnit::kSeconds);
  EXPECT_EQ(unit_by_magnitude(-1'600'000'000), TimeUnit::kSeconds);
  EXPECT_EQ(unit_by_magnitude(1'600'000'000'000), TimeUnit::kMillis);
  EXPECT_EQ(unit_by_magnitude(1'600'000'000'000'000), TimeUnit::kMicros);
  EXPECT_EQ(unit_by_magnitude(1'600'000'000'000'000'000), TimeUnit::kNanos);
}

}  // namespace
}  // namespace sluice::source
