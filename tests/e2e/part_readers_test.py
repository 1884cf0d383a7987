"""Parts as other people's readers see them: DuckDB and hyparquet must print what was written.

  part_readers_test.py BUILD_DIRECTORY
"""

import collections
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

READERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "readers")
COLUMNS = {"flag", "n", "x", "text", "raw", "time", "_time_ns"}


def run(*command):
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def duckdb(query):
    return run("node", os.path.join(READERS, "duckdb.mjs"), "--query", query)


def hyparquet(path):
    return run("node", os.path.join(READERS, "hyparquet.mjs"), path)


def written(path):
    with open(path.replace(".parquet", ".ndjson"), encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file.read().split("\n") if line]


def text_literal(value):
    # DuckDB takes no NUL in the text of a query.
    return " || chr(0) || ".join("'" + piece.replace("'", "''") + "'"
                                 for piece in value.split("\0"))


# Values that a filter can name, as SQL. Both zeros are equal to it, so neither is named.
LITERALS = {
    "n": lambda value: f"'{value}'::BIGINT",
    "x": lambda value: f"'{value}'::DOUBLE",
    "text": text_literal,
    "time": lambda value: f"make_timestamptz('{value}'::BIGINT)",
    "_time_ns": lambda value: f"'{value}'::INTEGER",
}


class PartReaders(unittest.TestCase):
    build = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        subprocess.run([os.path.join(cls.build, "tests/e2e/part_dump"), cls.folder.name],
                       check=True)
        cls.parts = sorted(glob.glob(cls.folder.name + "/*.parquet"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def expect_rows(self, found, path):
        wanted = written(path)
        self.assertEqual(len(found), len(wanted))
        for number, pair in enumerate(zip(found, wanted)):
            self.assertEqual(*pair, f"row {number} of {path}")

    def test_both_readers_print_the_rows_that_were_written(self):
        self.assertEqual(len(self.parts), 7)
        for path in self.parts:
            with self.subTest(path=os.path.basename(path)):
                self.expect_rows(duckdb(f"FROM read_parquet('{path}')"), path)
                self.expect_rows(hyparquet(path), path)

    def test_statistics_lose_no_row_to_a_filter(self):
        path = self.folder.name + "/groups.parquet"
        rows = written(path)
        for column, literal in LITERALS.items():
            counts = collections.Counter(row[column] for row in rows
                                         if row[column] not in (None, 0, "-0"))
            picked = sorted(counts, key=str)[:: max(1, len(counts) // 30)]
            selects = [f"(SELECT count(*) FROM '{path}' WHERE {column} = {literal(value)}) AS c{at}"
                       for at, value in enumerate(picked)]
            with self.subTest(column=column):
                (found,) = duckdb("SELECT " + ", ".join(selects))
                self.assertEqual({value: int(found[f"c{at}"]) for at, value in enumerate(picked)},
                                 {value: counts[value] for value in picked})

    def test_the_schema_has_field_ids_and_annotations(self):
        path = self.folder.name + "/special.parquet"
        rows = duckdb(f"SELECT name, type, converted_type, logical_type, field_id::INT AS id "
                      f"FROM parquet_schema('{path}') WHERE num_children IS NULL "
                      f"OR num_children = 0")
        schema = {row.pop("name"): row for row in rows}
        self.assertEqual(set(schema), COLUMNS)
        self.assertEqual({name: row["id"] for name, row in schema.items()},
                         {"flag": "1", "n": "2", "x": "3", "text": "4", "raw": "5", "time": "6",
                          "_time_ns": "106"})
        self.assertEqual(schema["time"]["converted_type"], "TIMESTAMP_MICROS")
        self.assertIn("isAdjustedToUTC=1", schema["time"]["logical_type"])
        self.assertEqual(schema["text"]["converted_type"], "UTF8")
        self.assertIsNone(schema["raw"]["converted_type"])

    def test_statistics_of_row_groups_are_right(self):
        path = self.folder.name + "/groups.parquet"
        groups = duckdb(
            f"SELECT stats_min_value AS low, stats_max_value AS high, stats_null_count AS nulls, "
            f"row_group_num_rows AS rows FROM parquet_metadata('{path}') "
            f"WHERE path_in_schema = 'n' ORDER BY row_group_id")
        self.assertGreater(len(groups), 1)
        first = 0
        for group in groups:
            end = first + int(group.pop("rows"))
            (wanted,) = duckdb(
                f"SELECT min(n)::VARCHAR AS low, max(n)::VARCHAR AS high, "
                f"count(*) - count(n) AS nulls FROM (SELECT n FROM read_parquet('{path}', "
                f"file_row_number=true) WHERE file_row_number >= {first} "
                f"AND file_row_number < {end})")
            self.assertEqual(group, wanted)
            first = end
        self.assertEqual(first, 18000)


if __name__ == "__main__":
    PartReaders.build = sys.argv.pop(1)
    unittest.main()
