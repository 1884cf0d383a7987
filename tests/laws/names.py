"""laws.names: words that say nothing are not names."""

import os
import re

from tree import TEST_MACROS, Finding, tokenize

BANNED = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "impl", "data",
          "info"}
# Two words that name something outside of us, with the place that named it.
ALLOWED = {
    ("common", "prefix"): "what two strings begin with, in every book",
    ("data", "dir"): "the program's option --data-dir",
    ("data", "page"): "Parquet's DATA_PAGE",
    ("data", "file"): "Iceberg's data_file",
    ("data", "key"): "cryptography's word for the key that a key-encryption key wraps",
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def banned_word(identifier):
    words = [word.lower() for word in WORD.findall(identifier)]
    for at, word in enumerate(words):
        if word in BANNED and tuple(words[at : at + 2]) not in ALLOWED:
            return word
    return None


def check(tree):
    findings = []
    for path in tree.paths:
        if path.startswith(("include/", "src/", "sim/", "tests/", "bench/", "fuzz/", "examples/")):
            word = banned_word(os.path.basename(path).split(".")[0])
            if word:
                findings.append(Finding(path, 1, "names", _advice(word)))
    for path in tree.cpp("include", "src", "sim"):
        findings += _identifiers(path, tree.tokens(path))
    return findings


def _identifiers(path, tokens):
    findings = []
    previous = ""
    in_namespace = False
    in_sentence = False
    for token in tokens:
        if token.kind == "comment":
            continue
        if token.kind == "directive":
            findings += _macros(path, token)
            continue
        in_namespace = token.text == "namespace" or in_namespace and token.text not in ("{", ";")
        in_sentence = token.text in TEST_MACROS or in_sentence and token.text != ")"
        # What stands behind these was declared elsewhere: by us and found there, or by others.
        foreign = previous in (".", "->", "::") and not in_namespace
        declared = token.kind == "word" and not foreign and not in_sentence
        word = banned_word(token.text) if declared else None
        if word:
            findings.append(
                Finding(path, token.line, "names", f"{token.text}: {_advice(word)}"))
        previous = token.text
    return findings


def _macros(path, directive):
    body = directive.text.lstrip()[1:].lstrip()
    if not body.startswith("define"):
        return []
    inner = [token._replace(line=token.line + directive.line - 1) for token in tokenize(body)]
    return _identifiers(path, inner)


def _advice(word):
    return f'"{word}" says nothing: name what it holds or does'
