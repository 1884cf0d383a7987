#!/usr/bin/python3
"""Tables of every partition as ClickHouse (chdb), icebird, DuckDB and python3-avro see them.

  partition_readers_test.py BUILD_DIRECTORY

A wrong partition value loses rows only under a filter, and without a word: so values are computed
again here, and every filter that a partition can prune by is asked of ClickHouse and of Sluice.
"""

import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import readers
from readers import Table, chdb, duckdb, icebird, of_reader

BUILD = ""
FOLDER = ""
REGIONS = ["", "/", "a/b", "=", "r=1", "%", "%2F", ".", "..", "NULL", "null", "__null__",
           "__HIVE_DEFAULT_PARTITION__", "007", "7", "7.0", "true", "a b", " ", "é", "日本", "+",
           "x" * 300, None]
NUMBERS = [0, 1, -1, 7, 34, 2**31, -(2**53), 2**62]
TIMES = ["1961-03-31T23:59:59.999999", "1969-12-31T00:00:00", "1969-12-31T23:59:59.999999",
         "1970-01-01T00:00:00", "2000-02-29T23:00:00", "2017-11-16T22:31:08",
         "2017-11-16T23:00:00", "2024-12-31T23:59:59.999999", "2025-01-01T00:00:00"]
EVENTS = ["none", "day(at)", "hour(at)", "month(at)", "at", "seen", "month(seen)", "region", "big",
          "flag", "bucket(16,region)", "bucket(8,big)", "bucket(5,seen)", "region,month(at)",
          "bucket(4,region),flag,day(at)"]
KEYED = ["none", "bucket(8,region),month(at)", "region", "hour(at)"]
TYPES = "n:long,region:string,big:long,flag:bool,at:timestamp,seen:timestamp"
TABLES = {}  # name -> (spec, Table)
ROWS = []


