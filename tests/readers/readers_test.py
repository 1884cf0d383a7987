#!/usr/bin/python3
"""Proves the readers of this folder against a table that none of our code wrote: Parquet by DuckDB,
manifests by python3-avro, metadata by hand. All must print the same rows, down to NaN, -0, the
ends of int64, and microseconds before 1970.

  readers_test.py
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from avro.datafile import DataFileWriter
from avro.io import DatumWriter
from avro.schema import parse

HERE = os.path.dirname(os.path.abspath(__file__))

FIELDS = [("flag", "boolean"), ("n", "long"), ("x", "double"), ("text", "string"),
          ("raw", "binary"), ("time", "timestamptz")]
ICEBERG_SCHEMA = {"type": "struct", "schema-id": 0, "fields": [
    {"id": at, "name": name, "required": False, "type": kind}
    for at, (name, kind) in enumerate(FIELDS, 1)]}
SELECT = r"""
  SELECT flag::BOOLEAN AS flag, n::BIGINT AS n, x::DOUBLE AS x, text::VARCHAR AS text,
         raw::BLOB AS raw, make_timestamptz(micros::BIGINT) AS time
  FROM (VALUES
    (true, 9223372036854775807, 'nan', 'Grüße, 世界 🌊', '\xFF\x00\x80'::BLOB, -1),
    (false, -9223372036854775808, '-0', '', ''::BLOB, 1577836800000001),
    (NULL, NULL, NULL, NULL, NULL, NULL),
    (true, 0, 'inf', E'line\n"quoted"\\', 'plain'::BLOB, 0),
    (false, 9007199254740993, '0.1', '\u0000', '\xC3\xA9'::BLOB, -9223372036),
    (true, -1, '-inf', chr(65279) || chr(0) || ' ', '\x00'::BLOB, 253402300799999999),
    (false, 1, '5e-324', 'a', 'a'::BLOB, 1)
  ) AS t(flag, n, x, text, raw, micros)"""
ROWS = [
    {"flag": True, "n": "9223372036854775807", "x": "NaN", "text": "Grüße, 世界 🌊",
     "raw": "ff0080", "time": "-1"},
    {"flag": False, "n": "-9223372036854775808", "x": "-0", "text": "", "raw": "",
     "time": "1577836800000001"},
    {"flag": None, "n": None, "x": None, "text": None, "raw": None, "time": None},
    {"flag": True, "n": "0", "x": "Infinity", "text": 'line\n"quoted"\\', "raw": "706c61696e",
     "time": "0"},
    {"flag": False, "n": "9007199254740993", "x": 0.1, "text": "\\u0000", "raw": "c3a9",
     "time": "-9223372036"},
    {"flag": True, "n": "-1", "x": "-Infinity", "text": "\ufeff\0 ", "raw": "00",
     "time": "253402300799999999"},
    {"flag": False, "n": "1", "x": 5e-324, "text": "a", "raw": "61", "time": "1"},
]
LOWEST_TIME = (-9223372036).to_bytes(8, "little", signed=True)


def field(name, kind, number, default=None):
    optional = {"default": None} if isinstance(kind, list) else {}
    return {"name": name, "type": kind, "field-id": number, **optional}


MANIFEST = {"type": "record", "name": "manifest_entry", "fields": [
    field("status", "int", 0),
    field("snapshot_id", ["null", "long"], 1),
    field("sequence_number", ["null", "long"], 3),
    field("file_sequence_number", ["null", "long"], 4),
    field("data_file", {"type": "record", "name": "r2", "fields": [
        field("content", "int", 134),
        field("file_path", "string", 100),
        field("file_format", "string", 101),
        field("partition", {"type": "record", "name": "r102", "fields": []}, 102),
        field("record_count", "long", 103),
        field("file_size_in_bytes", "long", 104),
        field("lower_bounds", ["null", {
            "type": "array", "logicalType": "map", "items": {
                "type": "record", "name": "k126_v127", "fields": [
                    field("key", "int", 126), field("value", "bytes", 127)]}}], 125),
    ]}, 2),
]}
MANIFEST_LIST = {"type": "record", "name": "manifest_file", "fields": [
    field("manifest_path", "string", 500),
    field("manifest_length", "long", 501),
    field("partition_spec_id", "int", 502),
    field("content", "int", 517),
    field("sequence_number", "long", 515),
    field("min_sequence_number", "long", 516),
    field("added_snapshot_id", "long", 503),
    field("added_files_count", "int", 504),
    field("existing_files_count", "int", 505),
    field("deleted_files_count", "int", 506),
    field("added_rows_count", "long", 512),
    field("existing_rows_count", "long", 513),
    field("deleted_rows_count", "long", 514),
]}


def run(*command):
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)


def rows_of(*command):
    result = run("node", *command)
    if result.returncode != 0:
        raise AssertionError(f"{command}: {result.stderr}")
    return result.stdout.splitlines()


def write_avro(path, schema, records, header):
    with open(path, "wb") as file:
        writer = DataFileWriter(file, DatumWriter(), parse(json.dumps(schema)))
        for key, value in header.items():
            writer.set_meta(key, value.encode())
        for record in records:
            writer.append(record)
        writer.close()


def write_table(root):
    """A table of one Parquet file with ROWS."""
    os.makedirs(root + "/data")
    os.makedirs(root + "/metadata")
    part = root + "/data/a.parquet"
    ids = ", ".join(f"{name}: {at}" for at, (name, _) in enumerate(FIELDS, 1))
    schema = json.dumps(ICEBERG_SCHEMA)
    rows_of("duckdb.mjs", "--query",
            f"COPY ({SELECT}) TO '{part}' (FORMAT parquet, COMPRESSION zstd, "
            f"FIELD_IDS {{{ids}}}, KV_METADATA {{\"iceberg.schema\": '{schema}'}})")
    write_avro(root + "/metadata/m1.avro", MANIFEST, [{
        "status": 1, "snapshot_id": 7, "sequence_number": None, "file_sequence_number": None,
        "data_file": {
            "content": 0, "file_path": part, "file_format": "PARQUET", "partition": {},
            "record_count": len(ROWS), "file_size_in_bytes": os.path.getsize(part),
            "lower_bounds": [{"key": 6, "value": LOWEST_TIME}],
        }}], {"schema": schema, "schema-id": "0", "partition-spec": "[]", "partition-spec-id": "0",
              "format-version": "2", "content": "data"})
    write_avro(root + "/metadata/s1.avro", MANIFEST_LIST, [{
        "manifest_path": root + "/metadata/m1.avro",
        "manifest_length": os.path.getsize(root + "/metadata/m1.avro"), "partition_spec_id": 0,
        "content": 0, "sequence_number": 1, "min_sequence_number": 1, "added_snapshot_id": 7,
        "added_files_count": 1, "existing_files_count": 0, "deleted_files_count": 0,
        "added_rows_count": len(ROWS), "existing_rows_count": 0, "deleted_rows_count": 0,
    }], {"snapshot-id": "7", "sequence-number": "1", "format-version": "2"})
    metadata = {
        "format-version": 2, "table-uuid": "5b1c6a7e-0000-4000-8000-000000000001",
        "location": root, "last-sequence-number": 1, "last-updated-ms": 1, "last-column-id": 6,
        "current-schema-id": 0, "schemas": [ICEBERG_SCHEMA], "default-spec-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": []}], "last-partition-id": 999,
        "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": {}, "current-snapshot-id": 7,
        "refs": {"main": {"snapshot-id": 7, "type": "branch"}},
        "snapshot-log": [{"snapshot-id": 7, "timestamp-ms": 1}],
        "snapshots": [{
            "snapshot-id": 7, "sequence-number": 1, "timestamp-ms": 1, "schema-id": 0,
            "manifest-list": root + "/metadata/s1.avro", "summary": {
                "operation": "append", "total-records": str(len(ROWS)),
                "total-position-deletes": "0"}}],
    }
    with open(root + "/metadata/v1.metadata.json", "w", encoding="utf-8") as file:
        json.dump(metadata, file)
    with open(root + "/metadata/version-hint.text", "w", encoding="utf-8") as file:
        file.write("1")


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.table = cls.folder.name + "/t"
        cls.part = cls.table + "/data/a.parquet"
        write_table(cls.table)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def expect_rows(self, lines):
        self.assertEqual([json.loads(line) for line in lines], ROWS)
        self.assertEqual([list(json.loads(line)) for line in lines], [sorted(ROWS[0])] * len(ROWS))

    def test_duckdb_prints_the_rows(self):
        self.expect_rows(rows_of("duckdb.mjs", "--query", f"FROM read_parquet('{self.part}')"))

    def test_every_reader_prints_the_same_bytes(self):
        wanted = rows_of("duckdb.mjs", "--query", f"FROM read_parquet('{self.part}')")
        self.assertEqual(rows_of("hyparquet.mjs", self.part), wanted)
        self.assertEqual(rows_of("icebird.mjs", self.table), wanted)
        self.assertEqual(rows_of("chdb.mjs", "--table", self.table), wanted)

    def test_hyparquet_reads_file_after_file(self):
        self.expect_rows(rows_of("hyparquet.mjs", self.part, self.part)[len(ROWS):])

    def test_chdb_selects_columns_and_rows(self):
        lines = rows_of("chdb.mjs", "--table", self.table, "--columns", "time,n", "--where",
                        "n > 1 AND flag", "--settings", "use_iceberg_partition_pruning=0")
        self.assertEqual(lines, ['{"n":"9223372036854775807","time":"-1"}'])

    def test_chdb_answers_a_query(self):
        lines = rows_of("chdb.mjs", "--table", self.table, "--query",
                        "SELECT count() AS rows, max(x) = inf AS endless, any(1.5) AS half, "
                        "min(text) AS first FROM {table} WHERE NOT isNaN(x)")
        self.assertEqual(lines, ['{"endless":"1","first":"","half":1.5,"rows":"5"}'])

    def test_avro_dump_shows_header_ids_and_records(self):
        result = run("/usr/bin/python3", "avro_dump.py", self.table + "/metadata/m1.avro")
        self.assertEqual(result.returncode, 0, result.stderr)
        dump = json.loads(result.stdout)
        self.assertEqual(dump["header"]["partition-spec-id"], "0")
        self.assertEqual(dump["header"]["avro.codec"], "null")
        self.assertEqual(dump["field_ids"]["data_file"], 2)
        self.assertEqual(dump["field_ids"]["data_file.file_path"], 100)
        self.assertEqual(dump["field_ids"]["data_file.lower_bounds.element.key"], 126)
        self.assertIsNone(dump["field_ids"]["data_file.lower_bounds.element"])
        (entry,) = dump["records"]
        self.assertEqual(entry["data_file"]["record_count"], len(ROWS))
        self.assertEqual(entry["data_file"]["lower_bounds"],
                         [{"key": 6, "value": LOWEST_TIME.hex()}])

    def test_what_cannot_be_read_fails_with_a_reason(self):
        for command in (["duckdb.mjs", "--query", "SELECT 1.5 AS x"],
                        ["hyparquet.mjs", self.table + "/metadata/m1.avro"],
                        ["icebird.mjs", self.folder.name],
                        ["chdb.mjs", "--table", self.table, "--columns", "absent"]):
            with self.subTest(command=command):
                result = run("node", *command)
                self.assertEqual(result.returncode, 1)
                self.assertEqual(result.stdout, "")
                self.assertNotEqual(result.stderr, "")


if __name__ == "__main__":
    sys.argv[1:] = ["-v"]
    unittest.main()
