#!/usr/bin/python3
"""What `sluice query` and `sluice tables` print.

  cli_query_test.py BUILD_DIR
"""

import csv
import io
import json

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
