"""laws.self: a clean tree passes every law; each planted violation is found at its line."""

import os
import subprocess
import tempfile
from typing import NamedTuple

from tree import Tree

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

CLEAN = {
    "include/sluice/row.h": HEADER,
    "src/base/row.h": OWN_HEADER,
    "src/base/row.cc": SOURCE,
    "src/base/row_test.cc": TEST,
    "src/part/meta.h": HEADER,
    "src/part/writer.h": HEADER,
    "src/wal/log.h": HEADER,
    "docs/crash_safety.md": "# Crash safety\n\n- **W1** Read first.\nW1 holds alone.\n",
}


class Plant(NamedTuple):
    law: str
    path: str
    text: str
    line: int
    says: str  # part of the advice


def function_of(lines):
    return "int f() {\n" + "  f();\n" * (lines - 2) + "}\n"


def header_with(line):
    return "// A header.\n#pragma once\n" + line + "\n"


PLANTS = [
    Plant("includes", "src/model/a.cc", '#include "wal/log.h"\n', 1, "model may not include"),
    Plant("includes", "src/wal/a.cc", '#include "part/meta.h"\n', 1, "wal may not include"),
    Plant("includes", "src/table/a.cc", '\n#include "part/writer.h"\n', 2, "table may not include"),
    Plant("includes", "src/io/a.cc", '#include "wal/log.h"\n', 1, "io may not include"),
    Plant("includes", "src/cli/a.cc", '#include "base/row.h"\n', 1, "cli may not include"),
    Plant("includes", "sim/a.cc", '#include "wal/log.h"\n', 1, "sim may not include"),
    Plant("includes", "include/sluice/a.h", header_with('#include "base/row.h"'), 3,
          "sluice may not include"),
    Plant("includes", "src/attic/a.cc", '#include "base/row.h"\n', 1, "has no row"),
    Plant("includes", "src/base/a.cc", '#include "row.h"\n', 1, "by its full path"),
    Plant("includes", "src/base/a.cc", '#include "../base/row.h"\n', 1, "by its full path"),
    Plant("includes", "src/base/a.cc", "#include <sluice/row.h>\n", 1, "angle brackets"),
    Plant("includes", "src/wal/a.cc", "#include <mutex>\n", 1, "come through Runtime"),
    Plant("includes", "src/wal/a.cc", "#include <unistd.h>\n", 1, "come through Runtime"),
    Plant("includes", "src/table/a.cc", "#include <zstd.h>\n", 1, "known only to part"),
    Plant("includes", "src/part/a.cc", "#include <simdjson.h>\n", 1, "known only to source, table"),
    Plant("includes", "src/wal/a.cc", "#include <isa-l.h>\n", 1, "known only to base"),
    Plant("headers_alone", "src/base/a.h", header_with("inline std::string f();"), 3,
          "does not compile"),
    Plant("headers_alone", "src/base/a.h", "// A header.\n", 1, "#pragma once"),
    Plant("sizes", "src/base/a.cc", "\n" + function_of(71), 2, "f() has 71 lines"),
    Plant("sizes", "tests/e2e/a_test.cc",
          "namespace a {\n" + function_of(71).replace("int f()", "TEST(A, B)") + "}\n", 2,
          "TEST() has 71 lines"),
    Plant("sizes", "src/base/a.h", header_with("struct A {\n" + function_of(71) + "};"), 4,
          "f() has 71 lines"),
    Plant("sizes", "src/base/a.cc", "const auto f = [] {\n" + "  ;\n" * 69 + "};\n", 1, "71 lines"),
    Plant("sizes", "src/base/a.cc",
          "A::A(int a)\n    : a_{a},\n      b_{a} {\n" + ";\n" * 67 + "}\n", 1, "A() has 71 lines"),
    Plant("sizes", "src/base/a.cc", "// x\n" * 601, 601, "601 lines"),
    Plant("sizes", "src/base/a.h", header_with("// x\n" * 248 + "// x"), 251, "251 lines"),
    Plant("sizes", "src/base/a.cc", "// " + "x" * 98 + "\n", 1, "101 columns"),
    Plant("sizes", "src/base/a.cc", "int f() {\n", 1, "do not balance"),
    Plant("names", "src/base/a.cc", "struct PageManager;\n", 1, "PageManager"),
    Plant("names", "src/base/a.cc", "\nvoid f(int data);\n", 2, '"data" says nothing'),
    Plant("names", "src/base/a.cc", "int row_info_;\n", 1, "row_info_"),
    Plant("names", "src/base/a.cc", "enum { kMetaData };\n", 1, "kMetaData"),
    Plant("names", "src/base/a.cc", "namespace sluice::util {}\n", 1, '"util" says nothing'),
    Plant("names", "src/base/a.cc", "#define ROW_HELPER(x) x\n", 1, "ROW_HELPER"),
    Plant("names", "src/base/common_rows.cc", "int x;\n", 1, '"common" says nothing'),
    Plant("style", "src/base/a.cc", "// TO" "DO: later\n", 1, "finish it"),
    Plant("style", "docs/a.md", "# A\n\nFIX" "ME\n", 3, "finish it"),
    Plant("style", "tests/e2e/a_test.cc", "TEST(A, B) { GTEST_" "SKIP(); EXPECT_TRUE(f()); }\n", 1,
          "a test runs or goes"),
    Plant("style", "tests/e2e/a_test.cc", "TEST(A, DIS" "ABLED_B) { EXPECT_TRUE(f()); }\n", 1,
          "a test runs or goes"),
    Plant("style", "scripts/a.sh", "cd /ho" "me/me/sluice\n", 1, "one machine"),
    Plant("style", "tests/e2e/a.sh", "cd /wo" "rk/main\n", 1, "one machine"),
    Plant("style", "scripts/a.sh", "cd /t" "mp/a\n", 1, "mktemp"),
    Plant("style", "src/base/a.cc", "int x; \n", 1, "trailing blanks"),
    Plant("style", "src/base/a.cc", "int x;", 1, "one newline"),
    Plant("style", "tests/readers/package-lock.json", '{\n"resolved": ""\n}\n', 2, "names a host"),
    Plant("style", "src/base/a_test.cc", "\nTEST(A, Runs) {\n  f();\n}\n", 2, "asserts nothing"),
    Plant("style", "src/base/a.cc", "// W9: order\nint x;\n", 1, "W9 is not defined"),
    Plant("style", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "- **T2** New.\n", 5,
          "T2 is named by no test"),
    Plant("style", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "### W1: Twice\n", 5,
          "W1 is defined in line 3 already"),
    Plant("style", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "| T2 | New. |\n", 5,
          "T2 is named by no test"),
    Plant("style", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "T2: New.\n", 5,
          "T2 is named by no test"),
    Plant("symbols", "src/wal/unbuilt.cc", "int x;\n", 1, "is not built"),
]

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


