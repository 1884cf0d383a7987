// AtomicFlushWriter: rows become Parquet objects, and visible, all at once or not at all; across
// crashes, lost answers and repetitions. It needs no engine: a Runtime, a Disk and a Bucket are
// enough.
//
//   prepare   the intent is durable on the Disk, then the parts in the Bucket; nothing is visible
//   commit    alone: the flush is marked committed on the Disk, and committed_blocks() tells of it
//             until the caller, who keeps a manifest, has cleared it. With a table: it is one
//             commit of the table, and nothing is left to do
//   rollback  the parts are gone when it returns ok
//   recover   after a crash: what was prepared is checked, finished, rebuilt, or reported
//
// A flush has one of these states, and a call that does not fit it is told so:
//
//   state        commit_flush              rollback_flush
//   prepared     ok                        ok
//   committed    kExists (kCommitted)      kInvalid (kCommitted)
//   rolled back  kInvalid (kRolledBack)    kExists (kRolledBack)
//   unknown      kNotFound (kUnknownFlush) kNotFound (kUnknownFlush)
//   in hands     kBusy (kInProgress)       kBusy (kInProgress)
//   unfinished   kInvalid (kUnprepared)    ok
//
// In hands: another thread is at it. Unfinished: its prepare ended midway; recovery may rebuild it.
// A rollback that ended with an error has begun: commit_flush answers kInvalid (kUnknownOutcome, or
// kRolledBack once it is sure). With a table and after a crash, ok may stand for kExists: the flush
// is in the table, once. A flush is known while it has a file on the Disk; settled ones also for
// the rest of this opening, the last kSettledMax of them. Besides, any call may answer
//   kIo, kFull, kBusy  it may be called again: nothing is lost, nothing doubled by that. After
//                      (kUnknownOutcome) of commit_flush it may be committed: to commit it again or
//                      to roll it back finds out first
//   kCorrupt, kNotFound (where() is an object's key): a part is short, wrong, foreign or gone
//   kFenced            with a table: another opening took over, or this Disk is a copy: stop
//   kConflict          with a table: some, not all, of these LSNs are in it already; or (kDeadline)
//                      it was prepared half a day ago or earlier, so a sweep may take its parts:
//                      recover it, or roll it back and prepare it anew
//
// When which partition is flushed, with how many threads, and what happens when it fails, a
// FlushWorkerPool decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/block.h"
#include "sluice/flush_worker_pool.h"
#include "sluice/options.h"
#include "sluice/platform.h"
#include "sluice/wal_entry.h"

namespace sluice {

/// What the rows of a flush are, for those who number them.
struct FlushRange {
  uint64_t min_lsn = 0;
  uint64_t max_lsn = 0;  ///< at least min_lsn; at most 2^63 - 1
  uint64_t seq = 0;      ///< the caller's, kept as it is
  friend bool operator==(const FlushRange&, const FlushRange&) = default;
};

/// Rows once more, for a flush whose parts are damaged. The same rows as the first time, in the
/// same form and order.
struct FlushRows {
  std::vector<Batch> batches;
  std::vector<WalEntry> entries;      ///< if there are no batches
  std::shared_ptr<const void> owner;  ///< keeps alive what the entries point to
};

/// What becomes of a value that does not fit its column, or has none.
enum class Misfit : uint8_t {
  kRefuse,  ///< the flush is refused: kInvalid, where() is the column, found() the entry's index
  kKeep,    ///< it is kept, as JSON, in the column `_rest`, and its column is null
};

/// With a table: what the LSNs of flushes promise.
enum class LsnRule : uint8_t {
  /// Each row has one LSN, for ever: rows whose LSNs are in the table already are recognised,
  /// whoever prepared them and when.
  kUnique,
  /// They are numbers of several sources, or of none: only the flush itself is recognised.
  kFree,
  /// Each row has one LSN within its WalEntry::source, for ever. Those that are in the table, and
  /// those that a flush has twice, are left out of it; whichever others come with them. Batches
  /// have no source: of them as kUnique.
  kPerSource,
};

struct AtomicFlushWriterOptions {
  /// Alone: where the parts are, `<location>/data/<flush id>-<attempt>-<n>.parquet`.
  std::string location;
  /// With a table: which one. It must exist, unless `create` says what to make.
  std::optional<TableName> table;
  std::optional<TableSpec> create;

  LsnRule lsn_rule = LsnRule::kUnique;
  Misfit misfit = Misfit::kRefuse;
  /// Gives the rows of a flush again; empty: damaged flushes are failed ones. Called by
  /// recover_pending_flushes only.
  std::function<Result<FlushRows>(const FlushRange&)> rows_of;

