// The reference telemetry of the benchmarks: device, time and four doubles, 48 bytes a row as a
// program holds it (8 + 8 + 4 × 8).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include "sluice/batch.h"
#include "sluice/options.h"

namespace sluice::bench {

inline TableSpec telemetry_spec() {
  return {{{"device", Type::kString},
           {"time", Type::kTimestamp},
           {"temp", Type::kDouble},
           {"hum", Type::kDouble},
           {"volt", Type::kDouble},
           {"rssi", Type::kDouble}},
          {"device"},
          "time"};
}

/// Rows [first, first + rows) of an endless stream: 1000 devices in turn, one reading a second
/// each, values with one or two decimals that wander.
inline Batch telemetry(const SchemaPtr& schema, uint64_t first, uint32_t rows) {
  constexpr Nanos kStart = 1'767'225'600 * kSecond;  // 2026-01-01
  BatchBuilder builder(schema);
  char device[9];
  for (uint64_t i = first; i < first + rows; ++i) {
    const auto number = static_cast<unsigned>(i % 1000);
    std::snprintf(device, sizeof device, "dev-%04u", number);
    const double wander = std::sin(static_cast<double>(i / 1000) / 50 + number);
    builder.append_bytes(0, {device, 8});
    builder.append_timestamp(1, kStart + static_cast<Nanos>(i / 1000) * kSecond);
    builder.append_double(2, std::round(200 + 50 * wander) / 10);
    builder.append_double(3, std::round(400 + 200 * wander) / 10);
    builder.append_double(4, std::round(330 + 10 * wander) / 100);
    builder.append_double(5, -40 - static_cast<double>((i * 7919) % 50));
  }
  return builder.finish().value();
}

inline void require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
  std::exit(1);
}

}  // namespace sluice::bench
