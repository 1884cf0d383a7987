// Reading: a data directory opened for a command that only reads.
#pragma once

#include <memory>
#include <string>

#include "cli/progress.h"
#include "sluice/engine.h"
#include "sluice/platform.h"
#include "sluice/result.h"

namespace sluice::cli {

/// What can be read, in the order of their lives.
struct OpenReading {
  std::unique_ptr<OwnedPlatform> platform;
  std::unique_ptr<Engine> engine;  ///< null: only what is committed can be read
  std::unique_ptr<Activity> recovery;
};

/// Opens the engine, or that of the server, so that rows are shown that only the log holds. When it
/// does not open (another process has the directory, the log is damaged, nothing can be written
/// there), the committed tables are still served: a note says so and why, and nothing is changed.
Result<OpenReading> open_reading(const std::string& data_dir);

/// Of the engine or, if it cannot give one because of the log, of the committed table: with a note.
Result<std::unique_ptr<Snapshot>> open_snapshot(const OpenReading& reading, const TableName& table);

}  // namespace sluice::cli
