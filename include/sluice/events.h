// Listener: what an engine tells the program around it, for logs and metrics. Nothing depends on
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/options.h"
#include "sluice/result.h"
#include "sluice/status.h"

namespace sluice {

struct RecoveryReport {
  uint64_t frames_replayed = 0;
  uint64_t rows_replayed = 0;  ///< that only the log held
  uint64_t log_bytes = 0;
  uint64_t torn_bytes = 0;  ///< cut from the log's end and kept in a quarantine file
  Nanos duration = 0;
};

/// The log ended a segment and goes on in the next: the partitions whose rows it holds are flushed.
/// One a segment.
struct WriteNotification {
  uint32_t shard = 0;
  std::string segment;  ///< the ended segment's file name
  uint64_t last_lsn = 0;
  std::vector<PartitionName> partitions;  ///< sorted
};

struct FlushCompleteEvent {
  TableName table;
  std::vector<std::string> partitions;  ///< PartitionName::partition of those flushed; sorted
  uint64_t rows = 0;
  uint64_t rows_replaced =
      0;  ///< rows that a later row of the same key and time replaced within this flush
  uint64_t parts = 0;
  uint64_t bytes = 0;
  uint64_t version = 0;  ///< the table's metadata version
  Nanos duration = 0;
};

struct SweepEvent {
  TableName table;
  uint64_t objects = 0;  ///< deleted
  uint64_t bytes = 0;
  uint64_t young = 0;    ///< objects that nothing names either, but that are younger than the grace
  bool touched = false;  ///< an empty commit was made before
  Nanos duration = 0;
};

/// Shared with the engine, which calls it from its own threads and from those that open it or
/// change a table, perhaps several at a time. Be quick, do not call the engine, do not throw.
class Listener {
 public:
  virtual ~Listener() = default;
  /// Once, when the log has been replayed.
  virtual void on_recovered(const RecoveryReport&) {}
  virtual void on_segment(const WriteNotification&) {}
  /// The rows are in the table. Before anybody who waits for this flush hears of it.
  virtual void on_flush(const FlushCompleteEvent&) {}
  /// Objects of the table that nothing named were deleted, or none was found.
  virtual void on_sweep(const SweepEvent&) {}
  /// A flush or a commit failed and is tried again as long as it takes, or the table stopped
  /// (kFenced, kCorrupt, kNotFound). Or it could not be swept, and will be tried with the next
  /// round.
  virtual void on_trouble(const TableName&, const Error&) {}
};

}  // namespace sluice
