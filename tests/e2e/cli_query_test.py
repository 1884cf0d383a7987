#!/usr/bin/python3
"""What `sluice query` and `sluice tables` print.

  cli_query_test.py BUILD_DIR
"""

import csv
import io
import json
import subprocess

import cli

NDJSON = "\n".join(json.dumps(row, ensure_ascii=False) for row in [
    {"at": "2020-01-01T00:00:00Z", "n": 9223372036854775807, "x": 0.1, "s": "a,\"b\"\nc",
     "b": True},
    {"at": "2020-01-01T00:00:01.000000001Z", "n": -9223372036854775808, "x": -1.5e300, "s": "",
     "b": False},
    {"at": "1969-12-31T23:59:59.5Z", "n": None, "x": None, "s": None, "b": None},
    {"at": "2020-01-02", "n": 3, "x": 2.5, "s": "Grüße \U0001f30a", "b": True},
]) + "\n"
TIMES = ["1969-12-31T23:59:59.5Z", "2020-01-01T00:00:00Z", "2020-01-01T00:00:01.000000001Z",
         "2020-01-02T00:00:00Z"]


class Query(cli.Case):
    def setUp(self):
        super().setUp()
        self.sluice("ingest", "--table", "demo.a", "--time", "at",
                    self.write("a.ndjson", NDJSON), "--quiet")

    def test_json_and_ndjson_hold_every_value_exactly(self):
        rows = self.rows("demo.a")
        self.assertEqual([row["at"] for row in rows], TIMES)
        self.assertEqual([row["n"] for row in rows], [None, 2**63 - 1, -2**63, 3])
        self.assertEqual([row["x"] for row in rows], [None, 0.1, -1.5e300, 2.5])
        self.assertEqual([row["s"] for row in rows], [None, "a,\"b\"\nc", "", "Grüße \U0001f30a"])
        self.assertEqual([row["b"] for row in rows], [None, True, False, True])
        out, _ = self.sluice("query", "demo.a", "--format", "json")
        self.assertEqual(json.loads(out), rows)

    def test_nothing_found_is_an_empty_array_no_line_and_a_header(self):
        never = ["query", "demo.a", "--where", "n = 4", "--columns", "n"]
        self.assertEqual(self.sluice(*never, "--format", "json")[0], "[]\n")
        self.assertEqual(self.sluice(*never, "--format", "ndjson")[0], "")
        self.assertEqual(self.sluice(*never, "--format", "csv")[0], "n\n")
        self.assertIn("(0 rows)", self.sluice(*never)[0])

    def test_csv_tells_null_from_the_empty_string(self):
        out, _ = self.sluice("query", "demo.a", "--columns", "s,n", "--format", "csv")
        self.assertEqual(out, "s,n\n,\n\"a,\"\"b\"\"\nc\",9223372036854775807\n"
                              "\"\",-9223372036854775808\nGrüße \U0001f30a,3\n")
        self.assertEqual(len(list(csv.reader(io.StringIO(out)))), 5)

    def test_tables_for_people_are_aligned_and_show_types(self):
        out, _ = self.sluice("query", "demo.a", "--columns", "n,s", "--where", "b = true")
        self.assertEqual(out, "                  n  s\n"
                              "               long  string\n"
                              "-------------------  --------\n"
                              "9223372036854775807  a,\"b\"\\nc\n"
                              "                  3  Grüße \U0001f30a\n"
                              "(2 rows)\n")

    def test_filters_times_columns_and_limits(self):
        self.assertEqual([row["n"] for row in self.rows("demo.a", "--where", "x > 0 and n < 10")],
                         [3])
        self.assertEqual(self.rows("demo.a", "--from", "2020-01-01T00:00:00.000000001Z", "--to",
                                   "2020-01-02", "--columns", "at"), [{"at": TIMES[2]}])
        self.assertEqual(len(self.rows("demo.a", "--limit", "3")), 3)
        self.assertEqual(list(self.rows("demo.a", "--columns", "x,at", "--limit", "1")[0]),
                         ["x", "at"])

    def test_aggregates_are_one_row_labelled_as_written(self):
        row, = self.rows("demo.a", "--agg", "count(*),count(x),min(at), max(s)", "--where",
                         "n is not null")
        self.assertEqual(list(row.values()), [3, 3, TIMES[1], "a,\"b\"\nc"])
        self.assertEqual(list(row)[:2], ["count(*)", "count(x)"])

    def keyed(self, *texts):
        """A table of readings, a flush for each text."""
        for number, text in enumerate(texts):
            self.sluice("ingest", "--table", "demo.k", "--key", "id", "--time", "t",
                        self.write(f"k{number}.csv", "id,t,x\n" + text), "--quiet")

    def test_groups_by_time_follow_a_zone_over_a_change_of_clocks(self):
        self.keyed("".join(f"a,2026-10-{24 + at // 24}T{at % 24:02}:30:00Z,{at - 22}\n"
                           for at in range(22, 48)))
        berlin = self.rows("demo.k", "--agg", "count(*),first(x),last(x)", "--every", "1d", "--tz",
                           "Europe/Berlin")
        self.assertEqual([list(row.values()) for row in berlin],
                         [["2026-10-24T22:00:00Z", 25, 0, 24], ["2026-10-25T23:00:00Z", 1, 25, 25]])
        hours = self.rows("demo.k", "--agg", "sum(x)", "--every", "1h", "--tz", "Europe/Berlin")
        self.assertEqual([row["sum(x)"] for row in hours], list(range(26)))
        year, = self.rows("demo.k", "--agg", "count(*)", "--every", "1y", "--tz", "+02:00")
        self.assertEqual(year, {"t": "2025-12-31T22:00:00Z", "count(*)": 26})

    def test_groups_by_values_can_be_sorted_and_limited(self):
        self.keyed("a,2020-01-01,1\nb,2020-01-01,5\nc,2020-01-02,\nb,2020-01-03,2\n")
        by_key = self.rows("demo.k", "--agg", "sum(x)", "--by", "key")
        self.assertEqual(by_key, [{"id": "a", "sum(x)": 1}, {"id": "b", "sum(x)": 7},
                                  {"id": "c", "sum(x)": None}])
        most, = self.rows("demo.k", "--agg", "sum(x)", "--by", "id", "--order", "sum(x):desc",
                          "--limit", "1")
        self.assertEqual(most["id"], "b")
        self.assertEqual(len(self.rows("demo.k", "--agg", "count(*)", "--by", "id,x")), 4)

    def test_order_limits_and_the_last_row_of_each_key(self):
        self.keyed("a,2020-01-01,1\nb,2020-01-01,5\na,2020-01-02,\nb,2020-01-03,2\n")
        self.assertEqual([row["x"] for row in self.rows("demo.k", "--order", "x:desc")],
                         [5, 2, 1, None])
        last = self.rows("demo.k", "--order", "time:desc", "--limit-per-key", "1", "--memory", "1")
        self.assertEqual([(row["id"], row["t"]) for row in last],
                         [("b", "2020-01-03T00:00:00Z"), ("a", "2020-01-02T00:00:00Z")])
        self.assertEqual([row["id"] for row in self.rows("demo.k", "--order", "key:desc,time",
                                                         "--limit", "3", "--columns", "id")],
                         ["b", "b", "a"])

    def test_as_of_shows_an_earlier_state_by_id_and_by_time(self):
        self.keyed("a,2020-01-01,1\n")
        table = [table for table in json.loads(self.sluice("tables", "--format", "json")[0])
                 if table["table"] == "demo.k"][0]
        first = str(table["snapshot_id"])
        self.keyed("a,2020-01-01,1\n", "a,2020-01-01,2\n")
        self.assertEqual([row["x"] for row in self.rows("demo.k")], [2])
        self.assertEqual([row["x"] for row in self.rows("demo.k", "--as-of", first)], [1])
        self.assertEqual([row["x"] for row in self.rows("demo.k", "--as-of", "2200-01-01")], [2])
        _, err = self.sluice("query", "demo.k", "--as-of", "2001-01-01", code=1)
        self.assertIn("the oldest is " + first, err)

    def test_options_that_mean_nothing_together_are_usage_errors(self):
        for arguments in (["--every", "1h"], ["--by", "s"], ["--tz", "UTC"],
                          ["--agg", "count(*)", "--limit-per-key", "1"],
                          ["--agg", "count(*)", "--every", "1x"],
                          ["--agg", "count(*)", "--every", "1h", "--tz", "Mars/Base"],
                          ["--order", "x:up"], ["--memory", "0"], ["--as-of", "yesterday"]):
            self.sluice("query", "demo.a", *arguments, code=2)

    def test_a_reader_that_goes_away_ends_a_query_quietly(self):
        self.keyed("".join(f"d{row % 100},2020-01-01T{row // 3600:02}:{row // 60 % 60:02}:"
                           f"{row % 60:02}Z,{row}\n" for row in range(40000)))
        for arguments in ("", "--order x:desc", "--agg 'count(*)' --by x"):
            shell = subprocess.run(
                f"'{self.program}' query demo.k --format ndjson {arguments} | head -n 1; "
                "echo ${PIPESTATUS[0]}", shell=True, executable="/bin/bash", cwd=self.dir,
                capture_output=True, text=True, check=True)
            self.assertEqual((shell.stdout.splitlines()[1:], shell.stderr), (["0"], ""))

    def test_csv_that_was_printed_is_taken_back_with_equal_rows(self):
        out, _ = self.sluice("query", "demo.a", "--format", "csv")
        self.sluice("ingest", "--table", "demo.b", "--time", "at", self.write("b.csv", out))
        self.assertEqual(self.rows("demo.b"), self.rows("demo.a"))

    def test_nan_and_infinity_are_strings_in_json_and_words_elsewhere(self):
        self.sluice("ingest", "--table", "demo.c",
                    self.write("c.csv", "x\n1.5\nNaN\n-inf\nInfinity\n-0.0\n"))
        self.assertEqual({str(row["x"]) for row in self.rows("demo.c")},
                         {"1.5", "NaN", "-Infinity", "Infinity", "-0.0"})
        out, _ = self.sluice("query", "demo.c", "--format", "csv")
        self.assertEqual(set(out.split()), {"x", "1.5", "NaN", "-Infinity", "Infinity", "-0.0"})

    def test_no_value_reaches_the_controls_of_the_terminal(self):
        self.sluice("ingest", "--table", "demo.d",
                    self.write("d.ndjson", json.dumps({"s": "\x1b[2J\x07\x9b"}) + "\n"))
        out, _ = self.sluice("query", "demo.d")
        self.assertIn("\\x1b[2J\\x07\\x9b", out)

    def test_tables_lists_sizes_keys_and_places(self):
        out, _ = self.sluice("tables", "--format", "json")
        table, = json.loads(out)
        self.assertEqual(table["table"], "demo.a")
        self.assertEqual([column["type"] for column in table["columns"]],
                         ["timestamp", "long", "double", "string", "bool"])
        self.assertEqual((table["key"], table["time"], table["stored_rows"]), ([], "at", 4))
        out, _ = self.sluice("tables")
        self.assertIn("demo.a", out)
        self.assertIn(table["location"], out)


if __name__ == "__main__":
    cli.main()
