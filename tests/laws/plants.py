"""The violations that laws.self plants, one at a time, into the clean tree."""

from typing import NamedTuple

from clean_tree import CLEAN, twice


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
    Plant("includes", "src/part/a.cc", "#include <simdjson.h>\n", 1,
          "known only to server, source, table"),
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
    Plant("sizes", "tests/e2e/a_test.py", "\ndef f():\n" + "    f()\n" * 50, 2, "f() has 51 lines"),
    Plant("sizes", "scripts/a.py", "# x\n" * 401, 401, "401 lines"),
    Plant("sizes", "scripts/a.sh", "# x\n" * 151, 151, "151 lines"),
    Plant("sizes", "src/CMakeLists.txt", "# x\n" * 151, 151, "151 lines"),
    Plant("names", "src/base/a.cc", "struct PageManager;\n", 1, "PageManager"),
    Plant("names", "src/base/a.cc", "\nvoid f(int data);\n", 2, '"data" says nothing'),
    Plant("names", "src/base/a.cc", "int row_info_;\n", 1, "row_info_"),
    Plant("names", "src/base/a.cc", "enum { kMetaData };\n", 1, "kMetaData"),
    Plant("names", "src/base/a.cc", "namespace sluice::util {}\n", 1, '"util" says nothing'),
    Plant("names", "src/base/a.cc", "#define ROW_HELPER(x) x\n", 1, "ROW_HELPER"),
    Plant("names", "src/base/common_rows.cc", "int x;\n", 1, '"common" says nothing'),
    Plant("style", "src/base/a.cc", "// TO" "DO: later\n", 1, "finish it"),
    Plant("style", "docs/a.md", "# A\n\nFIX" "ME\n", 3, "finish it"),
    Plant("claims", "tests/e2e/a_test.cc", "TEST(A, B) { GTEST_" "SKIP(); EXPECT_TRUE(f()); }\n", 1,
          "a test runs or goes"),
    Plant("claims", "tests/e2e/a_test.cc", "TEST(A, DIS" "ABLED_B) { EXPECT_TRUE(f()); }\n", 1,
          "a test runs or goes"),
    Plant("style", "scripts/a.sh", "cd /ho" "me/me/sluice\n", 1, "one machine"),
    Plant("style", "tests/e2e/a.sh", "cd /wo" "rk/main\n", 1, "one machine"),
    Plant("style", "scripts/a.sh", "cd /t" "mp/a\n", 1, "mktemp"),
    Plant("style", "src/base/a.cc", "int x; \n", 1, "trailing blanks"),
    Plant("style", "src/base/a.cc", "int x;", 1, "one newline"),
    Plant("style", "tests/readers/package-lock.json", '{\n"resolved": ""\n}\n', 2, "names a host"),
    Plant("claims", "src/base/a_test.cc", "\nTEST(A, Runs) {\n  f();\n}\n", 2, "asserts nothing"),
    Plant("invariants", "src/base/a.cc", "// W9: order\nint x;\n", 1, "W9 is not defined"),
    Plant("invariants", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "- **T2** New.\n",
          5, "T2 is named by no test"),
    Plant("invariants", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "### W1: Twice\n",
          5, "W1 is defined in line 3 already"),
    Plant("invariants", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "| T2 | New. |\n",
          5, "T2 is named by no test"),
    Plant("invariants", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "T2: New.\n", 5,
          "T2 is named by no test"),
    Plant("invariants", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "- **T2** New.\n",
          5, "T2 is named nowhere in src"),
    Plant("invariants", "docs/crash_safety.md", CLEAN["docs/crash_safety.md"] + "1 write (W7)\n", 5,
          "W7 is not defined"),
    Plant("invariants", "src/base/a.cc", "\nint x;  // keeps (W8)\n", 2, "W8 is not defined"),
    Plant("claims", "tests/e2e/a_test.py", "\ndef test_runs():\n    print(1)\n", 2,
          "asserts nothing"),
    Plant("claims", "tests/e2e/a_test.py", "import time\ntime.sle" "ep(1)\n",
          2, "wait for an event"),
    Plant("claims", "src/base/a_test.cc", "void f() { std::this_thread::sle" "ep_for(1s); }\n", 1,
          "wait for an event"),
    Plant("duplicates", "src/base/a.cc", twice(11), 14, "as in src/base/a.cc:1-11"),
    Plant("unused", "src/base/a.h", header_with("using A = int;"), 1, "nobody includes it"),
    Plant("unused", "src/base/a.cc", '#include "base/a.h"\n', 1, "no target builds it"),
    Plant("unused", "scripts/a.sh", "exit\n", 1, "nothing names it"),
    Plant("unused", "testdata/a.csv", "a,b\n", 1, "nothing names it"),
    Plant("unused", "src/base/row.h", CLEAN["src/base/row.h"].replace(
              "Reader();", "Reader();\n  void f();"),
          12, "f is used nowhere"),
    Plant("unused", "src/base/row.h", CLEAN["src/base/row.h"] + "inline constexpr int kOne = 1;\n",
          21, "kOne is used nowhere"),
    Plant("docs", "docs/a.md", "`src/base/a.h`\n", 1, "src/base/a.h does not exist"),
    Plant("docs", "docs/a.md", "`base/a.h`\n", 1, "base/a.h does not exist"),
    Plant("docs", "src/wal/a.cc", "// See base/a.h.\n", 1, "base/a.h does not exist"),
    Plant("docs", "scripts/a.sh", "exit  # as docs/b.md says\n", 1, "docs/b.md does not exist"),
    Plant("docs", "docs/a.md", "[a](b.md)\n", 1, "b.md leads nowhere"),
    Plant("docs", "docs/a.md", "[a](clean.md#dirty)\n", 1, "clean.md#dirty leads nowhere"),
    Plant("docs", "docs/a.md", "`sluice hide`\n", 1, "sluice hide is no command"),
    Plant("docs", "docs/a.md", "```sh\nsluice show --row 1\n```\n",
          2, "sluice show knows no --row"),
    Plant("docs", "docs/a.md", "`sluice show -x`\n", 1, "sluice show knows no -x"),
    Plant("docs", "src/cli/a.cc", 'f("a\\n  sluice show --row 1");\n', 1, "knows no --row"),
    Plant("docs", "src/wal/a.cc", 'f("see `sluice hide`");\n', 1, "sluice hide is no command"),
    Plant("docs", "docs/a.md", "`make all`\n", 1, "make all is no target"),
    Plant("docs", "docs/a.md", "`cmake --preset dev`\n", 1, "dev is no preset"),
    Plant("docs", "docs/a.md", "`build/release/show_rows`\n", 1, "show_rows is built by no target"),
    Plant("docs", "docs/a.md", "`ROWS_MAX=1`\n", 1, "ROWS_MAX is a variable of no program"),
    Plant("docs", "docs/a.md", "`e2e.columns`\n", 1, "e2e.columns is no test"),
    Plant("docs", "docs/a.md", "`Reader::product`\n", 1, "Reader::product names nothing"),
    Plant("docs", "docs/a.md", "```cpp\nengine.fly();\n```\n", 2, "stands in no example"),
    Plant("symbols", "src/wal/unbuilt.cc", "int x;\n", 1, "is not built"),
]
