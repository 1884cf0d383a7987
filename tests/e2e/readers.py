"""Other people's readers, and tables of Sluice as they find them.

Rows are compared in one form: column -> value, where a long is a decimal string, a timestamp the
decimal string of its nanoseconds, binary lower-case hex, a double a float or "NaN", "-0",
"Infinity", "-Infinity". System columns are left out; `_<time>_ns` is part of its time.
"""

import datetime
import glob
import json
import math
import os
import re
import struct
import subprocess
import sys
import warnings
from functools import cached_property

from avro.datafile import DataFileReader
from avro.errors import IgnoredLogicalType
from avro.io import DatumReader

READERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "readers")
sys.path.insert(0, READERS)
import avro_dump  # noqa: E402


class ReaderFailed(Exception):
    pass


def run(*command):
    """The rows that a command prints as NDJSON."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise ReaderFailed(f"{command}: exit code {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def _node(script, *arguments):
    return run("node", os.path.join(READERS, script), *arguments)


def chdb(path, *arguments):
    return _node("chdb.mjs", "--table", path, *arguments)


def duckdb(query):
    return _node("duckdb.mjs", "--query", query)


def icebird(path):
    return _node("icebird.mjs", path)


def hyparquet(files):
    return _node("hyparquet.mjs", *files)


def avro(path):
    """What avro_dump.py prints of a file."""
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", IgnoredLogicalType)  # Iceberg's map, an array to Avro
        reader = DataFileReader(file, DatumReader())
        header = {key: value.decode() if isinstance(value, bytes) else value
                  for key, value in reader.meta.items()}
        schema = json.loads(header.pop("avro.schema"))
        records = [avro_dump.spell(record) for record in reader]
    return {"header": header, "schema": schema, "field_ids": avro_dump.field_ids(schema),
            "records": records}


def day_of(entry):
    """Of a manifest entry in a table by day: python3-avro turns Avro's date into one of its own."""
    (text,) = entry["data_file"]["partition"].values()
    return datetime.date.fromisoformat(text).toordinal() - datetime.date(1970, 1, 1).toordinal()


def double(value):
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return "-0" if value == 0 and math.copysign(1, value) < 0 else float(value)


def nanos(text):
    """ISO 8601 as Sluice prints it -> nanoseconds since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    since = datetime.datetime.fromisoformat(whole) - datetime.datetime(1970, 1, 1)
    seconds = since.days * 86400 + since.seconds
    return str(seconds * 10**9 + int(fraction.ljust(9, "0")))


def of_reader(row, fields):
    """A row in the spelling of canonical.mjs."""
    found = {}
    for field in fields:
        name = field["name"]
        value = row.get(name)
        if name.startswith("_"):
            continue
        if value is not None and field["type"] == "timestamptz":
            value = str(int(value) * 1000 + int(row.get(f"_{name}_ns") or 0))
        if value is not None and field["type"] == "double":
            value = double(value)
        found[name] = value
    return found


_OF_SLUICE = {"long": str, "timestamptz": nanos, "double": double}
_OF_CELL = {
    "boolean": lambda cell: cell == "true",
    "long": str,
    "timestamptz": str,
    "double": lambda cell: double(float.fromhex(cell)),
    "string": lambda cell: bytes.fromhex(cell[1:]).decode(),
    "binary": lambda cell: cell[1:],
}


def of_sluice(row, fields):
    """A row of `sluice query --format ndjson`."""
    kinds = {field["name"]: field["type"] for field in fields}
    return {name: value if value is None else _OF_SLUICE.get(kinds[name], lambda same: same)(value)
            for name, value in row.items()}


def acknowledged(path, fields):
    """The rows of table_writer's NAME.tsv: (flush, row)."""
    kinds = {field["name"]: field["type"] for field in fields}
    with open(path, encoding="utf-8") as file:
        _, *names = file.readline().rstrip("\n").split("\t")
        for line in file:
            flush, *cells = line.rstrip("\n").split("\t")
            cells += ["null"] * (len(names) - len(cells))
            yield int(flush), {
                name: None if cell == "null" else _OF_CELL[kinds[name]](cell)
                for name, cell in zip(names, cells)}


