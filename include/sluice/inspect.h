// Inspection of a data directory that no engine has open, or that one has: nothing here writes.
#pragma once

#include <string>
#include <vector>

#include "sluice/engine.h"
#include "sluice/platform.h"
#include "sluice/result.h"

namespace sluice {

struct Finding {
  Error error;          ///< kCorrupt, kNotFound, kUnsupported, kIo
  std::string object;   ///< segment file or object key
  uint64_t offset = 0;  ///< bytes
};

struct VerifyReport {
  uint64_t segments = 0;
  uint64_t frames = 0;
  uint64_t log_bytes = 0;
  uint64_t torn_bytes = 0;  ///< behind the log's accepted end; not damage
  uint64_t tables = 0;
  uint64_t snapshots = 0;
  uint64_t parts = 0;
  uint64_t rows = 0;
  std::vector<Finding> findings;
};

/// Reads and checks everything: every frame of the log, and of every table the metadata, marks,
/// manifest lists, manifests and parts (each page decoded, rows and bytes counted against the
/// manifest).
Result<VerifyReport> verify(Platform platform);

/// The committed tables, without the log's lock: rows that a running engine has not flushed are not
/// seen. A table that cannot be read says so in its `trouble`.
Result<std::vector<TableDescription>> committed_tables(Platform platform);
/// A view of one committed table, without the log's lock.
Result<std::unique_ptr<Snapshot>> committed_snapshot(Platform platform, const TableName& name);

}  // namespace sluice
