// The reference telemetry of the benchmarks: device, time and four doubles, 48 bytes a row as a
// program holds it (8 + 8 + 4 × 8).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

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

/// A row as a program holds it that has just parsed it.
struct Reading {
  std::array<char, 8> device;
  Nanos time;
  double temp;
  double hum;
  double volt;
  double rssi;
};
static_assert(sizeof(Reading) == 48);

inline constexpr uint64_t kDevices = 1000;
inline constexpr uint64_t kSeconds = 314;  // a period of the values

/// One period of the stream, made when it is first asked for: before any clock starts.
inline const std::vector<Reading>& readings() {
  static const std::vector<Reading> made = [] {
    constexpr Nanos kStart = 1'767'225'600 * kSecond;  // 2026-01-01
    constexpr double kTurn = 2 * 3.14159265358979323846 / kSeconds;
    std::vector<Reading> period;
    for (uint64_t i = 0; i < kDevices * kSeconds; ++i) {
      const auto second = static_cast<Nanos>(i / kDevices);
      const double wander = std::sin(static_cast<double>(second) * kTurn + double(i % kDevices));
      Reading reading{{}, kStart + second * kSecond, 0, 0, 0, 0};
      const std::string device = std::to_string(10'000 + i % kDevices);
      std::copy_n(("dev-" + device.substr(1)).begin(), 8, reading.device.begin());
      reading.temp = std::round(200 + 50 * wander) / 10;
      reading.hum = std::round(400 + 200 * wander) / 10;
      reading.volt = std::round(330 + 10 * wander) / 100;
      reading.rssi = -40 - static_cast<double>((i * 7919) % 50);
      period.push_back(reading);
    }
    return period;
  }();
  return made;
}

inline void append(BatchBuilder& to, std::span<const Reading> rows, Nanos later) {
  for (const Reading& r : rows) to.append_bytes(0, {r.device.data(), r.device.size()});
  for (const Reading& r : rows) to.append_timestamp(1, r.time + later);
  for (const Reading& r : rows) to.append_double(2, r.temp);
  for (const Reading& r : rows) to.append_double(3, r.hum);
  for (const Reading& r : rows) to.append_double(4, r.volt);
  for (const Reading& r : rows) to.append_double(5, r.rssi);
}

/// Rows [first, first + rows) of an endless stream: 1000 devices in turn, one reading a second
/// each, values with one or two decimals that wander. Their encoding is all that it costs.
inline Batch telemetry(BatchBuilder& builder, uint64_t first, uint32_t rows) {
  const std::span<const Reading> period = readings();
  while (rows > 0) {
    const uint64_t at = first % period.size();
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(rows, period.size() - at));
    const auto later = static_cast<Nanos>(first / period.size() * kSeconds) * kSecond;
    append(builder, period.subspan(at, count), later);
    first += count;
    rows -= count;
  }
  return builder.finish().value();
}

inline Batch telemetry(const SchemaPtr& schema, uint64_t first, uint32_t rows) {
  BatchBuilder builder(schema);
  return telemetry(builder, first, rows);
}

inline void require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
  std::exit(1);
}

}  // namespace sluice::bench
