// The program `sluice`: finds the command, runs it, and turns its error into a sentence and an exit
// code.
#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <span>

#include "cli/color.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/status.h"
#include "config/nearest.h"
#include "sluice/platform.h"
#include "sluice/version.h"

namespace sluice::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 failed, 2 usage, 3 corruption found.\n"
    "Help for a command: sluice COMMAND --help, or sluice help COMMAND";

std::string version_text() {
  const FormatVersions formats = format_versions();
  return "sluice " + std::string(version()) + "\nformats: directory " +
         std::to_string(formats.directory) + ", log " + std::to_string(formats.log) + ", table " +
         std::to_string(formats.table);
}

int report(const Result<ExitCode>& verdict) {
  if (verdict.ok()) return static_cast<int>(*verdict);
  const Error& error = verdict.error();
  print_note(to_sentence(error), Tone::kError);
  const bool is_corrupt = error.code() == Code::kCorrupt;
  return static_cast<int>(is_corrupt ? ExitCode::kCorruption : ExitCode::kFailed);
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// The innermost command that was named.
const CLI::App& chosen_of(const CLI::App& program) {
  const auto chosen = program.get_subcommands();
  return chosen.empty() ? program : chosen_of(*chosen.front());
}

/// What is wrong with the command line; a word that is no command, if it comes to that.
std::string sentence_of(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& chosen = chosen_of(program);
  const std::vector<std::string> commands = commands_of(chosen);
  const std::vector<std::string> extras = program.remaining(true);
  if (commands.empty() || extras.empty() || extras.front().starts_with('-')) return error.what();
  const std::string near = config::nearest(extras.front(), commands);
  return "there is no command \"" + extras.front() + "\"" +
         (near.empty() ? "" : "; did you mean \"" + near + "\"?");
}

int report_parse(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {  // --help and --version
    program.exit(error);
    if (std::cout.flush()) return static_cast<int>(ExitCode::kDone);
    print_note("cannot write [standard output]", Tone::kError);
    return static_cast<int>(ExitCode::kFailed);
  }
  const CLI::App& chosen = chosen_of(program);
  std::string command = program_call();
  if (&chosen != &program) {
    const std::string outer =
        chosen.get_parent() == &program ? "" : chosen.get_parent()->get_name();
    command += (outer.empty() ? " " : " " + outer + " ") + chosen.get_name();
  }
  const std::string sentence = sentence_of(program, error);
  const char* joint = sentence.ends_with('?') ? " See: " : "; see: ";
  print_note(sentence + joint + command + " --help", Tone::kError);
  return static_cast<int>(ExitCode::kUsage);
}

/// `sluice help COMMAND ...` is `sluice COMMAND ... --help`.
std::vector<std::string> words_of(std::span<char*> arguments) {
  std::vector<std::string> words(arguments.begin(), arguments.end());
  if (words.empty() || words.front() != "help") return words;
  words.erase(words.begin());
  words.push_back("--help");
  return words;
}

/// A file must not be given the number of a stream that the caller has closed: what is printed
/// would land in it. Such a stream fails when it is used, as if it were still closed.
void hold_closed_streams() {
  for (const int stream : {0, 1, 2}) {
    if (fcntl(stream, F_GETFD) >= 0) continue;
    static_cast<void>(open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY));
  }
}

int run(std::span<char*> arguments) {
  hold_closed_streams();
  // A reader that goes away is an error of write(), which ends a command in its own time.
  std::signal(SIGPIPE, SIG_IGN);
  set_program_call(arguments.front());
  CLI::App program("Sluice: a crash-safe write path from events to Iceberg tables", "sluice");
  program.set_version_flag("--version", version_text());
  program.require_subcommand(1);
  program.fallthrough();
  program.footer(kExitCodes);
  ColorMode colors = ColorMode::kAuto;
  add_choice(
      program, "--color", colors,
      {{"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}},
      "Colors; auto: on a terminal, unless NO_COLOR is set");
  const Command commands[] = {make_serve(program),  make_ingest(program),  make_query(program),
                              make_tables(program), make_inspect(program), make_flush(program),
                              make_table(program),  make_verify(program),  make_config(program),
                              make_status(program), make_wal(program)};
  try {
    std::vector<std::string> words = words_of(arguments.subspan(1));
    std::reverse(words.begin(), words.end());  // the parser takes them from the back
    program.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    choose_colors(colors);
    return report_parse(program, error);
  }
  choose_colors(colors);
  for (const Command& command : commands) {
    if (command.options->parsed()) return report(command.run());
  }
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  return sluice::cli::run({argv, static_cast<size_t>(argc)});
}
