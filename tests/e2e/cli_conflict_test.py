#!/usr/bin/python3
"""Rows that do not fit: each kind, from each source, under each policy.

  cli_conflict_test.py BUILD_DIR
"""

import json
import subprocess

import cli
from cli import FAILED, USAGE

LONG = "from -9223372036854775808 to 9223372036854775807"
SPAN = "from 1677-09-21 to 2262-04-11"
BIG = "x" * (64 << 20)
SHAPE = ["--column", "k long", "--column", "at timestamp", "--column", "t timestamp",
         "--column", "n long", "--column", "s string", "--key", "k", "--time", "at"]


def as_json(k, at, t=None, n=None, s=None):
    return json.dumps({"k": k, "at": at, "t": t, "n": n, "s": s})


class Kind:
    """A record that does not fit, and what it looks like when it is mended."""

    def __init__(self, kind, source, bad, good, column=None, found=None, allowed=None, kept=None):
        self.kind, self.source, self.bad, self.good = kind, source, bad, good
        self.column, self.found, self.allowed, self.kept = column, found, allowed, kept

    def __str__(self):
        return f"{self.kind} {self.source} {self.bad[:60]}"

    def text(self, record):
        """The record as the third of four rows, and the line that it stands in."""
        if self.source == "ndjson":
            rows = [as_json(7, "2020-01-01"), as_json(8, "2020-01-02"), record,
                    as_json(9, "2020-01-03")]
        elif self.source == "csv":
            rows = ["k,at,t,n,s", "7,2020-01-01,,7,", "8,2020-01-02,,8,", record,
                    "9,2020-01-03,,9,"]
        else:
            rows = ["m n=7i 7", "m n=8i 8", record, "m n=9i 9"]
        return "".join(row + "\n" for row in rows), rows.index(record) + 1


KINDS = [
    Kind("type", "ndjson", as_json(1, "2020-01-04", n=1.5), as_json(1, "2020-01-04", n=15),
         "n", "1.5", LONG, kept={"n": 1.5}),
    Kind("type", "ndjson", as_json("x", "2020-01-04"), as_json(1, "2020-01-04"), "k", '"x"', LONG),
    Kind("missing_key", "ndjson", '{"at":"2020-01-04"}', as_json(1, "2020-01-04"), "k", None, LONG),
    Kind("missing_key", "ndjson", '{"k":1}', as_json(1, "2020-01-04"), "at", None, SPAN),
    Kind("null_key", "ndjson", as_json(None, "2020-01-04"), as_json(1, "2020-01-04"), "k", "null",
         LONG),
    Kind("null_key", "ndjson", as_json(1, None), as_json(1, "2020-01-04"), "at", "null", SPAN),
    Kind("time_range", "ndjson", as_json(1, "0001-01-01"), as_json(1, "2020-01-04"), "at",
         "0001-01-01", SPAN),
    Kind("time_range", "ndjson", as_json(1, "2020-01-04", t="9999-01-01"),
         as_json(1, "2020-01-04"), "t", "9999-01-01", SPAN, kept={"t": "9999-01-01"}),
    Kind("oversized", "ndjson", as_json(1, "2020-01-04", s=BIG), as_json(1, "2020-01-04", s="x"),
         None, None, "64 MiB"),
    Kind("no_row", "ndjson", "[1]", as_json(1, "2020-01-04"), None, None, None),
    Kind("type", "csv", "1,2020-01-04,,1.5,", "1,2020-01-04,,15,", "n", "1.5", LONG,
         kept={"n": "1.5"}),
    Kind("type", "csv", "x,2020-01-04,,1,", "1,2020-01-04,,1,", "k", "x", LONG),
    Kind("null_key", "csv", ",2020-01-04,,1,", "1,2020-01-04,,1,", "k", None, LONG),
    Kind("time_range", "csv", "1,0001-01-01,,1,", "1,2020-01-04,,1,", "at", "0001-01-01", SPAN),
    Kind("time_range", "csv", "1,2020-01-04,9999-01-01,1,", "1,2020-01-04,,1,", "t", "9999-01-01",
         SPAN, kept={"t": "9999-01-01"}),
    Kind("oversized", "csv", f"1,2020-01-04,,1,{BIG}", "1,2020-01-04,,1,x", None, None, "64 MiB"),
    Kind("no_row", "csv", "1,2020-01-04", "1,2020-01-04,,,", None, None, None),
    Kind("type", "lp", "m n=1.5 1", "m n=1i 1", "n", "1.5", LONG, kept={"n": 1.5}),
    Kind("type", "lp", "m n=99999999999999999999i 1", "m n=1i 1", "n", "99999999999999999999",
         LONG, kept={"n": 99999999999999999999}),
    Kind("missing_key", "lp", "m n=1i", "m n=1i 1", "time", None, SPAN),
    Kind("time_range", "lp", "m n=1i 99999999999999999999", "m n=1i 1", "time",
         "99999999999999999999", SPAN),
    Kind("oversized", "lp", f'm n=1i,s="{BIG}" 1', 'm n=1i,s="x" 1', None, None, "64 MiB"),
    Kind("no_row", "lp", "m n= 1", "m n=1i 1", None, None, None),
]


