#!/usr/bin/python3
"""Real input into tables and back, rejects, and files that land exactly once.

  cli_ingest_test.py BUILD_DIR
"""

import json
import os
import signal

import cli
from cli import FAILED, USAGE


class Ingest(cli.Case):
    def rejects(self, name):
        with open(self.path("sluice-data", "rejects", name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_every_set_of_real_input_comes_back_as_it_went_in(self):
        for at, (name, options) in enumerate(cli.SETS.items()):
            with self.subTest(name):
                table = f"demo.set{at}"
                expected = cli.rows_of_testdata(name)
                summary = self.ingest("--table", table, *options, os.path.join(cli.TESTDATA, name))
                self.assertEqual(summary["rows"], len(expected))
                self.assertEqual((summary["rejects"], summary["rows_replaced"]), (0, 0))
                self.assertEqual(summary["bytes_in"],
                                 os.path.getsize(os.path.join(cli.TESTDATA, name)))
                self.assertGreater(summary["bytes_stored"], 0)
                self.assert_same_rows(table, expected)
        self.assertIn("ok", self.sluice("verify")[0])

    def test_the_summary_ends_with_commands_to_paste(self):
        rows = self.write("a.csv", "a\n1\n")
        out, err = self.sluice("ingest", "--table", "demo.a", rows)
        commands = out[out.index("next:"):].splitlines()[1:]
        self.assertIn(" query demo.a --limit 10", commands[0])
        self.assertIn(f"iceberg_scan('{self.path('sluice-data', 'tables')}", commands[1])
        self.assertIn("all whole numbers", err)
        self.assertEqual(self.sluice("ingest", "--table", "demo.b", rows, "-q"), ("", ""))

    def test_a_file_taken_twice_adds_nothing(self):
        rows = self.write("a.csv", "a\n1\n2\n")
        self.assertEqual(self.ingest("--table", "demo.a", rows)["rows"], 2)
        os.rename(rows, self.path("same-content.csv"))
        out, err = self.sluice("ingest", "--table", "demo.a", self.path("same-content.csv"))
        self.assertIn("already", err)
        self.assertRegex(out, r"rows +0\n")
        self.assertEqual(self.count("demo.a"), 2)

    def test_a_file_that_has_grown_adds_what_is_new(self):
        self.ingest("--table", "demo.a", self.write("a.csv", "a,b\n1,x\n2,y\n"))
        rows = self.write("a.csv", "3,z\n4,\n", mode="a")
        summary = self.ingest("--table", "demo.a", rows)
        self.assertEqual((summary["rows"], summary["inputs"][0]["resume_offset"]), (2, 12))
        self.assertEqual([row["a"] for row in self.rows("demo.a")], [1, 2, 3, 4])

    def test_a_file_and_its_longer_twin_in_one_command_add_each_row_once(self):
        short = self.write("a.csv", "a\n1\n2\n")
        twin, longer = self.write("b.csv", "a\n1\n2\n"), self.write("c.csv", "a\n1\n2\n3\n")
        summary = self.ingest("--table", "demo.a", short, twin, longer)
        self.assertEqual([report["rows"] for report in summary["inputs"]], [2, 0, 1])
        self.assertEqual([row["a"] for row in self.rows("demo.a")], [1, 2, 3])

    def test_equal_files_of_two_tables_are_strangers(self):
        rows = self.write("a.csv", "a\n1\n")
        for table in ["demo.a", "demo.b"]:
            self.assertEqual(self.ingest("--table", table, rows)["rows"], 1)

    def test_rejects_go_to_a_file_with_reasons_and_the_rest_goes_on(self):
        rows = self.write("bad.csv", b"at,n\n2020-01-01,1\n2020-01-02,2.5\n,3\n2020-02-30,4\n"
                                     b"2020-01-05,5,6\n2020-01-06,\xff\n2020-01-07,7\n", "wb")
        self.ingest("--table", "demo.a", "--time", "at",
                    self.write("good.csv", "at,n\n2020-01-01,0\n"))
        summary = self.ingest("--table", "demo.a", "--time", "at", rows)
        self.assertEqual((summary["rows"], summary["rejects"]), (2, 5))
        self.assertEqual([row["n"] for row in self.rows("demo.a")], [0, 1, 7])
        rejects = self.rejects("demo.a-bad.csv.ndjson")
        self.assertEqual([reject["line"] for reject in rejects], [3, 4, 5, 6, 7])
        self.assertEqual([reject["column"] for reject in rejects][:3], ["n", "at", "at"])
        self.assertEqual(rejects[0]["text"], "2020-01-02,2.5")
        self.assertEqual((rejects[0]["file"], rejects[0]["offset"]), (rows, 18))
        self.assertEqual(rejects[4]["text"], "2020-01-06,\ufffd")
        self.assertEqual(len({reject["reason"] for reject in rejects}), 5)

    def test_a_repeated_ingest_does_not_repeat_its_rejects(self):
        self.ingest("--table", "demo.a", self.write("good.csv", "n\n0\n"))
        rows = self.write("bad.csv", "n\n1\nx\n2\ny\n")
        for _ in range(2):
            self.ingest("--table", "demo.a", rows, "--rejects", "mine.ndjson")
        self.ingest("--table", "demo.a", self.write("worse.csv", "n\nz\n"), "--rejects",
                    "mine.ndjson")
        with open(self.path("mine.ndjson"), encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["text"] for line in file], ["x", "y", "z"])

    def test_quiet_is_silent_but_for_rejects(self):
        good = self.write("good.csv", "n\n0\n")
        self.assertEqual(self.sluice("ingest", "--table", "demo.a", good, "--quiet"), ("", ""))
        bad = self.write("bad.csv", "n\n1\nx\n")
        out, err = self.sluice("ingest", "--table", "demo.a", bad, "--quiet")
        self.assertEqual(out, "")
        self.assertRegex(err, r"^sluice: 1 records .*demo\.a-bad\.csv\.ndjson; line 3: n: .+\n$")

    def test_new_columns_of_a_later_file_are_added(self):
        self.ingest("--table", "demo.a", self.write("a.csv", "n\n1\n"))
        self.ingest("--table", "demo.a", self.write("b.csv", "m,n\ntext,2\n"))
        self.assertEqual(self.rows("demo.a"), [{"n": 1, "m": None}, {"n": 2, "m": "text"}])

    def test_the_last_row_of_a_key_and_time_wins_and_many_of_them_are_a_warning(self):
        rows = self.write("a.csv", "k,t,v\na,2020-01-01,1\na,2020-01-01,2\nb,2020-01-01,3\n")
        out, err = self.sluice("ingest", "--table", "demo.a", "--key", "k", "--time", "t", rows)
        self.assertRegex(out, r"replaced +1\n")
        self.assertIn("WARNING", err)
        self.assertIn("--key", err)
        self.assertEqual([row["v"] for row in self.rows("demo.a")], [2, 3])

    def test_rows_that_replace_rows_of_an_earlier_ingest_are_counted(self):
        self.ingest("--table", "demo.a", "--key", "k", self.write("a.csv", "k,v\na,1\nb,2\n"))
        again = self.ingest("--table", "demo.a", "--key", "k",
                            self.write("b.csv", "k,v\na,3\na,4\nc,5\n"))
        self.assertEqual(again["rows_replaced"], 2)
        self.assertTrue(again["rows_replaced_is_exact"])

    def test_standard_input_and_json_arrays(self):
        summary = self.ingest("--table", "demo.a", "-", stdin=b'{"a":1}\n{"a":2}\n')
        self.assertEqual(summary["rows"], 2)
        self.ingest("--table", "demo.a", "-", stdin=b"a\n3\n")
        self.assertEqual([row["a"] for row in self.rows("demo.a")], [1, 2, 3])
        rows = self.write("b.json", '[{"a": 1},\n {"a": 2}]\n')
        self.assertEqual(self.ingest("--table", "demo.b", rows)["rows"], 2)

    def test_empty_input_is_no_failure_and_makes_no_table(self):
        summary = self.ingest("--table", "demo.a", self.write("a.csv", ""))
        self.assertEqual(summary["rows"], 0)
        self.assertEqual(summary["next"], [])
        self.assertEqual(self.sluice("tables")[0], "no tables yet\n")

    def test_an_input_that_cannot_be_read_does_not_stop_the_others(self):
        rows, more = self.write("a.csv", "a\n1\n"), self.write("b.csv", "a\n2\n")
        bad = self.write("bad.csv", b"\xff\n1\n", "wb")
        out, err = self.sluice("ingest", "--table", "demo.a", rows, "absent.csv", bad, more,
                               code=FAILED)
        self.assertIn("stopped before the end", out)
        self.assertRegex(out, r"failed +2 of 4 inputs\n")
        for name in ["absent.csv", "bad.csv"]:
            self.assertRegex(err, rf"sluice: .+{name}")
            self.assertIn(name, out)
        table, = json.loads(self.sluice("tables", "--format", "json")[0])
        self.assertEqual((table["stored_rows"], table["unflushed_rows"]), (2, 0))

    def test_a_file_is_read_in_the_format_that_is_named(self):
        rows = self.write("a.txt", 'a\tb\n1\t"x,y"\n')
        self.ingest("--table", "demo.a", "--format", "tsv", rows)
        self.assertEqual(self.rows("demo.a"), [{"a": 1, "b": "x,y"}])
        self.ingest("--table", "demo.b", "--format", "ndjson", self.write("b.csv", '{"a": 1}\n'))
        self.assertEqual(self.rows("demo.b"), [{"a": 1}])
        self.sluice("ingest", "--table", "demo.b", "--format", "xml", rows, code=USAGE)

    def test_ctrl_c_keeps_what_was_acknowledged_and_the_repeat_goes_on(self):
        name = os.path.join(cli.TESTDATA, "flights.ndjson")
        for stop in [signal.SIGINT, signal.SIGTERM]:
            process = self.start("ingest", "--table", "demo.a", "--rate", "2000", "--progress",
                                 "always", name)
            while b"rows/s" not in process.stderr.readline():
                self.assertIsNone(process.poll())
            process.send_signal(stop)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, FAILED)
            self.assertIn(b"Repeat the command", err)
            self.assertIn(b"stopped before the end", out)
        self.assertGreater(self.count("demo.a"), 0)
        self.ingest("--table", "demo.a", name)
        self.assert_same_rows("demo.a", cli.rows_of_testdata("flights.ndjson"))


if __name__ == "__main__":
    cli.main()