class Table:
    """A table's directory, read by the letter of the Iceberg specification."""

    def __init__(self, path):
        self.path = path

    def metadata_of(self, version):
        with open(f"{self.path}/metadata/v{version}.metadata.json", encoding="utf-8") as file:
            return json.load(file)

    @cached_property
    def versions(self):
        return sorted(int(re.fullmatch(r".*/v(\d+)\.metadata\.json", path).group(1))
                      for path in glob.glob(f"{glob.escape(self.path)}/metadata/*.json"))

    @cached_property
    def metadata(self):
        return self.metadata_of(self.versions[-1])

    @cached_property
    def fields(self):
        return self.fields_of(self.metadata["current-schema-id"])

    def fields_of(self, schema_id):
        schema, = [each for each in self.metadata["schemas"] if each["schema-id"] == schema_id]
        return schema["fields"]

    @property
    def snapshots(self):
        return self.metadata["snapshots"]

    def local(self, address):
        """Where an address lies now: the directory may have moved."""
        location = self.metadata["location"]
        if not address.startswith(location + "/"):
            raise AssertionError(f"{address} does not begin with {location}/")
        return self.path + address[len(location):]

    @cached_property
    def manifest_lists(self):
        """Snapshot id -> its manifest list."""
        return {snapshot["snapshot-id"]: avro(self.local(snapshot["manifest-list"]))
                for snapshot in self.snapshots}

    @cached_property
    def manifests(self):
        """Address -> manifest, over all snapshots."""
        addresses = sorted({record["manifest_path"] for each in self.manifest_lists.values()
                            for record in each["records"]})
        return {address: avro(self.local(address)) for address in addresses}

    def entries(self, snapshot_id):
        """The live entries of a snapshot, in order."""
        return [entry for record in self.manifest_lists[snapshot_id]["records"]
                for entry in self.manifests[record["manifest_path"]]["records"]
                if entry["status"] != 2]

    @cached_property
    def live_entries(self):
        return self.entries(self.metadata["current-snapshot-id"])

    @property
    def live_files(self):
        """The data_file records of the current snapshot."""
        return [entry["data_file"] for entry in self.live_entries]

    @property
    def live_paths(self):
        return [self.local(file["file_path"]) for file in self.live_files]

    @cached_property
    def rows_of_files(self):
        """The rows of each live file, in hyparquet's own spelling; columns by their own names."""
        rows = iter(hyparquet(self.live_paths))
        return [[next(rows) for _ in range(int(file["record_count"]))]
                for file in self.live_files] + [list(rows)]

    def relation(self, paths=None):
        """DuckDB's view of the live files, columns by field id."""
        types = {"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "double": "DOUBLE",
                 "string": "VARCHAR", "binary": "BLOB", "timestamptz": "TIMESTAMPTZ"}
        columns = ", ".join(
            f"{field['id']}: {{name: '{field['name']}', type: '{types[field['type']]}', "
            "default_value: NULL}" for field in self.fields)
        files = ", ".join(f"'{path}'" for path in paths or self.live_paths)
        return f"read_parquet([{files}], schema = map {{{columns}}})"


# ---- literals and bounds

def sql_literals(kind, value):
    """A bound's value for ClickHouse and for DuckDB."""
    if kind == "boolean":
        return (str(value).lower(),) * 2
    if kind == "double":
        return f"toFloat64('{value!r}')", f"'{value!r}'::DOUBLE"
    if kind == "timestamptz":
        return (f"fromUnixTimestamp64Micro(toInt64('{value}'), 'UTC')",
                f"make_timestamptz('{value}'::BIGINT)")
    if kind in ("string", "binary"):
        return f"unhex('{value.hex()}')", f"from_hex('{value.hex()}')"
    return f"toInt64('{value}')", f"'{value}'::BIGINT"


def bound_value(kind, text):
    """A bound of a manifest: numbers as numbers, text and binary as bytes."""
    raw = bytes.fromhex(text)
    if kind == "boolean":
        return {b"\0": False, b"\1": True}[raw]
    if kind == "double":
        return struct.unpack("<d", raw)[0]
    if kind in ("string", "binary"):
        return raw
    if len(raw) != (4 if kind == "int" else 8):
        raise AssertionError(f"a bound of {len(raw)} bytes for {kind}")
    return int.from_bytes(raw, "little", signed=True)


def stored_value(kind, value):
    """A value of a reader's row, comparable with bound_value; a NaN is nothing to compare."""
    if kind == "double":
        return float(value.replace("Infinity", "inf")) if isinstance(value, str) else float(value)
    if kind == "string":
        return value.encode()
    if kind == "binary":
        return bytes.fromhex(value)
    return value if kind == "boolean" else int(value)