class Conflicts(cli.Case):
    def columns(self, table, *arguments):
        described, _ = self.sluice("table", "describe", table, "--format", "json", *arguments)
        return [column["column"] for column in json.loads(described)["columns"]]

    def policy(self, table):
        described, _ = self.sluice("table", "describe", table, "--format", "json")
        return json.loads(described)["on_conflict"]

    def each(self, policy, check):
        """`check` of each kind, its file, and the arguments that ingest it into a table."""
        for number, kind in enumerate(KINDS):
            with self.subTest(str(kind), policy=policy):
                place = ["--data-dir", f"{policy}{number}"]
                if kind.source != "lp":
                    self.sluice("table", "create", "demo.m", *SHAPE, *place)
                text, line = kind.text(kind.bad)
                path = self.write(f"in{number}.{kind.source}", text)
                check(kind, path, line,
                      ["--table", "demo.m", "--on-conflict", policy, *place, path])
                subprocess.run(["rm", "-rf", self.path(f"{policy}{number}")], check=True)

    def assert_counts(self, summary, rows, kind, rejects, kept):
        self.assertEqual((summary["rows"], summary["rejects"], summary["rows_kept"]),
                         (rows, rejects, kept))
        for counts, total in [("rejects_by", rejects), ("rows_kept_by", kept)]:
            expected = dict.fromkeys(summary[counts], 0)
            expected[kind] = total
            self.assertEqual(summary[counts], expected)

    def test_a_record_that_is_rejected_is_written_down_and_counted_by_its_kind(self):
        def check(kind, path, line, arguments):
            summary = self.ingest(*arguments)
            self.assert_counts(summary, 3, kind.kind, 1, 0)
            with open(self.path(summary["inputs"][0]["rejects_file"]), encoding="utf-8") as file:
                reject, = map(json.loads, file)
            self.assertEqual((reject["file"], reject["line"], reject["column"]),
                             (path, line, kind.column))
        self.each("reject", check)

    def test_what_can_be_kept_is_in_rest_and_the_others_are_rejected(self):
        def check(kind, _path, _line, arguments):
            kept = 0 if kind.kept is None else 1
            summary = self.ingest(*arguments)
            self.assert_counts(summary, 3 + kept, kind.kind, 1 - kept, kept)
            place = arguments[4:6]
            self.assertEqual("_rest" in self.columns("demo.m", *place), kept == 1)
            if kept:
                row, = self.rows("demo.m", "--where", "_rest is not null", *place)
                self.assertEqual(json.loads(row["_rest"]), kind.kept)
        self.each("keep", check)

    def test_a_refusal_names_everything_and_the_mended_file_goes_on(self):
        def check(kind, path, line, arguments):
            for rows in [2, 0]:
                out, err = self.sluice("ingest", *arguments, "--summary", "json", code=FAILED)
                if rows > 0:  # else there is nothing to sum up
                    self.assert_counts(json.loads(out), rows, kind.kind, 0, 0)
                    self.assertFalse(json.loads(out)["complete"])
                for told in [path, f"line {line} is refused", kind.column, kind.found,
                             kind.allowed, "What is in front of it is in the table"]:
                    self.assertIn(told or "", err)
            self.assertEqual(self.count_in(arguments), 2)
            self.write(path, kind.text(kind.good)[0])
            summary = self.ingest(*arguments)
            self.assertEqual((summary["rows"], summary["rows_replaced"]), (2, 0))
            self.assertGreater(summary["inputs"][0]["resume_offset"], 0)
            self.assertEqual(self.count_in(arguments), 4)
            self.assertEqual(self.ingest(*arguments)["rows"], 0)
        self.each("refuse", check)

    def count_in(self, arguments):
        return self.rows("demo.m", "--agg", "count(*)", *arguments[4:6])[0]["count(*)"]

    def test_a_refusal_between_two_batches_loses_and_doubles_nothing(self):
        # Without a key: a row that lands twice is seen.
        for bad in [0, 1, 4_999, 5_000, 5_001, 12_000]:
            with self.subTest(bad=bad):
                table = f"demo.t{bad}"
                rows = [f"{n}\n" for n in range(12_001)]
                rows[bad] = "x\n"
                path = self.write("rows.csv", "n\n" + "".join(rows))
                arguments = ["--table", table, "--types", "n:long", "--on-conflict", "refuse", path]
                _, err = self.sluice("ingest", *arguments, code=FAILED)
                self.assertIn(f"line {bad + 2} is refused: n: ", err)
                self.assertIn("Nothing of the input" if bad == 0 else "goes on there", err)
                self.assertEqual(self.count(table), bad)
                rows[bad] = f"{bad}\n"
                self.write("rows.csv", "n\n" + "".join(rows))
                self.assertEqual(self.ingest(*arguments)["rows"], 12_001 - bad)
                self.assertEqual(self.rows(table, "--agg", "count(*),sum(n)"),
                                 [{"count(*)": 12_001, "sum(n)": 12_001 * 6_000}])

    def test_inputs_behind_a_refused_one_are_not_taken(self):
        self.ingest("--table", "demo.a", self.write("a.csv", "n\n1\n"))
        paths = [self.write("b.csv", "n\n2\nx\n"), self.write("c.csv", "n\n3\n")]
        _, err = self.sluice("ingest", "--table", "demo.a", "--on-conflict", "refuse", *paths,
                             code=FAILED)
        self.assertIn("b.csv", err)
        self.assertEqual(self.count("demo.a"), 2)
        self.write("b.csv", "n\n2\n4\n")
        self.assertEqual(self.ingest("--table", "demo.a", "--on-conflict", "refuse",
                                     *paths)["rows"], 2)

    def test_a_stream_that_is_refused_says_what_to_send(self):
        self.ingest("--table", "demo.a", self.write("a.csv", "n\n1\n"))
        for text, told in [(b"n\n2\nx\n3\n", "send the rest, mended"), (b"n\nx\n", "Nothing of")]:
            _, err = self.sluice("ingest", "--table", "demo.a", "--on-conflict", "refuse",
                                 "--format", "csv", "-", stdin=text, code=FAILED)
            self.assertIn(told, err)
        self.assertEqual(self.count("demo.a"), 2)

    def test_the_table_remembers_and_the_option_overrides_it_for_one_run(self):
        bad = self.write("bad.csv", "n\n1\nx\n")
        self.sluice("table", "create", "demo.a", "--column", "n long", "--on-conflict", "keep")
        self.assertEqual(self.policy("demo.a"), "keep")
        self.assertEqual(self.ingest("--table", "demo.a", bad)["rows_kept"], 1)
        other = self.write("other.csv", "n\n2\ny\n")
        self.assertEqual(self.ingest("--table", "demo.a", "--on-conflict", "reject",
                                     other)["rejects"], 1)
        self.assertEqual(self.policy("demo.a"), "keep")
        self.sluice("table", "alter", "demo.a", "--on-conflict", "refuse")
        self.assertEqual(self.policy("demo.a"), "refuse")
        self.sluice("ingest", "--table", "demo.a", self.write("more.csv", "n\n3\nz\n"), code=FAILED)
        self.sluice("table", "alter", "demo.a", "--on-conflict", "reject", "--add", "m long")
        self.assertEqual(self.policy("demo.a"), "reject")
        self.assertIn("m", self.columns("demo.a"))
        self.assertIn("ok", self.sluice("verify")[0])

    def test_a_table_that_an_ingest_makes_remembers_its_policy(self):
        self.ingest("--table", "demo.a", "--on-conflict", "keep", self.write("a.csv", "n\n1\n"))
        self.ingest("--table", "demo", "--on-conflict", "refuse", self.write("m.lp", "m v=1i 1\n"),
                    self.write("n.lp", "n v=1i 1\n"), "--format", "lp")
        self.ingest("--table", "demo.b", self.write("b.csv", "n\n1\n"))
        self.assertEqual([self.policy(f"demo.{name}") for name in "amnb"],
                         ["keep", "refuse", "refuse", "reject"])
        self.assertEqual(self.ingest("--table", "demo.a",
                                     self.write("c.csv", "n\nx\n"))["rows_kept"], 1)

    def test_each_table_of_a_database_follows_its_own_policy(self):
        path = self.write("a.lp", "a v=1i 1\nb v=1i 1\nc v=1i 1\n")
        self.ingest("--table", "demo", "--format", "lp", path)
        self.sluice("table", "alter", "demo.a", "--on-conflict", "keep")
        self.sluice("table", "alter", "demo.c", "--on-conflict", "refuse")
        path = self.write("b.lp", "a v=1.5 2\nb v=1.5 2\nc v=1i 2\nc v=1.5 3\na v=3i 3\n")
        out, err = self.sluice("ingest", "--table", "demo", "--format", "lp", path,
                               "--summary", "json", code=FAILED)
        self.assertIn("line 4 is refused: v: ", err)
        summary = json.loads(out)
        self.assertEqual((summary["rows"], summary["rows_kept"], summary["rejects"]), (2, 1, 1))
        self.write("b.lp", "a v=1.5 2\nb v=1.5 2\nc v=1i 2\nc v=2i 3\na v=3i 3\n")
        self.ingest("--table", "demo", "--format", "lp", path)
        self.assertEqual([self.count(f"demo.{name}") for name in "abc"], [3, 1, 3])

    def test_the_summary_tells_the_kinds(self):
        self.sluice("table", "create", "demo.m", *SHAPE)
        path = self.write("a.csv", "k,at,t,n,s\n1,2020-01-01,,x,\n,2020-01-01,,1,\n"
                                   "2,2020-01-01,9999-01-01,1,\n3,0001-01-01,,1,\n4\n")
        out, _ = self.sluice("ingest", "--table", "demo.m", "--on-conflict", "keep", path)
        self.assertRegex(out, r"in _rest +2 rows .* \(type 1, time range 1\)")
        self.assertRegex(out, r"rejected +3 \(null key 1, time range 1, no row 1\)")

    def test_a_policy_that_is_none_is_named_with_those_that_are(self):
        for command in [["ingest", "--table", "demo.a", "-"], ["table", "alter", "demo.a"]]:
            _, err = self.sluice(*command, "--on-conflict", "drop", code=USAGE)
            self.assertIn("is none of reject|keep|refuse", err)


if __name__ == "__main__":
    cli.main()
