#!/usr/bin/env python3
"""Damage of each kind of object: `sluice verify` names it, and the rest is still served.

Three tables: `lab.sound` stays whole, `lab.hurt` loses an object, `lab.later` gets rows after that.
"""

import glob
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli

HURT = "sluice-data/tables/lab/hurt"

# kind -> which file it is; the last by name is the newest of its kind
KINDS = {
    "part": HURT + "/data/*.parquet",
    "manifest": HURT + "/metadata/*-m0.avro",
    "manifest list": HURT + "/metadata/snap-*.avro",
    "marks": HURT + "/marks/*.json",
    "metadata": HURT + "/metadata/v2.metadata.json",
}
# Kinds that stop the table whole: it neither opens nor answers.
STOPS = ("marks", "metadata")


def flip(path):
    with open(path, "r+b") as file:
        at = os.path.getsize(path) // 2
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def cut(path):
    os.truncate(path, os.path.getsize(path) // 2)


DAMAGES = {"flipped": flip, "truncated": cut, "missing": os.remove}


class Damage(cli.Case):
    def setUp(self):
        super().setUp()
        self.write("rows.ndjson", "".join(f'{{"n":{n}}}\n' for n in range(100)))
        self.write("more.ndjson", "".join(f'{{"n":{n}}}\n' for n in range(100, 150)))
        for table in ("lab.sound", "lab.hurt"):
            self.ingest("--table", table, "rows.ndjson")

    def findings(self):
        out, _ = self.sluice("verify", "--format", "json", code=cli.CORRUPTION)
        return json.loads(out)["findings"]

    def assert_found(self, name):
        """Both forms of the report name the object, the offset and what to do."""
        found = [finding for finding in self.findings() if finding["object"] == name]
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0]["message"])
        self.assertTrue(found[0]["advice"])
        text, _ = self.sluice("verify", code=cli.CORRUPTION)
        self.assertIn(f"found    {name} at byte {found[0]['offset']}: ", text)
        self.assertIn("to do: ", text)
        return found[0]

    def assert_rest_is_served(self, code):
        """`code` is that of `sluice tables`, which lists every table, whatever it met."""
        self.assertEqual(self.count("lab.sound"), 100)
        out, _ = self.sluice("tables", "--format", "json", code=code)
        tables = {table["table"]: table for table in json.loads(out)}
        self.assertEqual(tables["lab.sound"]["stored_rows"], 100)
        self.assertIsNone(tables["lab.sound"]["trouble"])
        self.ingest("--table", "lab.later", "more.ndjson")
        self.ingest("--table", "lab.sound", "more.ndjson")
        self.assertEqual(self.count("lab.later"), 50)
        self.assertEqual(self.count("lab.sound"), 150)
        return tables

    def hurt(self, kind, damage):
        path = sorted(glob.glob(self.path(KINDS[kind])))[-1]
        DAMAGES[damage](path)
        return os.path.relpath(path, self.path("sluice-data/tables")), path

    def check(self, kind, damage):
        name, path = self.hurt(kind, damage)
        found = self.assert_found(name)
        if damage == "truncated" and kind != "manifest list":
            self.assertEqual(found["offset"], os.path.getsize(path))
        _, err = self.sluice("query", "lab.hurt", code=cli.CORRUPTION)
        if (kind, damage) != ("metadata", "missing"):
            self.assertIn(os.path.basename(name), err)
        tables = self.assert_rest_is_served(cli.CORRUPTION if kind in STOPS else cli.DONE)
        if kind in STOPS:
            self.assertIn(os.path.basename(name), tables["lab.hurt"]["trouble"])
        else:
            self.assertIsNone(tables["lab.hurt"]["trouble"])

    def test_a_part_that_is_damaged(self):
        self.check("part", "flipped")

    def test_a_part_that_is_truncated(self):
        self.check("part", "truncated")

    def test_a_part_that_is_missing(self):
        self.check("part", "missing")

    def test_a_manifest_that_is_damaged(self):
        self.check("manifest", "flipped")

    def test_a_manifest_that_is_truncated(self):
        self.check("manifest", "truncated")

    def test_a_manifest_that_is_missing(self):
        self.check("manifest", "missing")

    def test_a_manifest_list_that_is_damaged(self):
        self.check("manifest list", "flipped")

    def test_a_manifest_list_that_is_truncated(self):
        self.check("manifest list", "truncated")

    def test_a_manifest_list_that_is_missing(self):
        self.check("manifest list", "missing")

    def test_marks_that_are_damaged(self):
        self.check("marks", "flipped")

    def test_marks_that_are_truncated(self):
        self.check("marks", "truncated")

    def test_marks_that_are_missing(self):
        self.check("marks", "missing")

    def test_metadata_that_is_damaged(self):
        self.check("metadata", "flipped")

    def test_metadata_that_is_truncated(self):
        self.check("metadata", "truncated")

    def test_metadata_that_is_missing_is_not_passed_over(self):
        self.check("metadata", "missing")

    def test_an_old_version_that_is_missing_or_damaged_disturbs_nobody(self):
        path = self.path(HURT, "metadata/v1.metadata.json")
        for damage in (flip, os.remove):
            damage(path)
            self.assert_found("lab/hurt/metadata/v1.metadata.json")
            self.assertEqual(self.count("lab.hurt"), 100)

    def test_a_hint_that_is_no_number_harms_nobody(self):
        self.write(os.path.join(HURT, "metadata/version-hint.text"), "x")
        self.assert_found("lab/hurt/metadata/version-hint.text")
        self.ingest("--table", "lab.hurt", "more.ndjson")
        self.assertEqual(self.count("lab.hurt"), 150)
        self.sluice("verify")

    def test_parts_that_a_query_does_not_need_are_not_missed(self):
        self.write("days.ndjson", '{"t":"2026-01-01T00:00:00Z","n":1}\n'
                                  '{"t":"2026-01-02T00:00:00Z","n":2}\n')
        self.ingest("--table", "lab.days", "--time", "t", "days.ndjson")
        first = sorted(glob.glob(self.path("sluice-data/tables/lab/days/data/*-0.parquet")))[0]
        flip(first)
        rows = self.rows("lab.days", "--from", "2026-01-02")
        self.assertEqual([row["n"] for row in rows], [2])
        _, err = self.sluice("query", "lab.days", code=cli.CORRUPTION)
        self.assertIn(os.path.basename(first), err)
        self.write("third.ndjson", '{"t":"2026-01-03T00:00:00Z","n":3}\n')
        self.ingest("--table", "lab.days", "third.ndjson")
        rows = self.rows("lab.days", "--from", "2026-01-02")
        self.assertEqual([row["n"] for row in rows], [2, 3])

    def segment(self):
        return sorted(glob.glob(self.path("sluice-data/log/*.seg")))[-1]

    def assert_log_damage_is_told_and_tables_served(self, name):
        found = self.assert_found(name)
        out, err = self.sluice("query", "lab.sound", "--agg", "count(*)", "--format", "csv")
        self.assertIn("100", out)
        self.assertIn("WARNING", err)
        out, err = self.sluice("tables", code=cli.CORRUPTION)
        self.assertIn("lab.hurt", out)
        self.assertIn(name, out + err)
        _, err = self.sluice("ingest", "--table", "lab.sound", "more.ndjson", code=cli.CORRUPTION)
        self.assertIn(os.path.basename(self.segment()), err)
        return found

    def test_a_log_that_is_flipped_is_told_and_the_tables_are_served(self):
        path = self.segment()
        with open(path, "r+b") as file:
            file.seek(100)
            byte = file.read(1)[0]
            file.seek(100)
            file.write(bytes([byte ^ 1]))
        before = sorted(os.listdir(os.path.dirname(path)))
        self.assert_log_damage_is_told_and_tables_served(os.path.basename(path))
        self.assertEqual(sorted(os.listdir(os.path.dirname(path))), before)

    def test_a_log_that_is_truncated_is_told_and_the_tables_are_served(self):
        os.truncate(self.segment(), 2000)
        self.assert_log_damage_is_told_and_tables_served(os.path.basename(self.segment()))

    def test_a_log_that_is_missing_is_told(self):
        os.remove(self.segment())
        self.assert_found("log")
        self.assertEqual(self.count("lab.sound"), 100)

    def test_a_directory_whose_log_cannot_be_locked_is_read(self):
        os.remove(self.path("sluice-data/log/lock"))
        os.mkdir(self.path("sluice-data/log/lock"))
        out, err = self.sluice("query", "lab.sound", "--agg", "count(*)", "--format", "csv")
        self.assertIn("100", out)
        self.assertIn("WARNING", err)


if __name__ == "__main__":
    cli.main()
