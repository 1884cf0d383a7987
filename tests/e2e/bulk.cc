// Much telemetry, for the tests of memory.
//
//   bulk csv ROWS [DAYS]   on standard output, about 50 bytes a row; in turn to so many days
//   bulk log DIR ROWS      into the log of DIR alone, then dies as a killed process does
//
// Row i is of device i mod 1000 at second i / 1000: no two rows have the same key and time.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/faulty_bucket_fixture.h"
#include "sluice/engine.h"
#include "sluice/time_text.h"

namespace {

using namespace sluice;

constexpr uint64_t kDevices = 1000;
constexpr Nanos kStart = 1'767'225'600 * kSecond;  // 2026-01-01
constexpr uint32_t kBatchRows = 5000;

struct Reading {
  std::string device;
  Nanos time;
  double temp;
  double volt;
  int64_t count;
};

Reading reading(uint64_t row) {
  const uint64_t device = row % kDevices;
  const uint64_t second = row / kDevices;
  std::string name = std::to_string(kDevices + device);
  name.replace(0, 1, "dev-");
  return {std::move(name), kStart + static_cast<Nanos>(second) * kSecond,
          static_cast<double>((second + device * 37) % 700) / 10,
          3 + static_cast<double>((row * 7919) % 100) / 100, static_cast<int64_t>(row)};
}

void append_number(std::string& text, auto number) {
  char digits[32];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void print_csv(uint64_t rows, uint64_t days) {
  constexpr Nanos kDay = 24 * 3600 * kSecond;
  std::string text = "device,time,temp,volt,count\n";
  std::string time;
  for (uint64_t row = 0; row < rows; ++row) {
    const Reading now = reading(row);
    const Nanos shift = static_cast<Nanos>(row % days) * kDay;
    if (row % kDevices == 0 || days > 1) time = format_time(now.time + shift);
    text.append(now.device).append(1, ',').append(time).append(1, ',');
    append_number(text, now.temp);
    text += ',';
    append_number(text, now.volt);
    text += ',';
    append_number(text, now.count);
    text += '\n';
    if (text.size() < 1u << 20 && row + 1 < rows) continue;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) std::exit(1);
    text.clear();
  }
  if (std::fflush(stdout) != 0) std::exit(1);
}

Batch batch_of(const SchemaPtr& schema, uint64_t first, uint64_t end) {
  BatchBuilder rows(schema);
  for (uint64_t row = first; row < end; ++row) {
    const Reading now = reading(row);
    rows.append_bytes(0, now.device);
    rows.append_timestamp(1, now.time);
    rows.append_double(2, now.temp);
    rows.append_double(3, now.volt);
    rows.append_int64(4, now.count);
  }
  return rows.finish().value();
}

void fill_log(const char* dir, uint64_t rows) {
  EngineOptions options;
  options.memory_bytes = 64ull << 30;
  options.table_log_bytes = 1ull << 40;
  const TableSpec spec{{{"device", Type::kString},
                        {"time", Type::kTimestamp},
                        {"temp", Type::kDouble},
                        {"volt", Type::kDouble},
                        {"count", Type::kInt64}},
                       {"device"},
                       "time"};
  const auto platform = open_local_platform(dir, DirectoryUse::kCreate).value();
  Platform seams = platform->platform();
  FaultyBucket bucket(*seams.bucket);
  bucket.set_rule(takes_no_parts());
  seams.bucket = &bucket;
  const auto engine = Engine::open(seams, options).value();
  const TableName table{"bulk", "telemetry"};
  if (!engine->create_table(table, spec).ok()) std::exit(1);
  const SchemaPtr schema = Schema::make(spec.columns).value();
  for (uint64_t first = 0; first < rows; first += kBatchRows) {
    const Batch batch = batch_of(schema, first, std::min<uint64_t>(first + kBatchRows, rows));
    if (!engine->append(table, batch, {}).ok()) std::exit(1);
  }
  std::printf("%llu\n", static_cast<unsigned long long>(engine->status().log_bytes));
  std::fflush(stdout);
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if ((argc == 3 || argc == 4) && std::strcmp(argv[1], "csv") == 0) {
    print_csv(std::strtoull(argv[2], nullptr, 10),
              argc == 4 ? std::max<uint64_t>(std::strtoull(argv[3], nullptr, 10), 1) : 1);
  } else if (argc == 4 && std::strcmp(argv[1], "log") == 0) {
    fill_log(argv[2], std::strtoull(argv[3], nullptr, 10));
  } else {
    std::fprintf(stderr, "usage: bulk csv ROWS [DAYS] | bulk log DIR ROWS\n");
    return 2;
  }
}
