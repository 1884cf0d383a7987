// An engine in a directory of its own, served by a host; and rows for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "remote/connect.h"
#include "remote/host.h"
#include "sluice/engine.h"

namespace sluice::remote {

inline const TableName kWeather{"demo", "weather"};

inline TableSpec weather_spec() {
  return {{{"station", Type::kString}, {"time", Type::kTimestamp}, {"temp", Type::kDouble}},
          {"station"},
          "time"};
}

inline Batch weather(const std::string& station, int64_t first_second, int rows) {
  BatchBuilder builder(Schema::make(weather_spec().columns).value());
  for (int i = 0; i < rows; ++i) {
    builder.append_row(station, (first_second + i) * kSecond, 0.5 * i);
  }
  return builder.finish().value();
}

/// The encodings of all rows, and the columns before them.
inline std::vector<std::string> rows_of(Cursor& cursor) {
  std::vector<std::string> rows;
  for (const Field& field : cursor.schema()->fields()) rows.push_back(field.name);
  while (const auto batch = cursor.next().value()) rows.emplace_back(as_text(batch->bytes()));
  return rows;
}

inline uint64_t count_rows(Engine& engine, const TableName& name) {
  const auto snapshot = engine.snapshot(name).value();
  const auto cursor = snapshot->scan({}).value();
  uint64_t rows = 0;
  while (const auto batch = cursor->next().value()) rows += batch->rows();
  return rows;
}

class ServedEngine {
 public:
  ServedEngine() {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test.test_suite_name()) + "_" + test.name();
    std::replace(name.begin(), name.end(), '/', '_');
    dir = testing::TempDir() + name;
    std::filesystem::remove_all(dir);
    start();
  }
  ~ServedEngine() {
    stop();
    std::filesystem::remove_all(dir);
  }
  void start() {
    platform = open_local_platform(dir, DirectoryUse::kCreate).value();
    engine = Engine::open(platform->platform(), options).value();
    host = Host::start(*engine, dir).value();
  }
  /// As a server ends: the engine, then its clients.
  void stop() {
    if (engine) static_cast<void>(engine->close());
    host.reset();
    engine.reset();
    platform.reset();
  }

  std::string dir;
  EngineOptions options;
  std::unique_ptr<OwnedPlatform> platform;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Host> host;
};

}  // namespace sluice::remote
