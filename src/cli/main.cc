// The program `sluice`: finds the command, runs it, and turns its error into a sentence and an exit
// code.
#include <csignal>

#include "cli/command.h"
#include "cli/output.h"

namespace sluice::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 failed, 2 usage, 3 corruption found.\n"
    "Help for a command: sluice COMMAND --help";

int report(const Result<ExitCode>& verdict) {
  if (verdict.ok()) return static_cast<int>(*verdict);
  const Error& error = verdict.error();
  print_note(to_sentence(error));
  const bool is_corrupt = error.code() == Code::kCorrupt;
  return static_cast<int>(is_corrupt ? ExitCode::kCorruption : ExitCode::kFailed);
}

int report_parse(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return program.exit(error);  // --help and --version
  const auto chosen = program.get_subcommands();
  print_note(std::string(error.what()) + "; see: " + program_call() +
             (chosen.empty() ? "" : " " + chosen.front()->get_name()) + " --help");
  return static_cast<int>(ExitCode::kUsage);
}

int run(int argc, char** argv) {
  // A reader that goes away is an error of write(), which ends a command in its own time.
  std::signal(SIGPIPE, SIG_IGN);
  set_program_call(argv[0]);
  CLI::App program("Sluice: a crash-safe write path from events to Iceberg tables", "sluice");
  program.set_version_flag("--version", "sluice " SLUICE_VERSION);
  program.require_subcommand(1);
  program.footer(kExitCodes);
  const Command commands[] = {make_ingest(program),  make_query(program), make_tables(program),
                              make_inspect(program), make_flush(program), make_verify(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse(program, error);
  }
  for (const Command& command : commands) {
    if (command.options->parsed()) return report(command.run());
  }
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  return sluice::cli::run(argc, argv);
}
