"""laws.self: a clean tree passes every law; each planted violation is found at its line."""

import json
import os
import subprocess
import tempfile
from typing import NamedTuple

from clean_tree import CLEAN, ESCAPES, ESCAPES_FIRST_LINE, PROGRAM
from plants import PLANTS
from tree import Tree


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
            _pretend_build(root)
            try:
                case(root)
            except Failure as failure:
                failures += 1
                print(f"FAILED {name}\n  {failure}")
    print(f"laws.self: {len(cases)} cases, {failures} failed")
    return 1 if failures else 0


def _pretend_build(root):
    """What laws read of a build: which files it compiles, and a program that prints its help."""
    commands = [{"file": os.path.join(root, path)} for path in CLEAN if path.endswith(".cc")]
    _write(root, "build/compile_commands.json", json.dumps(commands))
    _write(root, "build/sluice", PROGRAM)
    os.chmod(os.path.join(root, "build/sluice"), 0o755)


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