def make_rows():
    """Appendable rows; those without null in `region` make a keyed table as well."""
    chance = random.Random(7)
    for n in range(400):
        ROWS.append({
            "n": n,
            "region": REGIONS[n % len(REGIONS)],
            "big": chance.choice(NUMBERS + [None]),
            "flag": chance.choice([True, False, None]),
            "at": TIMES[n // len(REGIONS) % len(TIMES)] + "Z",
            "seen": chance.choice([time + "Z" for time in TIMES] + [None]),
        })


def setUpModule():
    global FOLDER
    FOLDER = tempfile.mkdtemp(prefix="sluice-partitions-")
    make_rows()
    for at, rows in enumerate([ROWS[:150], ROWS[150:151], ROWS[151:]]):
        for name, kept in [("events", rows), ("keyed", [r for r in rows if r["region"] is not None
                                                        and r["n"] < 200])]:
            with open(f"{FOLDER}/{name}-{at}.ndjson", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in kept)
    for kind, specs in [("events", EVENTS), ("keyed", KEYED)]:
        key = ["--key", "region"] if kind == "keyed" else []
        for at, spec in enumerate(specs):
            name = f"{kind}{at}"
            for part in range(3):
                sluice("ingest", "-q", "--table", f"demo.{name}", "--data-dir", data_dir(),
                       "--types", TYPES, "--time", "at", *key, "--partition", spec,
                       f"{FOLDER}/{kind}-{part}.ndjson")
            TABLES[name] = (spec, Table(f"{data_dir()}/tables/demo/{name}"))


def tearDownModule():
    shutil.rmtree(FOLDER)


def data_dir():
    return FOLDER + "/sluice-data"


def sluice(*arguments):
    done = subprocess.run([BUILD + "/sluice", *arguments], capture_output=True, encoding="utf-8",
                          check=False)
    if done.returncode != 0:
        raise readers.ReaderFailed(f"sluice {arguments}: {done.returncode}: {done.stderr}")
    return done.stdout


def written(name):
    """The table's rows, spelled as readers.py spells them."""
    kept = [row for row in ROWS if name.startswith("events")
            or row["region"] is not None and row["n"] < 200]
    return [{**row, "n": str(row["n"]), "big": None if row["big"] is None else str(row["big"]),
             "at": readers.nanos(row["at"]),
             "seen": row["seen"] and readers.nanos(row["seen"])} for row in kept]


def numbers(rows):
    return sorted(int(row["n"]) for row in rows)


# ---- partition values, by the letter of the specification

def murmur3(raw):
    def scramble(word):
        word = word * 0xCC9E2D51 & 0xFFFFFFFF
        return (word << 15 | word >> 17) * 0x1B873593 & 0xFFFFFFFF

    found = 0
    whole = len(raw) // 4 * 4
    for at in range(0, whole, 4):
        found ^= scramble(int.from_bytes(raw[at:at + 4], "little"))
        found = ((found << 13 | found >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if raw[whole:]:
        found ^= scramble(int.from_bytes(raw[whole:], "little"))
    found ^= len(raw)
    found = (found ^ found >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    found = (found ^ found >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return found ^ found >> 16


def value_of(field, kind, value):
    """`value` as Sluice's rows are spelled in `written`."""
    if value is None:
        return None
    transform = field["transform"]
    if kind == "timestamptz":
        micros = int(value) // 1000
        date = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
        if transform in ("day", "hour"):
            return micros // (10**6 * 3600 * (24 if transform == "day" else 1))
        if transform == "month":
            return (date.year - 1970) * 12 + date.month - 1
        value = micros
    if kind == "long":
        value = int(value)
    if transform == "identity":
        return value
    buckets = int(transform.removeprefix("bucket[").removesuffix("]"))
    raw = value.encode() if isinstance(value, str) else value.to_bytes(8, "little", signed=True)
    return (murmur3(raw) & 0x7FFFFFFF) % buckets


def avro_value(field, kind, value):
    """What python3-avro made of a date or a timestamp, as a number again."""
    if value is None or kind != "timestamptz" or isinstance(value, int):
        return value
    when = datetime.datetime.fromisoformat(value).replace(tzinfo=None)
    micros = (when - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    return micros // (86400 * 10**6) if field["transform"] == "day" else micros


def bound(kind, field, value):
    if value is None:
        return None
    if isinstance(value, bool):
        return bytes([value]).hex()
    if isinstance(value, str):
        return value.encode().hex()
    is_wide = field["transform"] == "identity" and kind in ("long", "timestamptz")
    return value.to_bytes(8 if is_wide else 4, "little", signed=True).hex()


def each_table(test):
    """Runs a test for each table."""
    def over_all(self):
        for name, (spec, table) in TABLES.items():
            with self.subTest(table=name, partition=spec):
                test(self, name, spec, table)
    return over_all


class Case(unittest.TestCase):
    maxDiff = 2000

    def assert_same_rows(self, found, wanted):
        found, wanted = (sorted(json.dumps(row, sort_keys=True) for row in rows)
                         for rows in (found, wanted))
        self.assertEqual(found, wanted)


class Values(Case):
    """What metadata and manifests say of the partition."""

    def test_the_hash_is_that_of_the_specification(self):
        self.assertEqual(murmur3(b"iceberg"), 1210000089)
        self.assertEqual(murmur3((34).to_bytes(8, "little")), 2017239379)

    @each_table
    def test_every_file_holds_the_rows_of_its_partition_alone(self, _name, _spec, table):
        spec, = table.metadata["partition-specs"]
        sources = {field["id"]: field for field in table.fields}
        for entry, rows in zip(table.live_entries, table.rows_of_files):
            found = list(entry["data_file"]["partition"].values())
            self.assertEqual(len(found), len(spec["fields"]))
            for field, value in zip(spec["fields"], found):
                source = sources[field["source-id"]]
                wanted = {value_of(field, source["type"],
                                   of_reader(row, table.fields)[source["name"]])
                          for row in rows}
                self.assertEqual(wanted, {avro_value(field, source["type"], value)})

    @each_table
    def test_every_manifest_says_what_lies_between(self, _name, _spec, table):
        spec, = table.metadata["partition-specs"]
        kinds = {field["id"]: field["type"] for field in table.fields}
        for each in table.manifest_lists.values():
            for record in each["records"]:
                entries = table.manifests[record["manifest_path"]]["records"]
                self.assertEqual(len(record["partitions"]), len(spec["fields"]))
                for at, field in enumerate(spec["fields"]):
                    kind = kinds[field["source-id"]]
                    values = [avro_value(field, kind,
                                         list(entry["data_file"]["partition"].values())[at])
                              for entry in entries]
                    present = [value for value in values if value is not None]
                    if present and isinstance(present[0], str):
                        present.sort(key=str.encode)
                    self.assertEqual(record["partitions"][at], {
                        "contains_null": None in values, "contains_nan": None,
                        "lower_bound": bound(kind, field, min(present, default=None)),
                        "upper_bound": bound(kind, field, max(present, default=None))})

    @each_table
    def test_inspect_names_the_values(self, name, spec, table):
        listed = json.loads(sluice("inspect", "parts", f"demo.{name}", "--data-dir", data_dir(),
                                   "--format", "json"))["live_parts"]
        fields = [field["name"] for field in table.metadata["partition-specs"][0]["fields"]]
        self.assertEqual([list(part["partition"]) for part in listed], [fields] * len(listed))
        if spec == "region":
            self.assertEqual({part["partition"]["region"] for part in listed},
                             {row["region"] for row in written(name)})
        if spec == "month(at)":
            self.assertEqual({part["partition"]["at_month"] for part in listed},
                             {time[:7] for time in TIMES})


class Rows(Case):
    """The same rows, whoever reads, with and without a filter."""

    @each_table
    def test_all_readers_see_every_row(self, name, _spec, table):
        wanted = written(name)
        lines = sluice("query", f"demo.{name}", "--data-dir", data_dir(), "--format", "ndjson")
        self.assert_same_rows((readers.of_sluice(json.loads(line), table.fields)
                               for line in lines.splitlines()), wanted)
        for read in [chdb, icebird]:
            self.assert_same_rows((of_reader(row, table.fields) for row in read(table.path)),
                                  wanted)
        found = duckdb(f"SELECT * FROM {table.relation()}")
        self.assert_same_rows((of_reader(row, table.fields) for row in found), wanted)

    def conditions(self, name):
        """(condition for ClickHouse, for Sluice, the rows that pass)."""
        rows = written(name)

        def passing(test):
            return numbers(row for row in rows if test(row))

        for region in [each for each in REGIONS if each is not None]:
            quoted = "'" + region.replace("'", "''") + "'"
            yield (f"region = {quoted}", f"region = {quoted}",
                   passing(lambda row: row["region"] == region))
        yield ("region IN ('/', '007', 'absent')",
               "region = '/' or region = '007' or region = 'absent'",
               passing(lambda row: row["region"] in ("/", "007")))
        yield ("region > 'a'", "region > 'a'",
               passing(lambda row: row["region"] is not None and row["region"].encode() > b"a"))
        for column in ["region", "big", "flag", "seen"]:
            yield (f"{column} IS NULL", f"{column} is null",
                   passing(lambda row: row[column] is None))
            yield (f"{column} IS NOT NULL", f"{column} is not null",
                   passing(lambda row: row[column] is not None))
        for number in NUMBERS:
            yield (f"big = {number}", f"big = {number}",
                   passing(lambda row: row["big"] == str(number)))
        yield ("big < 7", "big < 7",
               passing(lambda row: row["big"] is not None and int(row["big"]) < 7))
        for flag in ["true", "false"]:
            yield (f"flag = {flag}", f"flag = {flag}",
                   passing(lambda row: row["flag"] == (flag == "true")))
        for column in ["at", "seen"]:
            for low in TIMES:
                nanos = int(readers.nanos(low))
                theirs = f"fromUnixTimestamp64Micro(toInt64({nanos // 1000}), 'UTC')"
                # "=" is asked as a range: see the test of other readers' filters.
                yield (f"{column} BETWEEN {theirs} AND {theirs}", f"{column} = '{low}'",
                       passing(lambda row: row[column] == str(nanos)))
                yield (f"{column} >= {theirs}", f"{column} >= '{low}'",
                       passing(lambda row: row[column] is not None and int(row[column]) >= nanos))
                yield (f"{column} < {theirs}", f"{column} < '{low}'",
                       passing(lambda row: row[column] is not None and int(row[column]) < nanos))

    @each_table
    def test_no_filter_loses_a_row_in_clickhouse(self, name, _spec, table):
        conditions = list(self.conditions(name))
        found = chdb(table.path, "--query", "SELECT * FROM (" + " UNION ALL ".join(
            f"SELECT {at} AS filter, count() AS c, sum(n) AS s FROM {{table}} WHERE {theirs}"
            for at, (theirs, _, _) in enumerate(conditions)) + ") ORDER BY filter")
        for row, (theirs, _, wanted) in zip(found, conditions):
            with self.subTest(table=name, where=theirs):
                self.assertEqual((int(row["c"]), int(row["s"] or 0)),
                                 (len(wanted), sum(wanted)))

    @each_table
    def test_no_filter_loses_a_row_in_sluice(self, name, _spec, _table):
        chance = random.Random(3)
        conditions = list(self.conditions(name))
        for _, ours, wanted in chance.sample(conditions, 12):
            with self.subTest(table=name, where=ours):
                lines = sluice("query", f"demo.{name}", "--data-dir", data_dir(), "--where",
                               ours, "--columns", "n", "--format", "ndjson")
                self.assertEqual(numbers(map(json.loads, lines.splitlines())), wanted)

    def test_clickhouse_orders_and_limits_rightly(self):
        for name, (spec, table) in TABLES.items():
            if not name.startswith("keyed"):
                continue
            for order, key in [("region, at", lambda row: (row["region"].encode(), int(row["at"]))),
                               ("region DESC, at DESC",
                                lambda row: (row["region"].encode(), int(row["at"])))]:
                with self.subTest(table=name, partition=spec, order=order):
                    wanted = sorted(written(name), key=key, reverse="DESC" in order)
                    for limit in [5, 1000]:
                        found = chdb(table.path, "--query", "SELECT n FROM {table} "
                                     f"ORDER BY {order} LIMIT {limit}")
                        self.assertEqual([row["n"] for row in found],
                                         [row["n"] for row in wanted[:limit]])


class Pruning(Case):
    """Files of other partitions are taken away: a reader that prunes does not miss them."""

    def keep_only(self, table, keeps):
        copy = Table(tempfile.mkdtemp(dir=FOLDER) + "/t")
        shutil.copytree(table.path, copy.path)
        for file, path in zip(copy.live_files, copy.live_paths):
            if not keeps(list(file["partition"].values())):
                os.remove(path)
        return copy

    def check(self, spec, where, keeps, test):
        name, = [each for each, (text, _) in TABLES.items()
                 if text == spec and each.startswith("events")]
        copy = self.keep_only(TABLES[name][1], keeps)
        found = chdb(copy.path, "--columns", "n", "--where", where)
        wanted = numbers(row for row in written(name) if test(row))
        self.assertGreater(len(wanted), 0)
        self.assertEqual(numbers(found), wanted)

    def test_clickhouse_reads_the_partition_of_a_value_alone(self):
        for region in ["", "a/b", "%2F", "..", "NULL", "__null__", "007"]:
            with self.subTest(region=region):
                self.check("region", f"region = '{region}'", lambda values: values == [region],
                           lambda row: row["region"] == region)
                bucket = (murmur3(region.encode()) & 0x7FFFFFFF) % 16
                self.check("bucket(16,region)", f"region = '{region}'",
                           lambda values: values == [bucket],
                           lambda row: row["region"] == region)
        bucket = (murmur3((34).to_bytes(8, "little")) & 0x7FFFFFFF) % 8
        self.check("bucket(8,big)", "big = 34", lambda values: values == [bucket],
                   lambda row: row["big"] == "34")


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
