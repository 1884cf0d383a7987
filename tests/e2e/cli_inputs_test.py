#!/usr/bin/python3
"""Directories, patterns and many files as the input of one ingest.

  cli_inputs_test.py BUILD_DIR
"""

import os
import subprocess

import cli
from cli import FAILED


class Inputs(cli.Case):
    def put(self, name, *numbers):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        return self.write(name, "n\n" + "".join(f"{n}\n" for n in numbers))

    def numbers(self, table="demo.a"):
        return sorted(row["n"] for row in self.rows(table))

    def test_a_directory_is_all_files_below_it_by_path(self):
        for at, name in enumerate(["in/b/2.csv", "in/a.csv", "in/b/10.csv", "in/c/d/e.csv"]):
            self.put(name, at)
        summary = self.ingest("--table", "demo.a", "in")
        self.assertEqual([report["input"] for report in summary["inputs"]],
                         ["in/a.csv", "in/b/10.csv", "in/b/2.csv", "in/c/d/e.csv"])
        self.assertEqual(self.numbers(), [0, 1, 2, 3])
        again = self.ingest("--table", "demo.a", "in")
        self.assertEqual((again["rows"], again["inputs_known"]), (0, 4))

    def test_hidden_unfinished_and_own_files_of_a_directory_are_left_out(self):
        self.put("a.csv", 1)
        for name in [".b.csv", ".git/c.csv", "d.csv.tmp", "e.csv.part", "f.csv.crdownload",
                     "g.csv~"]:
            self.put(name, 2)
        self.write("bad.csv", "n\n3\nx\n")
        for _ in range(2):
            _, err = self.sluice("ingest", "--table", "demo.a", ".", "--rejects", "rejects.csv")
        self.assertIn("left out 4 files", err)
        self.assertEqual(self.numbers(), [1, 3])
        self.sluice("ingest", "--table", "demo.b", ".b.csv", "d.csv.tmp")
        self.assertEqual(self.numbers("demo.b"), [2])

    def test_links_to_files_are_followed_and_cycles_are_not(self):
        self.put("elsewhere/a.csv", 1)
        self.put("in/b.csv", 2)
        os.symlink("../elsewhere/a.csv", self.path("in", "a.csv"))
        os.symlink(".", self.path("in", "loop"))
        os.symlink("b.csv", self.path("in", "twin.csv"))
        os.mkfifo(self.path("in", "pipe"))
        summary = self.ingest("--table", "demo.a", "in")
        self.assertEqual(len(summary["inputs"]), 3)
        self.assertEqual(self.numbers(), [1, 2])

    def test_a_quoted_pattern_is_expanded_and_one_without_match_says_so(self):
        for at, name in enumerate(["a1.csv", "a2.csv", "b1.csv", "a[1].csv"]):
            self.put(name, at)
        summary = self.ingest("--table", "demo.a", "a?.csv")
        self.assertEqual([report["input"] for report in summary["inputs"]], ["a1.csv", "a2.csv"])
        self.ingest("--table", "demo.b", "a[1].csv")
        self.assertEqual(self.numbers("demo.b"), [3])
        _, err = self.sluice("ingest", "--table", "demo.c", "z*.csv", "b1.csv", code=FAILED)
        self.assertIn("no file matches this pattern [z*.csv]", err)
        self.assertEqual(self.numbers("demo.c"), [2])

    def test_files_at_fault_are_named_and_the_others_go_on(self):
        self.put("in/a.csv", 1)
        self.write("in/b.csv", b"\xff\xfe\n1\n", "wb")
        os.symlink("nowhere.csv", self.path("in", "c.csv"))
        self.put("in/d.csv", 2)
        out, err = self.sluice("ingest", "--table", "demo.a", "in", code=FAILED)
        self.assertRegex(out, r"failed +2 of 4 inputs")
        for name in ["in/b.csv", "in/c.csv"]:
            self.assertIn(f"[{name}]", err)
        self.assertEqual(self.numbers(), [1, 2])

    def test_empty_files_and_directories_are_no_failure(self):
        os.makedirs(self.path("in", "deep"))
        _, err = self.sluice("ingest", "--table", "demo.a", "in")
        self.assertIn("in holds no files", err)
        self.write("in/a.csv", "")
        self.write("in/b.csv", "\n\n")
        _, err = self.sluice("ingest", "--table", "demo.a", "in")
        for name in ["in/a.csv", "in/b.csv"]:
            self.assertIn(f"{name} holds no records", err)

    def test_two_thousand_small_files_land_and_are_known_again(self):
        for at in range(2000):
            self.put(f"in/{at % 20}/{at}.csv", at, at + 10_000, *([0] * (at % 7)))
        summary = self.ingest("--table", "demo.a", "in")
        rows = 2 * 2000 + sum(at % 7 for at in range(2000))
        self.assertEqual((summary["rows"], summary["inputs_taken"]), (rows, 2000))
        self.assertEqual(self.count("demo.a"), rows)
        out, err = self.sluice("ingest", "--table", "demo.a", "in")
        self.assertEqual(err, "")
        self.assertRegex(out, r"inputs +2,000, 2,000 of them in the table already\n")

    def test_progress_counts_the_inputs_and_a_pipe_stays_silent(self):
        for at in range(3):
            self.put(f"in/{at}.csv", *range(at, 3000, 3))
        _, err = self.sluice("ingest", "--table", "demo.a", "--rate", "1500", "in", "--progress",
                             "always")
        self.assertRegex(err, r"\d of 3: \d\.csv  .*\d+%  .* rows/s")
        process = self.start("ingest", "--table", "demo.b", "in", "--quiet",
                             stderr=subprocess.STDOUT)
        self.assertEqual(process.communicate(timeout=60)[0], b"")


if __name__ == "__main__":
    cli.main()
