#!/usr/bin/python3
"""Commands on a directory that a server has: they go through it, and say what they say without it.

  served_directory_test.py BUILD_DIR [SEED]
"""

import json
import os
import random
import re
import sys
import time
from unittest import mock

import cli
import server

KILLS = 4
# What differs from run to run, or with the directory.
FLEETING = {"seconds", "rows_per_second", "location", "metadata", "last_commit", "next", "inputs",
            "snapshot_id", "snapshot", "version", "bytes_stored", "stored_bytes", "bytes_per_row"}


def lasting(value):
    return {name: each for name, each in value.items() if name not in FLEETING}


class ServedDirectory(server.ServerCase):
    seed = 0

    def test_each_command_says_through_the_server_what_it_says_without(self):
        weather = os.path.join(cli.TESTDATA, "weather.csv")
        again = self.write("again.csv", "location,date,wind\nSeattle,2012-01-01,1\n"
                           "Seattle,2030-01-01,1\nSeattle,2030-01-01,2\n")
        keys = ["--key", "location", "--time", "date", "--partition", "none"]
        steps = [
            ["ingest", "--table", "demo.weather", *keys, weather, "--summary", "json"],
            ["ingest", "--table", "demo.weather", weather, "--summary", "json"],
            ["ingest", "--table", "demo.weather", again, "--summary", "json"],
            ["query", "demo.weather", "--format", "ndjson"],
            ["query", "demo.weather", "--agg", "count(*),max(wind)", "--every", "1mo", "--by",
             "location", "--format", "csv"],
            ["query", "demo.weather", "--where", "wind > 8 and not location = 'New York'",
             "--order", "wind:desc,time", "--limit", "7"],
            ["query", "demo.absent"],
            ["query", "demo.weather", "--columns", "nowhere"],
            ["flush", "demo.weather"],
            ["flush", "demo.absent"],
            ["table", "create", "demo.new", "--column", "id long", "--key", "id"],
            ["table", "alter", "demo.weather", "--rename", "wind=speed", "--add", "note string"],
            ["table", "alter", "demo.weather", "--drop", "location"],
            ["table", "tag", "demo.weather", "audit"],
            ["table", "expire", "demo.weather", "--keep-last", "1", "--dry-run"],
            ["table", "sweep", "demo.weather", "--dry-run"],
            ["tables", "--format", "json"],
        ]
        own = self.said(steps, "dir-own")
        serving = self.serve("--data-dir", "dir-served")
        served = self.said(steps, "dir-served")
        self.end(serving)
        for step, expected, actual in zip(steps, own, served):
            self.assertEqual(actual, expected, step)

    def said(self, steps, data_dir):
        """Exit code, output and errors of each step, without what differs from run to run."""
        answers = []
        for step in steps:
            process = self.start(*step, "--data-dir", data_dir)
            out, err = (text.decode().replace(data_dir, "DIR") for text in process.communicate())
            if out.startswith("{") and "ndjson" not in step:
                out = lasting(json.loads(out))
            elif out.startswith("["):
                out = [lasting(each) for each in json.loads(out)]
            elif step[0] in ("flush", "table"):
                out = [re.sub(r"\d{10,}|\S+Z\b", "VARIES", line).split()
                       for line in out.splitlines()
                       if not line.startswith(("snapshot", "location", "version", "objects",
                                               "size", "named"))]
            answers.append((process.returncode, out, err))
        return answers

    def test_rows_that_only_the_server_has_are_shown_and_flushed(self):
        serving = self.serve()
        client = self.client(serving)
        self.assertEqual(client.write([{"id": "a", "time": "2026-01-01T00:00:00Z", "x": 1.5}]), 202)
        out, err = self.sluice("query", "demo.c", "--format", "ndjson")
        self.assertEqual((json.loads(out)["x"], err), (1.5, ""))
        self.assertIn("flushed 1 rows", self.sluice("flush")[0])
        self.assertIn("flushed 0 rows", self.sluice("flush")[0])
        self.assertEqual(self.ingest("--table", "demo.mine", "--key", "n",
                                     self.write("a.csv", "n\n1\n2\n"))["rows"], 2)
        self.assertEqual(self.count("demo.mine"), 2)
        self.end(serving)
        self.assertFalse(os.path.exists(self.path("sluice-data", "sluice.sock")))
        self.assertEqual(self.count("demo.mine"), 2)

    def test_an_ingest_whose_server_is_killed_lands_each_row_once_when_it_is_repeated(self):
        chance = random.Random(self.seed)
        print(f"seed {self.seed}", file=sys.stderr)
        name = "flights-week.csv"
        command = ["--table", "demo.a", *cli.SETS[name], os.path.join(cli.TESTDATA, name)]
        for _ in range(KILLS):
            serving = self.serve()
            ingesting = self.start("ingest", *command, "--rate", "20000")
            self.await_rows(self.client(serving), chance.randrange(1, 15_000))
            serving.kill()
            serving.communicate()
            _, err = ingesting.communicate(timeout=60)
            self.assertEqual(ingesting.returncode, cli.FAILED, err.decode())
            self.assertIn("repeat the command", err.decode())
        serving = self.serve()
        self.ingest(*command)
        self.assert_same_rows("demo.a", cli.rows_of_testdata(name))
        self.end(serving)
        self.assertIn("ok", self.sluice("verify")[0])

    def await_rows(self, client, count):
        """Until the server has acknowledged so many rows."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            _, _, metrics = client.ask("GET", "/metrics")
            found = re.search(r"^sluice_rows_appended_total (\d+)", metrics, re.MULTILINE)
            if found and int(found[1]) >= count:
                return
        self.fail(f"{count} rows were not acknowledged")

    def test_a_directory_whose_server_was_killed_is_opened_directly(self):
        serving = self.serve()
        self.ingest("--table", "demo.a", self.write("a.csv", "n\n1\n"))
        serving.kill()
        serving.communicate()
        self.assertTrue(os.path.exists(self.path("sluice-data", "sluice.sock")))
        self.assertEqual(self.sluice("query", "demo.a", "--format", "csv")[0], "n\n1\n")
        self.assertEqual(self.ingest("--table", "demo.a", self.write("b.csv", "n\n2\n"))["rows"], 1)
        serving = self.serve()
        self.assertEqual(self.count("demo.a"), 2)
        self.end(serving)

    def test_a_flush_through_the_server_tells_what_it_waits_for(self):
        library = os.path.join(os.path.dirname(self.program), "tests", "e2e", "faults.so")
        full = self.write("full", "")
        faults = {"LD_PRELOAD": library, "FAULT_PATH": "/demo/c/data/", "FAULT_ACTION": "ENOSPC",
                  "FAULT_OP": "create,write", "FAULT_WHILE": full}
        with mock.patch.dict(os.environ, faults):
            serving = self.serve()
        self.client(serving).write([{"id": "a", "time": "2026-01-01T00:00:00Z", "x": 1.5}])
        flushing = self.start("flush")
        told = flushing.stderr.readline().decode()
        self.assertIn("demo.c", told)
        self.assertIn("tried again", told)
        os.remove(full)
        out, _ = flushing.communicate(timeout=90)
        self.assertEqual(flushing.returncode, cli.DONE)
        self.assertIn("flushed 1 rows", out.decode())
        self.end(serving)

    def test_a_second_server_leaves_the_first_one_alone(self):
        serving = self.serve()
        _, err = self.sluice("serve", "--listen", "127.0.0.1:0", code=cli.FAILED)
        self.assertIn("another process is at work here", err)
        self.ingest("--table", "demo.a", self.write("a.csv", "n\n1\n"))
        self.assertEqual(self.count("demo.a"), 1)
        self.end(serving)


if __name__ == "__main__":
    ServedDirectory.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
