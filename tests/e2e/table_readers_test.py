#!/usr/bin/python3
"""Tables of the engine as ClickHouse (chdb), icebird, DuckDB, hyparquet and python3-avro see them,
and by the letter of the Iceberg specification where readers are lenient or trusting.

  table_readers_test.py BUILD_DIRECTORY
"""

import collections
import functools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import readers
from readers import Table, chdb, duckdb, hyparquet, icebird, of_reader, of_sluice

BUILD = ""
FOLDER = ""
SAME_ROWS = ["plain", "by_time", "by_key_and_time", "by_key"]
WRITTEN = SAME_ROWS + ["rewritten"]
DAYS = {"by_time": "at time", "by_key_and_time": "at time", "rewritten": "at", "empty": "at time"}
COLUMNS_ADDED_AT = 6  # the flush before which table_writer adds columns
TABLES = {}


def data_dir():
    return FOLDER + "/sluice-data"


def setUpModule():
    global FOLDER
    FOLDER = tempfile.mkdtemp(prefix="sluice-tables-")
    subprocess.run([BUILD + "/tests/e2e/table_writer", FOLDER], check=True)
    TABLES.update({name: Table(f"{data_dir()}/tables/demo/{name}") for name in [*WRITTEN, "empty"]})


def tearDownModule():
    shutil.rmtree(FOLDER)


def sluice(*arguments):
    done = subprocess.run([BUILD + "/sluice", *arguments], capture_output=True, encoding="utf-8",
                          check=False)
    if done.returncode != 0:
        raise readers.ReaderFailed(f"sluice {arguments}: {done.returncode}: {done.stderr}")
    return done.stdout


def query(directory, name, fields):
    lines = sluice("query", name, "--data-dir", directory, "--format", "ndjson")
    return [of_sluice(json.loads(line), fields) for line in lines.splitlines()]


@functools.cache
def sluice_rows(name):
    return query(data_dir(), f"demo.{name}", TABLES[name].fields)


@functools.cache
def acknowledged(name):
    return list(readers.acknowledged(f"{FOLDER}/{name}.tsv", TABLES[name].fields))


@functools.cache
def footers(select, function):
    """File -> what DuckDB's function tells of it, over the live files of all tables."""
    paths = ", ".join(f"'{path}'" for name in WRITTEN for path in TABLES[name].live_paths)
    found = collections.defaultdict(list)
    for row in duckdb(f"SELECT file_name, {select} FROM {function}([{paths}]) ORDER BY ALL"):
        found[row.pop("file_name")].append(row)
    return found


def key_of(name):
    properties = TABLES[name].metadata["properties"]
    columns = json.loads(properties["sluice.key"]) + [properties["sluice.time"]]
    return lambda row: tuple(row.get(column) for column in columns if column)


def ids(rows):
    return sorted(int(row["id"]) for row in rows)


def each_table(test):
    """Runs a test for each table that has rows."""
    def over_all(self):
        for name in WRITTEN:
            with self.subTest(table=name):
                test(self, name, TABLES[name])
    return over_all


class Case(unittest.TestCase):
    maxDiff = 2000

    def assert_same_rows(self, found, wanted):
        """The same rows, in any order, however often each occurs."""
        found, wanted = (collections.Counter(json.dumps(row, sort_keys=True) for row in rows)
                         for rows in (found, wanted))
        self.assertEqual(sorted(found - wanted)[:2], [], "rows that should not be there")
        self.assertEqual(sorted(wanted - found)[:2], [], "rows that are missing")


