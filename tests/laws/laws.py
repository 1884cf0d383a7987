"""The laws of the source tree, one check per law.

  python3 laws.py LAW [--root DIR] [--build DIR] [--compiler CXX]

LAW: one of LAWS below; or self, which plants violations of each and looks whether they are found.
Every finding is a line `file:line: rule: what to do`; exit code 1 if there is one.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import claims
import docs
import duplicates
import headers_alone
import includes
import invariants
import names
import sizes
import style
import symbols
import unused
from tree import Tree

LAWS = {
    "includes": lambda tree, args: includes.check(tree),
    "symbols": lambda tree, args: symbols.check(tree, args.build),
    "headers_alone": lambda tree, args: headers_alone.check(tree, args.build, args.compiler),
    "sizes": lambda tree, args: sizes.check(tree),
    "names": lambda tree, args: names.check(tree),
    "style": lambda tree, args: style.check(tree),
    "duplicates": lambda tree, args: duplicates.check(tree),
    "unused": lambda tree, args: unused.check(tree, args.build),
    "docs": lambda tree, args: docs.check(tree, args.build),
    "invariants": lambda tree, args: invariants.check(tree),
    "claims": lambda tree, args: claims.check(tree),
}


def main():
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("law", choices=[*LAWS, "self"])
    parser.add_argument("--root", default=root)
    parser.add_argument("--build", default=os.path.join(root, "build/release"))
    parser.add_argument("--compiler", default="g++")
    args = parser.parse_args()
    if args.law == "self":
        import self_test
        return self_test.run(LAWS, args.compiler)
    findings = LAWS[args.law](Tree(args.root), args)
    for finding in findings:
        print(finding)
    print(f"laws.{args.law}: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
