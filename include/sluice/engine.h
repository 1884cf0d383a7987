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
// Any thread may call any function, but not from a Completion or a Listener: those run on the
// engine's own threads. The Platform outlives the engine. Destroying an engine without close()
// flushes nothing: rows that are not in their table stay in the log and come back at the next open.
//
// Errors that any call may give: kCancelled (kClosed) once close() has begun; kPoisoned after a
// failed sync: destroy the engine and open again; kFenced, kConflict: the table has another owner
// or writer, it takes nothing more from this engine. A log that fails stops all tables.
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
#include "sluice/status.h"
#include "sluice/sweep.h"
#include "sluice/table_change.h"

namespace sluice {

/// Where a batch comes from, so that it lands once however often it is sent. Positions belong to
/// the table and the source's name; the source sends them rising, and batches with equal positions
/// are equal. A batch whose position is not above the known one is acknowledged as a duplicate,
/// once the first copy is durable, and dropped. After a restart the source goes on behind
/// Engine::source_position().
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
  Nanos timeout = 60 * kSecond;  ///< how long to wait for memory before kBusy (kDeadline); 0: not
};

struct Appended {
  uint64_t lsn = 0;        ///< its place in the log, never given out twice; 0 of a duplicate
  bool duplicate = false;  ///< an earlier send of the same batch is durable already
};
/// What an ack tells. It runs on an engine thread that others wait for: be quick, do not block, do
/// not call the engine, do not throw.
using Completion = std::function<void(Result<Appended>)>;

struct FlushReport {
  uint64_t rows = 0;           ///< that were put into parts
  uint64_t rows_replaced = 0;  ///< that a later row of the same key and time replaced before
  uint64_t partitions = 0;     ///< that had rows to flush, each counted once a flush of it
  uint64_t parts = 0;
  uint64_t bytes = 0;
};

class Engine {
 public:
  /// Takes the log's lock, verifies the newest segment, and starts; older segments are replayed
  /// behind. kInvalid (kOutOfRange): an option out of its limits, where() is its name. kBusy
  /// (kLocked): another process has it. kCorrupt: see `sluice verify`. A table that cannot be
  /// served stops alone: Listener::on_trouble, and every call that names it.
  static Result<std::unique_ptr<Engine>> open(Platform platform, EngineOptions options);
  virtual ~Engine() = default;

  /// Makes the table, or adds to it the columns that it lacks. kInvalid: a name or a specification
  /// that is none (where() is the column); kInvalid (kTypeMismatch): it exists with another key,
  /// time or type.
  virtual Status create_table(const TableName& name, const TableSpec& spec) = 0;
  /// Adds the columns that are absent; kInvalid (kTypeMismatch) if one exists with another type.
  virtual Status add_columns(const TableName& name, const std::vector<Field>& columns) = 0;
  /// Adds, renames, drops and widens columns, all in one commit. Writers of the table wait
  /// meanwhile; what was accepted before is flushed first. Afterwards a batch with a column that is
  /// gone is refused (kUnknownColumn), and the message says what became of it. kInvalid: what the
  /// table cannot become, where() is the column; kBusy (kDeadline): it did not end in time, and
  /// nothing has changed but the flush.
  virtual Status alter(const TableName& name, const std::vector<SchemaChange>& changes,
                       Nanos timeout = 60 * kSecond) = 0;
  /// Names a snapshot, so that it does not expire. kNotFound: no such snapshot is kept; kExists:
  /// the name is another snapshot's; kInvalid: it is no name for a tag.
  virtual Status tag(const TableName& name, const Tag& tag) = 0;
  /// kNotFound: no such tag.
  virtual Status untag(const TableName& name, const std::string& tag) = 0;
  /// Forgets snapshots; their objects go with the next sweep. kInvalid: options that say nothing.
  virtual Result<ExpireReport> expire(const TableName& name, const ExpireOptions& options) = 0;
  /// Makes a kept snapshot current again. Rows that were committed after it are no longer shown,
  /// and do not come back: not from the log, and not by being sent again under their positions.
  /// Rows that are not flushed yet come on top. Any kept snapshot can be made current, later ones
  /// too. kNotFound: no such snapshot is kept.
  virtual Status rollback(const TableName& name, uint64_t snapshot_id) = 0;
  /// Records the place that the table stands at. Engines open a table wherever its directory is
  /// moved to; other programs follow the recorded addresses, also those of earlier snapshots. One
  /// commit; nothing to do if it is recorded already.
  virtual Status relocate(const TableName& name) = 0;
  virtual Result<TableDescription> describe(const TableName& name) = 0;
  /// All tables, sorted by name. One that is damaged or stopped says so in its `trouble` and hides
  /// no other.
  virtual Result<std::vector<TableDescription>> tables() = 0;

  /// Checks the batch and reserves its memory before it returns (with a source, after recovery);
  /// then `done`, if there is one, is called exactly once, perhaps before this returns. After an
  /// error it is never called, and the batch is not in the log. Batches of one thread get rising
  /// LSNs in the order of its calls. kNotFound: no such table. kInvalid: no rows, rows or bytes too
  /// many, or what the table cannot take (reason, where() is the column). kBusy (kDeadline): no
  /// memory in time. To `done`: kFull: free space, then send again; kIo, kPoisoned: unknown whether
  /// the rows come back at the next open.
  virtual Status append(const TableName& name, Batch batch, AppendOptions options,
                        Completion done) = 0;
  /// The same, waiting for the ack.
  virtual Result<Appended> append(const TableName& name, Batch batch,
                                  AppendOptions options = {}) = 0;

  /// Everything accepted before the call is in the table on return. A flush that fails for a reason
  /// that may pass is tried again for as long as it takes, and this waits. Of all tables
  /// that have rows to flush, the first error is returned when each has ended.
  virtual Result<FlushReport> flush(const TableName& name) = 0;
  virtual Result<FlushReport> flush() = 0;

  /// One consistent view of memtables and parts: every row that was durable before the call. Waits
  /// until recovery has replayed the log. It may outlive the engine, not the Platform; the memory
  /// of its unflushed rows is held until it is destroyed, and not counted.
  virtual Result<std::unique_ptr<Snapshot>> snapshot(const TableName& name) = 0;
  /// The highest position of `source` that is durable in this table or its log; 0 if there is none.
  /// Waits for recovery.
  virtual Result<uint64_t> source_position(const TableName& name, const std::string& source) = 0;
  /// All sources of the table, sorted by name.
  virtual Result<std::vector<SourcePosition>> sources(const TableName& name) = 0;

  /// Deletes the objects of the table that nothing names any more and that are older than the grace
  /// (EngineOptions::sweep_interval has it done now and then). Claims the table, unless it is a dry
  /// run. kInvalid (kOutOfRange): the grace. Any error: some may be deleted, and the next sweep
  /// goes on; kCorrupt: something that the table needs cannot be read, nothing was deleted.
  virtual Result<SweepReport> sweep(const TableName& name, const SweepOptions& options) = 0;
  /// Never waits for I/O.
  virtual EngineStatus status() = 0;
  /// Partitions with rows that are in no table yet: those that pin the oldest of the log first, at
  /// most `limit` of them.
  virtual std::vector<PartitionStatus> pending(size_t limit) = 0;
  /// Refuses new appends and flushes what is left, for at most EngineOptions::close_flush; then
  /// stops the threads and closes the log. Rows that were not flushed stay in the log. The first
  /// error, kBusy (kDeadline) if the flush did not end in time; ok at once if it was called before.
  /// Afterwards only snapshots that were taken before are of use.
  virtual Status close() = 0;
};

}  // namespace sluice