class Rows(Case):
    """Row for row the same, whoever reads."""

    def test_keys_of_the_compared_tables_are_unique(self):
        for name in ["by_key_and_time", "by_key"]:
            keys = [key_of(name)(row) for _, row in acknowledged(name)]
            self.assertEqual(len(keys), len(set(keys)))

    def test_sluice_shows_what_was_acknowledged(self):
        for name in SAME_ROWS:
            with self.subTest(table=name):
                self.assert_same_rows(sluice_rows(name), [row for _, row in acknowledged(name)])

    def read_as_sluice_does(self, read):
        for name in SAME_ROWS:
            with self.subTest(table=name):
                table = TABLES[name]
                self.assert_same_rows((of_reader(row, table.fields) for row in read(table)),
                                      sluice_rows(name))

    def test_chdb_reads_what_sluice_shows(self):
        self.read_as_sluice_does(lambda table: chdb(table.path))

    def test_duckdb_reads_what_sluice_shows_from_the_live_files(self):
        self.read_as_sluice_does(lambda table: duckdb(f"FROM {table.relation()}"))

    def test_hyparquet_reads_what_sluice_shows_from_the_live_files(self):
        self.read_as_sluice_does(lambda table: sum(table.rows_of_files, []))

    def test_icebird_reads_what_sluice_shows(self):
        # icebird looks for a column under its name escaped as Avro wants it, so it finds none whose
        # name is no Avro name.
        def plain_names(rows, table):
            unread = [field["name"] for field in table.fields
                      if not re.fullmatch(r"[A-Za-z_]\w*", field["name"], re.ASCII)]
            return [{column: value for column, value in row.items() if column not in unread}
                    for row in rows]
        for name in SAME_ROWS:
            with self.subTest(table=name):
                table = TABLES[name]
                found = [of_reader(row, table.fields) for row in icebird(table.path)]
                self.assert_same_rows(plain_names(found, table),
                                      plain_names(sluice_rows(name), table))

    def test_an_empty_table_has_columns_and_no_rows(self):
        # icebird reads no table without snapshot.
        path = TABLES["empty"].path
        self.assertEqual(chdb(path), [])
        self.assertEqual(chdb(path, "--query", "SELECT count() AS c FROM {table}"), [{"c": "0"}])
        self.assertEqual([row["name"] for row in chdb(path, "--query", "DESCRIBE {table}")],
                         [field["name"] for field in TABLES["empty"].fields])

    def test_other_readers_see_every_stored_version_of_a_key_and_sluice_the_last(self):
        # So it is documented: what a later flush replaces is hidden by Sluice alone.
        table, key = TABLES["rewritten"], key_of("rewritten")
        stored, winners = {}, {}
        for flush, row in acknowledged("rewritten"):
            stored[flush, key(row)] = row
            winners[key(row)] = row
        self.assertGreater(len(stored), len(winners))
        self.assertLess(len(stored), len(acknowledged("rewritten")))
        self.assert_same_rows(sluice_rows("rewritten"), winners.values())
        for found in [chdb(table.path), icebird(table.path), duckdb(f"FROM {table.relation()}")]:
            self.assert_same_rows((of_reader(row, table.fields) for row in found), stored.values())
            found.sort(key=lambda row: int(row["_version"]))
            last = {key(row): row for row in (
                {**of_reader(row, table.fields), "_version": row["_version"]} for row in found)}
            self.assert_same_rows(
                ({name: row[name] for name in row if name != "_version"} for row in last.values()),
                winners.values())


class Totals(Case):
    """Readers answer count() from the summary, and plan by the manifest list."""

    @each_table
    def test_clickhouse_counts_alike_from_the_summary_and_from_the_files(self, name, table):
        rows = str(sum(map(len, table.rows_of_files)))
        for trivial in "10":
            found = chdb(table.path, "--query", "SELECT count() AS c FROM {table}", "--settings",
                         f"optimize_trivial_count_query={trivial}")
            self.assertEqual(found, [{"c": rows}])

    @each_table
    def test_each_summary_tells_the_sums_of_its_manifests(self, name, table):
        self.assertGreater(len(table.snapshots), 8)
        for snapshot in table.snapshots:
            entries = table.entries(snapshot["snapshot-id"])
            added = [entry for entry in entries if entry["status"] == 1
                     and entry["snapshot_id"] in (None, snapshot["snapshot-id"])]
            summary = snapshot["summary"]
            self.assertEqual(summary["operation"], "append")
            for start, counted in [("total", entries), ("added", added)]:
                files = [entry["data_file"] for entry in counted]
                self.assertGreater(len(files), 0)
                self.assertEqual(summary[f"{start}-data-files"], str(len(files)))
                self.assertEqual(summary[f"{start}-records"],
                                 str(sum(file["record_count"] for file in files)))
                self.assertEqual(summary[f"{start}-files-size"],
                                 str(sum(file["file_size_in_bytes"] for file in files)))
            for kind in ["delete-files", "position-deletes", "equality-deletes"]:
                self.assertEqual(summary[f"total-{kind}"], "0")
            self.assertEqual(summary["changed-partition-count"], str(len(
                {json.dumps(entry["data_file"]["partition"]) for entry in added})))

    @each_table
    def test_a_manifest_list_tells_what_its_manifests_hold(self, name, table):
        for snapshot in table.snapshots:
            for record in table.manifest_lists[snapshot["snapshot-id"]]["records"]:
                entries = table.manifests[record["manifest_path"]]["records"]
                self.assertEqual(record["manifest_length"],
                                 os.path.getsize(table.local(record["manifest_path"])))
                for status, kind in [(0, "existing"), (1, "added"), (2, "deleted")]:
                    files = [entry["data_file"] for entry in entries if entry["status"] == status]
                    self.assertEqual(record[f"{kind}_files_count"], len(files))
                    self.assertEqual(record[f"{kind}_rows_count"],
                                     sum(file["record_count"] for file in files))
                numbers = [entry["sequence_number"] or record["sequence_number"]
                           for entry in entries]
                self.assertEqual(record["min_sequence_number"], min(numbers))
                self.assertEqual((record["content"], record["partition_spec_id"]), (0, 0))

    @each_table
    def test_sizes_and_counts_of_files_are_exact(self, name, table):
        rows = footers("num_rows", "parquet_file_metadata")
        starts = footers("row_group_id, min(coalesce(dictionary_page_offset, data_page_offset)) "
                         "OVER (PARTITION BY file_name, row_group_id) AS start",
                         "parquet_metadata")
        for file, path in zip(table.live_files, table.live_paths):
            self.assertEqual(file["file_size_in_bytes"], os.path.getsize(path))
            self.assertEqual(str(file["record_count"]), rows[path][0]["num_rows"])
            self.assertEqual(file["split_offsets"],
                             sorted({int(row["start"]) for row in starts[path]}))
        if name in SAME_ROWS:
            self.assertGreater(max(len(file["split_offsets"]) for file in table.live_files), 1)

    @each_table
    def test_sequence_numbers_and_parents_form_one_line(self, name, table):
        parent = None
        for number, snapshot in enumerate(table.snapshots, 1):
            self.assertEqual(snapshot.get("parent-snapshot-id"), parent)
            self.assertEqual(snapshot["sequence-number"], number)
            parent = snapshot["snapshot-id"]
        self.assertEqual(table.metadata["current-snapshot-id"], parent)
        self.assertEqual(table.metadata["last-sequence-number"], len(table.snapshots))
        times = [snapshot["timestamp-ms"] for snapshot in table.snapshots]
        self.assertEqual(times, sorted(set(times)))
        self.assertEqual([(entry["snapshot-id"], entry["timestamp-ms"])
                          for entry in table.metadata["snapshot-log"]],
                         [(snapshot["snapshot-id"], snapshot["timestamp-ms"])
                          for snapshot in table.snapshots])


