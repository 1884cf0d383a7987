#include "cli/command.h"

#include <charconv>

#include "cli/figures.h"
#include "remote/connect.h"

namespace sluice::cli {
namespace {

std::string& called_as() {
  static std::string text = "sluice";
  return text;
}

/// Null: no server has the directory, or none that lets us ask: opening it says what is wrong.
Result<std::unique_ptr<Engine>> find_server(const std::string& data_dir) {
  auto engine = remote::connect(data_dir);
  if (engine.ok()) return engine;
  const Code code = engine.error().code();
  if (code == Code::kNotFound || code == Code::kIo) return std::unique_ptr<Engine>();
  return engine.error().with_context("the server of the directory cannot be asked");
}

void show_recovery(OpenEngine& opened, ProgressMode progress) {
  opened.recovery = std::make_unique<Activity>(
      progress, [engine = opened.engine.get()] { return recovery_line(*engine); });
}

}  // namespace

void set_program_call(std::string_view argv0) {
  called_as() = quote_for_shell(argv0);
}

const std::string& program_call() {
  return called_as();
}

void add_data_dir(CLI::App& command, std::string& data_dir) {
  data_dir = kDefaultDataDir;
  command.add_option("--data-dir", data_dir, "Where the log and the tables are")
      ->envname("SLUICE_DATA_DIR")
      ->type_name("DIR")
      ->capture_default_str();
}

std::string data_dir_argument(const std::string& data_dir) {
  if (data_dir == kDefaultDataDir) return "";
  return " --data-dir " + quote_for_shell(data_dir);
}

void add_progress(CLI::App& command, ProgressMode& mode) {
  add_choice(command, "--progress", mode,
             {{"auto", ProgressMode::kAuto},
              {"always", ProgressMode::kAlways},
              {"never", ProgressMode::kNever}},
             "A line of progress; auto: on a terminal");
}

Result<OnConflict> read_on_conflict(std::string_view word) {
  if (const auto policy = parse_on_conflict(word)) return *policy;
  return Error(Code::kInvalid, std::string("is none of ") + kConflictWords);
}

Result<uint64_t> parse_count(std::string_view text) {
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end == text.data() + text.size()) return count;
  return Error(Code::kInvalid, "is not a whole number");
}

std::string recovery_line(Engine& engine) {
  const EngineStatus status = engine.status();
  if (!status.recovering) return "";
  return "replaying the log: record " + format_count(status.applied_lsn) + " of " +
         format_count(status.durable_lsn);
}

Result<OpenEngine> open_engine(const std::string& data_dir, DirectoryUse use, EngineOptions options,
                               ProgressMode progress, const BucketOptions& tables) {
  OpenEngine opened;
  opened.platform = TRY(open_directory(data_dir, use, tables));
  auto engine = Engine::open(opened.platform->platform(), std::move(options));
  if (!engine.ok() && engine.error().reason() == Reason::kLocked) {
    return engine.error().with_context("another process is at work here, wait for it or stop it");
  }
  opened.engine = TRY(std::move(engine));
  show_recovery(opened, progress);
  return opened;
}

Result<OpenEngine> reach_engine(const std::string& data_dir, DirectoryUse use,
                                EngineOptions options, ProgressMode progress,
                                const BucketOptions& tables) {
  auto served = TRY(find_server(data_dir));
  if (served == nullptr) {
    auto opened = open_engine(data_dir, use, options, progress, tables);
    if (opened.ok() || opened.error().reason() != Reason::kLocked) return opened;
    // A server that has just started has the lock first, and then the socket.
    served = TRY(find_server(data_dir));
    if (served == nullptr) return opened;
  }
  OpenEngine reached;
  reached.platform = TRY(open_directory(data_dir, use, tables));
  reached.engine = std::move(served);
  reached.is_served = true;
  if (options.listener) {
    reached.troubles = std::make_unique<ServedTroubles>(*reached.engine, options.listener);
  }
  show_recovery(reached, progress);
  return reached;
}

}  // namespace sluice::cli
