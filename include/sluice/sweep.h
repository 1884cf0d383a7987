// Sweep: what removing the objects of a table that nothing names any more did, or would do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/options.h"
#include "sluice/runtime.h"

namespace sluice {

struct SweepOptions {
  /// Younger objects are left alone; 1 minute to 365 days. Unset: EngineOptions::sweep_grace. A
  /// shorter one asks that no other process reads the table for longer than that, and that nobody
  /// else may still be writing to it.
  std::optional<Nanos> grace;
  /// Changes nothing, and goes by this machine's clock.
  bool dry_run = false;
};

struct SweptObject {
  std::string key;  ///< of an unfinished object: the name that it has meanwhile
  uint64_t bytes = 0;
  Nanos age = 0;
};

struct SweepReport {
  TableName table;
  bool dry_run = false;
  uint64_t version = 0;  ///< of the table's metadata, when it was looked at
  bool touched = false;  ///< an empty commit was made, so that what is deleted cannot come back
  uint64_t objects = 0;  ///< below the table's prefix, and their bytes
  uint64_t bytes = 0;
  // Why objects stayed.
  uint64_t named = 0;    ///< by a version that is kept, a snapshot, a tag, or an open reader
  uint64_t young = 0;    ///< named by nothing, but younger than the grace
  uint64_t pending = 0;  ///< work of this process will name them
  uint64_t foreign = 0;  ///< not made by Sluice: never touched
  /// Deleted, or to be deleted. A version of the metadata is `vN.metadata.json`.
  std::vector<SweptObject> swept;
  uint64_t swept_bytes = 0;
};

}  // namespace sluice
