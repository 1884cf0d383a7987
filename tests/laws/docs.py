"""laws.docs: what the documents and comments name exists: files, links, commands, options, code.

Looked for in documents: links and their anchors; in code spans and blocks, paths, commands of
`sluice` and `sluice-sim` with their options, `make` targets, presets, tests and their cases
(`Suite.Case`, `x_test.test_case`), environment variables, names of code (`Engine::append`), and
C++ that is part of an example. In all other files: paths of ours in comments, and in what the
program prints: commands.
"""

import fnmatch
import os
import re
import subprocess

from tree import Finding, is_test

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```(\w*)")
HEADING = re.compile(r"^#+ +(.*)$")
FOLDERS = ("include", "src", "sim", "tests", "bench", "fuzz", "docs", "cmake", "scripts",
           "examples", "testdata")
OUR_PATH = re.compile(r"(?<![\w./<{$-])(?:\./)?((?:%s)/[\w./*+{},-]*[\w}])" % "|".join(FOLDERS))
SHORT_PATH = re.compile(r"(?<![\w./<{$*-])([a-z_0-9]+/[a-z_0-9]+\.(?:h|cc|py|sh))\b")
BUILT = re.compile(r"\bbuild/[\w$]+/(?:[\w-]+/)*([\w-]+)(?=\s|$|`)")
COMMAND = re.compile(r"(?<![\w./-])(?:\S*/)?(sluice|sluice-sim) +([^|;&>\n]*)")
MAKE = re.compile(r"(?:^|\s|`)make ([a-z][\w-]*)")
PRESET = re.compile(r"--preset[ =]([a-z]+)")
ENVIRONMENT = re.compile(r"\b([A-Z]+_[A-Z_]+)\b")
TEST = re.compile(r"(?<![\w.])((?:laws|e2e|readers|sim)\.[a-z_]+)\b(?![(/])")
CASE = re.compile(r"\b([A-Z]\w+\.[A-Z]\w+|[a-z]\w*_test\.test_\w+)\b")
CASE_OF_CPP = re.compile(r"^\w*TEST\w*\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)
CASE_OF_PYTHON = re.compile(r"^ +def (test_\w+)\(", re.MULTILINE)
MEMBER = re.compile(r"\b([A-Z]\w+(?:::\w+)+)")
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


def check(tree, build):
    known = _Known(tree, build)
    findings = []
    for path in tree.texts():
        if path.endswith("package-lock.json") or path.startswith("tests/laws/"):
            continue
        lines = tree.lines(path)
        if path.endswith(".md"):
            findings += _document(known, path, lines)
        else:
            for number, line in _comments(tree, path, lines):
                findings += _at(path, number, _paths(known, line))
    return findings + _printed(tree, known)


def _printed(tree, known):
    """The commands that a program prints: in a help text, or `in backticks` in an error."""
    findings = []
    for path in tree.cpp("src"):
        for token in tree.tokens(path):
            if token.kind != "string" or is_test(path):
                continue
            in_help = path.startswith("src/cli/")
            for line in token.text.strip('"').split("\\n") if in_help else SPAN.findall(token.text):
                if not in_help or re.match(r" |.*\| sluice", line):  # else a sentence
                    findings += _at(path, token.line, _commands(known, line))
    return findings


def _at(path, number, advices):
    return [Finding(path, number, "docs", advice) for advice in advices]


def _document(known, path, lines):
    findings = []
    fence = None
    for number, line in enumerate(lines, 1):
        mark = FENCE.match(line)
        if mark:
            fence = mark[1] if fence is None else None
            continue
        if fence == "cpp" and not known.is_in_an_example(line):
            findings += _at(path, number, ["stands in no example: show code that is built"])
        codes = [line] if fence is not None else SPAN.findall(line)
        for code in codes:
            if fence in (None, "", "sh"):
                findings += _at(path, number, _code(known, code))
        if fence is None:
            findings += _at(path, number, [
                f"{target} leads nowhere: correct the link"
                for target in LINK.findall(line) if not known.resolves(path, target)
            ])
    return findings


def _code(known, code):
    yield from _paths(known, code)
    for name in BUILT.findall(code):
        if name not in known.targets:
            yield f"{name} is built by no target"
    yield from _commands(known, code)
    for target in MAKE.findall(code):
        if target not in known.make_targets:
            yield f"make {target} is no target of the Makefile"
    for preset in PRESET.findall(code):
        if preset not in known.presets:
            yield f"{preset} is no preset of CMakePresets.json"
    for variable in ENVIRONMENT.findall(code):
        if variable not in known.code_words:
            yield f"{variable} is a variable of no program or script"
    for test in TEST.findall(code):
        if "." in test and not known.is_test(test):
            yield f"{test} is no test of ctest"
    for case in CASE.findall(code):
        if case not in known.cases:
            yield f"{case} is a case of no test"
    for member in MEMBER.findall(code):
        if any(word not in known.code_words for word in member.split("::")):
            yield f"{member} names nothing in the code"


def _commands(known, code):
    for match in COMMAND.finditer(code.split(" #")[0]):
        program, words = match[1], match[2].split()
        if program == "sluice" and not words:
            continue
        command = words[0] if words and program == "sluice" else ""
        if command.startswith("-") or command == "COMMAND":
            command = ""
        if not re.fullmatch(r"[a-z-]*", command):
            continue  # a sentence
        if command and command not in known.commands():
            yield f"{program} {command} is no command: see {program} --help"
            continue
        if words[1:] and words[1] in known.commands(command):
            command += " " + words[1]
        help_text = known.help(program, command)
        text = re.sub(r"'[^']*'|\"[^\"]*\"", "", match[2])
        for option in OPTION.findall(text):
            if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text):
                yield f"{program} {command} knows no {option}"


