"""What the tests of the program share: each test runs `sluice` in a directory of its own."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TESTDATA = os.path.join(SOURCE, "testdata")
DONE, FAILED, USAGE, CORRUPTION = 0, 1, 2, 3

# file -> the options that its natural key and time ask for
SETS = {
    "weather.csv": ["--key", "location", "--time", "date"],
    "seattle-weather-hourly-normals.csv": ["--time", "date"],
    "stocks.csv": ["--key", "symbol", "--time", "date"],
    "flights.ndjson": ["--time", "date"],
    "flights-week.csv": ["--time", "date"],
}


def main():
    """The first argument is the build directory."""
    Case.program = os.path.join(os.path.abspath(sys.argv.pop(1)), "sluice")
    unittest.main(verbosity=2)


class Case(unittest.TestCase):
    program = ""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-cli-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text, mode="w"):
        with open(self.path(name), mode, encoding=None if "b" in mode else "utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, *arguments, **options):
        """The process of a command, in the test's directory."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([self.program, *arguments], cwd=self.dir, **options)

    def sluice(self, *arguments, code=DONE, stdin=b"", env=None):
        """Standard output and standard error of a command that has to exit with `code`."""
        process = self.start(*arguments, stdin=subprocess.PIPE, env=env)
        try:
            out, err = process.communicate(stdin, timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail(f"{arguments} did not end: {process.communicate()[1].decode()}")
        out, err = out.decode(), err.decode()
        self.assertEqual(process.returncode, code, f"{arguments}: {out}{err}")
        return out, err

    def ingest(self, *arguments, code=DONE, stdin=b""):
        """The summary of an ingest."""
        out, _ = self.sluice("ingest", *arguments, "--summary", "json", code=code, stdin=stdin)
        return json.loads(out)

    def rows(self, table, *arguments):
        out, _ = self.sluice("query", table, *arguments, "--format", "ndjson")
        return [json.loads(line) for line in out.splitlines()]

    def count(self, table):
        return self.rows(table, "--agg", "count(*)")[0]["count(*)"]

    def assert_same_rows(self, table, expected):
        """The table's rows are these dictionaries, in any order, however often each occurs."""
        actual = Counter(map(canonical, self.rows(table)))
        wanted = Counter(map(canonical, expected))
        self.assertEqual(sum(actual.values()), sum(wanted.values()))
        self.assertEqual(list((actual - wanted).items())[:3], [])
        self.assertEqual(list((wanted - actual).items())[:3], [])


def canonical(row):
    return tuple(sorted(
        (name, float(value) if isinstance(value, int) else value) for name, value in row.items()))


def _csv_value(name, text):
    if text == "":
        return None
    if name == "date":
        return (text if "T" in text else text + "T00:00:00").rstrip("Z") + "Z"
    try:
        return float(text)
    except ValueError:
        return text


def rows_of_testdata(name):
    """The rows of a file as a query shows them, by a reader that is not ours."""
    with open(os.path.join(TESTDATA, name), newline="", encoding="utf-8") as file:
        if name.endswith(".ndjson"):
            return [json.loads(line) for line in file]
        return [{column: _csv_value(column, text) for column, text in row.items()}
                for row in csv.DictReader(file)]
