// Recovery: seconds per GB of log, and how soon the engine acknowledges again.
//
//   bench_recover DIR [ROWS]
//
// A child process appends ROWS rows while its bucket takes no parts, and dies without closing; the
// parent opens the directory and waits until every row is visible.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "bench/telemetry.h"
#include "engine/faulty_bucket_fixture.h"
#include "sluice/engine.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace sluice;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

EngineOptions options_for_much_in_the_log() {
  EngineOptions options;
  options.memory_bytes = 64ull << 30;
  options.table_log_bytes = 1ull << 40;
  return options;
}

void write_and_die(const char* dir, uint64_t rows) {
  const auto platform = open_local_platform(dir, DirectoryUse::kCreate).value();
  Platform seams = platform->platform();
  FaultyBucket bucket(*seams.bucket);
  bucket.set_rule(takes_no_parts());
  seams.bucket = &bucket;
  auto engine = Engine::open(seams, options_for_much_in_the_log()).value();
  const TableName table{"bench", "telemetry"};
  bench::require(engine->create_table(table, bench::telemetry_spec()));
  const SchemaPtr schema = Schema::make(bench::telemetry_spec().columns).value();
  for (uint64_t first = 0; first < rows; first += 5000) {
    const auto ack = engine->append(table, bench::telemetry(schema, first, 5000), {});
    if (!ack.ok()) bench::require(ack.error());
  }
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: bench_recover DIR [ROWS]\n"), 2;
  const uint64_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20'000'000;
  if (const pid_t child = fork(); child == 0) {
    write_and_die(argv[1], rows);
  } else {
    int state = 0;
    waitpid(child, &state, 0);
    if (state != 0) return 1;
  }
  const auto platform = open_local_platform(argv[1], DirectoryUse::kExisting).value();
  const TableName table{"bench", "telemetry"};
  const SchemaPtr schema = Schema::make(bench::telemetry_spec().columns).value();
  const Batch one_row = bench::telemetry(schema, rows, 1);
  const auto start = Clock::now();
  const auto engine = Engine::open(platform->platform(), {}).value();
  const double opened = seconds_since(start);
  const double log_gb = static_cast<double>(engine->status().log_bytes) / 1e9;
  const auto ack = engine->append(table, one_row, {});
  if (!ack.ok()) bench::require(ack.error());
  const double first_ack = seconds_since(start);
  const auto position = engine->source_position(table, "none");  // waits for the end of replay
  if (!position.ok()) bench::require(position.error());
  const double recovered = seconds_since(start);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "log %.2f GB: open %.0f ms, first durable ack %.0f ms, replayed in %.2f s\n"
      "= %.2f s/GB under a memory limit of 256 MiB; peak RSS %ld MiB\n",
      log_gb, opened * 1e3, first_ack * 1e3, recovered, recovered / log_gb, usage.ru_maxrss / 1024);
}
