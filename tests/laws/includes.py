"""laws.includes: who may include whom, and in which form."""

import os
import re

from tree import Finding, is_test

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

LOWEST = {"sluice", "base", "model"}
# The table of ARCHITECTURE.md: folder -> the folders, or single headers, that it may include
# beside its own.
MAY_INCLUDE = {
    "sluice": set(),
    "base": {"sluice"},
    "model": {"sluice", "base"},
    "wal": {"sluice", "base"},
    "memtable": LOWEST,
    "part": LOWEST,
    "table": LOWEST | {"part/meta.h"},
    "flush": LOWEST | {"memtable", "part"},
    "landing": LOWEST | {"memtable", "part", "table", "flush", "source"},
    "compact": LOWEST | {"part", "table"},
    "rollup": LOWEST | {"part", "table"},
    "query": LOWEST | {"memtable", "part", "table"},
    "source": LOWEST,
    "engine": LOWEST | {"wal", "memtable", "part", "flush", "table", "landing", "compact", "rollup",
                        "query", "source"},
    "io": {"sluice", "base"},
    "remote": {"sluice", "base"},
    "server": {"sluice", "source", "remote"},
    "config": {"sluice"},
    "cli": {"sluice", "source", "remote", "server", "config"},
    "sim": {"sluice", "base"},
    "examples": {"sluice"},
}
# Compiled as C, too.
C_HEADERS = {"include/sluice/sluice_wal.h": {"stddef.h", "stdint.h"}}
EXTRA = {"src/engine/platform.cc": {"io"}, "src/wal/local.cc": {"io"}}
# Folders whose code meets the world only through Runtime, Disk and Bucket.
PURE = [folder for folder in MAY_INCLUDE
        if folder not in ("io", "remote", "server", "cli", "sim", "examples")]

# Third-party headers: pattern -> the folders that may know them.
LIBRARIES = {
    r"zstd.*\.h": {"part", "source"},
    r"simdjson.*": {"table", "source", "server"},
    r"(isa-l\.h|isa-l/.*)": {"base", "source"},
    r"cctz/.*": {"model"},
    r"[nx]?mmintrin\.h|immintrin\.h": {"base"},
    r"xxhash\.h": {"source"},
    r"sys/mman\.h": {"base", "sim"},  # base for madvise(); laws.symbols keeps the rest out
    r"CLI/.*": {"cli"},
    r"fmt/.*": {"cli", "server"},
    r"boost/context/.*": {"sim"},
    r"boost/(asio|beast)/.*": {"server"},
    r"curl/.*": {"io"},
    r"pugixml\.hpp": {"io"},
    r"openssl/.*": {"io", "wal"},
    r"yaml-cpp/.*": {"config"},
}
STANDARD = set("""
algorithm any array atomic bit bitset cctype cerrno cfloat charconv chrono cinttypes climits cmath
compare complex concepts coroutine csignal cstdarg cstddef cstdint cstdio cstdlib cstring deque
exception forward_list functional initializer_list iomanip ios iosfwd istream iterator limits list
locale map memory memory_resource new numbers numeric optional ostream queue ranges ratio set
source_location span sstream stack stdexcept streambuf string string_view system_error tuple
type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
""".split())


def folder_of(path):
    parts = path.split("/")
    return "sluice" if parts[0] == "include" else parts[1] if parts[0] == "src" else parts[0]


def check(tree):
    findings = []
    for path in tree.cpp("include", "src", "sim", "tests", "bench", "fuzz", "examples"):
        for number, line in enumerate(tree.lines(path), 1):
            match = INCLUDE.match(line)
            if match:
                advice = _advice(tree, path, *match.groups())
                if advice:
                    findings.append(Finding(path, number, "includes", advice))
    return findings


def _advice(tree, path, quote, header):
    own = [base for base in ("include/", "src/", "") if base + header in tree.paths]
    # An example shows what a stranger writes.
    if quote == "<" and not (own and path.startswith("examples/")):
        if own:
            return f'write "{header}": angle brackets are for other people\'s headers'
        if header in C_HEADERS.get(path, ()):
            return None
        return _system_advice(path, header)
    if "/" not in header or header.startswith(".") or not own:
        return (f'"{header}" is no header of ours: write "folder/x.h" or "sluice/x.h" by its full '
                "path, <x> for others")
    return _table_advice(path, header, own[0])


def _table_advice(path, header, base):
    folder = folder_of(path)
    if is_test(path) or folder in ("bench", "fuzz"):
        return None
    if folder not in MAY_INCLUDE:
        return f"folder {folder} has no row in tests/laws/includes.py: give it one"
    target = folder_of(base + header)
    allowed = MAY_INCLUDE[folder] | EXTRA.get(path, set()) | {folder}
    if target in allowed or header in allowed:
        return None
    return (f'{folder} may not include "{header}", only {", ".join(sorted(allowed))}: '
            "move the code down, or pass a value instead")


def _system_advice(path, header):
    folder = folder_of(path)
    if is_test(path) or folder in ("bench", "fuzz"):
        return None
    for pattern, folders in LIBRARIES.items():
        if re.fullmatch(pattern, header):
            if folder in folders:
                return None
            return f'<{header}> is known only to {", ".join(sorted(folders))}: go through it'
    if folder in PURE and header not in STANDARD:
        return (f"<{header}> is not for {folder}: time, threads, chance and storage come through "
                "Runtime, Disk and Bucket; a new library needs a row in tests/laws/includes.py")
    return None


def own_closure(tree, path):
    """`path` and every header of ours that it reaches."""
    reached = []
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current in reached:
            continue
        reached.append(current)
        for line in tree.lines(current):
            match = INCLUDE.match(line)
            if match:
                waiting += [base + match[2] for base in ("include/", "src/", "")
                            if os.path.isfile(os.path.join(tree.root, base + match[2]))]
    return sorted(reached)
