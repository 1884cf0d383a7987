// torture: every known way in which rows are lost or doubled at a table's commit, tried on Sluice.
//
//   torture --list                        the scenarios
//   torture --all --out DIR               all of them, each in DIR/<name>
//   torture --scenario NAME --out DIR     one
//   --seed N                              another schedule; --seeds N: each with so many
//   --expect HARM                         for a program with a planted bug: to show this harm is to
//                                         do well
//
// Each leaves a data directory that other programs can open, and in its expected.json what its
// tables hold. A line a scenario: ok, or VIOLATION and what. Exit code: 0 all is well, 1 a
// violation (or not the one that is expected), 2 usage.
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tests/torture/scenarios.h"

namespace sluice::torture {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCrashPointsMax = 1000;

struct Command {
  bool lists = false;
  bool all = false;
  std::string scenario;
  std::string out;
  uint64_t first_seed = 1;
  uint64_t last_seed = 1;
  std::optional<Harm> expected;
};

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

std::optional<Command> parse(int count, char** words) {
  Command command;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < count ? words[i + 1] : "";
    if (word == "--list" || word == "--all") {
      (word == "--list" ? command.lists : command.all) = true;
      continue;
    }
    if (value.empty()) return std::nullopt;
    ++i;
    if (word == "--scenario") {
      command.scenario = value;
    } else if (word == "--out") {
      command.out = value;
    } else if ((word == "--seed" || word == "--seeds") && parse_number(value)) {
      command.last_seed = *parse_number(value);
      command.first_seed = word == "--seed" ? command.last_seed : 1;
    } else if (word == "--expect" && parse_harm(value)) {
      command.expected = parse_harm(value);
    } else {
      return std::nullopt;
    }
  }
  const bool runs = (command.all || !command.scenario.empty()) && !command.out.empty();
  return command.lists || runs ? std::optional(command) : std::nullopt;
}

/// What an earlier run left, and nothing else, is removed.
bool empty_directory(const fs::path& dir) {
  std::error_code error;
  if (fs::exists(dir) && !fs::exists(dir / "tables") && !fs::is_empty(dir)) return false;
  fs::remove_all(dir, error);
  return fs::create_directories(dir, error);
}

/// What went wrong, at which crash point, after how many.
struct Verdict {
  std::optional<Wrong> wrong;
  uint64_t crash_points = 0;
};

Verdict run_scenario(const Scenario& scenario, const std::string& dir, uint64_t seed) {
  Verdict verdict;
  for (uint64_t point = 1; point <= kCrashPointsMax; ++point) {
    if (!empty_directory(dir)) {
      verdict.wrong = Wrong{Harm::kStuck, "cannot empty " + dir};
      break;
    }
    Stage stage({.dir = dir, .seed = seed, .crash_point = point});
    verdict.wrong = stage.run(scenario.run);
    if (verdict.wrong || !stage.was_cut()) break;
    ++verdict.crash_points;
  }
  if (verdict.wrong && scenario.crashes_everywhere) {
    verdict.wrong->text += ", after change " + std::to_string(verdict.crash_points + 1);
  }
  return verdict;
}

/// Whether it did as expected.
bool show(const Scenario& scenario, const Command& command) {
  const std::string name(scenario.name);
  Verdict verdict;
  uint64_t crashes = 0;
  for (uint64_t seed = command.first_seed; seed <= command.last_seed && !verdict.wrong; ++seed) {
    verdict = run_scenario(scenario, command.out + "/" + name, seed);
    crashes += verdict.crash_points;
    if (verdict.wrong && command.last_seed > 1) {
      verdict.wrong->text += ", with seed " + std::to_string(seed);
    }
  }
  const std::optional<Wrong>& wrong = verdict.wrong;
  if (wrong) {
    const std::string harm(to_string(wrong->harm));
    std::printf("VIOLATION %s: %s: %s\n", name.c_str(), harm.c_str(), wrong->text.c_str());
  } else if (scenario.crashes_everywhere) {
    std::printf("ok %s (%llu crashes)\n", name.c_str(), static_cast<unsigned long long>(crashes));
  } else {
    std::printf("ok %s\n", name.c_str());
  }
  std::fflush(stdout);
  if (!command.expected) return !wrong;
  return wrong && wrong->harm == *command.expected;
}

int run(const Command& command) {
  bool good = true;
  bool found = command.all;
  for (const Scenario& scenario : scenarios()) {
    if (command.lists) {
      std::printf("%.*s: %.*s\n", static_cast<int>(scenario.name.size()), scenario.name.data(),
                  static_cast<int>(scenario.sentence.size()), scenario.sentence.data());
    } else if (command.all || scenario.name == command.scenario) {
      found = true;
      good = show(scenario, command) && good;
    }
  }
  if (command.lists) return 0;
  if (!found) std::fprintf(stderr, "there is no scenario %s\n", command.scenario.c_str());
  return !found ? 2 : good ? 0 : 1;
}

}  // namespace
}  // namespace sluice::torture

int main(int count, char** words) {
  const auto command = sluice::torture::parse(count, words);
  if (!command) {
    std::fputs(
        "usage: torture --list | [--all | --scenario NAME] --out DIR [--seed N | --seeds N]\n"
        "               [--expect HARM]\n",
        stderr);
    return 2;
  }
  return sluice::torture::run(*command);
}
