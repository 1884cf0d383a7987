"""The source tree as the laws see it: files, findings, C++ tokens, functions."""

import os
import re
from typing import NamedTuple

SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__", "sluice-data"}
TEXT_SUFFIXES = (
    ".h", ".cc", ".py", ".mjs", ".sh", ".cmake", ".txt", ".md", ".json", ".html", ".css", ".js",
    ".yml", ".yaml", "Makefile", "run", ".clang-format",
)
# Their arguments are sentences, not names.
TEST_MACROS = {"TEST", "TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P"}


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    advice: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.advice}"


class Tree:
    """The files under `root`, by path relative to it, in a fixed order."""

    def __init__(self, root):
        self.root = root
        self.paths = sorted(self._walk())
        self._texts = {}
        self._tokens = {}

    def _walk(self):
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), self.root)

    def under(self, *folders, suffix=("",)):
        prefixes = tuple(folder + "/" for folder in folders)
        return [path for path in self.paths if path.startswith(prefixes) and path.endswith(suffix)]

    def cpp(self, *folders):
        return self.under(*folders, suffix=(".h", ".cc"))

    def texts(self):
        return [path for path in self.paths if path.endswith(TEXT_SUFFIXES)]

    def text(self, path):
        if path not in self._texts:
            with open(os.path.join(self.root, path), encoding="utf-8") as file:
                self._texts[path] = file.read()
        return self._texts[path]

    def lines(self, path):
        return self.text(path).split("\n")

    def tokens(self, path):
        if path not in self._tokens:
            self._tokens[path] = tokenize(self.text(path))
        return self._tokens[path]


def is_test(path):
    return path.startswith("tests/") or path.endswith(("_test.cc", "_fixture.h"))


# C++, as far as the laws need it.

class Token(NamedTuple):
    kind: str  # comment, directive, string, number, word, mark
    text: str
    line: int


TOKEN = re.compile(
    r"""
      (?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
    | (?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)
    | (?P<string>(?:u8|[uUL])?R"(?P<fence>[^()\s\\]*)\(.*?\)(?P=fence)"
        |(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"|(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
    | (?P<number>\.?\d(?:'?[\w.]|(?<=[eEpP])[+-])*)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<mark>::|->|[=!<>]=|&&|\S)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def tokenize(text):
    tokens = []
    line = 1
    position = 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        tokens.append(Token(match.lastgroup, match.group(), line))
    return tokens


class Function(NamedTuple):
    name: str
    head: list  # tokens before the body
    body: list  # tokens of the body, braces included
    first_line: int
    last_line: int


class Unbalanced(Exception):
    def __init__(self, line):
        super().__init__(f"line {line}")
        self.line = line


class _Scope(NamedTuple):
    kind: str  # namespace, class, function, other
    head: int
    brace: int


def functions(tokens):
    """Every function with a body at namespace or class level, TESTs included."""
    code = [token for token in tokens if token.kind not in ("comment", "directive")]
    found = []
    scopes = []
    head = 0  # where the current declaration starts
    for at, token in enumerate(code):
        declares = not scopes or scopes[-1].kind in ("namespace", "class")
        if token.text == "{":
            last_on_line = at + 1 == len(code) or code[at + 1].line > token.line
            kind = _scope_kind(code[head:at], last_on_line) if declares else "other"
            scopes.append(_Scope(kind, head, at))
            if kind in ("namespace", "class"):
                head = at + 1
        elif token.text == "}":
            if not scopes:
                raise Unbalanced(token.line)
            scope = scopes.pop()
            if scope.kind == "function":
                signature = code[scope.head : scope.brace]
                found.append(Function(_name(signature), signature, code[scope.brace : at + 1],
                                      signature[0].line, token.line))
            if scope.kind != "other":
                head = at + 1
        elif declares and (token.text == ";" or _is_access_label(code, at)):
            head = at + 1
    if scopes:
        raise Unbalanced(code[scopes[-1].brace].line)
    return found


def _is_access_label(code, at):
    return (code[at].text == ":" and at > 0
            and code[at - 1].text in ("public", "private", "protected")
            and (at < 2 or code[at - 2].text in ("{", "}", ";", ":")))


def _scope_kind(head, last_on_line):
    """What the brace after the declaration `head` opens."""
    head = _without_template(head)
    words = [token.text for token in head]
    if "namespace" in words[:2] or words[:1] == ["extern"] and len(words) == 2:
        return "namespace"
    flat = _outside_parentheses(head)
    if words.count("(") != words.count(")"):
        return "other"
    lead = [word for word in flat
            if word not in ("static", "inline", "constexpr", "const", "typedef", "constinit")]
    if lead[:1] and lead[0] in ("class", "struct", "union"):
        if "(" not in flat or "alignas" in flat:
            return "class"
    if lead[:1] == ["enum"]:
        return "other"
    if "=" in flat and "operator" not in flat:
        return "function" if "[" in flat[flat.index("=") :] and last_on_line else "other"
    if "(" not in flat:
        return "other"
    body_follows = words[-1] in (")", "}", "const", "override", "noexcept", "final", "&", "&&")
    return "function" if body_follows or last_on_line or "->" in flat else "other"


def _without_template(head):
    while head and head[0].text == "template":
        depth = 0
        for at, token in enumerate(head[1:], 1):
            depth += {"<": 1, ">": -1}.get(token.text, 0)
            if depth == 0:
                break
        head = head[at + 1 :]
    return head


def _outside_parentheses(head):
    """The words of `head`; what stands in parentheses or attributes is left out."""
    words = []
    depth = 0
    for token in head:
        if token.text == ")":
            depth -= 1
        if depth == 0:
            words.append(token.text)
        if token.text == "(":
            depth += 1
    return words


def _name(head):
    words = []
    for token in _without_template(head):
        if token.text == "(" and words[-1:] != ["requires"]:
            return words[-1] if words else ""
        if token.kind == "word":
            words.append(token.text)
    return ""