class Bounds(Case):
    """A wrong bound loses rows under a filter, and nothing tells."""

    @each_table
    def test_statistics_of_every_file_are_those_of_its_rows(self, name, table):
        self.assertEqual(table.rows_of_files[-1], [])
        bounded = collections.Counter()
        for file, rows in zip(table.live_files, table.rows_of_files):
            statistics = {kind: {pair["key"]: pair["value"] for pair in file[kind] or []}
                          for kind in ["value_counts", "null_value_counts", "nan_value_counts",
                                       "lower_bounds", "upper_bounds", "column_sizes"]}
            for field in table.fields:
                if field["name"] in rows[0]:
                    bounded[field["name"]] += self.check_column(
                        field, [row[field["name"]] for row in rows],
                        {kind: values.pop(field["id"], None)
                         for kind, values in statistics.items()})
            self.assertEqual(statistics, {kind: {} for kind in statistics})
        self.assertEqual(set(bounded), {field["name"] for field in table.fields})
        self.assertGreater(min(bounded.values()), 0)

    def check_column(self, field, values, statistics):
        """Whether the column has bounds."""
        kind, name = field["type"], field["name"]
        present = [readers.stored_value(kind, value) for value in values if value is not None]
        nans = sum(kind == "double" and math.isnan(value) for value in present)
        self.assertEqual(statistics["value_counts"], len(values), name)
        self.assertEqual(statistics["null_value_counts"], len(values) - len(present), name)
        self.assertEqual(statistics["nan_value_counts"], nans if kind == "double" else None, name)
        self.assertGreater(statistics["column_sizes"], 0, name)
        lower, upper = (text and readers.bound_value(kind, text) for text in
                        (statistics["lower_bounds"], statistics["upper_bounds"]))
        if nans or not present:
            self.assertEqual((lower, upper), (None, None), name)
            return False
        if kind in ("string", "binary"):
            self.assertNotIn(b"", (lower, upper), name)
            self.assertLessEqual(lower or b"", min(present), name)
            self.assertGreaterEqual(upper if upper is not None else max(present), max(present))
            return lower is not None or upper is not None
        self.assertEqual((lower, upper), (min(present), max(present)), name)
        return True

    def filters(self, table, columns):
        """Condition for ClickHouse -> for DuckDB: at and beyond the bounds of every file."""
        found = {}
        for field in table.fields:
            if columns and field["name"] not in columns:
                continue
            name, kind = field["name"], field["type"]
            ours = f'encode("{name}")' if kind == "string" else f'"{name}"'
            # NaN is above all numbers for DuckDB, and beside them for ClickHouse.
            real = f" AND NOT isnan({ours})" if kind == "double" else ""
            for file in table.live_files:
                for bounds, beyond in [("lower_bounds", "<"), ("upper_bounds", ">")]:
                    text = {pair["key"]: pair["value"] for pair in file[bounds]}.get(field["id"])
                    if text is None:
                        continue
                    theirs, literal = readers.sql_literals(kind, readers.bound_value(kind, text))
                    # For "= time" ClickHouse looks into one day's partition, and takes a wrong one
                    # before 1970 and after 2149.
                    equal = f"BETWEEN {theirs} AND" if kind == "timestamptz" else "="
                    found[f"`{name}` {equal} {theirs}"] = f"{ours} = {literal}"
                    found[f"`{name}` {beyond} {theirs}"] = f"{ours} {beyond} {literal}{real}"
            found[f"`{name}` IS NULL"] = f"{ours} IS NULL"
            if kind == "double":
                found[f"NOT (`{name}` < 1000)"] = f"NOT ({ours} < 1000)"
                found[f"`{name}` = 75"] = f"{ours} = 75"
        return found

    def test_no_filter_at_a_bound_loses_a_row(self):
        for name, columns in [("plain", None), ("by_key_and_time", ["at time", "x", "_version"])]:
            table = TABLES[name]
            conditions = self.filters(table, columns)
            self.assertGreater(len(conditions), 150)
            found = chdb(table.path, "--query", "SELECT * FROM (" + " UNION ALL ".join(
                f"SELECT {at} AS filter, count() AS c, sum(id) AS ids FROM {{table}} WHERE {where}"
                for at, where in enumerate(conditions)) + ") ORDER BY filter")
            wanted, = duckdb("SELECT " + ", ".join(
                f"count(*) FILTER ({where}) AS c{at}, sum(id) FILTER ({where}) AS ids{at}"
                for at, where in enumerate(conditions.values())) + f" FROM {table.relation()}")
            for at, where in enumerate(conditions):
                with self.subTest(table=name, where=where):
                    self.assertEqual((found[at]["c"], found[at]["ids"] or "0"),
                                     (wanted[f"c{at}"], wanted[f"ids{at}"] or "0"))


