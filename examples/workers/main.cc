// Partitions of a log of one's own, flushed by a pool of workers: a day of rows is an atomic flush.
//   workers DIRECTORY
#include <sluice/flush.h>

#include <deque>
#include <iostream>
#include <map>
#include <mutex>

namespace {

using namespace sluice;

/// Stands for a log: rows by the partition they go to, until they are flushed.
class Log {
 public:
  void append(const std::string& partition, std::string json) {
    const std::lock_guard lock(mutex_);
    rows_[partition].push_back({++lsn_, std::move(json)});
  }
  /// Views of its rows; valid until they are forgotten.
  std::vector<WalEntry> rows(const std::string& partition) {
    const std::lock_guard lock(mutex_);
    std::vector<WalEntry> entries;
    for (const Row& row : rows_[partition]) {
      entries.emplace_back().lsn = row.lsn;
      entries.back().json = row.json;
    }
    return entries;
  }
  /// The first so many rows are in the table.
  void forget(const std::string& partition, size_t count) {
    const std::lock_guard lock(mutex_);
    std::deque<Row>& rows = rows_[partition];
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count));
  }

 private:
  struct Row {
    uint64_t lsn;
    std::string json;
  };
  std::mutex mutex_;
  std::map<std::string, std::deque<Row>> rows_;
  uint64_t lsn_ = 0;
};

Status write_and_flush(const std::string& directory) {
  const auto platform = TRY(open_local_platform(directory, DirectoryUse::kCreate));
  AtomicFlushWriterOptions place;
  place.location = "app/events";
  const auto writer = TRY(AtomicFlushWriter::open(platform->platform(), place));
  Log log;
  const auto flush_partition = [&](const std::string& partition) -> Result<uint64_t> {
    const std::vector<WalEntry> rows = log.rows(partition);
    if (rows.empty()) return uint64_t{0};
    const FlushRange range{.min_lsn = rows.front().lsn, .max_lsn = rows.back().lsn, .seq = 0};
    TRY(writer->atomic_flush(rows, range));
    log.forget(partition, rows.size());
    return rows.size();
  };

  Runtime& runtime = *platform->platform().runtime;
  FlushWorkerPoolOptions options;
  options.interval = 60 * kSecond;
  const auto pool = TRY(FlushWorkerPool::start(runtime, options, flush_partition));
  for (int row = 0; row < 300; ++row) {
    const std::string partition = "app:events:2026-01-0" + std::to_string(1 + row % 3);
    TRY(pool->admit(partition, kSecond));  // waits, if flushes cannot keep up
    log.append(partition, "{\"row\": " + std::to_string(row) + "}");
    TRY(pool->wrote(partition, 1));  // flushed when it is many, or old, or notified
  }
  const FlushedPartitions flushed = TRY(pool->flush_all());  // all that was told before is flushed
  std::cout << flushed.records << " rows of " << flushed.partitions << " partitions\n";
  return pool->close();
}

}  // namespace

int main(int argc, char** argv) {
  const Status done = write_and_flush(argc > 1 ? argv[1] : "sluice-events");
  if (!done.ok()) std::cerr << done.error().to_string() << "\n";
  return done.ok() ? 0 : 1;
}
