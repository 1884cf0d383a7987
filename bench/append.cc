// Embedded append: batches of parsed rows, handed over, to the durable ack and into the table.
//
//   bench_append DIR [ROWS [BATCH_ROWS [MEMORY_MIB]]]
//
// The batches are made before the clock starts (parsing is not measured, the columnar encoding is
// the parser's output) unless --encode is the last argument: then each batch is built inside the
// measured loop. Ownership: append takes the batch; up to 8 are in flight.
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>

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

class Window {
 public:
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return in_flight_ < 8; });
    ++in_flight_;
  }
  void leave(const Result<Appended>& ack) {
    if (!ack.ok()) bench::require(ack.error());
    std::lock_guard lock(mutex_);
    --in_flight_;
    changed_.notify_all();
  }
  void wait_empty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return in_flight_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int in_flight_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bool encode = argc > 2 && std::strcmp(argv[argc - 1], "--encode") == 0;
  if (encode) --argc;
  if (argc < 2)
    return std::fprintf(stderr,
                        "usage: bench_append DIR [ROWS [BATCH_ROWS [MEMORY_MIB]]] [--encode]\n"),
           2;
  const uint64_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000'000;
  const auto batch_rows =
      static_cast<uint32_t>(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 5000);
  EngineOptions options;
  if (argc > 4) options.memory_bytes = std::strtoull(argv[4], nullptr, 10) << 20;

  const auto platform = open_local_platform(argv[1], DirectoryUse::kCreate).value();
  const auto engine = Engine::open(platform->platform(), options).value();
  const TableName table{"bench", "telemetry"};
  bench::require(engine->create_table(table, bench::telemetry_spec()));
  const SchemaPtr schema = Schema::make(bench::telemetry_spec().columns).value();

  double building = 0;
  const double cpu_start = cpu_seconds();
  Window window;
  const auto start = Clock::now();
  for (uint64_t first = 0; first < rows; first += batch_rows) {
    const auto build_start = Clock::now();
    Batch batch = bench::telemetry(schema, first, batch_rows);
    building += seconds_since(build_start);
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
  const double without = encode ? 0 : building;
  std::printf(
      "rows %llu, batches of %u, encoding %s\n"
      "to the durable ack  %.2f M rows/s (%.2f s)\n"
      "into the table      %.2f M rows/s (%.2f s)\n"
      "making the batches  %.2f s on the appending thread%s\n"
      "CPU %.2f s per million rows, batches %s; peak RSS %ld MiB; syncs %llu; stored %.2f "
      "bytes/row\n",
      static_cast<unsigned long long>(rows), batch_rows, encode ? "included" : "excluded",
      rows / (acked - without) / 1e6, acked - without, rows / (flushed - without) / 1e6,
      flushed - without, building, encode ? "" : " (subtracted above)",
      (cpu - without) / (rows / 1e6), encode ? "included" : "excluded", peak_rss_mib(),
      static_cast<unsigned long long>(status.syncs),
      static_cast<double>(description.stored_bytes) / static_cast<double>(rows));
  bench::require(engine->close());
}
