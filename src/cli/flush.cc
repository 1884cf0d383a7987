// `sluice flush`: what the log holds becomes part of the tables.
#include <optional>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/troubles.h"

namespace sluice::cli {
namespace {

struct FlushOptions {
  std::string data_dir;
  ConfigOptions config;
  std::optional<TableName> table;
  ProgressMode progress = ProgressMode::kAuto;
};

std::string flush_line(Engine& engine) {
  const std::string recovery = recovery_line(engine);
  if (!recovery.empty()) return recovery;
  return "flushing: " + format_bytes(engine.status().memory_bytes_used) + " in memory";
}

Result<FlushReport> flush_tables(Engine& engine, const FlushOptions& options) {
  const Activity activity(options.progress, [&engine] { return flush_line(engine); });
  const FlushReport report = TRY(options.table ? engine.flush(*options.table) : engine.flush());
  TRY(engine.close());
  return report;
}

Result<ExitCode> flush(const FlushOptions& options) {
  config::Setup setup = TRY(configure(options.config, config::Defaults::kOfLibrary));
  setup.engine.listener = std::make_shared<Troubles>();
  const OpenEngine open = TRY(
      reach_engine(setup.data_dir, DirectoryUse::kExisting, setup.engine, ProgressMode::kNever));
  const FlushReport report = TRY(flush_tables(*open.engine, options));
  Output output;
  TRY(output.finish(output.write("flushed " + format_count(report.rows) + " rows into " +
                                 format_count(report.parts) + " parts, " +
                                 format_bytes(report.bytes) + "\n")));
  return ExitCode::kDone;
}

}  // namespace

Command make_flush(CLI::App& program) {
  const auto options = std::make_shared<FlushOptions>();
  CLI::App* command = program.add_subcommand("flush", "Write rows of the log into their tables");
  add_data_dir(*command, options->data_dir);
  add_config(*command, options->config);
  command->add_option("TABLE", "Only this table, DATABASE.COLLECTION")
      ->each(read_into(options->table, TableName::parse));
  add_progress(*command, options->progress);
  command->footer(
      "Rows are safe in the log before; a flush makes them visible to other programs.\n\n"
      "Examples:\n"
      "  sluice flush\n"
      "  sluice flush demo.weather");
  return {command, [options] { return flush(*options); }};
}

}  // namespace sluice::cli
