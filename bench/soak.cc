// A long run at a steady rate: is memory flat, and how long after its ack is a row in the table?
//
//   bench_soak DIR [SECONDS [ROWS_PER_SECOND [INTERVAL_MS]]]
//
// Batches of 1 000 rows of the reference telemetry go in turn to two tables and to three days of
// each; a row in a hundred belongs to a day of last year. Every batch is acknowledged by the table:
// freshness is from the call to that ack. A line each ten seconds; the summary last.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/telemetry.h"
#include "sluice/engine.h"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kBatchRows = 1000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// Seconds from call to ack; any thread adds.
class Freshness {
 public:
  void add(double seconds) {
    std::lock_guard lock(mutex_);
    seconds_.push_back(static_cast<float>(seconds));
  }
  float percentile(double share) {
    std::lock_guard lock(mutex_);
    if (seconds_.empty()) return 0;
    std::sort(seconds_.begin(), seconds_.end());
    return seconds_[static_cast<size_t>(share * static_cast<double>(seconds_.size() - 1))];
  }
  size_t count() {
    std::lock_guard lock(mutex_);
    return seconds_.size();
  }

 private:
  std::mutex mutex_;
  std::vector<float> seconds_;
};

Batch moved(const SchemaPtr& schema, const Batch& batch, Nanos by) {
  BatchBuilder builder(schema);
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    builder.append_bytes(0, batch.column(0).bytes(row));
    builder.append_timestamp(1, batch.column(1).int64(row) + by);
    for (size_t column = 2; column < 6; ++column) {
      builder.append_double(column, batch.column(column).real(row));
    }
  }
  return builder.finish().value();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_soak DIR [SECONDS [ROWS_PER_SECOND [INTERVAL_MS]]]\n");
    return 2;
  }
  const double seconds = argc > 2 ? std::atof(argv[2]) : 60;
  const double rate = argc > 3 ? std::atof(argv[3]) : 200'000;
  EngineOptions options;
  options.flush_age = (argc > 4 ? std::atoi(argv[4]) : 1000) * kMillisecond;
  const auto platform = open_local_platform(argv[1], DirectoryUse::kCreate).value();
  const auto engine = Engine::open(platform->platform(), options).value();
  const TableName tables[] = {{"bench", "one"}, {"bench", "two"}};
  for (const TableName& table : tables) {
    bench::require(engine->create_table(table, bench::telemetry_spec()));
  }
  const SchemaPtr schema = Schema::make(bench::telemetry_spec().columns).value();

  Freshness freshness;
  std::vector<double> resident;
  const auto start = Clock::now();
  double next_line = 10;
  for (uint64_t number = 0; seconds_since(start) < seconds; ++number) {
    const Nanos day = 24 * 3600 * kSecond;
    const Nanos by = number % 100 == 99 ? -365 * day : static_cast<Nanos>(number % 3) * day;
    const Batch made = bench::telemetry(schema, number / 6 * kBatchRows, kBatchRows);
    AppendOptions how;
    how.ack = AckClass::kTable;
    const auto called = Clock::now();
    bench::require(engine->append(tables[number / 3 % 2], moved(schema, made, by), how,
                                  [&freshness, called](const Result<Appended>& ack) {
                                    if (!ack.ok()) bench::require(ack.error());
                                    freshness.add(seconds_since(called));
                                  }));
    const double due = static_cast<double>((number + 1) * kBatchRows) / rate;
    const double ahead = due - seconds_since(start);
    if (ahead > 0) std::this_thread::sleep_for(std::chrono::duration<double>(ahead));
    if (seconds_since(start) < next_line) continue;
    next_line += 10;
    const EngineStatus status = engine->status();
    resident.push_back(resident_mib());
    std::printf(
        "%6.0f s  %8.1f M rows  %6.1f MiB resident  %6.1f MiB of rows  %4llu segments  "
        "%6llu flushes  %llu stalls\n",
        seconds_since(start), static_cast<double>(status.rows_appended) / 1e6, resident.back(),
        static_cast<double>(status.memory_bytes_used) / (1 << 20),
        static_cast<unsigned long long>(status.log_segments),
        static_cast<unsigned long long>(status.flushes),
        static_cast<unsigned long long>(status.stalls));
    std::fflush(stdout);
  }
  bench::require(engine->flush().ok() ? ok() : engine->flush().error());
  const size_t third = resident.size() / 3;
  if (third > 0) {
    const auto highest = [&](size_t from, size_t to) {
      return *std::max_element(resident.begin() + static_cast<ptrdiff_t>(from),
                               resident.begin() + static_cast<ptrdiff_t>(to));
    };
    std::printf("highest resident of each third: %.1f, %.1f, %.1f MiB\n", highest(0, third),
                highest(third, 2 * third), highest(2 * third, resident.size()));
  }
  std::printf("freshness of %zu batches: p50 %.2f s, p99 %.2f s, longest %.2f s\n",
              freshness.count(), freshness.percentile(0.5), freshness.percentile(0.99),
              freshness.percentile(1));
  bench::require(engine->close());
}
