#!/usr/bin/python3
"""The tables that the torture scenarios leave, as ClickHouse (chdb), icebird and DuckDB read them,
as `sluice query` shows them, and as the scenario says that they are; earlier snapshots too.

  readers_test.py BUILD_DIRECTORY
"""

import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import readers  # noqa: E402
from readers import Table, chdb, duckdb, icebird, of_reader, of_sluice  # noqa: E402

BUILD = ""
FOLDER = ""


def setUpModule():
    global FOLDER
    FOLDER = tempfile.mkdtemp(prefix="sluice-torture-")
    subprocess.run([f"{BUILD}/tests/torture/torture", "--all", "--out", FOLDER], check=True,
                   stdout=subprocess.DEVNULL)


def tearDownModule():
    shutil.rmtree(FOLDER)


def spelled(rows):
    return collections.Counter(json.dumps(row, sort_keys=True) for row in rows)


class State:
    """A table as a scenario left it, or one of its snapshots, beside what it should hold."""

    def __init__(self, scenario, expected, snapshot=None):
        self.scenario, self.name, self.snapshot = scenario, expected["name"], snapshot
        self.rows, self.key = expected["rows"], expected["key"]
        self.table = Table(f"{FOLDER}/{scenario}/tables/{self.name.replace('.', '/')}")
        self.fields = self.table.fields

    def newest(self, found):
        """Other readers see every stored write of a key: the last one by version counts."""
        if not self.key:
            return [of_reader(row, self.fields) for row in found]
        last = {}
        for row in sorted(found, key=lambda row: int(row["_version"])):
            last[tuple(row[column] for column in self.key)] = of_reader(row, self.fields)
        return last.values()

    def by_sluice(self):
        command = [f"{BUILD}/sluice", "query", self.name, "--data-dir",
                   f"{FOLDER}/{self.scenario}", "--format", "ndjson"]
        if self.snapshot:
            command += ["--as-of", self.snapshot]
        return [of_sluice(row, self.fields) for row in readers.run(*command)]

    def by_chdb(self):
        travel = ["--settings", f"iceberg_snapshot_id={self.snapshot}"] if self.snapshot else []
        return self.newest(chdb(self.table.path, *travel))

    def by_icebird(self):
        return self.newest(icebird(self.table.path))

    def by_duckdb(self):
        paths = None
        if self.snapshot:
            paths = [self.table.local(entry["data_file"]["file_path"])
                     for entry in self.table.entries(int(self.snapshot))]
        return self.newest(duckdb(f"FROM {self.table.relation(paths)}"))


def states():
    for scenario in sorted(os.listdir(FOLDER)):
        with open(f"{FOLDER}/{scenario}/expected.json", encoding="utf-8") as file:
            tables = json.load(file)["tables"]
        for expected in tables:
            yield State(scenario, expected)
            for memory in expected["history"]:
                yield State(scenario, {**expected, "rows": memory["rows"]}, memory["snapshot"])


class Readers(unittest.TestCase):
    maxDiff = 2000

    def read_by(self, read, wanted=lambda state: True):
        seen = 0
        for state in filter(wanted, states()):
            with self.subTest(scenario=state.scenario, table=state.name, as_of=state.snapshot):
                found, expected = spelled(read(state)), spelled(state.rows)
                self.assertEqual(sorted(found - expected)[:2], [], "rows that should not be there")
                self.assertEqual(sorted(expected - found)[:2], [], "rows that are missing")
                seen += 1
        self.assertGreater(seen, 0)

    def test_sluice_query_shows_what_each_scenario_expects(self):
        self.read_by(State.by_sluice)

    def test_chdb_reads_what_each_scenario_expects(self):
        self.read_by(State.by_chdb)

    def test_icebird_reads_what_each_scenario_expects(self):
        self.read_by(State.by_icebird, lambda state: state.snapshot is None)

    def test_duckdb_reads_what_each_scenario_expects_from_the_listed_files(self):
        self.read_by(State.by_duckdb)


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
