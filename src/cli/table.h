// `sluice table` and its subcommands: what an operator does to one table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/report.h"
#include "sluice/sweep.h"
#include "sluice/table_change.h"

namespace sluice::cli {

struct TableOptions {
  std::string data_dir;
  ConfigOptions config;  ///< of the verbs that write
  ReportFormat format = ReportFormat::kText;
  std::optional<TableName> table;
  TableSpec spec;                     ///< of create
  std::vector<SchemaChange> changes;  ///< of alter
  ExpireOptions expire;
  std::optional<Nanos> older_than;  ///< of expire: an age
  Tag tag;
  bool remove_tag = false;
  uint64_t snapshot_id = 0;  ///< of rollback
  SweepOptions sweep;
};

Result<ExitCode> create_table(const TableOptions& options);
Result<ExitCode> alter_table(const TableOptions& options);
Result<ExitCode> expire_snapshots(const TableOptions& options);
Result<ExitCode> sweep_table(const TableOptions& options);
Result<ExitCode> tag_snapshot(const TableOptions& options);
Result<ExitCode> roll_back(const TableOptions& options);
Result<ExitCode> relocate_table(const TableOptions& options);
Result<ExitCode> describe_table(const TableOptions& options);
Result<ExitCode> show_history(const TableOptions& options);
Result<ExitCode> show_table_snapshots(const TableOptions& options);

/// A column as it is declared: "note string", "n int", "note:string".
struct DeclaredColumn {
  Field field;
  bool narrow = false;
};
/// Types are bool, int, long, float, double, string, binary and timestamp.
Result<DeclaredColumn> parse_declared_column(std::string_view text);
/// "a=b".
Result<SchemaChange> parse_rename(std::string_view text);
/// "n", or "n=long".
Result<SchemaChange> parse_widening(std::string_view text);
/// "reject", "keep", "refuse".
Result<SchemaChange> parse_policy(std::string_view text);
/// "90 s", "15m", "12h", "7d".
Result<Nanos> parse_age(std::string_view text);

}  // namespace sluice::cli
