// `sluice inspect` and its topics: each reads a directory or a file, takes no lock, changes
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/report.h"

namespace sluice::cli {

struct InspectOptions {
  std::string data_dir;
  ReportFormat format = ReportFormat::kText;
  std::optional<TableName> table;
  uint64_t snapshot_id = 0;  ///< 0: the newest
  std::string file;
  uint64_t limit = UINT64_MAX;  ///< frames; or groups, and devices
  std::optional<std::string> device;
  std::optional<uint64_t> group;
};

Result<ExitCode> show_log(const InspectOptions& options);
Result<ExitCode> show_pending(const InspectOptions& options);
Result<ExitCode> show_parts(const InspectOptions& options);
Result<ExitCode> show_snapshots(const InspectOptions& options);
Result<ExitCode> show_marks(const InspectOptions& options);
Result<ExitCode> show_groups(const InspectOptions& options);
Result<ExitCode> show_part(const InspectOptions& options);
Result<ExitCode> show_segment(const InspectOptions& options);

}  // namespace sluice::cli
