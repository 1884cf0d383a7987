#!/usr/bin/python3
"""Line protocol into tables, each point once whatever happens.

  cli_line_protocol_test.py BUILD_DIR [SEED]
"""

import gzip
import json
import os
import random
import subprocess
import sys

import cli
from cli import FAILED, USAGE

KILLS = 8


class LineProtocol(cli.Case):
    seed = 0

    def rejects(self, name):
        with open(self.path("sluice-data", "rejects", name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def points(self, *arguments, code=cli.DONE, stdin=b""):
        return self.ingest("--format", "lp", *arguments, code=code, stdin=stdin)

    def test_each_measurement_gets_its_table(self):
        rows = self.write("a.lp", "# made by hand\n"
                                  "cpu,host=a,zone=x load=0.5,n=3i 1700000000000000001\n"
                                  "disk\\ io,host=a read=7u,note=\"a\nb\" 1700000000000000000\n"
                                  "cpu,host=b load=1,up=t 1700000001000000000\n")
        summary = self.points("--table", "demo", rows)
        self.assertEqual((summary["rows"], summary["rejects"]), (3, 0))
        self.assertEqual(summary["tables"], ["demo.cpu", "demo.disk_x20io"])
        self.assertEqual(self.rows("demo.cpu"), [
            {"series": "host=a,zone=x", "time": "2023-11-14T22:13:20.000000001Z", "host": "a",
             "zone": "x", "load": 0.5, "n": 3, "up": None},
            {"series": "host=b", "time": "2023-11-14T22:13:21Z", "host": "b", "zone": None,
             "load": 1.0, "n": None, "up": True}])
        self.assertEqual(self.rows("demo.disk_x20io"), [
            {"series": "host=a", "time": "2023-11-14T22:13:20Z", "host": "a", "read": 7,
             "note": "a\nb"}])

    def test_one_table_takes_its_own_measurement_alone(self):
        rows = self.write("a.lp", "cpu v=1 1\nmem v=1 1\ncpu v=2 2\n")
        summary = self.ingest("--table", "demo.cpu", rows)
        self.assertEqual((summary["rows"], summary["rejects"]), (2, 1))
        reject, = self.rejects("demo.cpu-a.lp.ndjson")
        self.assertEqual(reject["line"], 2)
        self.assertIn("name only the database (--table DB)", reject["reason"])
        self.assertEqual(self.ingest("--table", "demo.cpu", rows)["rows"], 0)

    def test_the_last_point_of_a_series_and_time_wins(self):
        self.points("--table", "demo", self.write("a.lp", "cpu,a=1,b=2 v=1 1\n"))
        self.points("--table", "demo", self.write("b.lp", "cpu,b=2,a=1 v=2 1\ncpu,a=1 v=3 1\n"))
        self.assertEqual([row["v"] for row in self.rows("demo.cpu")], [3, 2])

    def test_time_counts_in_the_precision_given(self):
        self.points("--table", "demo", "--precision", "s", "-", stdin=b"cpu v=1 1700000000\n")
        self.points("--table", "demo", "--precision", "ms", "-", stdin=b"cpu v=2 1700000000500\n")
        self.assertEqual([row["time"] for row in self.rows("demo.cpu")],
                         ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.5Z"])

    def test_a_file_that_is_sent_again_or_has_grown_adds_what_is_new(self):
        rows = self.write("a.lp", "cpu v=1 1\nmem v=1 1\ncpu v=x 2\n")
        self.assertEqual(self.points("--table", "demo", rows)["rows"], 2)
        again = self.points("--table", "demo", rows)
        self.assertEqual((again["rows"], again["rejects"]), (0, 1))
        self.assertEqual(len(self.rejects("demo-a.lp.ndjson")), 1)
        self.write("a.lp", "disk v=1 1\ncpu v=3,w=1i 3\n", mode="a")
        self.assertEqual(self.points("--table", "demo", rows)["rows"], 2)
        self.assertEqual([row["v"] for row in self.rows("demo.cpu")], [1, 3])
        self.assertEqual([self.count("demo.mem"), self.count("demo.disk")], [1, 1])
        self.assertEqual(self.ingest("--table", "demo.cpu", rows)["rows"], 0)

    def test_compressed_points_land_once_too(self):
        rows = self.write("a.lp.gz", gzip.compress(b"cpu v=1 1\nmem v=1 1\n"), "wb")
        for expected in [2, 0]:
            self.assertEqual(self.points("--table", "demo", rows)["rows"], expected)

    def test_a_database_alone_key_and_time_are_refused_where_they_have_no_meaning(self):
        rows = self.write("a.lp", "cpu v=1 1\n")
        _, err = self.sluice("ingest", "--table", "demo", rows, code=USAGE)
        self.assertIn("--format lp", err)
        for option in ["--key", "--time"]:
            _, err = self.sluice("ingest", "--table", "demo", "--format", "lp", option, "v", rows,
                                 code=USAGE)
            self.assertIn("has its own", err)
            _, err = self.sluice("ingest", "--table", "demo.cpu", option, "v", rows, code=FAILED)
            self.assertIn("leave out --key, --time and --types", err)
        self.ingest("--table", "demo.cpu", "--key", "v", self.write("a.csv", "v\n1\n"))
        _, err = self.sluice("ingest", "--table", "demo", "--format", "lp", rows, code=FAILED)
        self.assertIn("none of line protocol", err)
        self.assertIn("demo.cpu", err)

    def killed_again_and_again(self, *command):
        chance = random.Random(self.seed)
        killed = 0
        for _ in range(KILLS):
            process = self.start("ingest", *command, "--rate", "60000")
            try:
                process.communicate(timeout=chance.uniform(0.05, 0.6))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                killed += 1
        print(f"seed {self.seed}: {killed} of {KILLS} killed at work", file=sys.stderr)
        self.assertGreater(killed, 0)
        self.ingest(*command)

    def write_points(self):
        """Columns come one after the other; every 97th line is bad."""
        chance = random.Random(self.seed)
        expected = {"cpu": [], "mem": []}
        lines = []
        for n in range(60_000):
            name = chance.choice(["cpu", "cpu", "mem"])
            field = f"f{n // 8000}"
            bad = n % 97 == 0
            lines.append(f"{name},host=h{n % 10} {field}={n}i {'x' if bad else n}")
            if not bad:
                expected[name].append((n, field, f"host=h{n % 10}"))
        return self.write("points.lp", "\n".join(lines) + "\n"), expected

    def assert_landed_once(self, name, expected):
        rows = self.rows(f"demo.{name}")
        seen = []
        for row in rows:
            (field, value), = [(key, value) for key, value in row.items()
                               if key.startswith("f") and value is not None]
            seen.append((value, field, row["series"]))
        self.assertEqual(sorted(seen), expected)
        # Keyed rows hide copies; the parts do not.
        table, = [table for table in json.loads(self.sluice("tables", "--format", "json")[0])
                  if table["table"] == f"demo.{name}"]
        self.assertEqual(table["stored_rows"] + table["unflushed_rows"], len(expected))

    def test_many_tables_killed_again_and_again_lose_and_double_nothing(self):
        rows, expected = self.write_points()
        self.killed_again_and_again("--table", "demo", "--format", "lp", rows)
        for name in ["cpu", "mem"]:
            self.assert_landed_once(name, expected[name])
        self.assertEqual([reject["line"] for reject in self.rejects("demo-points.lp.ndjson")],
                         [n + 1 for n in range(0, 60_000, 97)])
        self.assertIn("ok", self.sluice("verify")[0])

    def test_one_table_killed_again_and_again_loses_and_doubles_nothing(self):
        rows, expected = self.write_points()
        self.killed_again_and_again("--table", "demo.cpu", rows)
        self.assert_landed_once("cpu", expected["cpu"])
        self.assertEqual(len(self.rejects("demo.cpu-points.lp.ndjson")),
                         60_000 - len(expected["cpu"]))


if __name__ == "__main__":
    LineProtocol.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
