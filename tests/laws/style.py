"""laws.style: nothing half done, nothing of this machine, and files that end well."""

import re

from tree import Finding, is_test

# Spelled in two halves, so that this file obeys itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(ho" r"me|ro" r"ot|wo" r"rk)/\w")
SCRATCH_PATH = re.compile(r"(?<![\w.$}/-])/t" r"mp\b")
LOCKED_HOST = re.compile(r'"resolved"\s*:')


def check(tree):
    findings = []
    for path in tree.texts():
        if not path.startswith("testdata/"):
            findings += _lines(tree, path)
    return findings


def _lines(tree, path):
    rules = [
        (UNFINISHED, "finish it, or file it where work is planned"),
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
