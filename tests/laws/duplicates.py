"""laws.duplicates: nothing is written twice, not even under other names.

Two stretches of code are the same if their tokens are, where names may differ as long as each name
of one stands for one name of the other, and numbers and strings may differ freely.
"""

import re
from typing import NamedTuple

from tree import Finding, is_test

LINES_MIN = 10  # that bear code, of the shorter place
LINES_MIN_TEST = 14  # where both are tests: these spell out what they do
SEED_TOKENS = 40
# Below this share of distinct lines it is a list: fields, cases, rows of a table.
DISTINCT_MIN = 0.7
FOLDERS = ("include", "src", "sim", "tests", "bench", "fuzz", "examples")
# Pairs that stay, and why.
ALLOWED = {
    ("src/part/footer.cc", "src/part/footer.cc"): "one reader a Thrift structure",
    ("src/cli/tables.cc", "src/cli/verify.cc"): "options, show, make: the shape of a command",
}
KEYWORDS = set("""
alignas auto bool break case catch char class const constexpr continue default delete do double else
enum explicit extern final float for friend if inline int int64_t long mutable namespace new
noexcept nullptr operator override private protected public requires return short signed size_t
sizeof static static_assert static_cast std struct switch template this true false try TRY typedef
typename uint16_t uint32_t uint64_t uint8_t union unsigned using virtual void while CHECK
""".split())
LITERAL = ("number", "string")


class Code(NamedTuple):
    path: str
    tokens: list
    shapes: list  # what is compared before names are


class Match(NamedTuple):
    left: Code
    right: Code
    left_at: int
    right_at: int
    count: int


def check(tree):
    codes = [_code(tree, path) for path in tree.cpp(*FOLDERS)]
    findings = []
    for match in _matches(codes):
        pair = (match.left.path, match.right.path)
        left = _lines(match.left, match.left_at, match.count)
        right = _lines(match.right, match.right_at, match.count)
        least = LINES_MIN_TEST if is_test(pair[0]) and is_test(pair[1]) else LINES_MIN
        too_short = min(len(left), len(right)) < least
        if too_short or _distinct(match) < DISTINCT_MIN or pair in ALLOWED:
            continue
        findings.append(Finding(
            pair[1], right[0], "duplicates",
            f"{len(right)} lines as in {pair[0]}:{left[0]}-{left[-1]}: write them once"))
    return findings


def _code(tree, path):
    tokens = [token for token in tree.tokens(path) if token.kind not in ("comment", "directive")]
    return Code(path, tokens, [_shape(token) for token in tokens])


def _shape(token):
    if token.kind in LITERAL:
        return "0"
    return "a" if _is_name(token) else token.text


def _is_name(token):
    return token.kind == "word" and token.text not in KEYWORDS


def _matches(codes):
    """The longest matches of at least SEED_TOKENS, each pair of places once."""
    places = {}
    seen = set()
    for code in codes:
        for at in range(len(code.shapes) - SEED_TOKENS + 1):
            key = hash(tuple(code.shapes[at : at + SEED_TOKENS]))
            others = places.setdefault(key, [])
            for other, other_at in others:
                yield from _grow(other, code, other_at, at, seen)
            others.append((code, at))


def _grow(left, right, left_at, right_at, seen):
    diagonal = (left.path, right.path, left_at - right_at)
    if (diagonal, right_at) in seen:
        return
    if left is right and right_at - left_at < SEED_TOKENS:
        return
    count = _same(left, right, left_at, right_at)
    if count < SEED_TOKENS:
        return
    seen.update((diagonal, right_at + step) for step in range(count))
    yield Match(left, right, left_at, right_at, count)


def _same(left, right, left_at, right_at):
    """For how many tokens one can be read as the other, each name for one name."""
    forth, back = {}, {}
    count = 0
    for a, b, x, y in zip(left.shapes[left_at:], right.shapes[right_at:], left.tokens[left_at:],
                          right.tokens[right_at:]):
        if a != b or left is right and left_at + count >= right_at:
            break
        if _is_name(x) and (forth.setdefault(x.text, y.text) != y.text
                            or back.setdefault(y.text, x.text) != x.text):
            break
        count += 1
    return count


def _lines(code, at, count):
    return sorted({token.line for token in code.tokens[at : at + count]
                   if re.search(r"\w", token.text)})


def _distinct(match):
    shapes = {}
    for at in range(match.right_at, match.right_at + match.count):
        shapes.setdefault(match.right.tokens[at].line, []).append(match.right.shapes[at])
    return len({tuple(line) for line in shapes.values()}) / len(shapes)
