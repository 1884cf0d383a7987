"""laws.invariants: each invariant is defined once, kept somewhere in the code, and tested."""

import re

from tree import Finding, is_test

DOCUMENT = "docs/crash_safety.md"
# A line of the document defines W3 when it begins with it as a list item, a heading, a table row,
# in bold or before a colon: "- **W3** Trim ...", "### W3: Trim ...", "| W3 | Trim ...".
DEFINITION = re.compile(
    r"(?:[-*] +|#+ +|\| *|(?=\*\*)|(?=\w+:))\**([A-Z]\d{1,2})\b\**[:.]?\**(?: |$)")
# "// Q1: why" claims an invariant whatever its letter; elsewhere the letter must be one in use.
CLAIM = re.compile(r"(?://+|/\*|\*)[/!<]*\s*((?:[A-Z]\d{1,2}(?:, | and )?)+):")
NUMBERED = re.compile(r"\b[A-Z]\d{1,2}\b")
CODE = ("include", "src", "sim", "tests", "bench", "fuzz", "examples")


def check(tree):
    if DOCUMENT not in tree.paths:
        return []
    defined, findings = _definitions(tree)
    kept, tested = set(), set()
    for path in tree.cpp(*CODE):
        of_test = is_test(path) or path.startswith("sim/")
        for name, line in _references(tree, path, {name[0] for name in defined}):
            if name not in defined:
                findings.append(Finding(path, line, "invariants",
                                        f"{name} is not defined in {DOCUMENT}: define it"))
            (tested if of_test else kept).add(name)
    for number, line in enumerate(tree.lines(DOCUMENT), 1):
        findings += [
            Finding(DOCUMENT, number, "invariants", f"{name} is not defined: define it")
            for name in NUMBERED.findall(line)
            if name not in defined and name[0] in {known[0] for known in defined}
        ]
    for name, number in defined.items():
        if name not in tested:
            findings.append(Finding(DOCUMENT, number, "invariants",
                                    f"{name} is named by no test: test it"))
        if name not in kept:
            findings.append(Finding(DOCUMENT, number, "invariants",
                                    f"{name} is named nowhere in src: say where it is kept"))
    return findings


def _definitions(tree):
    defined, findings = {}, []
    for number, line in enumerate(tree.lines(DOCUMENT), 1):
        match = DEFINITION.match(line)
        if match and match[1] in defined:
            findings.append(Finding(DOCUMENT, number, "invariants",
                                    f"{match[1]} is defined in line {defined[match[1]]} already"))
        elif match:
            defined[match[1]] = number
    return defined, findings


def _references(tree, path, letters):
    for token in tree.tokens(path):
        if token.kind != "comment":
            continue
        for step, line in enumerate(token.text.split("\n")):
            claim = CLAIM.search(line)
            claimed = NUMBERED.findall(claim[1]) if claim else []
            for name in NUMBERED.findall(line):
                if name in claimed or name[0] in letters:
                    yield name, token.line + step
