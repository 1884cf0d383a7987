// Embedded append: batches of parsed rows, handed over, to the durable ack and into the table.
//
//   bench_append DIR [ROWS [BATCH_ROWS [MEMORY_MIB]]]
//
// The rows are parsed before the clock starts (15 MB of them, which the peak of the memory counts);
// each batch is encoded inside the measured loop. Ownership: append takes the batch; up to 8 are in
// flight.
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>

#include "bench/in_flight.h"
#include "bench/telemetry.h"
#include "sluice/engine.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace sluice;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + t.tv_usec / 1e6; };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

long peak_rss_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_append DIR [ROWS [BATCH_ROWS [MEMORY_MIB]]]\n");
    return 2;
  }
  const uint64_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000'000;
  const auto batch_rows =
      static_cast<uint32_t>(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 5000);
  EngineOptions options;
  if (argc > 4) options.memory_bytes = std::strtoull(argv[4], nullptr, 10) << 20;

  const auto platform = open_local_platform(argv[1], DirectoryUse::kCreate).value();
  const auto engine = Engine::open(platform->platform(), options).value();
  const TableName table{"bench", "telemetry"};
  bench::require(engine->create_table(table, bench::telemetry_spec()));
  BatchBuilder builder(Schema::make(bench::telemetry_spec().columns).value());
  bench::readings();

  double encoding = 0;
  const double cpu_start = cpu_seconds();
  bench::InFlight window(8);
  const auto start = Clock::now();
  for (uint64_t first = 0; first < rows; first += batch_rows) {
    const auto encode_start = Clock::now();
    Batch batch = bench::telemetry(builder, first, batch_rows);
    encoding += seconds_since(encode_start);
    window.enter();
    bench::require(engine->append(table, std::move(batch), {},
                                  [&](Result<Appended> ack) { window.leave(ack); }));
  }
  window.wait_empty();
  const double acked = seconds_since(start);
  bench::require(engine->flush().ok() ? ok() : engine->flush().error());
  const double flushed = seconds_since(start);
  const double cpu = cpu_seconds() - cpu_start;
  const TableDescription description = engine->describe(table).value();
  const EngineStatus status = engine->status();
  std::printf(
      "rows %llu, batches of %u\n"
      "to the durable ack  %.2f M rows/s (%.2f s)\n"
      "into the table      %.2f M rows/s (%.2f s)\n"
      "encoding            %.2f s of it on the appending thread\n"
      "CPU %.2f s per million rows; peak RSS %ld MiB; syncs %llu; stored %.2f bytes/row\n",
      static_cast<unsigned long long>(rows), batch_rows, rows / acked / 1e6, acked,
      rows / flushed / 1e6, flushed, encoding, cpu / (rows / 1e6), peak_rss_mib(),
      static_cast<unsigned long long>(status.syncs),
      static_cast<double>(description.stored_bytes) / static_cast<double>(rows));
  bench::require(engine->close());
}
