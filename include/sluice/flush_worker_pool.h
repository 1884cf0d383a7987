// FlushWorkerPool: who flushes which partition of a log, and when. For those who keep a log of
// their own and put it into tables by parts; the engine has its own way.
//
//   auto pool = TRY(FlushWorkerPool::start(runtime, {}, [&](const std::string& partition) {
//     return put_into_table(partition);         // everything that the log holds of it by now
//   }));
//   TRY(pool->admit("app:events:2026-01-31"));  // before a write: waits, or says busy
//   TRY(pool->wrote("app:events:2026-01-31", rows));
//   TRY(pool->flush_all());                     // what was written before is in the table
//
// A partition is any text. Its worker is made by what is told of it, and gone as soon as nothing is
// left to do: it is an entry of a table, not a thread, so ten thousand of them cost some megabytes.
// What is told while its worker goes is told to a new one, so nothing is lost in between.
//
// A partition is flushed   at once when it is notified (the log has ended a segment with rows of
//                          it), or when so many records are pending
//                          when its oldest pending record is so old
//                          when somebody waits for it: flush(), flush_all(), close()
// It is flushed by one thread at a time; two partitions do not wait for each other, as long as
// there are threads. A flush that fails is tried again, with pauses that double up to a limit,
// until it succeeds, whether or not anything more is written.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice {

struct FlushWorkerPoolOptions {
  uint32_t threads = 2;                 ///< flushes at a time; 1 to 64
  uint64_t max_records = 50'000;        ///< pending ones that make a partition due; above 0
  Nanos interval = 300 * kSecond;       ///< age of the oldest pending one that does; above 0
  Nanos retry_min = 50 * kMillisecond;  ///< above 0
  Nanos retry_max = 30 * kSecond;       ///< at least retry_min
  Nanos close_wait = 30 * kSecond;      ///< what close() may take; 0: it flushes nothing
  // When work piles up, admit() lets nobody write more.
  uint64_t partition_records_max = 1'000'000;  ///< pending ones of a partition; above 0
  uint64_t partitions_max = 100'000;           ///< with something pending; above 0
};

/// Flushes everything that the partition has pending when it is called; how many records that were.
/// It may take its time. Whatever the error, it is called again. It runs on a thread of the pool:
/// it may call wrote(), notify() and status(), nothing else of the pool, and throws nothing.
using FlushPartition = std::function<Result<uint64_t>(const std::string& partition)>;

/// What a call of flush() or flush_all() waited for; flushes that others asked for count, too.
struct FlushedPartitions {
  uint64_t partitions = 0;
  uint64_t records = 0;
};

struct FlushWorkerStatus {
  std::string partition;
  uint64_t pending_records = 0;  ///< those under way count
  Nanos age = 0;                 ///< of the oldest
  bool flushing = false;
  uint32_t failures = 0;  ///< since it was last flushed
  Nanos retry_in = 0;
  std::optional<Error> trouble;  ///< of the last failure
};

struct FlushWorkerPoolStatus {
  uint64_t workers = 0;   ///< partitions with something pending
  uint64_t flushing = 0;  ///< of these
  uint64_t failing = 0;   ///< of these
  uint64_t pending_records = 0;
  Nanos oldest_age = 0;
  uint64_t flushes = 0;  ///< that succeeded
  uint64_t flushed_records = 0;
  std::map<Code, uint64_t> retries;  ///< by cause
};

/// Any thread may call any function.
class FlushWorkerPool {
 public:
  /// `runtime` outlives the pool. kInvalid (kOutOfRange): an option, where() is its name.
  static Result<std::unique_ptr<FlushWorkerPool>> start(Runtime& runtime,
                                                        FlushWorkerPoolOptions options,
                                                        FlushPartition flush);
  virtual ~FlushWorkerPool() = default;  ///< close(), then waits for flushes that still run

  // kCancelled (kClosed), of all that follow: close() was called.

  /// Waits until the partition may take more. kBusy (kDeadline): not in time; nothing is written.
  virtual Status admit(std::string_view partition, Nanos timeout = 0) = 0;
  /// So many records of the partition are in the log. Never waits for a flush, never refuses for
  /// want of room: what is written is flushed.
  virtual Status wrote(std::string_view partition, uint64_t records) = 0;
  /// The partition is to be flushed now, unless it waits for another try already.
  virtual Status notify(std::string_view partition) = 0;

  /// Everything that was told of the partition before is flushed on return; a flush that failed is
  /// tried again at once. Calls at the same time share flushes; nothing pending costs nothing.
  /// kBusy (kDeadline): not in time, and why; the flush goes on.
  virtual Result<FlushedPartitions> flush(std::string_view partition,
                                          Nanos timeout = 60 * kSecond) = 0;
  virtual Result<FlushedPartitions> flush_all(Nanos timeout = 60 * kSecond) = 0;

  virtual FlushWorkerPoolStatus status() = 0;
  /// At most `limit` workers, those with the oldest records first.
  virtual std::vector<FlushWorkerStatus> workers(size_t limit) = 0;

  /// Takes nothing more, and flushes what is pending for at most close_wait. kBusy (kDeadline): not
  /// all; their records are the log's, and a flush that runs may still end. ok at once if it was
  /// called before.
  virtual Status close() = 0;
};

}  // namespace sluice