class Pruning(Case):
    """Files that a filter excludes are taken away: a reader that prunes does not miss them."""

    def keep_only(self, table, keeps):
        """A copy of the table with those data files only for which `keeps` holds."""
        copy = Table(tempfile.mkdtemp(dir=FOLDER) + "/t")
        shutil.copytree(table.path, copy.path)
        kept = 0
        for entry, path in zip(copy.live_entries, copy.live_paths):
            if keeps(entry):
                kept += 1
            else:
                os.remove(path)
        self.assertGreater(kept, 0)
        self.assertLess(kept, len(copy.live_entries))
        return copy

    def test_a_filter_by_time_reads_its_day_alone_and_all_of_it(self):
        table = TABLES["by_time"]
        days = sorted(set(map(readers.day_of, table.live_entries)))
        self.assertLess(days[0], -100_000)
        for day in [days[0], -1, days[len(days) // 2], days[-1]]:
            with self.subTest(day=day):
                self.assertIn(day, days)
                copy = self.keep_only(table, lambda entry: readers.day_of(entry) == day)
                first, end = (readers.sql_literals("timestamptz", each * 86_400_000_000)[0]
                              for each in (day, day + 1))
                found = chdb(copy.path, "--where", f"`at time` >= {first} AND `at time` < {end}")
                self.assert_same_rows((of_reader(row, table.fields) for row in found),
                                      [row for _, row in acknowledged("by_time")
                                       if int(row["at time"]) // (86_400 * 10**9) == day])

    def test_a_filter_by_value_reads_the_files_that_can_hold_it(self):
        column, = [field["id"] for field in TABLES["plain"].fields if field["name"] == "id"]
        lower = (100_000).to_bytes(8, "little").hex()
        copy = self.keep_only(TABLES["plain"], lambda entry: {"key": column, "value": lower}
                              in entry["data_file"]["lower_bounds"])
        where = "id >= 100000 AND id < 200000"
        self.assertEqual(ids(chdb(copy.path, "--where", where)), list(range(100_000, 100_020)))
        with self.assertRaises(readers.ReaderFailed):
            chdb(copy.path, "--where", where, "--settings", "use_iceberg_partition_pruning=0")

    @each_table
    def test_partitions_are_days_rounded_down(self, name, table):
        spec, = table.metadata["partition-specs"]
        time = DAYS.get(name)
        if time is None:
            self.assertEqual(spec, {"spec-id": 0, "fields": []})
            self.assertEqual(table.metadata["last-partition-id"], 999)
            self.assertEqual([file["partition"] for file in table.live_files],
                             [{}] * len(table.live_files))
            return
        source, = [field["id"] for field in table.fields if field["name"] == time]
        self.assertEqual(spec["fields"], [{"source-id": source, "field-id": 1000,
                                           "name": f"{time}_day", "transform": "day"}])
        self.assertEqual(table.metadata["last-partition-id"], 1000)
        for entry, rows in zip(table.live_entries, table.rows_of_files):
            self.assertEqual({int(row[time]) // 86_400_000_000 for row in rows},
                             {readers.day_of(entry)})
        for each in table.manifest_lists.values():
            for record in each["records"]:
                days = [readers.day_of(entry)
                        for entry in table.manifests[record["manifest_path"]]["records"]]
                self.assertEqual(record["partitions"], [{
                    "contains_null": False, "contains_nan": None,
                    "lower_bound": min(days).to_bytes(4, "little", signed=True).hex(),
                    "upper_bound": max(days).to_bytes(4, "little", signed=True).hex()}])

    @each_table
    def test_the_sort_order_is_by_key_and_time(self, name, table):
        properties = table.metadata["properties"]
        columns = json.loads(properties["sluice.key"]) + [properties["sluice.time"]]
        sources = {field["name"]: field["id"] for field in table.fields}
        fields = [{"transform": "identity", "source-id": sources[column], "direction": "asc",
                   "null-order": "nulls-first"} for column in columns if column]
        orders = [{"order-id": 0, "fields": []}]
        if fields:
            orders.append({"order-id": 1, "fields": fields})
        self.assertEqual(table.metadata["sort-orders"], orders)
        self.assertEqual(table.metadata["default-sort-order-id"], orders[-1]["order-id"])
        # Or ClickHouse orders and limits wrongly: partition_readers_test asks it.
        self.assertEqual({file["sort_order_id"] for file in table.live_files}, {None})
        required = {field["id"] for field in table.fields if field["required"]}
        self.assertLessEqual({field["source-id"] for field in fields}, required)

    def test_clickhouse_orders_and_limits_rightly(self):
        for name in ["by_time", "by_key"]:
            found = collections.defaultdict(list)
            for row in chdb(TABLES[name].path, "--query", " UNION ALL ".join(
                    f"SELECT * FROM (SELECT '{column}' AS name, toString({column}) AS value "
                    f"FROM {{table}} ORDER BY {column} LIMIT 5)" for column in ["n", "late"])):
                found[row["name"]].append(int(row["value"]))
            for column in ["n", "late"]:
                values = sorted(int(row[column]) for _, row in acknowledged(name)
                                if row[column] is not None)
                self.assertEqual(sorted(found[column]), values[:5])


class Layout(Case):
    """What lies where, under which names, and what it says of itself."""

    def test_metadata_is_flat_and_every_object_is_named(self):
        for name, table in TABLES.items():
            with self.subTest(table=name):
                named = {"metadata/version-hint.text"}
                named.update(f"metadata/v{version}.metadata.json" for version in table.versions)
                marks = {table.metadata_of(version)["properties"].get("sluice.marks")
                         for version in table.versions} - {None}
                lists = {snapshot["manifest-list"] for snapshot in table.snapshots}
                files = {entry["data_file"]["file_path"] for manifest in table.manifests.values()
                         for entry in manifest["records"]}
                named.update(os.path.relpath(table.local(address), table.path)
                             for address in marks | lists | set(table.manifests) | files)
                found = {os.path.relpath(os.path.join(folder, file), table.path)
                         for folder, _, inside in os.walk(table.path) for file in inside}
                self.assertEqual(found, named)
                for path in found:
                    self.assertRegex(path, r"^(metadata/(v[1-9]\d*\.metadata\.json"
                                     r"|version-hint\.text|[^/]+\.avro)|marks/[^/]+\.json"
                                     r"|data/[^/]+\.parquet)$")
                self.assertEqual(table.versions, list(range(1, len(table.versions) + 1)))

    def test_the_hint_is_digits_and_names_the_newest_version(self):
        for name, table in TABLES.items():
            with self.subTest(table=name):
                with open(table.path + "/metadata/version-hint.text", "rb") as file:
                    hint = file.read()
                self.assertRegex(hint, rb"^[1-9]\d*\Z")
                self.assertEqual(int(hint), table.versions[-1])

    def test_every_address_lies_below_one_absolute_location(self):
        for name, table in TABLES.items():
            with self.subTest(table=name):
                location = table.metadata["location"]
                self.assertEqual(location, os.path.realpath(table.path))
                self.assertTrue(location.startswith("/") and not location.endswith("/"))
                addresses = [snapshot["manifest-list"] for snapshot in table.snapshots]
                addresses += [each["metadata-file"] for each in table.metadata["metadata-log"]]
                addresses += table.manifests
                addresses += [entry["data_file"]["file_path"]
                              for manifest in table.manifests.values()
                              for entry in manifest["records"]]
                for address in addresses:
                    self.assertTrue(address.startswith(location + "/"), address)
                    self.assertNotIn("//", address)
                    self.assertTrue(os.path.isfile(address), address)

    def test_every_version_of_the_metadata_is_complete(self):
        for name, table in TABLES.items():
            with self.subTest(table=name):
                uuids, schemas = set(), {}
                for version in table.versions:
                    self.check_metadata(table.metadata_of(version), uuids, schemas)
                self.assertEqual(len(uuids), 1)

    def check_metadata(self, metadata, uuids, schemas):
        self.assertEqual(metadata["format-version"], 2)
        self.assertLessEqual({
            "table-uuid", "location", "last-sequence-number", "last-updated-ms", "last-column-id",
            "schemas", "current-schema-id", "partition-specs", "default-spec-id",
            "last-partition-id", "sort-orders", "default-sort-order-id", "properties", "snapshots",
            "snapshot-log", "metadata-log"}, set(metadata))
        uuids.add(metadata["table-uuid"])
        found = {schema["schema-id"]: schema for schema in metadata["schemas"]}
        self.assertEqual({number: found.get(number) for number in schemas}, schemas)
        schemas.update(found)
        self.assertIn(metadata["current-schema-id"], found)
        self.assertEqual(metadata["last-column-id"], max(
            field["id"] for schema in found.values() for field in schema["fields"]))
        for schema in found.values():
            required = {field["id"] for field in schema["fields"] if field["required"]}
            self.assertLessEqual(set(schema.get("identifier-field-ids", [])), required)
        current = metadata.get("current-snapshot-id")
        if metadata["snapshots"]:
            self.assertEqual(metadata["refs"], {"main": {"snapshot-id": current, "type": "branch"}})
            self.assertEqual(metadata["snapshot-log"][-1]["snapshot-id"], current)
        else:
            self.assertIn(current, (None, -1))
        for snapshot in metadata["snapshots"]:
            self.assertLessEqual({"snapshot-id", "schema-id", "sequence-number", "timestamp-ms",
                                  "manifest-list", "summary"}, set(snapshot))
            self.assertIn(snapshot["schema-id"], found)
            self.assertTrue(all(isinstance(text, str) for text in snapshot["summary"].values()))

    def test_a_moved_directory_opens_and_takes_further_rows(self):
        wanted = {name: [row for _, row in acknowledged(name)] for name in SAME_ROWS}
        location = TABLES["plain"].path
        moved, away = FOLDER + "/moved", FOLDER + "/away"
        shutil.copytree(data_dir(), moved)
        os.rename(data_dir(), away)
        self.addCleanup(os.rename, away, data_dir())
        for name in ["plain", "by_key_and_time"]:
            table = Table(f"{moved}/tables/demo/{name}")
            self.assert_same_rows(query(moved, f"demo.{name}", table.fields), wanted[name])
            self.assert_same_rows((of_reader(row, table.fields) for row in chdb(table.path)),
                                  wanted[name])
        with open(FOLDER + "/more.csv", "w", encoding="utf-8") as file:
            file.write("id,n\n-7,1\n")
        sluice("ingest", "--data-dir", moved, "--table", "demo.plain", FOLDER + "/more.csv")
        table = Table(f"{moved}/tables/demo/plain")
        self.assertEqual(table.metadata["location"], location)
        self.assertTrue(all(map(os.path.isfile, table.live_paths)))
        grown = [-7, *ids(wanted["plain"])]
        self.assertEqual(ids(query(moved, "demo.plain", table.fields)), grown)
        self.assertEqual(ids(chdb(table.path)), grown)
        sluice("verify", "--data-dir", moved)


def int_map(name, key_id):
    path = f"data_file.{name}"
    return {f"{path}.element": None, f"{path}.element.key": key_id,
            f"{path}.element.value": key_id + 1}


# The field ids of the specification, "Manifests" and "Manifest Lists", format version 2.
ENTRY_IDS = {
    "status": 0, "snapshot_id": 1, "data_file": 2, "sequence_number": 3, "file_sequence_number": 4,
    "data_file.content": 134, "data_file.file_path": 100, "data_file.file_format": 101,
    "data_file.partition": 102, "data_file.record_count": 103, "data_file.file_size_in_bytes": 104,
    "data_file.column_sizes": 108, **int_map("column_sizes", 117),
    "data_file.value_counts": 109, **int_map("value_counts", 119),
    "data_file.null_value_counts": 110, **int_map("null_value_counts", 121),
    "data_file.nan_value_counts": 137, **int_map("nan_value_counts", 138),
    "data_file.lower_bounds": 125, **int_map("lower_bounds", 126),
    "data_file.upper_bounds": 128, **int_map("upper_bounds", 129),
    "data_file.key_metadata": 131,
    "data_file.split_offsets": 132, "data_file.split_offsets.element": 133,
    "data_file.equality_ids": 135, "data_file.equality_ids.element": 136,
    "data_file.sort_order_id": 140,
}
LIST_IDS = {
    "manifest_path": 500, "manifest_length": 501, "partition_spec_id": 502, "content": 517,
    "sequence_number": 515, "min_sequence_number": 516, "added_snapshot_id": 503,
    "added_files_count": 504, "existing_files_count": 505, "deleted_files_count": 506,
    "added_rows_count": 512, "existing_rows_count": 513, "deleted_rows_count": 514,
    "partitions": 507, "partitions.element": 508, "partitions.element.contains_null": 509,
    "partitions.element.contains_nan": 518, "partitions.element.lower_bound": 510,
    "partitions.element.upper_bound": 511, "key_metadata": 519,
}


class Manifests(Case):
    @each_table
    def test_manifest_lists_are_those_of_the_specification(self, name, table):
        for number, snapshot in enumerate(table.snapshots, 1):
            found = table.manifest_lists[snapshot["snapshot-id"]]
            self.assertEqual(found["field_ids"], LIST_IDS)
            header = found["header"]
            self.assertEqual(header.get("avro.codec", "null"), "null")
            self.assertEqual(header["snapshot-id"], str(snapshot["snapshot-id"]))
            self.assertEqual(header["sequence-number"], str(number))
            self.assertEqual(header["format-version"], "2")

    @each_table
    def test_manifests_are_those_of_the_specification(self, name, table):
        wanted = dict(ENTRY_IDS)
        if name in DAYS:
            day = {"at": "at_day", "at time": "at_x20time_day"}[DAYS[name]]
            wanted[f"data_file.partition.{day}"] = 1000
            partition = [{"name": day, "field-id": 1000, "default": None,
                          "type": ["null", {"type": "int", "logicalType": "date"}]}]
        else:
            partition = []
        schemas = {str(schema["schema-id"]): schema for schema in table.metadata["schemas"]}
        for address, manifest in table.manifests.items():
            self.assertEqual(manifest["field_ids"], wanted, address)
            found, = [field["type"] for field in manifest["schema"]["fields"]
                      if field["name"] == "data_file"]
            found, = [field["type"] for field in found["fields"] if field["name"] == "partition"]
            self.assertEqual(found["fields"], partition)
            header = manifest["header"]
            self.assertEqual(header.get("avro.codec", "null"), "null")
            self.assertEqual(json.loads(header["schema"]), schemas[header["schema-id"]])
            self.assertEqual(json.loads(header["partition-spec"]),
                             table.metadata["partition-specs"][0]["fields"])
            self.assertEqual((header["partition-spec-id"], header["format-version"],
                              header["content"]), ("0", "2", "data"))

    @each_table
    def test_existing_entries_name_the_snapshot_and_the_numbers_they_came_with(self, name, table):
        came_with = {}
        existing = 0
        for number, snapshot in enumerate(table.snapshots, 1):
            seen = set()
            for entry in table.entries(snapshot["snapshot-id"]):
                path = entry["data_file"]["file_path"]
                self.assertNotIn(path, seen, "a file is listed twice")
                seen.add(path)
                came = came_with.setdefault(path, (snapshot["snapshot-id"], number, number))
                said = (entry["snapshot_id"], entry["sequence_number"],
                        entry["file_sequence_number"])
                if entry["status"] == 0:
                    existing += 1
                    self.assertEqual(said, came)
                else:
                    self.assertEqual(entry["status"], 1)
                    self.assertEqual([value for value in said if value is not None],
                                     [value for value, given in zip(came, said)
                                      if given is not None])
                self.assertEqual((entry["data_file"]["content"],
                                  entry["data_file"]["file_format"]), (0, "PARQUET"))
            self.assertLessEqual(set(came_with), seen, "a file was lost")
        self.assertGreater(existing, 0)

    @each_table
    def test_manifests_are_merged_before_they_are_many(self, name, table):
        counts = [len(each["records"]) for each in table.manifest_lists.values()]
        self.assertLessEqual(max(counts), 4)


class Schemas(Case):
    @each_table
    def test_every_footer_holds_a_schema_of_the_table_and_its_field_ids(self, name, table):
        stored = footers("decode(key) AS key, decode(value) AS value", "parquet_kv_metadata")
        columns = footers("name, field_id::INT AS id, repetition_type AS repetition, num_children",
                          "parquet_schema")
        for path in table.live_paths:
            schema, = [json.loads(row["value"]) for row in stored[path]
                       if row["key"] == "iceberg.schema"]
            self.assertIn(schema, table.metadata["schemas"])
            self.assertEqual(
                sorted((row["name"], int(row["id"]), row["repetition"]) for row in columns[path]
                       if not int(row["num_children"] or 0)),
                sorted((field["name"], field["id"], "REQUIRED" if field["required"] else "OPTIONAL")
                       for field in schema["fields"]))

    @each_table
    def test_no_codec_or_encoding_that_a_reader_lacks(self, name, table):
        found = footers("compression, encodings", "parquet_metadata")
        chunks = [row for path in table.live_paths for row in found[path]]
        self.assertLessEqual({row["compression"] for row in chunks}, {"ZSTD", "UNCOMPRESSED"})
        self.assertLessEqual({word for row in chunks for word in row["encodings"].split(", ")},
                             {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY"})

    def test_time_travel_shows_the_rows_of_each_snapshot(self):
        for name in SAME_ROWS:
            with self.subTest(table=name):
                table = TABLES[name]
                self.assertEqual(len(table.snapshots), 12)
                selects = " UNION ALL ".join(
                    f"SELECT {flush} AS flush, id FROM (SELECT id FROM {{table}} "
                    f"SETTINGS iceberg_snapshot_id={snapshot['snapshot-id']})"
                    for flush, snapshot in enumerate(table.snapshots))
                found = collections.defaultdict(list)
                for row in chdb(table.path, "--query", f"SELECT * FROM ({selects})"):
                    found[int(row["flush"])].append(row)
                rows = acknowledged(name)
                for flush in range(len(table.snapshots)):
                    self.assertEqual(ids(found[flush]),
                                     ids(row for at, row in rows if at <= flush))

    def test_an_old_snapshot_is_read_with_its_own_schema(self):
        table = TABLES["by_time"]
        for flush, shows_added in [(COLUMNS_ADDED_AT - 1, False), (COLUMNS_ADDED_AT, True)]:
            snapshot = table.snapshots[flush]
            names = [field["name"] for field in table.fields_of(snapshot["schema-id"])]
            self.assertEqual("late" in names, shows_added)
            settings = ["--settings", f"iceberg_snapshot_id={snapshot['snapshot-id']}"]
            found = chdb(table.path, "--query", "DESCRIBE {table}", *settings)
            self.assertEqual([row["name"] for row in found], names)

    def test_a_remainder_below_a_microsecond_brings_its_column(self):
        table = TABLES["plain"]
        first = {"_at time_ns": 3, "_seen_ns": 5}  # flushes of table_writer
        for flush, snapshot in enumerate(table.snapshots):
            names = {field["name"] for field in table.fields_of(snapshot["schema-id"])}
            for column, since in first.items():
                self.assertEqual(column in names, flush >= since, f"{column} in flush {flush}")


class RealInput(Case):
    def test_what_the_program_ingests_every_reader_reads(self):
        self.ingest_and_compare(FOLDER + "/real")

    def test_parts_by_groups_of_devices_every_reader_reads(self):
        table = self.ingest_and_compare(
            FOLDER + "/grouped", "--set", "storage.multipart.max_devices_per_group=2")
        self.assertTrue(all(re.search(r"-g[012]\.parquet$", path) for path in table.live_paths))

    def ingest_and_compare(self, directory, *options):
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "testdata")
        sluice("ingest", "--data-dir", directory, "--table", "real.stocks", "--key", "symbol",
               "--time", "date", *options, source + "/stocks.csv")
        table = Table(directory + "/tables/real/stocks")
        wanted = query(directory, "real.stocks", table.fields)
        self.assertEqual(len(wanted), 560)
        for found in [chdb(table.path), icebird(table.path), hyparquet(table.live_paths),
                      duckdb(f"FROM {table.relation()}")]:
            self.assert_same_rows((of_reader(row, table.fields) for row in found), wanted)
        return table


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
