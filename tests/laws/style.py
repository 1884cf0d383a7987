"""laws.style: nothing half done, nothing of this machine, no test without a claim, and every
invariant defined once and tested."""

import re

from tree import TEST_MACROS, Finding, Unbalanced, functions, is_test

# Spelled in two halves, so that this file obeys itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
SKIPPED_TEST = re.compile(
    r"GTEST_" r"SKIP|\bDIS" r"ABLED_|\bskip" r"Test\(|unittest\.sk" r"ip|\b(it|test|describe)\.sk"
    r"ip\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(ho" r"me|ro" r"ot|wo" r"rk)/\w")
SCRATCH_PATH = re.compile(r"(?<![\w.$}/-])/t" r"mp\b")
LOCKED_HOST = re.compile(r'"resolved"\s*:')

INVARIANTS = "docs/crash_safety.md"
# A line of the document defines W3 when it begins with it as a list item, a heading, a table row,
# in bold or before a colon: "- **W3** Trim ...", "### W3: Trim ...", "| W3 | Trim ...".
DEFINITION = re.compile(
    r"(?:[-*] +|#+ +|\| *|(?=\*\*)|(?=\w+:))\**([A-Z]\d{1,2})\b\**[:.]?\**(?: |$)")
REFERENCE = re.compile(r"(?://+|/\*|\*)[/!<]*\s*((?:[A-Z]\d{1,2}(?:, | and )?)+):")
NUMBERED = re.compile(r"\b[A-Z]\d{1,2}(?![0-9])")

ASSERTION = re.compile(r"(EXPECT|ASSERT)_\w+|ADD_FAILURE\w*|FAIL|CHECK")


def check(tree):
    findings = []
    for path in tree.texts():
        if not path.startswith("testdata/"):
            findings += _lines(tree, path)
    findings += _claims(tree)
    if INVARIANTS in tree.paths:
        findings += _invariants(tree)
    return findings


def _lines(tree, path):
    rules = [
        (UNFINISHED, "finish it, or file it where work is planned"),
        (SKIPPED_TEST, "a test runs or goes: repair or delete it"),
        (MACHINE_PATH, "names a path of one machine: take it as an argument"),
    ]
    if not is_test(path):
        rules.append((SCRATCH_PATH, "take a scratch folder from mktemp or the caller"))
    if path.endswith("package-lock.json"):
        rules = [(LOCKED_HOST, "names a host: npm install with omit-lockfile-registry-resolved")]
    findings = []
    lines = tree.lines(path)
    for number, line in enumerate(lines, 1):
        findings += [Finding(path, number, "style", f"{match.group()}: {advice}")
                     for pattern, advice in rules for match in [pattern.search(line)] if match]
        if line != line.rstrip():
            findings.append(Finding(path, number, "style", "trailing blanks: remove them"))
    if lines[-1] or lines[-2:-1] == [""]:
        findings.append(Finding(path, len(lines), "style", "end the file with one newline"))
    return findings


def _claims(tree):
    """Every TEST asserts, itself or through functions that do."""
    bodies = {}  # function name -> the words it uses
    tests = []
    for path in tree.cpp("src", "sim", "tests", "fuzz", "bench"):
        try:
            found = functions(tree.tokens(path))
        except Unbalanced:
            continue  # laws.sizes reports it
        for function in found:
            words = {token.text for token in function.body if token.kind == "word"}
            if function.name in TEST_MACROS:
                tests.append((path, function, words))
            elif is_test(path) or path.startswith("sim/"):
                bodies.setdefault(function.name, set()).update(words)
    asserting = {name for name, words in bodies.items() if _asserts(words)}
    while True:
        more = {name for name, words in bodies.items() if words & asserting} - asserting
        if not more:
            break
        asserting |= more
    return [
        Finding(path, function.first_line, "style",
                f'{" ".join(token.text for token in function.head)}: asserts nothing, so it '
                "cannot fail: state the claim")
        for path, function, words in tests if not _asserts(words) and not words & asserting
    ]


def _asserts(words):
    return any(ASSERTION.fullmatch(word) for word in words)


def _invariants(tree):
    defined = {}
    findings = []
    for number, line in enumerate(tree.lines(INVARIANTS), 1):
        match = DEFINITION.match(line)
        if not match:
            continue
        if match[1] in defined:
            findings.append(Finding(INVARIANTS, number, "style",
                                    f"{match[1]} is defined in line {defined[match[1]]} already"))
        defined.setdefault(match[1], number)
    tested = set()
    for path in tree.cpp("include", "src", "sim", "tests", "bench", "fuzz"):
        if is_test(path) or path.startswith("sim/"):
            tested |= set(NUMBERED.findall(tree.text(path)))
        for number, line in enumerate(tree.lines(path), 1):
            match = REFERENCE.search(line)
            findings += [
                Finding(path, number, "style", f"{name} is not defined in {INVARIANTS}: define it")
                for name in (NUMBERED.findall(match[1]) if match else []) if name not in defined
            ]
    return findings + [
        Finding(INVARIANTS, number, "style", f"{name} is named by no test: test it")
        for name, number in defined.items() if name not in tested
    ]
