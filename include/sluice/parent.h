// LakehouseWriter: entries of many sources into one table, each row once, without an engine.
//
//   receive   entries are copied into a buffer: in memory, so acknowledge nothing yet
//   flush     what was received, or entries of the caller, become blocks and one commit of the
//             table. `persisted` is said when they are in it, durably
//   retry     what could not be persisted stays with the writer, and the next flush or
//             retry_pending_blocks() tries again; a crash loses what was only `buffered`
//
// A row is (WalEntry::source, WalEntry::lsn). Whoever heard nothing, or is told to wait, sends
// again whatever he likes, in other portions too: rows that the table has, or that a crash left
// prepared, are recognised (LsnRule::kPerSource). It stands on AtomicFlushWriter (flush.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/block.h"
#include "sluice/buffer_strategy.h"
#include "sluice/cdc.h"
#include "sluice/flush.h"
#include "sluice/options.h"
#include "sluice/platform.h"

namespace sluice {

enum class FlushStatus : uint8_t {
  kPersisted,  ///< the rows are in the table, durably
  kBuffered,   ///< they are with this writer and nowhere else: `error` says why
  kEmpty,      ///< there were none
};
std::string_view to_string(FlushStatus status);  ///< "persisted", "buffered", "empty"

/// A row that no try will store. It is not in the table, the others of its flush are.
struct DeadLetter {
  std::string source;
  std::string row_id;
  uint64_t lsn = 0;
  std::string json;
  Error reason{Code::kInvalid, ""};
};

struct FlushResult {
  FlushStatus status = FlushStatus::kEmpty;
  uint64_t row_count = 0;    ///< rows that are in the table now, those that it had already included
  uint64_t known_count = 0;  ///< of these: rows that it had already
  std::vector<BlockMetadata> blocks;  ///< that this call made visible
  std::string block_path;             ///< key of the first one; empty: none
  Nanos duration = 0;
  bool retry_scheduled = false;  ///< next_alarm_time() is the time of a retry
  std::vector<DeadLetter> dead_letters;
  std::optional<Error> error;  ///< of `buffered`
};

enum class CompactStatus : uint8_t { kCompleted, kSkipped, kFailed };
struct CompactResult {
  CompactStatus status = CompactStatus::kSkipped;
  uint64_t blocks_merged = 0;
  std::optional<Error> error;
};

struct RetryResult {
  uint64_t succeeded = 0;  ///< pending blocks that are settled now
  uint64_t failed = 0;     ///< that are still pending
  std::vector<DeadLetter> dead_letters;
};

enum class Health : uint8_t { kHealthy, kDegraded, kUnhealthy };
struct LakehouseStats {
  CdcBufferStats buffer;
  uint64_t pending_blocks = 0;  ///< flushes that wait for a retry
  uint64_t pending_entries = 0;
  uint64_t pending_bytes = 0;
  uint64_t flushes = 0;         ///< that said `persisted`
  uint64_t rows_persisted = 0;  ///< rows that the table had already left out
  uint64_t rows_known = 0;
  uint64_t dead_letters = 0;
  double pressure = 0;
  Nanos suggested_delay = 0;  ///< what receive() tells senders; 0: none
  /// Unhealthy above 10 pending blocks; degraded above none, or above 50,000 buffered entries.
  Health health = Health::kHealthy;
};

/// Called by the thread of the call that they are about, after it; they may call the writer.
struct WriterHooks {
  std::function<void(const FlushResult&)> on_flush;  ///< of flushes that were not empty
  std::function<void(const CompactResult&)> on_compact;
};

struct WriterOptions {
  Bucket* bucket = nullptr;    ///< of the table
  Disk* disk = nullptr;        ///< of the intents of flushes; this writer's alone
  Runtime* runtime = nullptr;  ///< the three outlive the writer
  /// Where the table is: at least two names joined by '/', of which the last two are of
  /// [A-Za-z0-9_-], those before them names of keys (io.h): "com/example/users". At most 300 bytes.
  std::string table_path;
  PartitionMode partition_mode = PartitionMode::kDoSqlite;
  uint64_t buffer_size = 10'000;       ///< entries that make a flush due
  Nanos buffer_timeout = 5 * kSecond;  ///< age of the first entry that does
  /// Bytes of all that the writer holds: a limit that is never exceeded.
  uint64_t max_buffer_size = 128ull << 20;
  // 0: of the mode.
  uint64_t block_target_bytes = 0;           ///< from 64 KiB
  uint64_t block_bytes_max = 0;              ///< a row that needs more is a dead letter
  uint32_t max_retries = 3;                  ///< of a put that fails, within a call
  Nanos retry_backoff = 100 * kMillisecond;  ///< doubled each time
  Nanos commit_timeout = 60 * kSecond;       ///< as in flush.h
  /// What a table that is not there yet shall be. Nothing: append-only, with the columns of its
  /// first flush; what they do not hold is kept in `_rest`.
  std::optional<TableSpec> create;
  Misfit misfit = Misfit::kKeep;
  LsnRule lsn_rule = LsnRule::kPerSource;
  /// Decides when a flush is due. Nothing: by buffer_size, the target of a block, buffer_timeout.
  std::shared_ptr<BufferStrategy> strategy;
  WriterHooks hooks;
};

enum class WriterPreset : uint8_t { kBase, kExample, kEdgeCache, kEnterprise };
/// Buffer and mode: 10,000 entries in 5 s, 5,000 in 3 s, 50,000 in 30 s, 100,000 in 60 s; the first
/// two do-sqlite.
WriterOptions writer_options(WriterPreset preset);

/// Any thread may call any function. Flushes are done one after the other.
class LakehouseWriter {
 public:
  /// Takes over from whoever wrote to the table, and settles what a crash left prepared: what is
  /// whole is committed. kInvalid (kOutOfRange), where() is the option. Others as
  /// AtomicFlushWriter::open().
  static Result<std::unique_ptr<LakehouseWriter>> open(WriterOptions options);
  virtual ~LakehouseWriter() = default;

  /// All of them or none; ok says that they are in memory. kInvalid: no source; or as
  /// CdcBuffer::add(). kBusy: the buffer is full, or under pressure (Reason::kDeadline): wait
  /// found() milliseconds, then send them again.
  virtual Status receive(std::string_view source, std::span<const WalEntry> entries) = 0;
  /// What is pending, then what was received.
  virtual FlushResult flush() = 0;
  /// What is pending, then these, past the buffer. An error: none of them is taken. kInvalid: as
  /// receive(), but for the source. kBusy: there is no room to keep them if need be.
  virtual Result<FlushResult> flush(std::span<const WalEntry> entries) = 0;
  virtual RetryResult retry_pending_blocks() = 0;
  /// Not yet: kSkipped with kUnsupported.
  virtual CompactResult compact() = 0;

  virtual bool should_flush() = 0;
  virtual std::optional<Nanos> time_to_flush() = 0;
  /// When to call flush(), on the Runtime's monotonic clock: when one is due; while blocks are
  /// pending, 30 s after they were last tried, for nothing goes past them. Nothing: not by time.
  /// Calls and rows that come meanwhile do not push it back.
  virtual std::optional<Nanos> next_alarm_time() = 0;
  virtual LakehouseStats stats() = 0;
};

}  // namespace sluice
