// Command: what the subcommands of `sluice` share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/directory.h"
#include "cli/progress.h"
#include "cli/served_troubles.h"
#include "sluice/engine.h"
#include "sluice/platform.h"
#include "sluice/result.h"

namespace sluice::cli {

enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kCorruption = 3,
};

/// A subcommand: its options as the parser knows them, and what it does once they are read. An
/// error of run() is reported by main, which makes the exit code of it.
struct Command {
  CLI::App* options;
  std::function<Result<ExitCode>()> run;
};
Command make_ingest(CLI::App& program);
Command make_query(CLI::App& program);
Command make_tables(CLI::App& program);
Command make_flush(CLI::App& program);
Command make_table(CLI::App& program);
Command make_verify(CLI::App& program);
Command make_inspect(CLI::App& program);
Command make_serve(CLI::App& program);
Command make_config(CLI::App& program);
Command make_wal(CLI::App& program);

/// How the user called the program, fit to be pasted into a shell: "sluice", "build/run/sluice".
void set_program_call(std::string_view argv0);
const std::string& program_call();

inline constexpr std::string_view kDefaultDataDir = "./sluice-data";
void add_data_dir(CLI::App& command, std::string& data_dir);
/// " --data-dir DIR" for a command line to be pasted; empty for the default.
std::string data_dir_argument(const std::string& data_dir);

/// For CLI::Option::each(): reads the option's text with `parse`, whose error is a usage error.
template <class T, class Parse>
std::function<void(const std::string&)> read_into(T& into, Parse parse) {
  return [&into, parse](const std::string& text) {
    auto parsed = parse(text);
    if (!parsed.ok()) throw CLI::ValidationError("\"" + text + "\"", parsed.error().message());
    into = *std::move(parsed);
  };
}

/// An option that may be given several times: each value is parsed, then taken.
template <class Parse, class Take>
CLI::Option* add_each(CLI::App& command, const std::string& name, const std::string& type,
                      const std::string& description, Parse parse, Take take) {
  const auto read = [parse, take](const std::string& text) {
    auto parsed = parse(text);
    if (!parsed.ok()) throw CLI::ValidationError("\"" + text + "\"", parsed.error().message());
    take(*std::move(parsed));
  };
  return command.add_option(name, description)
      ->each(read)
      ->type_name(type)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

inline constexpr const char* kConflictWords = "reject|keep|refuse";
Result<OnConflict> read_on_conflict(std::string_view word);

/// An option whose text is one of a few words.
template <class T>
void add_choice(CLI::App& command, const std::string& name, T& into, const Choices<T>& choices,
                const std::string& description) {
  std::string words;
  for (const auto& [word, value] : choices) words += (words.empty() ? "" : "|") + word;
  const auto parse = [choices, words](const std::string& text) -> Result<T> {
    for (const auto& [word, value] : choices) {
      if (word == text) return value;
    }
    return Error(Code::kInvalid, "is none of " + words);
  };
  command.add_option(name, description)->each(read_into(into, parse))->type_name(words);
}

void add_progress(CLI::App& command, ProgressMode& mode);

/// A whole number: digits only.
Result<uint64_t> parse_count(std::string_view text);

/// How far the engine has replayed its log; empty once it has.
std::string recovery_line(Engine& engine);

/// An engine and what it stands on, in the order of their lives.
struct OpenEngine {
  std::unique_ptr<OwnedPlatform> platform;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Activity> recovery;  ///< shows recovery_line()
  std::unique_ptr<ServedTroubles> troubles;
  bool is_served = false;  ///< the engine is a server's: our options and listener do not count
};
/// kBusy (kLocked): another process has the directory open.
Result<OpenEngine> open_engine(const std::string& data_dir, DirectoryUse use,
                               EngineOptions options = {},
                               ProgressMode progress = ProgressMode::kAuto,
                               const BucketOptions& tables = {});
/// The same; or, where a server has the directory, its engine, through its socket.
Result<OpenEngine> reach_engine(const std::string& data_dir, DirectoryUse use,
                                EngineOptions options = {},
                                ProgressMode progress = ProgressMode::kAuto,
                                const BucketOptions& tables = {});

}  // namespace sluice::cli
