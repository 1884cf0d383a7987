#!/usr/bin/python3
"""`sluice table`: what an operator does to a table, and what other programs read afterwards.

  cli_table_test.py BUILD_DIRECTORY
"""

import json
import os
import time
import unittest

import cli
import readers
from cli import FAILED, USAGE

CREATE = ["--column", "id string", "--column", "time timestamp", "--column", "temp float",
          "--column", "n int", "--column", "old long", "--key", "id", "--time", "time"]


class TableCase(cli.Case):
    def table(self, verb, *arguments, code=cli.DONE):
        """What the command says, as JSON."""
        out, err = self.sluice("table", verb, "demo.t", *arguments, "--format", "json", code=code)
        return json.loads(out) if code == cli.DONE else err

    def make(self):
        self.table("create", *CREATE)

    def put(self, *rows):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        self.ingest("-", "--table", "demo.t", "--format", "ndjson", stdin=text.encode())
        self.sluice("flush")

    def row(self, number, **values):
        return {"id": f"d{number}", "time": f"2026-01-0{number}T00:00:00Z", **values}

    def snapshots(self):
        return self.table("snapshots")["snapshots"]

    def columns(self):
        return {column["column"]: column for column in self.table("describe")["columns"]}

    def read_by_others(self):
        """chdb's, icebird's and DuckDB's rows, by key; DuckDB is told the field ids."""
        path = self.path("sluice-data", "tables", "demo", "t")
        table = readers.Table(path)
        fields = [f for f in table.fields if not f["name"].startswith("_")]
        kinds = {"string": "VARCHAR", "long": "BIGINT", "int": "INTEGER", "double": "DOUBLE",
                 "float": "FLOAT", "timestamptz": "TIMESTAMPTZ", "boolean": "BOOLEAN"}
        schema = ", ".join(f"{f['id']}: {{name: '{f['name']}', type: '{kinds[f['type']]}', "
                           "default_value: NULL}" for f in fields)
        files = ", ".join(f"'{file}'" for file in table.live_paths)
        return {"chdb": readers.chdb(path), "icebird": readers.icebird(path),
                "duckdb": readers.duckdb(
                    f"FROM read_parquet([{files}], schema = map {{{schema}}})")}


class Evolution(TableCase):
    def test_a_table_is_made_shown_and_altered(self):
        self.make()
        described = self.table("describe")
        self.assertEqual(described["key"], ["id"])
        self.assertEqual(described["sorted_by"], ["id", "time"])
        columns = self.columns()
        self.assertEqual({name: columns[name]["type"] for name in ("temp", "n", "old", "time")},
                         {"temp": "float", "n": "int", "old": "long", "time": "timestamptz"})
        self.assertEqual(columns["_version"]["role"], "system")
        self.table("alter", "--add", "note string", "--rename", "temp=celsius", "--drop", "old",
                   "--widen", "n")
        after = self.columns()
        self.assertEqual(after["celsius"]["id"], columns["temp"]["id"])
        self.assertEqual(after["n"]["type"], "long")
        self.assertNotIn("old", after)
        self.assertGreater(after["note"]["id"], max(c["id"] for c in columns.values()))

    def test_what_the_table_cannot_become_is_refused(self):
        self.make()
        for change, reason in [(["--drop", "id"], "key needs the column"),
                               (["--drop", "absent"], "no such column"),
                               (["--widen", "old"], "only int and float"),
                               (["--widen", "n=string"], "cannot become string"),
                               (["--rename", "n=temp"], "another column has this name")]:
            with self.subTest(change=change):
                self.assertIn(reason, self.table("alter", *change, code=FAILED))
        for change in [["--rename", "n"], ["--add", "n"], ["--add", "n decimal"], ["--older", "x"]]:
            self.table("alter", *change, code=USAGE)
        self.assertIn("exists", self.table("create", *CREATE, code=FAILED))

    def test_all_readers_agree_on_old_parts_after_every_change(self):
        self.make()
        self.put(self.row(1, temp=0.5, n=7, old=70))
        first = self.snapshots()[-1]["snapshot"]
        self.table("alter", "--rename", "temp=celsius", "--widen", "n", "--drop", "old")
        self.table("alter", "--add", "old long", "--add", "note string")
        self.put(self.row(2, celsius=1.5, n=1 << 40, old=80, note="x"))
        self.table("alter", "--rename", "n=old", "--rename", "old=n")
        wanted = {"d1": {"celsius": 0.5, "old": 7, "n": None, "note": None},
                  "d2": {"celsius": 1.5, "old": 1 << 40, "n": 80, "note": "x"}}
        shown = {row["id"]: row for row in self.rows("demo.t")}
        self.assertEqual({key: {name: row.get(name) for name in wanted[key]}
                          for key, row in shown.items()}, wanted)
        for reader, rows in self.read_by_others().items():
            with self.subTest(reader=reader):
                self.assertEqual(
                    {row["id"]: {name: None if row.get(name) is None else
                                 row[name] if name == "note" else float(row[name])
                                 for name in wanted["d1"]} for row in rows},
                    {key: {name: None if value is None else
                           value if name == "note" else float(value)
                           for name, value in row.items()} for key, row in wanted.items()})
        then = self.rows("demo.t", "--as-of", str(first))
        self.assertEqual(then, [dict(self.row(1), temp=0.5, n=7, old=70)])

    def test_a_value_that_a_narrow_column_does_not_hold_is_refused(self):
        self.make()
        bad = self.row(1, temp=0.5, n=1 << 40, old=1)
        _, err = self.sluice("ingest", "-", "--table", "demo.t", "--format", "ndjson",
                             stdin=json.dumps(bad).encode(), code=FAILED)
        self.assertIn("the column is an int, and the value does not fit", err)


