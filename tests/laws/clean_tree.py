"""A small tree that obeys every law, and an object of it that escapes. laws.self plants in it."""

import re

HEADER = """// A header.
#pragma once

#include <string>

namespace sluice {
struct Row {
  std::string text;
};
}  // namespace sluice
"""

# Everything here is allowed; it holds what a scanner of braces and names stumbles over, and the
# standard library's inlined code that an object at -O0 carries.
SOURCE = r"""#include "base/row.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <unordered_map>
#include <variant>
#include <vector>

#include "sluice/row.h"

namespace sluice {
namespace {
constexpr int kTable[] = {
    1'000,
    '{',
};
const char* const kText = R"(} } "{)";
enum class Color { kRed, kBlue };
}  // namespace

Reader::Reader(std::vector<int> values) : values_{std::move(values)}, at_{0} {}

Reader::Reader()
    : values_{1, 2},
      order_([this] {
        std::sort(values_.begin(), values_.end());
      }) {
  order_();
}

template <class T = std::vector<int>>
requires(sizeof(T) >= 8) bool operator==(const T& left, const Row& right) {
  return left.size() == right.text.size();
}

// W1: the metadata of data_dir is read first.
int Reader::sum(const std::string& data_dir) const {
  auto shared = std::make_shared<std::map<std::string, int>>();
  (*shared)[data_dir.data()] = kTable[0] + kText[0] + static_cast<int>(Color::kBlue);
  std::weak_ptr<std::map<std::string, int>> weak = shared;
  std::function<int(int)> twice = [](int value) { return value * 2; };
  std::variant<int, std::string> either = data_dir;
  std::unordered_map<std::string, std::unique_ptr<int>> owned;
  owned.emplace(std::get<std::string>(either), std::make_unique<int>(twice(1)));
  std::ostringstream out;
  out << owned.size() << weak.lock()->size() << std::to_string(1.5);
  return static_cast<int>(out.str().size());
}
}  // namespace sluice
"""

OWN_HEADER = """// Reads rows.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace sluice {
class Reader {
 public:
  Reader();
  explicit Reader(std::vector<int> values);
  int sum(const std::string& data_dir) const;

 private:
  std::vector<int> values_;
  int at_ = 0;
  std::function<void()> order_;
};
}  // namespace sluice
"""

TEST = """#include "base/row.h"

#include <gtest/gtest.h>

#include <thread>

#include "part/meta.h"
#include "part/writer.h"
#include "wal/log.h"

namespace sluice {
void expect_sum(int sum) {
  EXPECT_EQ(sum, 1);
}
void expect_twice(int sum) {
  expect_sum(sum / 2);
}

// W1
TEST(Reader, SumsWhatItRead) { expect_twice(2); }
TEST(Reader, HoldsNoDataAtFirst) {
  ASSERT_TRUE(true);
}
}  // namespace sluice
"""

STEPS = [
    "  first = read(first) + 1;",
    "  if (first > 2) return first;",
    "  second.push(first, {3});",
    "  while (second.size() < 4) second.grow();",
    "  third = second.at(5) * first;",
    "  std::swap(first, third);",
    "  fourth[first] = third;",
    "  fifth(third);",
    "  return first ? third : second.front();",
    "  sixth->run(fourth);",
]


def twice(lines):
    """Two functions of so many lines that differ in names and numbers."""
    body = "\n".join(STEPS[: lines - 1])
    other = re.sub(r"\b(first|second|third|fourth)\b", r"its_\1", re.sub(r"\d", "7", body))
    return f"int f() {{\n{body}\n}}\n\nint g() {{\n{other}\n}}\n"


# Alike line by line, but a list.
LIST = "void list() {\n" + "  show(1, 2);\n  hide(3);\n" * 20 + "}\n"

PYTHON_TEST = """import unittest


class Rows(unittest.TestCase):
    def expect_one(self, rows):
        self.assertEqual(len(rows), 1)

    def test_rows_are_there(self):
        self.expect_one([1])
"""

MAKEFILE = """build:
\tcmake --preset release
"""

DOCUMENT = """# Clean, and short

`src/base/row.h`, `base/row.cc`, [row](../src/base/row.h), [here](#clean-and-short),
[there](crash_safety.md#crash-safety), `Reader::sum`, `make build`, `e2e.rows`,
`Reader.SumsWhatItRead`, `rows_test.test_rows_are_there`.

```sh
cmake --preset release
sluice show --rows 5 'a --b'   # --c
```
"""

# Stands in for the program.
PROGRAM = """#!/bin/sh
case $1 in
  show) printf '  --rows N    So many\\n' ;;
  *) printf 'Subcommands:\\n  show        Show rows\\n' ;;
esac
"""

CLEAN = {
    "include/sluice/row.h": HEADER,
    "src/base/row.h": OWN_HEADER,
    "src/base/row.cc": SOURCE,
    "src/base/row_test.cc": TEST,
    "src/part/meta.h": HEADER,
    "src/part/writer.h": HEADER,
    "src/wal/log.h": HEADER,
    "src/cli/list.cc": LIST,
    "src/cli/short.cc": twice(9),
    "tests/e2e/rows.cc": '#include "base/row.h"\n',
    "tests/e2e/rows_test.py": PYTHON_TEST,
    "Makefile": MAKEFILE,
    "CMakePresets.json": '{"name": "release"}\n',
    "README.md": "# A\n\n[Clean](docs/clean.md), [safe](docs/crash_safety.md)\n",
    "docs/clean.md": DOCUMENT,
    "docs/crash_safety.md": "# Crash safety\n\n- **W1** Read first.\nW1 holds alone.\n",
}

# One line per way out of the library; every line must be found.
ESCAPES = """#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
int opens() { return ::open("x", O_RDONLY); }
void syncs() { ::fsync(0); }
void writes() { (void)!::pwrite(0, "", 0, 0); }
void renames() { ::rename("a", "b"); }
int sockets() { return ::socket(AF_INET, SOCK_STREAM, 0); }
void threads() { std::thread([] {}).join(); }
std::mutex mutex; void locks() { mutex.lock(); }
void waits(std::condition_variable& c, std::unique_lock<std::mutex>& l) { c.wait(l); }
long steady() { return std::chrono::steady_clock::now().time_since_epoch().count(); }
long wall() { return std::chrono::system_clock::now().time_since_epoch().count(); }
long seconds() { return std::time(nullptr); }
unsigned device() { return std::random_device{}(); }
int chance() { return std::rand(); }
char* environment() { return std::getenv("HOME"); }
void files() { std::ofstream out("x"); }
bool exists() { return std::filesystem::exists("x"); }
thread_local int per_thread = 0; int* here() { return &per_thread; }
"""
ESCAPES_FIRST_LINE = 13
