"""laws.headers_alone: every header compiles by itself. Verdicts are kept by content."""

import hashlib
import os
import platform
import subprocess
from concurrent.futures import ThreadPoolExecutor

from includes import own_closure
from tree import Finding

FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-x", "c++"]
if platform.machine() == "x86_64":
    FLAGS.append("-msse4.2")


def check(tree, build, compiler):
    verdicts = os.path.join(build, "laws", "headers_alone")
    os.makedirs(verdicts, exist_ok=True)
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True).stdout
    headers = tree.under("include", "src", "sim", suffix=(".h",))
    findings = [Finding(path, 1, "headers_alone", "begin with a comment and #pragma once")
                for path in headers if "#pragma once" not in tree.lines(path)]

    def compile_alone(path):
        key = hashlib.sha256(version + repr(FLAGS).encode())
        for reached in own_closure(tree, path):
            key.update(reached.encode() + b"\0" + tree.text(reached).encode() + b"\0")
        verdict = os.path.join(verdicts, key.hexdigest())
        if os.path.exists(verdict):
            return None
        run = subprocess.run(
            [compiler, *FLAGS, "-I", "include", "-I", "src", "-I", ".", "-"], cwd=tree.root,
            input=f'#include "{path}"\n', capture_output=True, text=True, check=False)
        if run.returncode == 0:
            open(verdict, "w", encoding="utf-8").close()
            return None
        return _finding(path, run.stderr)

    with ThreadPoolExecutor(max_workers=2) as pool:
        findings += [finding for finding in pool.map(compile_alone, headers) if finding]
    return findings


def _finding(path, stderr):
    errors = [line for line in stderr.splitlines() if "error:" in line]
    first = errors[0] if errors else stderr.strip()
    place, _, message = first.partition("error:")
    parts = place.split(":")
    line = int(parts[1]) if parts[0] == path and parts[1].isdigit() else 1
    return Finding(path, line, "headers_alone",
                   f"include what you use; alone it does not compile: {message.strip() or first}")
