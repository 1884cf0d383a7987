"""laws.unused: every file is built, included or named by another, every header's name is used."""

import fnmatch
import json
import os
import re

from duplicates import KEYWORDS
from includes import INCLUDE
from tree import Finding

# What the tools find by its place, and who that is.
FOUND_BY_PLACE = {
    ".ci/run": "the build service",
    ".clang-format": "clang-format",
    ".git": "git, where this is a second working tree",
    ".gitignore": "git",
    "*/.npmrc": "npm",
    "CMakePresets.json": "cmake",
    "*CMakeLists.txt": "cmake",
    "Makefile": "make",
    "LICENSE": "people",
    "README.md": "people",
    "testdata/README.md": "people",
    "docs/adr/*.md": "ARCHITECTURE.md names the folder",
    "fuzz/corpus/*": "fuzz/CMakeLists.txt",
    "sim/canaries/*.patch": "sim/CMakeLists.txt",
    "tests/torture/faults/*.patch": "tests/torture/CMakeLists.txt",
    "tests/e2e/*_test.py": "tests/e2e/CMakeLists.txt",
}
CPP = ("include", "src", "sim", "tests", "bench", "fuzz", "examples")
WORD = re.compile(r"[A-Za-z_]\w*")


def check(tree, build):
    return _headers(tree) + _sources(tree, build) + _others(tree) + _names(tree)


def _headers(tree):
    includers = {}
    for path in tree.cpp(*CPP):
        for line in tree.lines(path):
            match = INCLUDE.match(line)
            if match:
                includers.setdefault(match[2], set()).add(path)
    findings = []
    for path in tree.cpp(*CPP):
        if not path.endswith(".h"):
            continue
        stem = path[: -len(".h")]
        name = re.sub(r"^(include|src)/", "", path)
        others = includers.get(name, set()) - {path, stem + ".cc", stem + "_test.cc"}
        if not others and not path.startswith("include/"):
            findings.append(Finding(path, 1, "unused", "nobody includes it: delete it"))
    return findings


def _sources(tree, build):
    commands = os.path.join(build, "compile_commands.json")
    if not os.path.exists(commands):
        return [Finding("CMakeLists.txt", 1, "unused", f"no {commands}: configure first")]
    with open(commands, encoding="utf-8") as file:
        built = {os.path.relpath(entry["file"], tree.root) for entry in json.load(file)}
    return [Finding(path, 1, "unused", "no target builds it: delete it, or add it to one")
            for path in tree.cpp("src", "sim", "tests", "bench")
            if path.endswith(".cc") and path not in built]


def _others(tree):
    named = {}  # word -> the files that hold it
    for path in tree.texts() + tree.under("sim", suffix=(".patch",)):
        if not path.endswith("package-lock.json"):
            for word in set(re.findall(r"[\w.-]+", tree.text(path))):
                named.setdefault(word.strip("."), set()).add(path)
    findings = []
    for path in tree.paths:
        if path.endswith((".h", ".cc")):
            continue
        if any(fnmatch.fnmatch(path, pattern) for pattern in FOUND_BY_PLACE):
            continue
        name = os.path.basename(path)
        names = [name, os.path.splitext(name)[0]] if name.endswith((".py", ".cmake")) else [name]
        if not any(named.get(each, set()) - {path} for each in names):
            findings.append(Finding(path, 1, "unused", "nothing names it: name it or delete it"))
    return findings


def _names(tree):
    """Functions and constants of headers whose name stands nowhere but where they are made."""
    counts = {}
    made = {}  # name -> times it stands at a declaration or the head of a definition
    declared = {}
    for path in tree.cpp(*CPP):
        code = [token for token in tree.tokens(path) if token.kind != "comment"]
        for at, token in enumerate(code):
            if token.kind == "directive":
                for word in WORD.findall(token.text):
                    counts[word] = counts.get(word, 0) + 1
            if token.kind != "word":
                continue
            counts[token.text] = counts.get(token.text, 0) + 1
            if _makes(code, at):
                made[token.text] = made.get(token.text, 0) + 1
                if path.endswith(".h") and path.startswith(("src/", "include/", "sim/")):
                    declared.setdefault(token.text, (path, token.line))
    return [Finding(path, line, "unused", f"{name} is used nowhere: delete it")
            for name, (path, line) in sorted(declared.items())
            if counts[name] == made[name] and name not in KEYWORDS]


def _makes(code, at):
    """Whether a function or constant is declared or defined here, rather than used: a type stands
    before its name."""
    before = code[at - 1] if at > 0 else None
    after = code[at + 1].text if at + 1 < len(code) else ""
    if before is None or before.line < code[at].line - 1:
        return False
    name = code[at].text
    if after == "(" and name[0].islower():
        start = at
        while start >= 2 and code[start - 1].text == "::" and code[start - 2].kind == "word":
            start -= 2
        lead = code[start - 1] if start > 0 else None
        typed = lead is not None and (
            lead.text in (">", "*", "&", "&&")
            or lead.kind == "word" and lead.text not in ("return", "co_return", "else", "throw"))
        return typed and _at_declaration(code, start)
    return bool(re.match(r"k[A-Z]", name)) and after in ("=", "{", "[") and before.kind == "word"


def _at_declaration(code, at):
    """Whether the tokens before `at` on its statement are only those of a type."""
    for token in reversed(code[max(0, at - 24) : at]):
        if token.text in (";", "{", "}", ":", "]") or token.kind == "directive":
            return True
        if token.kind not in ("word", "string") and token.text not in ("<", ">", "::", "*", "&",
                                                                        "&&", ",", "[", "("):
            return False
        if token.text in ("=", "return", "("):
            return False
    return True
