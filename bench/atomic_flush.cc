// The atomic flush writer on a real directory: how long a small durable flush takes, and how many
// small JSON documents a second become durable, committed parts.
//   bench_atomic_flush [DIRECTORY] [DOCUMENTS]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/flush.h"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

double millis_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Spread {
  double p50 = 0;
  double p99 = 0;
};
Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() * 99 / 100]};
}

/// One sync of a block written in place, in the file system of the run.
Spread measure_sync(const std::string& directory) {
  const std::string path = directory + "/sync";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT, 0644);
  const std::string block(4096, 'x');
  std::vector<double> millis;
  for (int i = 0; i < 210; ++i) {
    const auto start = Clock::now();
    if (::pwrite(file, block.data(), block.size(), 0) < 0 || ::fdatasync(file) != 0) std::abort();
    if (i >= 10) millis.push_back(millis_since(start));
  }
  ::close(file);
  return spread_of(millis);
}

template <class T>
T must(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  std::exit(1);
}

std::unique_ptr<OwnedPlatform> fresh_platform(const std::string& directory) {
  std::filesystem::remove_all(directory);
  return must(open_local_platform(directory, DirectoryUse::kCreate));
}

AtomicFlushWriterOptions options_of(bool with_table, const std::vector<Field>& columns) {
  AtomicFlushWriterOptions options;
  if (with_table) {
    options.table = TableName{"bench", "flush"};
    options.create = TableSpec{columns, {}, {}};
  } else {
    options.location = "bench/flush";
  }
  return options;
}

/// 10 columns: long, double, strings of few and of many values.
Batch rows_of_ten_columns(uint32_t rows, uint64_t seed) {
  std::vector<Field> fields = {
      {"id", Type::kInt64}, {"name", Type::kString}, {"state", Type::kString}};
  for (int i = 0; i < 4; ++i) fields.push_back({"real" + std::to_string(i), Type::kDouble});
  for (int i = 0; i < 3; ++i) fields.push_back({"whole" + std::to_string(i), Type::kInt64});
  BatchBuilder builder(must(Schema::make(fields)));
  uint64_t state = seed;
  const auto roll = [&] { return state = state * 6364136223846793005u + 1442695040888963407u; };
  for (uint32_t row = 0; row < rows; ++row) {
    builder.append_int64(0, row);
    builder.append_bytes(1, "user-" + std::to_string(roll() >> 40));
    builder.append_bytes(2, (roll() >> 60) < 8 ? "active" : "idle");
    for (size_t i = 0; i < 4; ++i) builder.append_double(3 + i, double(roll() >> 44) / 16);
    for (size_t i = 0; i < 3; ++i) builder.append_int64(7 + i, int64_t(roll() >> 44));
  }
  return must(builder.finish());
}

void measure_small_flushes(const std::string& directory, bool with_table) {
  constexpr int kFlushes = 200;
  const auto platform = fresh_platform(directory);
  const Batch batch = rows_of_ten_columns(10'000, 1);
  const auto writer = must(AtomicFlushWriter::open(
      platform->platform(), options_of(with_table, batch.schema()->fields())));
  const Spread sync = measure_sync(directory);
  std::vector<double> prepares;
  std::vector<double> whole;
  for (int i = 0; i < kFlushes; ++i) {
    const uint64_t lsn = static_cast<uint64_t>(i) * 10'000 + 1;
    const auto start = Clock::now();
    const auto prepared =
        must(writer->prepare_flush(std::span(&batch, 1), FlushRange{lsn, lsn + 9'999, lsn}));
    const double prepare = millis_since(start);
    must(writer->commit_flush(prepared.flush_id));
    if (i < 10) continue;
    prepares.push_back(prepare);
    whole.push_back(millis_since(start));
  }
  const Spread flush = spread_of(whole);
  std::printf(
      "%-10s  10000 rows x 10: prepare p50 %.2f ms, prepare+commit p50 %.2f ms p99 %.2f ms"
      " (%.1f x fdatasync p50 %.2f ms p99 %.2f ms)\n",
      with_table ? "with table" : "alone", spread_of(prepares).p50, flush.p50, flush.p99,
      flush.p50 / sync.p50, sync.p50, sync.p99);
}

/// Documents as the original's benchmark has them: a number, a name, a mail address, a state.
std::vector<std::string> make_documents(size_t count) {
  std::vector<std::string> documents;
  documents.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    documents.push_back("{\"id\":" + number + ",\"name\":\"User " + number + "\",\"email\":\"user" +
                        number + "@example.com\",\"active\":" + (i % 2 == 0 ? "true" : "false") +
                        ",\"score\":" + std::to_string(i % 1000) + ".5}");
  }
  return documents;
}

void measure_documents(const std::string& directory, bool with_table, size_t count,
                       size_t flush_entries) {
  const std::vector<std::string> documents = make_documents(count);
  std::vector<WalEntry> entries;
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    WalEntry entry;
    entry.lsn = i + 1;
    entry.timestamp_ms = 1'700'000'000'000 + static_cast<int64_t>(i / 100);
    entry.json = documents[i];
    entries.push_back(entry);
    bytes += documents[i].size();
  }
  const auto platform = fresh_platform(directory);
  const std::vector<Field> columns = {{"id", Type::kInt64},
                                      {"name", Type::kString},
                                      {"email", Type::kString},
                                      {"active", Type::kBool},
                                      {"score", Type::kDouble}};
  const auto writer =
      must(AtomicFlushWriter::open(platform->platform(), options_of(with_table, columns)));
  const auto start = Clock::now();
  for (size_t at = 0; at < count; at += flush_entries) {
    const size_t end = std::min(count, at + flush_entries);
    must(writer->atomic_flush(std::span(entries).subspan(at, end - at),
                              FlushRange{at + 1, end, at / flush_entries}));
  }
  const double seconds = millis_since(start) / 1000;
  constexpr double kOriginalBest = 103'000;
  std::printf(
      "%-10s  %zu documents of %.0f B in flushes of %zu: %.2f M documents/s, %.0f MB/s, "
      "%.1f x 103 k\n",
      with_table ? "with table" : "alone", count, double(bytes) / double(count), flush_entries,
      double(count) / seconds / 1e6, double(bytes) / seconds / 1e6,
      double(count) / seconds / kOriginalBest);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "bench-flush";
  const size_t count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2'000'000;
  for (const bool with_table : {false, true}) {
    measure_small_flushes(directory, with_table);
    measure_documents(directory, with_table, count, 10'000);
    measure_documents(directory, with_table, count, 1'000'000);
  }
  std::filesystem::remove_all(directory);
  return 0;
}
