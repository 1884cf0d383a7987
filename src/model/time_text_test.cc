#include "sluice/time_text.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

namespace sluice {
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
    EXPECT_EQ(parsed.fault, TimeFault::kNone) << text;
    EXPECT_EQ(format_time(parsed.time), expected) << text;
  }
}

TEST(TimeText, CountsNanosecondsSince1970InUtc) {
  const std::pair<const char*, Nanos> cases[] = {
      {"1970-01-01", 0},
      {"1970-01-01 00:00:01", kSecond},
      {"1970-01-01T00:00:00.5Z", kSecond / 2},
      {"1970-01-01T00:00:00.000000001", 1},
      {"1969-12-31T23:59:59.999999999Z", -1},
      {"1970-01-01T01:00+01:00", 0},
      {"1969-12-31 22:30:00-01:30", 0},
      {"2000-02-29T12:34:56.789Z", 951'827'696'789'000'000},
      {"1677-09-21T00:12:43.145224192Z", INT64_MIN},
      {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
  };
  for (const auto& [text, time] : cases) {
    const ParsedTime parsed = parse_time(text);
    EXPECT_EQ(parsed.fault, TimeFault::kNone) << text;
    EXPECT_EQ(parsed.time, time) << text;
  }
}

TEST(TimeText, RefusesWhatIsNoTimeAndSaysWhy) {
  const std::pair<const char*, TimeFault> cases[] = {
      {"", TimeFault::kInvalid},
      {"2000", TimeFault::kInvalid},
      {"2000-1-1", TimeFault::kInvalid},
      {"2000-01/01", TimeFault::kInvalid},
      {"2000-01-01 ", TimeFault::kInvalid},
      {" 2000-01-01", TimeFault::kInvalid},
      {"2000-01-01x", TimeFault::kInvalid},
      {"+200-01-01", TimeFault::kInvalid},
      {"2000-01-01Z", TimeFault::kInvalid},
      {"2000-01-01T", TimeFault::kInvalid},
      {"2000-01-01T01", TimeFault::kInvalid},
      {"2000-01-01T01:02:", TimeFault::kInvalid},
      {"2000-01-01T01:02:03.", TimeFault::kInvalid},
      {"2000-01-01T01:02:03.1234567890", TimeFault::kInvalid},
      {"2000-01-01T01:02z", TimeFault::kInvalid},
      {"2000-01-01T01:02:03+0100", TimeFault::kInvalid},
      {"2000-01-01T01:02:03+01:00x", TimeFault::kInvalid},
      {"01-02-2000", TimeFault::kInvalid},
      {"Jan  1 2000", TimeFault::kInvalid},
      {"jan 1 2000", TimeFault::kInvalid},
      {"Jan 1 20", TimeFault::kInvalid},
      {"Jan 1, 2000", TimeFault::kInvalid},
      {"2001-02-29", TimeFault::kNoSuchTime},
      {"2000-02-30", TimeFault::kNoSuchTime},
      {"2000-13-01", TimeFault::kNoSuchTime},
      {"2000-00-01", TimeFault::kNoSuchTime},
      {"2000-01-00", TimeFault::kNoSuchTime},
      {"Feb 30 2000", TimeFault::kNoSuchTime},
      {"2000-01-01T24:00", TimeFault::kNoSuchTime},
      {"2000-01-01T23:60", TimeFault::kNoSuchTime},
      {"2000-01-01T23:59:61", TimeFault::kNoSuchTime},
      {"2000-01-01T23:59:00+24:00", TimeFault::kNoSuchTime},
      {"2000-01-01T23:59:00+01:60", TimeFault::kNoSuchTime},
      {"2016-12-31T23:59:60Z", TimeFault::kLeapSecond},
      {"1677-09-21T00:12:43.145224191Z", TimeFault::kOutOfRange},
      {"2262-04-11T23:47:16.854775808Z", TimeFault::kOutOfRange},
      {"0000-01-01", TimeFault::kOutOfRange},
      {"0001-01-01", TimeFault::kOutOfRange},
      {"9999-12-31", TimeFault::kOutOfRange},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(parse_time(text).fault, expected) << text;
}

TEST(TimeText, ReadsBackWhatItFormats) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Nanos time = static_cast<Nanos>(random());
    if (i % 3 == 0) time -= time % kSecond;
    if (i % 3 == 1) time -= time % kMicrosecond;
    const ParsedTime parsed = parse_time(format_time(time));
    ASSERT_EQ(parsed.fault, TimeFault::kNone) << format_time(time);
    ASSERT_EQ(parsed.time, time);
  }
  for (const Nanos time : {INT64_MIN, INT64_MAX, Nanos{0}, Nanos{-1}}) {
    EXPECT_EQ(parse_time(format_time(time)).time, time);
  }
}

}  // namespace
}  // namespace sluice
