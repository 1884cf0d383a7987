#include "query/time_text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::query {
namespace {

TEST(TimeText, TimesAreNanosecondsSince1970InUtc) {
  const std::vector<std::pair<const char*, Nanos>> times = {
      {"1970-01-01", 0},
      {"1970-01-01T00:00", 0},
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
  for (const auto& [text, time] : times) EXPECT_EQ(parse_time(text), time) << text;
}

TEST(TimeText, WhatIsNoTimeIsRefused) {
  for (const std::string text : {"",
                                 "1970",
                                 "1970-1-1",
                                 "1970-01-01T",
                                 "1970-01-01T00",
                                 "1970-01-01T00:00:",
                                 "1970-01-01T00:00:00.",
                                 "1970-01-01T00:00:00.1234567890",
                                 "1970-01-01T00:00z",
                                 "1970-01-01T00:00+0100",
                                 "1970-01-01T00:00+24:00",
                                 "1970-01-01T00:00+01:60",
                                 "1970-01-01Z",
                                 "1970-01-01 ",
                                 " 1970-01-01",
                                 "1970-01-01x",
                                 "1970/01/01",
                                 "1970-00-01",
                                 "1970-13-01",
                                 "1970-01-00",
                                 "1970-01-32",
                                 "1999-02-29",
                                 "1970-01-01T24:00",
                                 "1970-01-01T23:60",
                                 "2016-12-31T23:59:60Z",
                                 "0000-01-01",
                                 "9999-12-31",
                                 "1677-09-21T00:12:43.145224191Z",
                                 "2262-04-11T23:47:16.854775808Z",
                                 "+970-01-01"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace sluice::query
