// Ingest beside others, in one run: batches of the reference telemetry, each durable when it is
// acknowledged.
//
//   bench_ingest DIR [ROWS [ROUNDS]]
//
//   raw     the encoded batch into a preallocated file, one pwrite and fdatasync each: the floor
//   sqlite  a prepared insert a row, one transaction a batch; WAL, synchronous = FULL
//   sluice  Engine::append, up to 8 batches in flight; then flushed into the table
//
// The three take turns in every round; figures are medians over the rounds. ROWS are those of a
// round with batches of 5 000; with batches of 100 it is a tenth of them.
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "bench/in_flight.h"
#include "bench/telemetry.h"
#include "sluice/engine.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace sluice;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "bench_ingest: %s failed\n", what.c_str());
  std::exit(1);
}

struct Load {
  std::string directory;
  uint64_t rows = 0;
  uint32_t batch_rows = 0;
};

SchemaPtr schema() {
  return Schema::make(bench::telemetry_spec().columns).value();
}

double run_raw(const Load& load) {
  const std::string path = load.directory + "/raw";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT, 0644);
  require(file >= 0, "open " + path);
  const std::string zeros(1 << 20, '\0');
  for (uint64_t at = 0; at < load.rows * 64; at += zeros.size()) {
    require(::pwrite(file, zeros.data(), zeros.size(), static_cast<off_t>(at)) > 0, "preallocate");
  }
  require(::fsync(file) == 0, "fsync");
  BatchBuilder builder(schema());
  off_t at = 0;
  const auto start = Clock::now();
  for (uint64_t first = 0; first < load.rows; first += load.batch_rows) {
    const Batch batch = bench::telemetry(builder, first, load.batch_rows);
    const ByteView bytes = batch.bytes();
    require(::pwrite(file, bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size()),
            "write");
    at += static_cast<off_t>(bytes.size());
    require(::fdatasync(file) == 0, "fdatasync");
  }
  const double seconds = seconds_since(start);
  ::close(file);
  return static_cast<double>(load.rows) / seconds;
}

void run_sql(sqlite3* database, const char* statement) {
  require(sqlite3_exec(database, statement, nullptr, nullptr, nullptr) == SQLITE_OK, statement);
}

void insert(sqlite3_stmt* insertion, const bench::Reading& row, Nanos later) {
  sqlite3_bind_text(insertion, 1, row.device.data(), static_cast<int>(row.device.size()),
                    SQLITE_STATIC);
  sqlite3_bind_int64(insertion, 2, row.time + later);
  sqlite3_bind_double(insertion, 3, row.temp);
  sqlite3_bind_double(insertion, 4, row.hum);
  sqlite3_bind_double(insertion, 5, row.volt);
  sqlite3_bind_double(insertion, 6, row.rssi);
  require(sqlite3_step(insertion) == SQLITE_DONE, "insert");
  sqlite3_reset(insertion);
}

double run_sqlite(const Load& load) {
  sqlite3* database = nullptr;
  require(sqlite3_open((load.directory + "/sqlite").c_str(), &database) == SQLITE_OK, "open");
  run_sql(database, "PRAGMA journal_mode = WAL");
  run_sql(database, "PRAGMA synchronous = FULL");
  run_sql(database,
          "CREATE TABLE telemetry(device TEXT, time INTEGER, temp REAL, hum REAL, volt REAL, rssi "
          "REAL)");
  sqlite3_stmt* insertion = nullptr;
  require(sqlite3_prepare_v2(database, "INSERT INTO telemetry VALUES (?, ?, ?, ?, ?, ?)", -1,
                             &insertion, nullptr) == SQLITE_OK,
          "prepare");
  const auto& period = bench::readings();
  const auto start = Clock::now();
  for (uint64_t first = 0; first < load.rows; first += load.batch_rows) {
    run_sql(database, "BEGIN");
    for (uint64_t row = first; row < first + load.batch_rows; ++row) {
      const auto turn = static_cast<Nanos>(row / period.size() * bench::kSeconds);
      insert(insertion, period[row % period.size()], turn * kSecond);
    }
    run_sql(database, "COMMIT");
  }
  const double seconds = seconds_since(start);
  sqlite3_finalize(insertion);
  sqlite3_close(database);
  return static_cast<double>(load.rows) / seconds;
}

struct Speed {
  double acked = 0;
  double in_table = 0;
};

Speed run_sluice(const Load& load) {
  const auto platform =
      open_local_platform(load.directory + "/sluice", DirectoryUse::kCreate).value();
  const auto engine = Engine::open(platform->platform(), {}).value();
  const TableName table{"bench", "telemetry"};
  bench::require(engine->create_table(table, bench::telemetry_spec()));
  BatchBuilder builder(schema());
  bench::InFlight in_flight(8);
  const auto start = Clock::now();
  for (uint64_t first = 0; first < load.rows; first += load.batch_rows) {
    Batch batch = bench::telemetry(builder, first, load.batch_rows);
    in_flight.enter();
    bench::require(engine->append(table, std::move(batch), {},
                                  [&](Result<Appended> ack) { in_flight.leave(ack); }));
  }
  in_flight.wait_empty();
  Speed speed;
  speed.acked = static_cast<double>(load.rows) / seconds_since(start);
  const auto flushed = engine->flush();
  if (!flushed.ok()) bench::require(flushed.error());
  speed.in_table = static_cast<double>(load.rows) / seconds_since(start);
  bench::require(engine->close());
  return speed;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const std::string& directory, uint64_t rows, uint32_t batch_rows, int rounds) {
  std::map<std::string, std::vector<double>> speeds;
  for (int round = 0; round < rounds; ++round) {
    const Load load{directory + "/" + std::to_string(batch_rows) + "-" + std::to_string(round),
                    rows, batch_rows};
    std::filesystem::create_directories(load.directory);
    speeds["raw"].push_back(run_raw(load));
    speeds["sqlite"].push_back(run_sqlite(load));
    const Speed sluice = run_sluice(load);
    speeds["sluice, acknowledged"].push_back(sluice.acked);
    speeds["sluice, in the table"].push_back(sluice.in_table);
    std::filesystem::remove_all(load.directory);
  }
  const double peer = median(speeds["sqlite"]);
  std::printf("batches of %u, %llu rows, median of %d rounds\n", batch_rows,
              static_cast<unsigned long long>(rows), rounds);
  for (const auto& [name, values] : speeds) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    std::printf("  %-22s %8.0f k rows/s  (%.0f to %.0f)  %.2f x sqlite\n", name.c_str(),
                median(values) / 1e3, *least / 1e3, *most / 1e3, median(values) / peer);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: bench_ingest DIR [ROWS [ROUNDS]]\n"), 2;
  const uint64_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 4'000'000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  bench::readings();
  compare(argv[1], rows, 5000, rounds);
  compare(argv[1], rows / 10, 100, rounds);
}