class Retention(TableCase):
    def fill(self):
        self.make()
        for number in (1, 2, 3):
            self.put(self.row(number, temp=0.5, n=number, old=0))
        return [snapshot["snapshot"] for snapshot in self.snapshots()]

    def test_a_rollback_is_recorded_and_does_not_undo_what_comes_after(self):
        ids = self.fill()
        told = self.table("rollback", str(ids[0]))
        self.assertEqual(told["rolled_back_from"], ids[2])
        self.assertEqual([row["id"] for row in self.rows("demo.t")], ["d1"])
        history = self.table("history")["history"]
        self.assertEqual([entry["snapshot"] for entry in history], [*ids, ids[0]])
        self.assertEqual(history[-1]["operation"], "rollback")
        self.put(self.row(4, temp=0.5, n=4, old=0))
        self.assertEqual([row["id"] for row in self.rows("demo.t")], ["d1", "d4"])
        self.assertEqual(self.snapshots()[-1]["parent"], ids[0])
        self.assertEqual(self.snapshots()[-1]["rows"], 2)
        for reader, rows in self.read_by_others().items():
            self.assertEqual(sorted(row["id"] for row in rows), ["d1", "d4"], reader)
        self.assertIn("keeps no such snapshot", self.table("rollback", "12345", code=FAILED))

    def test_a_tagged_snapshot_does_not_expire_and_is_read_by_its_name(self):
        ids = self.fill()
        self.table("tag", "release", "--snapshot", str(ids[0]))
        dry = self.table("expire", "--keep-last", "1", "--dry-run")
        self.assertEqual([s["snapshot"] for s in dry["expired_snapshots"]], [ids[1]])
        self.assertEqual(len(self.snapshots()), 3)
        self.table("expire", "--keep-last", "1")
        kept = {snapshot["snapshot"]: snapshot["names"] for snapshot in self.snapshots()}
        self.assertEqual(kept, {ids[0]: ["release"], ids[2]: ["main"]})
        self.assertEqual(len(self.rows("demo.t", "--as-of", "tag:release")), 1)
        _, err = self.sluice("query", "demo.t", "--as-of", "tag:absent", code=FAILED)
        self.assertIn("no such tag", err)
        self.table("tag", "release", "--remove")
        self.table("expire", "--older-than", "0s")
        self.assertEqual(len(self.snapshots()), 1)
        self.table("expire", code=FAILED)
        self.table("expire", "--older-than", "soon", code=USAGE)

    def test_a_time_whose_snapshot_has_expired_is_no_other_snapshot(self):
        ids = self.fill()
        self.table("tag", "release", "--snapshot", str(ids[0]))
        self.table("expire", "--keep-last", "1")
        _, err = self.sluice("query", "demo.t", "--as-of", "2020-01-01T00:00:00Z", code=FAILED)
        self.assertIn("the oldest is", err)


class Sweep(TableCase):
    def age_everything(self, path):
        """Days ago; the table's clock is its newest commit, which is made now."""
        long_ago = time.time() - 3 * 86400
        for directory, _, files in os.walk(path):
            for name in files:
                os.utime(os.path.join(directory, name), (long_ago, long_ago))

    def test_what_nothing_names_is_deleted_when_it_is_old_and_all_else_stays(self):
        self.make()
        self.put(self.row(1, n=1))
        path = self.path("sluice-data", "tables", "demo", "t")
        orphan = os.path.join(path, "data", f"{'a' * 32}-{'b' * 8}-0.parquet")
        notes = os.path.join(path, "data", "notes.txt")
        for name in (orphan, notes):
            with open(name, "w", encoding="ascii") as file:
                file.write("left behind")
        young = self.table("sweep")
        self.assertEqual((young["swept"], young["within_the_grace"]), (0, 1))
        self.assertTrue(os.path.exists(orphan))

        self.age_everything(path)
        dry = self.table("sweep", "--dry-run")
        self.assertEqual([o["object"] for o in dry["swept_objects"]],
                         [f"demo/t/data/{os.path.basename(orphan)}"])
        self.assertTrue(os.path.exists(orphan))
        swept = self.table("sweep")
        self.assertEqual((swept["swept"], swept["foreign"]), (1, 1))
        self.assertFalse(os.path.exists(orphan))
        self.assertTrue(os.path.exists(notes))
        self.assertEqual(len(self.rows("demo.t")), 1)
        self.sluice("verify")
        self.table("sweep", "--grace", "1s", code=FAILED)
        self.table("sweep", "--grace", "soon", code=USAGE)


class Relocation(TableCase):
    def test_a_moved_table_is_read_by_others_after_its_relocation_also_by_time_travel(self):
        self.make()
        for number in (1, 2):
            self.put(self.row(number, temp=0.5, n=number, old=0))
        first = self.snapshots()[0]["snapshot"]
        os.rename(self.path("sluice-data"), self.path("moved"))
        moved = ["--data-dir", "moved"]
        path = self.path("moved", "tables", "demo", "t")
        with self.assertRaises(readers.ReaderFailed):
            readers.icebird(path)
        self.assertEqual(len(self.rows("demo.t", *moved)), 2)
        told = self.table("relocate", *moved)
        self.assertEqual(self.table("describe", *moved)["location"], told["location"])
        self.assertEqual(sorted(row["id"] for row in readers.icebird(path)), ["d1", "d2"])
        self.assertEqual(len(readers.chdb(path)), 2)
        then = readers.chdb(path, "--settings", f"iceberg_snapshot_id={first}")
        self.assertEqual([row["id"] for row in then], ["d1"])
        self.assertEqual(len(self.rows("demo.t", *moved, "--as-of", str(first))), 1)
        self.sluice("verify", *moved)


if __name__ == "__main__":
    cli.main()
