"""laws.claims: every test asserts, runs, and waits for nothing but what it asserts."""

import ast
import re

from tree import TEST_MACROS, Finding, Unbalanced, functions, is_test

# Spelled in two halves, so that this file obeys itself.
SKIPPED_TEST = re.compile(
    r"GTEST_" r"SKIP|\bDIS" r"ABLED_|\bskip" r"Test\(|unittest\.sk" r"ip|\b(it|test|describe)\.sk"
    r"ip\b")
SLEEP = re.compile(r"\bsle" r"ep_for\(|\busl" r"eep\(|\btime\.sle" r"ep\(|\bsetTim" r"eout\(")
# Who may sleep, and why. The simulator's own clock is no sleep: it costs no time.
MAY_SLEEP = {
    "tests/e2e/cli_crash_test.py": "kills at a time of chance; no claim rests on it",
    "tests/e2e/cli_compressed_test.py": "the same",
    "tests/e2e/cli_watch_test.py": "the same",
    "tests/e2e/s3_test.py": "the same",
}
ASSERTION = re.compile(r"(EXPECT|ASSERT)_\w+|ADD_FAILURE\w*|FAIL|CHECK")
# unittest's own, and what a script of ours ends with when a claim fails.
PYTHON_ASSERTION = re.compile(r"assert\w+|fail")


def check(tree):
    findings = []
    for path in tree.texts():
        if path.startswith("testdata/"):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            match = SKIPPED_TEST.search(line)
            if match:
                findings.append(Finding(path, number, "claims",
                                        f"{match.group()}: a test runs or goes: repair or delete"))
            if is_test(path) and path not in MAY_SLEEP and SLEEP.search(line):
                findings.append(Finding(path, number, "claims",
                                        "a test that sleeps is slow or wrong: wait for an event"))
    return findings + _cpp(tree) + _python(tree)


def _cpp(tree):
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
                title = " ".join(token.text for token in function.head)
                tests.append((path, function.first_line, title, words))
            elif is_test(path) or path.startswith("sim/"):
                bodies.setdefault(function.name, set()).update(words)
    return _without_claim(tests, bodies, ASSERTION)


def _python(tree):
    bodies = {}
    tests = []
    for path in tree.under("tests", suffix=(".py",)):
        if path.startswith("tests/laws/"):
            continue
        for node in ast.walk(ast.parse(tree.text(path))):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            words = _words(node)
            bodies.setdefault(node.name, set()).update(words)
            if node.name.startswith("test"):
                tests.append((path, node.lineno, f"{node.name}()", words))
    return _without_claim(tests, bodies, PYTHON_ASSERTION)


def _words(function):
    words = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            words.add("assert_")
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Name):
            words.add(node.id)
    return words


def _without_claim(tests, bodies, assertion):
    """The tests that assert neither themselves nor through functions that do."""
    def asserts(words):
        return any(assertion.fullmatch(word) for word in words)

    asserting = {name for name, words in bodies.items() if asserts(words)}
    while True:
        more = {name for name, words in bodies.items() if words & asserting} - asserting
        if not more:
            break
        asserting |= more
    return [
        Finding(path, line, "claims",
                f"{title}: asserts nothing, so it cannot fail: state the claim")
        for path, line, title, words in tests if not asserts(words) and not words & asserting
    ]