def _paths(known, text):
    for name in OUR_PATH.findall(text):
        stands_for_any = re.search(r"\b[A-Z]{3,}\b", name) and not name.endswith(".md")
        if not stands_for_any and not known.exists(name):
            yield f"{name} does not exist"
    for name in SHORT_PATH.findall(text):
        if not any(known.exists(folder + name) for folder in ("", "src/", "include/")):
            yield f"{name} does not exist, nor in src or include"


def _comments(tree, path, lines):
    if path.endswith((".h", ".cc")):
        for token in tree.tokens(path):
            if token.kind == "comment":
                yield from enumerate(token.text.split("\n"), token.line)
    elif path.endswith((".mjs", ".js")):
        yield from ((number, line) for number, line in enumerate(lines, 1) if "//" in line)
    elif not path.endswith(".json"):
        yield from ((number, line[line.index("#"):]) for number, line in enumerate(lines, 1)
                    if "#" in line)


class _Known:
    """What there is."""

    def __init__(self, tree, build):
        self.tree = tree
        self.build = build
        self.files = set(tree.paths)
        self.folders = {os.path.dirname(path) for path in tree.paths}
        for folder in list(self.folders):
            while folder:
                folder = os.path.dirname(folder)
                self.folders.add(folder)
        cmake = "\n".join(tree.text(path) for path in tree.paths
                          if path.endswith(("CMakeLists.txt", ".cmake")))
        self.targets = set(re.findall(
            r"(?:add_executable|add_library|sluice_test|sluice_program)\(\s*([\w-]+)", cmake))
        self.targets |= {re.sub(r".*/", "", folder) for folder in self.folders}
        self.tests = set(re.findall(r"add_test\(\s*NAME +([\w.]+)", cmake))
        self.make_targets = set(re.findall(r"^([\w-]+):", self._text("Makefile"), re.MULTILINE))
        self.presets = set(re.findall(r'"name": *"(\w+)"', self._text("CMakePresets.json")))
        self.code_words = set()
        for path in tree.texts():
            if not path.endswith(".md"):
                self.code_words.update(re.findall(r"\w+", tree.text(path)))
        self.cases = set(self._cases())
        self.helps = {}
        self.example_lines = set()

    def _cases(self):
        for path in filter(is_test, self.tree.cpp("src", "sim", "tests")):
            for suite, case in CASE_OF_CPP.findall(self.tree.text(path)):
                yield f"{suite}.{case}"
        for path in self.tree.under("tests", suffix=("_test.py",)):
            for case in CASE_OF_PYTHON.findall(self.tree.text(path)):
                yield f"{os.path.basename(path)[:-3]}.{case}"

    def _text(self, path):
        return self.tree.text(path) if path in self.files else ""

    def exists(self, name):
        braces = re.search(r"\{([^}]*)\}", name)
        if braces:
            return all(self.exists(name.replace(braces[0], each)) for each in braces[1].split(","))
        name = name.rstrip("/.,")
        if "*" in name:
            return any(fnmatch.fnmatch(path, name) for path in self.files)
        return name in self.files or name in self.folders or name.endswith("/node_modules")

    def resolves(self, path, target):
        if re.match(r"[a-z]+:", target):
            return True
        name, _, anchor = target.partition("#")
        full = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if full not in self.files and full not in self.folders:
            return False
        return not anchor or not full.endswith(".md") or anchor in self._anchors(full)

    def _anchors(self, path):
        headings = [HEADING.match(line) for line in self.tree.lines(path)]
        return {re.sub(r"[^\w -]", "", match[1].lower()).replace(" ", "-")
                for match in headings if match}

    def is_test(self, name):
        folder, _, test = name.partition(".")
        if folder == "e2e":
            return f"tests/e2e/{test}_test.py" in self.files
        if folder == "laws":
            return f"tests/laws/{test}.py" in self.files or test == "self"
        return name in self.tests or name in ("sim.canary", "sim.seeds")

    def is_in_an_example(self, line):
        if not self.example_lines:
            self.example_lines = {shown.strip() for path in self.tree.cpp("examples")
                                  for shown in self.tree.lines(path)}
        return line.strip() in self.example_lines

    def commands(self, command=""):
        """What may follow `sluice` or `sluice command`."""
        listed = self.help("sluice", command).partition("Subcommands:")[2]
        return re.findall(r"^  ([a-z-]+)  ", listed, re.MULTILINE)

    def help(self, program, command):
        """What `program command --help` prints."""
        if (program, command) not in self.helps:
            place = "sim/sluice-sim" if program == "sluice-sim" else program
            words = [os.path.join(self.build, place), *command.split(), "--help"]
            if not os.path.exists(words[0]):
                raise SystemExit(f"laws.docs: {words[0]} is not built: build {program} first")
            run = subprocess.run(words, capture_output=True, text=True, check=False)
            self.helps[program, command] = run.stdout + run.stderr
        return self.helps[program, command]
