// Any text as a time: a fault, or a time whose text gives it back.
#include "sluice/time_text.h"

#include "base/check.h"
#include "fuzz/target.h"

std::vector<std::string> seeds() {
  return {"2000-01-01T00:00:00.5Z",
          "1969-12-31 23:59:59.999999999+01:30",
          "2024/02/29",
          "Jan 1 2000",
          "1677-09-21T00:12:43.145224192Z",
          "2016-12-31T23:59:60Z"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto parsed = sluice::parse_time({reinterpret_cast<const char*>(bytes), size});
  CHECK(!sluice::to_string(parsed.fault).empty() || parsed.fault == sluice::TimeFault::kNone);
  if (parsed.fault != sluice::TimeFault::kNone) return 0;
  const auto again = sluice::parse_time(sluice::format_time(parsed.time));
  CHECK(again.fault == sluice::TimeFault::kNone && again.time == parsed.time);
  return 0;
}