class Failure(Exception):
    pass


def run(laws, compiler):
    failures = 0
    cases = [("a clean tree passes", lambda root: _clean(laws, root, compiler)),
             ("symbols: every escape is found", lambda root: _escapes(laws, root, compiler))]
    cases += [(f"{plant.law}: {plant.path}: {plant.says}",
               lambda root, plant=plant: _planted(laws, root, compiler, plant))
              for plant in PLANTS]
    for name, case in cases:
        with tempfile.TemporaryDirectory() as root:
            for path, text in CLEAN.items():
                _write(root, path, text)
            try:
                case(root)
            except Failure as failure:
                failures += 1
                print(f"FAILED {name}\n  {failure}")
    print(f"laws.self: {len(cases)} cases, {failures} failed")
    return 1 if failures else 0


def _clean(laws, root, compiler):
    _compile(root, compiler, "base", "src/base/row.cc")
    for law in laws:
        findings = _findings(laws, law, root, compiler)
        _expect(not findings, "\n  ".join(str(finding) for finding in findings))


def _planted(laws, root, compiler, plant):
    _write(root, plant.path, plant.text)
    findings = [finding for finding in _findings(laws, plant.law, root, compiler)
                if finding.path == plant.path]
    hits = [finding for finding in findings
            if finding.line == plant.line and plant.says in finding.advice]
    _expect(len(hits) == 1, f"wanted line {plant.line}, found {[str(each) for each in findings]}")


def _escapes(laws, root, compiler):
    path = "src/wal/escapes.cc"
    _write(root, path, ESCAPES)
    _compile(root, compiler, "base", "src/base/row.cc")
    _compile(root, compiler, "wal", path)
    found = {finding.line for finding in _findings(laws, "symbols", root, compiler)
             if finding.path == path}
    lines = ESCAPES.splitlines()
    missed = [lines[number - 1] for number in range(ESCAPES_FIRST_LINE, len(lines) + 1)
              if number not in found]
    _expect(not missed, "not found: " + "\n    ".join(missed))


class _Args(NamedTuple):
    build: str
    compiler: str


def _findings(laws, law, root, compiler):
    return laws[law](Tree(root), _Args(os.path.join(root, "build"), compiler))


def _compile(root, compiler, folder, path):
    target = os.path.join(root, "build/CMakeFiles", f"sluice_{folder}.dir", path + ".o")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    subprocess.run(
        [compiler, "-std=c++20", "-O0", "-g1", "-I", "include", "-I", "src", "-c",
         os.path.join(root, path), "-o", target], cwd=root, check=True)


def _write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)


def _expect(holds, message):
    if not holds:
        raise Failure(message)
