// Engine: the whole write path in one object. Append batches, flush them into Iceberg tables, read
// them back.
//
//   auto platform = TRY(open_local_platform("./sluice-data", DirectoryUse::kCreate));
//   auto engine = TRY(Engine::open(platform->platform(), {}));
//   TRY(engine->create_table(name, spec));
//   TRY(engine->append(name, batch));          // returns when the rows survive a power cut
//   TRY(engine->flush());                      // returns when they are in the table
//   auto snapshot = TRY(engine->snapshot(name));
//
// Any thread may call any function. Destroying an engine closes it; rows that are not flushed stay
// in the log and come back at the next open.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/events.h"
#include "sluice/options.h"
#include "sluice/platform.h"
#include "sluice/result.h"
#include "sluice/snapshot.h"

namespace sluice {

/// Where a batch comes from, so that it lands once however often it is sent. The source sends
/// positions that only rise; a batch whose position is not above the known one is acknowledged and
/// dropped.
struct SourcePosition {
  std::string source;     ///< 1 to 128 bytes
  uint64_t position = 0;  ///< position after this batch, 1 or more
  /// Position before this batch. If it lies above the known one, a batch in between was refused:
  /// kInvalid (kSequenceViolation: expected() known, found() this), send again from expected().
  /// Needed by those who keep several batches of a source in flight; 0: not checked.
  uint64_t previous = 0;
};

struct AppendOptions {
  AckClass ack = AckClass::kLog;
  std::optional<SourcePosition> source;
  Nanos timeout = 60 * kSecond;  ///< how long to wait for memory before kBusy (kDeadline)
};

struct Appended {
  uint64_t lsn = 0;        ///< 0 if the batch was a duplicate
  bool duplicate = false;  ///< an earlier send of the same batch is durable already
};
using Completion = std::function<void(Result<Appended>)>;

struct FlushReport {
  uint64_t rows = 0;
  uint64_t rows_replaced = 0;
  uint64_t parts = 0;
  uint64_t bytes = 0;
};

struct EngineStatus {
  uint64_t durable_lsn = 0;
  uint64_t applied_lsn = 0;
  uint64_t memory_bytes_used = 0;
  uint64_t log_bytes = 0;
  uint64_t log_segments = 0;
  uint64_t syncs = 0;
  uint64_t appends = 0;
  bool recovering = false;
};

class Engine {
 public:
  /// Takes the log's lock, verifies the newest segment, and starts; older segments are replayed
  /// behind. kBusy (kLocked): another process has it. kCorrupt: see `sluice verify`. kFenced is
  /// reported per table.
  static Result<std::unique_ptr<Engine>> open(Platform platform, EngineOptions options);
  virtual ~Engine() = default;

  /// ok if the table exists with the same key and time and its columns include these.
  virtual Status create_table(const TableName& name, const TableSpec& spec) = 0;
  /// Adds the columns that are absent; kInvalid (kTypeMismatch) if one exists with another type.
  virtual Status add_columns(const TableName& name, const std::vector<Field>& columns) = 0;
  virtual Result<TableDescription> describe(const TableName& name) = 0;
  /// All tables, sorted by name. One that is damaged or stopped says so in its `trouble` and hides
  /// no other.
  virtual Result<std::vector<TableDescription>> tables() = 0;

  /// Checks the batch and reserves its memory before it returns; `done` is called exactly once,
  /// from an engine thread, unless this returns an error. Errors of the batch: kInvalid with the
  /// reason and the column.
  virtual Status append(const TableName& name, Batch batch, AppendOptions options,
                        Completion done) = 0;
  /// The blocking wrapper.
  virtual Result<Appended> append(const TableName& name, Batch batch,
                                  AppendOptions options = {}) = 0;

  /// Everything accepted before the call is in the table on return; of all tables, the first error
  /// is returned when each has ended.
  virtual Result<FlushReport> flush(const TableName& name) = 0;
  virtual Result<FlushReport> flush() = 0;

  /// One consistent view of memtables and parts. Waits until recovery has replayed the log.
  virtual Result<std::unique_ptr<Snapshot>> snapshot(const TableName& name) = 0;
  /// The highest position of `source` that is durable in this table or its log; 0 if there is none.
  /// Waits for recovery.
  virtual Result<uint64_t> source_position(const TableName& name, const std::string& source) = 0;
  /// All sources of the table, sorted by name.
  virtual Result<std::vector<SourcePosition>> sources(const TableName& name) = 0;

  virtual EngineStatus status() = 0;
  /// Refuses new appends and flushes what is left, for at most EngineOptions::close_flush; then
  /// stops the threads and closes the log. Rows that were not flushed stay in the log. The first
  /// error; ok at once if it was called before.
  virtual Status close() = 0;
};

}  // namespace sluice
