// sluice-sim: worlds from seeds, until one of them breaks a promise.
//
//   sluice-sim --seed N [--crash-at K] [--trace]    one world; the line a failure prints
//   sluice-sim --seeds FROM..TO                     these worlds
//   sluice-sim --seconds S [--seeds FROM..]         new worlds for that long
//   --world KIND             engine, duel, flush, wal; default: engines and duels mixed
//   --sweep-faults           of the world wal: each operation of a life fails once, in each way
//   --jobs J                 processes
//   --crashes N              crashes looked into in each life
//   --check-determinism      every world twice, and both must have the same hash
//   --expect-violation       for a simulator with a planted bug: to find it is to do well
//
// Exit code: 0 all is well, 1 a violation (or none, where one is expected), 2 usage.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/world.h"

namespace sluice::sim {
namespace {

constexpr size_t kTapeLinesShown = 200;

struct Command {
  WorldOptions world;
  uint64_t first_seed = 1;
  uint64_t last_seed = 1;
  double seconds = 0;
  uint64_t jobs = 1;
  bool checks_determinism = false;
  bool expects_violation = false;
};

/// What all processes share.
struct Progress {
  std::atomic<uint64_t> next_seed{0};
  std::atomic<uint64_t> runs{0};
  std::atomic<uint64_t> crash_states{0};
  std::atomic<uint64_t> operations{0};
  std::atomic<bool> failed{false};
};

std::string program_name = "sluice-sim";

// For the handler of a crash: what repeats it.
char replay_line[128];

void say_where(int signal_number) {
  const std::string_view text = "the simulated program crashed; replay: ";
  // Nothing can be done about a failed write here.
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  written = write(STDERR_FILENO, replay_line, std::strlen(replay_line));
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool parse_range(std::string_view text, Command& command) {
  const size_t dots = text.find("..");
  const auto first = parse_number(text.substr(0, dots));
  if (!first || dots == std::string_view::npos) return false;
  const std::string_view rest = text.substr(dots + 2);
  const auto last = rest.empty() ? std::optional(UINT64_MAX) : parse_number(rest);
  if (!last || *last < *first) return false;
  command.first_seed = *first;
  command.last_seed = *last;
  return true;
}

constexpr std::pair<std::string_view, WorldKind> kWorlds[] = {{"engine", WorldKind::kEngine},
                                                              {"duel", WorldKind::kDuel},
                                                              {"flush", WorldKind::kFlush},
                                                              {"wal", WorldKind::kWal}};

bool parse_kind(std::string_view text, Command& command) {
  for (const auto& [name, kind] : kWorlds) {
    if (name != text) continue;
    command.world.kind = kind;
    return true;
  }
  return false;
}

bool parse_value(std::string_view flag, std::string_view value, Command& command) {
  if (flag == "--world") return parse_kind(value, command);
  if (flag == "--seeds") return parse_range(value, command);
  const auto number = parse_number(value);
  if (!number) return false;
  if (flag == "--seed") {
    command.first_seed = command.last_seed = *number;
  } else if (flag == "--crash-at") {
    command.world.crash_at = *number;
  } else if (flag == "--crashes") {
    command.world.crashes_max = static_cast<uint32_t>(*number);
  } else if (flag == "--jobs") {
    command.jobs = *number;
    return *number > 0;
  } else if (flag == "--seconds") {
    command.seconds = static_cast<double>(*number);
    if (command.last_seed == command.first_seed) command.last_seed = UINT64_MAX;
  } else {
    return false;
  }
  return true;
}

std::optional<Command> parse(int count, char** words) {
  Command command;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--trace") {
      command.world.wants_tape = true;
    } else if (word == "--sweep-faults") {
      command.world.sweeps_faults = true;
    } else if (word == "--check-determinism") {
      command.checks_determinism = true;
    } else if (word == "--expect-violation") {
      command.expects_violation = true;
    } else if (i + 1 == count || !parse_value(word, words[++i], command)) {
      return std::nullopt;
    }
  }
  if (command.world.sweeps_faults && command.world.kind != WorldKind::kWal) return std::nullopt;
  return command;
}

std::string replay(const WorldOptions& options, std::optional<uint64_t> crash_at) {
  std::string line = program_name;
  for (const auto& [name, kind] : kWorlds) {
    if (kind == options.kind) line += " --world " + std::string(name);
  }
  line += " --seed " + std::to_string(options.seed);
  if (options.crashes_max != WorldOptions().crashes_max) {
    line += " --crashes " + std::to_string(options.crashes_max);
  }
  if (options.sweeps_faults) line += " --sweep-faults";
  if (crash_at) line += " --crash-at " + std::to_string(*crash_at);
  return line;
}

void print_violation(const WorldOptions& options, const WorldReport& report) {
  std::string text = "VIOLATION: " + *report.violation + "\n";
  const size_t lines = report.tape.size();
  for (size_t i = lines > kTapeLinesShown ? lines - kTapeLinesShown : 0; i < lines; ++i) {
    if (options.wants_tape) text += "  " + report.tape[i] + "\n";
  }
  text += "replay: " + replay(options, report.crash_at) + "\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

bool run_seed(const Command& command, uint64_t seed, Progress& progress) {
  WorldOptions options = command.world;
  options.seed = seed;
  std::snprintf(replay_line, sizeof(replay_line), "%s\n",
                replay(options, options.crash_at).c_str());
  const WorldReport report = run_world(options);
  ++progress.runs;
  progress.crash_states += report.crash_states;
  progress.operations += report.operations;
  if (report.violation) {
    print_violation(options, report);
    return false;
  }
  if (command.checks_determinism && run_world(options).hash != report.hash) {
    std::printf("VIOLATION: two runs of one seed differ\nreplay: %s --check-determinism\n",
                replay(options, {}).c_str());
    return false;
  }
  return true;
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void run_seeds(const Command& command, Progress& progress, Clock::time_point start) {
  while (!progress.failed) {
    const uint64_t seed = progress.next_seed++;
    if (seed > command.last_seed || seed < command.first_seed) return;
    if (command.seconds > 0 && seconds_since(start) >= command.seconds) return;
    if (!run_seed(command, seed, progress)) progress.failed = true;
  }
}

bool run_processes(const Command& command, Progress& progress, Clock::time_point start) {
  std::vector<pid_t> children;
  for (uint64_t i = 0; i < command.jobs; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      run_seeds(command, progress, start);
      std::_Exit(0);
    }
    if (child > 0) children.push_back(child);
  }
  bool good = children.size() == command.jobs;
  for (const pid_t child : children) {
    int status = 0;
    good = waitpid(child, &status, 0) == child && status == 0 && good;
  }
  return good;
}

int run(const Command& command) {
  void* shared =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  Progress& progress = *new (shared) Progress();
  progress.next_seed = command.first_seed;
  std::signal(SIGABRT, say_where);
  std::signal(SIGSEGV, say_where);
  const Clock::time_point start = Clock::now();
  bool good = true;
  if (command.jobs == 1) {
    run_seeds(command, progress, start);
  } else {
    good = run_processes(command, progress, start);
  }
  good = good && !progress.failed;
  const double seconds = seconds_since(start);
  const uint64_t runs = progress.runs;
  const uint64_t states = progress.crash_states;
  const uint64_t operations = progress.operations;
  std::printf(
      "%s: %llu runs, %llu crash states, %llu operations in %.1f s: %.1f runs/s, "
      "%.1f crash states/s\n",
      good                        ? "ok"
      : command.expects_violation ? "found"
                                  : "FAILED",
      static_cast<unsigned long long>(runs), static_cast<unsigned long long>(states),
      static_cast<unsigned long long>(operations), seconds, static_cast<double>(runs) / seconds,
      static_cast<double>(states) / seconds);
  return good != command.expects_violation ? 0 : 1;
}

}  // namespace
}  // namespace sluice::sim

int main(int count, char** words) {
  if (count > 0) {
    const std::string_view path = words[0];
    sluice::sim::program_name = path.substr(path.rfind('/') + 1);
  }
  const auto command = sluice::sim::parse(count, words);
  if (!command) {
    std::fputs(
        "usage: sluice-sim [--seed N | --seeds FROM..[TO]] [--crash-at K] [--trace]\n"
        "                  [--world KIND] [--seconds S] [--jobs J] [--crashes N]\n"
        "                  [--sweep-faults] [--check-determinism] [--expect-violation]\n",
        stderr);
    return 2;
  }
  return sluice::sim::run(*command);
}
