#include "cli/reading.h"
#include "cli/directory.h"

#include "cli/command.h"
#include "cli/output.h"
#include "sluice/inspect.h"

namespace sluice::cli {
namespace {

void note_missing_rows(const Error& error) {
  if (error.reason() == Reason::kLocked) {
    return print_note(
        "another process has the directory open: rows it has not flushed are not shown");
  }
  const bool is_damage = error.code() == Code::kCorrupt;
  print_note("WARNING: the log cannot be opened, so rows that are not flushed are not shown: " +
                 to_sentence(error) + (is_damage ? "; `sluice verify` says more" : ""),
             Tone::kWarning);
}

}  // namespace

Result<OpenReading> open_reading(const std::string& data_dir) {
  OpenReading reading;
  auto reached = reach_engine(data_dir, DirectoryUse::kExisting);
  if (reached.ok()) {
    reading.platform = std::move(reached->platform);
    reading.engine = std::move(reached->engine);
    reading.recovery = std::move(reached->recovery);
    return reading;
  }
  // What is wrong with the directory itself ends the command.
  reading.platform = TRY(open_directory(data_dir, DirectoryUse::kExisting));
  note_missing_rows(reached.error());
  return reading;
}

Result<std::unique_ptr<Snapshot>> open_snapshot(const OpenReading& reading,
                                                const TableName& table) {
  const Platform platform = reading.platform->platform();
  if (reading.engine == nullptr) return committed_snapshot(platform, table);
  auto snapshot = reading.engine->snapshot(table);
  if (snapshot.ok() || snapshot.error().code() == Code::kNotFound) return snapshot;
  auto committed = committed_snapshot(platform, table);
  if (!committed.ok()) return snapshot;
  note_missing_rows(snapshot.error());
  return committed;
}

}  // namespace sluice::cli
