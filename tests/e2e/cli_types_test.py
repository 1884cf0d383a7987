#!/usr/bin/python3
"""Declared types, and values that do not fit their column.

  cli_types_test.py BUILD_DIR
"""

import json

import cli
from cli import FAILED, USAGE


class Types(cli.Case):
    def columns(self, name):
        table, = [table for table in json.loads(self.sluice("tables", "--format", "json")[0])
                  if table["table"] == name]
        return {column["name"]: column["type"] for column in table["columns"]}

    def rest(self, table):
        return [row["_rest"] and json.loads(row["_rest"]) for row in self.rows(table)]

    def test_declared_types_win_over_sampling(self):
        rows = self.write("a.csv", "a,b,c,d,e\n1,1,1,true,2020-01-01\n")
        self.ingest("--table", "demo.a", "--types", "a:double,b:string", "--types",
                    "c:timestamp,e:string", rows)
        self.assertEqual(self.columns("demo.a"), {"a": "double", "b": "string", "c": "timestamp",
                                                  "d": "bool", "e": "string"})
        self.assertEqual(self.rows("demo.a"), [
            {"a": 1.0, "b": "1", "c": "1970-01-01T00:00:01Z", "d": True, "e": "2020-01-01"}])

    def test_declared_columns_that_no_record_has_are_made(self):
        for name, rows in [("demo.csv", self.write("a.csv", "a\n1\n")),
                           ("demo.json", self.write("a.ndjson", '{"a":1}\n'))]:
            self.ingest("--table", name, "--types", "later:double,_id:bool", rows)
            self.assertEqual(self.columns(name), {"a": "long", "later": "double", "x_id": "bool"})

    def test_a_column_that_comes_behind_the_sample_is_taken_if_it_was_declared(self):
        rows = self.write("a.ndjson", '{"a":1}\n' * 10_000 + '{"a":2,"late":1}\n{"a":3,"no":1}\n')
        summary = self.ingest("--table", "demo.a", "--types", "late:double", rows)
        self.assertEqual((summary["rows"], summary["rejects"]), (10_001, 1))
        self.assertEqual(self.rows("demo.a", "--where", "late = 1"), [{"a": 2, "late": 1.0}])

    def test_declared_types_are_checked(self):
        rows = self.write("a.csv", "a\n1\n")
        for types, told in [("a:int", "known are long, double, string, bool and timestamp"),
                            ("a", "COLUMN:TYPE"), ("a:long,", "COLUMN:TYPE"),
                            ("a:long,a:double", "declared twice"), ("a:binary", "no binary")]:
            _, err = self.sluice("ingest", "--table", "demo.a", "--types", types, rows, code=USAGE)
            self.assertIn(told, err)
        self.ingest("--table", "demo.a", "--types", "a:long", rows)
        self.ingest("--table", "demo.a", "--types", "a:long,b:bool", self.write("b.csv", "a\n2\n"))
        _, err = self.sluice("ingest", "--table", "demo.a", "--types", "a:double", rows,
                             code=FAILED)
        self.assertIn("the table has this column as long, not double", err)
        _, err = self.sluice("ingest", "--table", "demo", "--format", "lp", "--types", "a:long",
                             rows, code=USAGE)
        self.assertIn("has its own", err)

    def test_what_does_not_fit_is_rejected_unless_it_is_to_be_kept(self):
        self.ingest("--table", "demo.a", "--key", "k",
                    self.write("a.csv", "k,n,t\n1,1,2020-01-01\n"))
        rows = self.write("b.csv", 'k,n,t\n2,2.5,2020-02-30\n3,3,2020-01-03\nx,4,2020-01-04\n')
        summary = self.ingest("--table", "demo.a", rows)
        self.assertEqual((summary["rows"], summary["rejects"], summary["rows_kept"]), (1, 2, 0))
        self.assertNotIn("_rest", self.columns("demo.a"))
        rows = self.write("c.csv", 'k,n,t\n2,2.5,2020-02-30\n4,5,2020-01-03\nx,4,2020-01-04\n')
        summary = self.ingest("--table", "demo.a", "--on-conflict", "keep", rows)
        self.assertEqual((summary["rows"], summary["rejects"], summary["rows_kept"]), (2, 1, 1))
        self.assertEqual(self.columns("demo.a")["_rest"], "string")
        self.assertEqual([row["n"] for row in self.rows("demo.a")], [1, None, 3, 5])
        self.assertEqual(self.rest("demo.a"), [None, {"n": "2.5", "t": "2020-02-30"}, None, None])
        row, = self.rows("demo.a", "--where", "_rest is not null")
        self.assertEqual(row["k"], 2)

    def test_nothing_is_lost_of_json_that_fits_no_column(self):
        for name, text in [("a.ndjson", '{"n":1}\n{"n":"x","more":{"a":[1.10]}}\n{"n":3}\n'),
                           ("a.json", '[{"n":1},{"n":"x","more":{"a":[1.10]}},{"n":3}]')]:
            table = "demo." + name.replace(".", "_")
            self.ingest("--table", table, self.write("first.ndjson", '{"n":0}\n'))
            # The sample adds columns that it sees: one behind it is unknown.
            rows = self.write(name, text.replace("more", "n2"))
            out, _ = self.sluice("ingest", "--table", table, "--on-conflict", "keep", rows)
            self.assertRegex(out, r"in _rest +1 rows")
            self.assertEqual(self.rest(table), [None, None, {"n": "x"}, None])
        rows = self.write("late.ndjson", '{"n":4}\n' * 10_000 + '{"n":5,"late":[1.10]}\n')
        self.ingest("--table", "demo.late", "--on-conflict", "keep", rows)
        row, = self.rows("demo.late", "--where", "n = 5")
        self.assertEqual(row["_rest"], '{"late":[1.10]}')

    def test_points_whose_fields_change_their_type_are_kept(self):
        rows = self.write("a.lp", "m,host=a v=1i,w=\"x\" 1\nm,host=a v=1.5,w=\"y\" 2\n")
        summary = self.ingest("--table", "demo", "--format", "lp", "--on-conflict", "keep", rows)
        self.assertEqual((summary["rows"], summary["rejects"], summary["rows_kept"]), (2, 0, 1))
        self.assertEqual(self.rest("demo.m"), [None, {"v": 1.5}])
        self.assertEqual([row["w"] for row in self.rows("demo.m")], ["x", "y"])

    def test_a_kept_file_lands_once(self):
        rows = self.write("a.csv", "n\n1\n2\n")
        self.ingest("--table", "demo.a", rows)
        rows = self.write("b.csv", "n\n3\nx\n")
        for expected in [2, 0]:
            summary = self.ingest("--table", "demo.a", "--on-conflict", "keep", rows)
            self.assertEqual(summary["rows"], expected)
        self.assertEqual(self.rest("demo.a"), [None, None, None, {"n": "x"}])


if __name__ == "__main__":
    cli.main()