  uint64_t row_group_bytes = 16ull << 20;  ///< encoded, of Parquet; 64 KiB to 1 GiB
  uint64_t part_bytes = 192ull << 20;      ///< a part is ended at this size; 64 KiB to 1 TiB
  int zstd_level = 1;                      ///< of Parquet pages; 1 to 19
  Nanos retry_min = 50 * kMillisecond;     ///< of the table commit; 1 ns to 365 days
  Nanos retry_max = 5 * kSecond;
  /// How long a commit asks for its outcome before it answers kIo (kUnknownOutcome); 1 ns to 365
  /// days.
  Nanos commit_timeout = 60 * kSecond;
  uint32_t tries = 3;  ///< of a part whose put fails with kIo or kBusy; 1 to 100
};

struct AtomicFlushResult {
  std::string flush_id;  ///< 32 hex digits
  FlushRange range;
  uint64_t rows = 0;
  uint64_t rows_known = 0;  ///< of prepare_flush: rows that it was given and left out (kPerSource)
  std::vector<BlockMetadata> blocks;
};

/// A flush that needs a person, or another try.
struct FailedFlush {
  std::string name;  ///< the flush id; of a file that cannot be read, its name on the Disk
  Error reason;
};

struct FlushRecoveryResult {
  std::vector<AtomicFlushResult> recovered;  ///< prepared and whole: commit or roll back
  std::vector<AtomicFlushResult> retried;    ///< rebuilt from rows_of: commit or roll back
  std::vector<AtomicFlushResult> committed;  ///< found in the table: done
  std::vector<std::string> rolled_back;      ///< a rollback that had begun: done
  std::vector<FailedFlush> failed;           ///< left as they are, on the Disk and in the Bucket
};

/// Any thread may call any function; flushes of several threads overlap. Holds the rows of a keyed
/// or partitioned table's flush while it prepares it, otherwise a row group.
class AtomicFlushWriter {
 public:
  static constexpr size_t kSettledMax = 10'000;

  /// Locks the Disk's directory for as long as it lives: kBusy (kLocked) if another holds it. With
  /// a table: claims it, so that whoever wrote to it is fenced. Nothing is repaired yet: call
  /// recover_pending_flushes. The platform outlives the writer.
  /// kInvalid: options out of their limits. kCorrupt: the Disk's identity file.
  static Result<std::unique_ptr<AtomicFlushWriter>> open(const Platform& platform,
                                                         AtomicFlushWriterOptions options);
  virtual ~AtomicFlushWriter() = default;

  /// Columns are found by name; a batch may lack some. kInvalid (kNoEntries): "No entries to
  /// flush". kExists (kCommitted): with a table, but not kFree, all
  /// these LSNs are in it: the rows need not be sent again. kInvalid (kSequenceViolation): they are
  /// so old that it is no longer known whether they are; or, of kPerSource, two rows have the same
  /// (where() is the source, found() the index of the second). Any error: nothing is visible, and
  /// nothing is left unless pending_flush_count() says so; then where() is the flush's id.
  virtual Result<AtomicFlushResult> prepare_flush(std::span<const Batch> batches,
                                                  const FlushRange& range) = 0;
  /// Rows as JSON text. The columns are the table's; alone, those of the entries: all integral →
  /// long, any fraction → double, all times → timestamp, all true or false → bool, else string.
  virtual Result<AtomicFlushResult> prepare_flush(std::span<const WalEntry> entries,
                                                  const FlushRange& range) = 0;
  virtual Result<AtomicFlushResult> commit_flush(const std::string& flush_id) = 0;
  virtual Status rollback_flush(const std::string& flush_id) = 0;
  /// Prepare and commit. When the commit fails the flush stays prepared: where() is its id, unless
  /// it names an object.
  Result<AtomicFlushResult> atomic_flush(std::span<const Batch> batches, const FlushRange& range);
  Result<AtomicFlushResult> atomic_flush(std::span<const WalEntry> entries,
                                         const FlushRange& range);

  /// Looks after every flush of an earlier opening, and after those that ended midway. May be
  /// called again, after a crash as well. An error: the Disk or the table cannot be read at all.
  virtual Result<FlushRecoveryResult> recover_pending_flushes() = 0;

  /// Alone: every block of the flushes that are committed and not cleared, in the order of their
  /// commits; again after a crash. The caller takes them into its manifest, durably, and then
  /// clears just these: what was committed meanwhile stays. A crash in between shows them again,
  /// under the same ids. With a table: none.
  virtual std::vector<BlockMetadata> committed_blocks() = 0;
  /// Forgets them, durably on return; blocks that are forgotten already are no error. A flush is
  /// forgotten as a whole: kInvalid (kIncompletePayload) if only some of its blocks are named, and
  /// then nothing is.
  virtual Status clear_committed_blocks(std::span<const BlockMetadata> blocks) = 0;

  virtual bool has_pending_flushes() = 0;
  /// Flushes that are neither committed nor rolled back.
  virtual size_t pending_flush_count() = 0;
};

}  // namespace sluice
