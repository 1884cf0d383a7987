#include "model/calendar.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "sluice/time_text.h"

namespace sluice {
namespace {

Calendar calendar(std::string_view period, std::string_view zone) {
  return Calendar::make(parse_period(period).value(), zone).value();
}
Nanos at(std::string_view text) {
  const ParsedTime parsed = parse_time(text);
  EXPECT_EQ(parsed.fault, TimeFault::kNone) << text;
  return parsed.time;
}
std::string bucket(std::string_view period, std::string_view zone, std::string_view time) {
  const Calendar::Bucket found = calendar(period, zone).bucket_of(at(time));
  EXPECT_TRUE(found.holds(at(time)));
  return format_time(found.first) + " " + format_time(found.last + 1);
}
/// The beginnings of the buckets from one time up to another.
std::vector<std::string> buckets(std::string_view period, std::string_view zone,
                                 std::string_view from, std::string_view to) {
  const Calendar cut = calendar(period, zone);
  std::vector<std::string> firsts;
  for (Nanos time = at(from); time < at(to);) {
    const Calendar::Bucket found = cut.bucket_of(time);
    firsts.push_back(format_time(found.first));
    time = found.last + 1;
  }
  return firsts;
}
using Texts = std::vector<std::string>;

TEST(Period, IsACountAndAUnit) {
  using Unit = Period::Unit;
  EXPECT_EQ(parse_period("15m").value(), (Period{Unit::kMinutes, 15}));
  EXPECT_EQ(parse_period("1mo").value(), (Period{Unit::kMonths, 1}));
  EXPECT_EQ(parse_period("24h").value(), (Period{Unit::kHours, 24}));
  for (const char* text : {"", "h", "0h", "-1h", "1", "1H", "1 h", "1hh", "25h", "86401s", "10001d",
                           "99999999999d", "1.5h"}) {
    EXPECT_EQ(parse_period(text).error().code(), Code::kInvalid) << text;
  }
}

TEST(Zone, IsANameOrAnOffsetAndNeverAFile) {
  for (const char* text :
       {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "+05:45", "-00:30", "Etc/GMT+5"}) {
    EXPECT_EQ(parse_zone(text).value(), text);
  }
  for (const char* text : {"", "Europe/Bärlin", "Mars/Base", "+25:00", "+1:00", "+01:60",
                           "/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin",
                           "Europe/./Berlin", "libc:localtime", "file:Europe/Berlin"}) {
    EXPECT_EQ(parse_zone(text).error().code(), Code::kInvalid) << text;
  }
  const auto made = Calendar::make({}, "Mars/Base");
  EXPECT_EQ(made.error().where(), "Mars/Base");
  EXPECT_NE(made.error().message().find("Europe/Berlin"), std::string::npos);
}

TEST(Calendar, InUtcBucketsAreOfEqualLengthAndTimesBefore1970AreFlooredToo) {
  EXPECT_EQ(bucket("1h", "UTC", "2026-11-21T10:59:59.999999999Z"),
            "2026-11-21T10:00:00Z 2026-11-21T11:00:00Z");
  EXPECT_EQ(bucket("5m", "UTC", "1969-12-31T23:59:59.5Z"),
            "1969-12-31T23:55:00Z 1970-01-01T00:00:00Z");
  EXPECT_EQ(bucket("1d", "UTC", "1969-12-31T00:00:00Z"),
            "1969-12-31T00:00:00Z 1970-01-01T00:00:00Z");
  EXPECT_EQ(bucket("30s", "UTC", "2000-01-01T00:00:30Z"),
            "2000-01-01T00:00:30Z 2000-01-01T00:01:00Z");
}

TEST(Calendar, WeeksBeginOnMondayMonthsAndYearsHaveTheirLengths) {
  EXPECT_EQ(bucket("1w", "UTC", "2026-11-22"), "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z");
  EXPECT_EQ(bucket("1w", "UTC", "2026-11-23"), "2026-11-23T00:00:00Z 2026-11-30T00:00:00Z");
  EXPECT_EQ(bucket("1mo", "UTC", "2024-02-29"), "2024-02-01T00:00:00Z 2024-03-01T00:00:00Z");
  EXPECT_EQ(bucket("3mo", "UTC", "2023-12-31"), "2023-10-01T00:00:00Z 2024-01-01T00:00:00Z");
  EXPECT_EQ(bucket("1y", "UTC", "1900-02-28"), "1900-01-01T00:00:00Z 1901-01-01T00:00:00Z");
  EXPECT_EQ(bucket("10y", "UTC", "1969-06-01"), "1960-01-01T00:00:00Z 1970-01-01T00:00:00Z");
}

TEST(Calendar, ADayHas23Or25HoursWhereClocksChange) {
  EXPECT_EQ(bucket("1d", "Europe/Berlin", "2026-03-29T12:00:00Z"),
            "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z");
  EXPECT_EQ(bucket("1d", "Europe/Berlin", "2026-10-25T12:00:00Z"),
            "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z");
  EXPECT_EQ(bucket("1mo", "America/New_York", "2026-03-31T12:00:00Z"),
            "2026-03-01T05:00:00Z 2026-04-01T04:00:00Z");
  EXPECT_EQ(bucket("1d", "+05:45", "2026-03-29T12:00:00Z"),
            "2026-03-28T18:15:00Z 2026-03-29T18:15:00Z");
}

TEST(Calendar, ADayWithoutMidnightBeginsWhenClocksHaveSkippedIt) {
  EXPECT_EQ(bucket("1d", "America/Sao_Paulo", "2018-11-04T12:00:00Z"),
            "2018-11-04T03:00:00Z 2018-11-05T02:00:00Z");
}

TEST(Calendar, ADateThatStepsBackForAMomentStaysTheNewDay) {
  // At 00:01 the clocks of St. John's went back to 23:01 of the day before.
  EXPECT_EQ(bucket("1d", "America/St_Johns", "2010-11-07T02:45:00Z"),
            "2010-11-07T02:30:00Z 2010-11-08T03:30:00Z");
}

TEST(Calendar, ADayThatAZoneLeftOutIsNoBucket) {
  EXPECT_EQ(buckets("1d", "Pacific/Apia", "2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z"),
            (Texts{"2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"}));
}

TEST(Calendar, AnHourThatIsRepeatedIsTwoBucketsAndOneThatIsSkippedIsNone) {
  EXPECT_EQ(buckets("1h", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"),
            (Texts{"2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z",
                   "2026-10-25T02:00:00Z"}));
  EXPECT_EQ(buckets("1h", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z").size(),
            25u);
  EXPECT_EQ(buckets("1h", "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z").size(),
            23u);
  EXPECT_EQ(buckets("15m", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z").size(),
            100u);
}

TEST(Calendar, SeveralHoursKeepToTheClockAndAreLongerOrShorterByItsChange) {
  EXPECT_EQ(buckets("6h", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            (Texts{"2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z", "2026-10-25T11:00:00Z",
                   "2026-10-25T17:00:00Z"}));
  EXPECT_EQ(buckets("2h", "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T04:00:00Z"),
            (Texts{"2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}));
  EXPECT_EQ(buckets("7h", "UTC", "2026-01-01", "2026-01-02"),
            (Texts{"2026-01-01T00:00:00Z", "2026-01-01T07:00:00Z", "2026-01-01T14:00:00Z",
                   "2026-01-01T21:00:00Z"}));
}

TEST(Calendar, AChangeOfHalfAnHourLengthensTheHourItFallsInto) {
  // 02:00 became 01:30 on Lord Howe Island.
  EXPECT_EQ(buckets("1h", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z"),
            (Texts{"2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z"}));
  EXPECT_EQ(buckets("30m", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z"),
            (Texts{"2026-04-04T14:00:00Z", "2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z"}));
}

TEST(Calendar, TheEndsOfTimeCutTheirBuckets) {
  for (const char* period : {"1s", "7h", "1d", "1w", "1mo", "1y", "10000y"}) {
    for (const char* zone : {"UTC", "Asia/Kolkata", "-23:59"}) {
      const Calendar cut = calendar(period, zone);
      EXPECT_EQ(cut.bucket_of(INT64_MIN).first, INT64_MIN) << period << zone;
      EXPECT_EQ(cut.bucket_of(INT64_MAX).last, INT64_MAX) << period << zone;
      EXPECT_TRUE(cut.bucket_of(INT64_MIN).holds(INT64_MIN));
      EXPECT_TRUE(cut.bucket_of(INT64_MAX).holds(INT64_MAX));
    }
  }
  EXPECT_EQ(bucket("1d", "Europe/Berlin", "2261-07-01T12:00:00Z"),
            "2261-06-30T22:00:00Z 2261-07-01T22:00:00Z");
}

TEST(Calendar, BucketsLeaveNothingOutAndDoNotOverlap) {
  std::mt19937_64 random(7);
  for (const char* zone :
       {"Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca",
        "Antarctica/Troll", "Pacific/Apia", "-03:30", "America/Sao_Paulo", "Asia/Tehran",
        "Europe/Dublin", "Africa/Monrovia"}) {
    for (const char* period :
         {"1s", "7m", "30m", "1h", "5h", "12h", "24h", "1d", "10d", "1w", "1mo", "1y"}) {
      const Calendar cut = calendar(period, zone);
      for (int round = 0; round < 200; ++round) {
        const Nanos time = static_cast<Nanos>(random()) / 8;  // 1933 to 2006
        const Calendar::Bucket found = cut.bucket_of(time);
        const Nanos inside =
            found.first +
            static_cast<Nanos>(random() % static_cast<uint64_t>(found.last - found.first + 1));
        ASSERT_TRUE(found.holds(time)) << zone << period << time;
        for (const Nanos same : {found.first, inside, found.last}) {
          ASSERT_EQ(cut.bucket_of(same).first, found.first) << zone << period << time;
          ASSERT_EQ(cut.bucket_of(same).last, found.last) << zone << period << time;
        }
        ASSERT_EQ(cut.bucket_of(found.last + 1).first, found.last + 1) << zone << period << time;
        ASSERT_EQ(cut.bucket_of(found.first - 1).last, found.first - 1) << zone << period << time;
      }
    }
  }
}

}  // namespace
}  // namespace sluice
