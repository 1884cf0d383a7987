"""laws.sizes: what fits in a head and on a screen."""

import ast
import fnmatch

from tree import Finding, Unbalanced, functions

FUNCTION_LINES_MAX = 70
SOURCE_LINES_MAX = 600
HEADER_LINES_MAX = 250
COLUMNS_MAX = 100
PYTHON_FUNCTION_LINES_MAX = 50
# Pattern of a path -> lines of the file.
FILE_LINES_MAX = {
    "tests/e2e/*_test.py": 800,  # one file a subject, many small tests
    "*.py": 400,
    "*.mjs": 150,
    "*.sh": 150,
    "*.cmake": 100,
    "*CMakeLists.txt": 150,
    "Makefile": 80,
    "README.md": 250,
    "ARCHITECTURE.md": 250,
}
CPP_FOLDERS = ("include", "src", "sim", "tests", "bench", "fuzz", "examples")
NARROW_SUFFIXES = (".h", ".cc", ".py", ".mjs", ".sh", ".cmake")


def check(tree):
    findings = []
    for path in tree.cpp(*CPP_FOLDERS):
        limit = HEADER_LINES_MAX if path.endswith(".h") else SOURCE_LINES_MAX
        findings += _file_size(tree, path, limit) + _function_sizes(tree, path)
    for path in tree.paths:
        for pattern, limit in FILE_LINES_MAX.items():
            if fnmatch.fnmatch(path, pattern):
                findings += _file_size(tree, path, limit)
                break
        if path.endswith(".py"):
            findings += _python_function_sizes(tree, path)
        if path.endswith(NARROW_SUFFIXES):
            findings += [
                Finding(path, number, "sizes", f"{len(line)} columns: at most {COLUMNS_MAX}")
                for number, line in enumerate(tree.lines(path), 1) if len(line) > COLUMNS_MAX
            ]
    return findings


def _file_size(tree, path, limit):
    count = tree.text(path).count("\n")
    if count <= limit:
        return []
    return [Finding(path, limit + 1, "sizes", f"{count} lines: split it, at most {limit}")]


def _function_sizes(tree, path):
    try:
        found = functions(tree.tokens(path))
    except Unbalanced as error:
        return [
            Finding(path, error.line, "sizes", "braces do not balance: keep #if branches whole")
        ]
    findings = []
    for function in found:
        count = function.last_line - function.first_line + 1
        if count > FUNCTION_LINES_MAX:
            findings.append(Finding(
                path, function.first_line, "sizes",
                f"{function.name}() has {count} lines: split it, at most {FUNCTION_LINES_MAX}"))
    return findings


def _python_function_sizes(tree, path):
    findings = []
    for node in ast.walk(ast.parse(tree.text(path))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            count = node.end_lineno - node.lineno + 1
            if count > PYTHON_FUNCTION_LINES_MAX:
                findings.append(Finding(
                    path, node.lineno, "sizes",
                    f"{node.name}() has {count} lines: split it, at most "
                    f"{PYTHON_FUNCTION_LINES_MAX}"))
    return findings
