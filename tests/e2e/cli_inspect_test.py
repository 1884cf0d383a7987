#!/usr/bin/python3
"""`sluice inspect` and `sluice tables`: what an operator sees, also beside a running process, on
damage, and without permission to write.

  cli_inspect_test.py BUILD_DIR
"""

import glob
import json
import os
import signal
import stat

import cli
from cli import CORRUPTION, FAILED

FLIGHTS = os.path.join(cli.TESTDATA, "flights.ndjson")
WEATHER = os.path.join(cli.TESTDATA, "weather.csv")


class Inspect(cli.Case):
    def make_weather(self):
        """One part a day, so only some of the days."""
        with open(WEATHER, encoding="utf-8") as file:
            few = self.write("few.csv", "".join(file.readlines()[:21]))
        self.sluice("ingest", "--table", "demo.weather", "--key", "location", "--time", "date", few)

    def inspect(self, *arguments, code=cli.DONE):
        return json.loads(self.sluice("inspect", *arguments, "--format", "json", code=code)[0])

    def tables(self, *arguments, code=cli.DONE):
        out, _ = self.sluice("tables", *arguments, "--format", "json", code=code)
        return {table["table"]: table for table in json.loads(out)}

    def leave_rows_in_the_log(self):
        """A process that was killed after rows were acknowledged."""
        owner = self.start("ingest", "--table", "demo.flights", "--time", "date", "--rate", "2000",
                           "--progress", "always", FLIGHTS)
        while b"rows/s" not in owner.stderr.readline():
            self.assertIsNone(owner.poll())
        return owner

    def kill(self, owner):
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        owner.stdout.close()
        owner.stderr.close()

    def data(self, pattern):
        found = sorted(glob.glob(self.path("sluice-data", pattern), recursive=True))
        self.assertTrue(found, pattern)
        return found

    def flip(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x40]))

    def test_every_row_is_either_in_its_table_or_pending(self):
        self.make_weather()
        owner = self.leave_rows_in_the_log()
        self.addCleanup(owner.wait)
        self.addCleanup(owner.kill)
        self.assertGreater(self.inspect("pending")["pending"][0]["rows"], 0)
        self.kill(owner)
        pending = self.inspect("pending", "demo.flights")["pending"]
        self.assertEqual([row["table"] for row in pending], ["demo.flights"])
        self.assertEqual(pending[0]["why"], "not flushed yet")
        sources = self.inspect("pending")["sources"]
        self.assertTrue(sources[0]["source"].startswith("file:"))
        self.assertEqual(sources[0]["rows"], pending[0]["rows"])
        log = self.inspect("log")
        self.assertEqual(log["pinned_by"], "demo.flights")
        self.assertEqual(log["pinned_from_LSN"], pending[0]["first_LSN"])
        table = self.tables()["demo.flights"]
        self.assertEqual(table["unflushed_rows"], pending[0]["rows"])
        self.assertEqual(self.count("demo.flights"),
                         table["stored_rows"] + table["unflushed_rows"])
        self.sluice("flush")
        out, _ = self.sluice("inspect", "pending")
        self.assertEqual(out, "nothing is pending: every acknowledged row is in its table\n")
        after = self.tables()["demo.flights"]
        self.assertEqual(after["unflushed_rows"], 0)
        self.assertEqual(after["stored_rows"], table["stored_rows"] + table["unflushed_rows"])

    def test_looking_needs_no_permission_to_write_and_changes_nothing(self):
        self.make_weather()
        self.kill(self.leave_rows_in_the_log())
        root = self.path("sluice-data")
        folders = [folder for folder, _, _ in os.walk(root)]
        files = [path for folder in folders for path in glob.glob(folder + "/*")
                 if os.path.isfile(path)]
        for path in files + folders:
            os.chmod(path, os.stat(path).st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        self.addCleanup(lambda: [os.chmod(folder, 0o755) for folder in folders])
        before = {path: (os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in files}
        part = self.data("tables/demo/weather/data/*")[0]
        for arguments in [["tables"], ["inspect", "log"], ["inspect", "pending"],
                          ["inspect", "parts", "demo.weather"],
                          ["inspect", "snapshots", "demo.weather"],
                          ["inspect", "marks", "demo.weather"],
                          ["inspect", "groups", "demo.weather"], ["inspect", "part", part],
                          ["inspect", "segment", self.data("log/*.seg")[0]]]:
            out, err = self.sluice(*arguments)
            self.assertTrue(out, arguments)
            self.assertEqual(err, "", arguments)
            self.assertNotIn("\x1b", out, arguments)
        after = {path: (os.stat(path).st_mtime_ns, os.stat(path).st_size)
                 for folder in folders for path in glob.glob(folder + "/*")
                 if os.path.isfile(path)}
        self.assertEqual(after, before)

    def test_parts_show_days_bounds_and_origin(self):
        self.make_weather()
        listed = self.inspect("parts", "demo.weather")
        parts = listed["live_parts"]
        self.assertEqual(listed["parts"], len(parts))
        self.assertEqual(sum(part["rows"] for part in parts), listed["rows"])
        self.assertEqual(sum(part["bytes"] for part in parts), listed["bytes"])
        days = [part["partition"]["date_day"] for part in parts]
        self.assertEqual(days, sorted(days))
        for part, day in zip(parts, days):
            self.assertEqual(part["min_date"][:10], day)
            self.assertLessEqual(part["min_location"], part["max_location"])
            self.assertTrue(os.path.isfile(self.path("sluice-data", "tables", part["part"])))
            self.assertGreaterEqual(part["last_LSN"], part["first_LSN"])
        snapshots = self.inspect("snapshots", "demo.weather")["snapshots"]
        self.assertEqual([part["snapshot"] for part in parts],
                         [snapshots[0]["snapshot"]] * len(parts))
        more = self.write("more.csv", "location,date,precipitation\nOslo,2020-01-01,1.5\n")
        self.sluice("ingest", "--table", "demo.weather", more)
        self.assertEqual(len(self.inspect("parts", "demo.weather")["live_parts"]), len(parts) + 1)
        old = self.inspect("parts", "demo.weather", "--snapshot", str(snapshots[0]["snapshot"]))
        self.assertEqual(len(old["live_parts"]), len(parts))
        snapshots = self.inspect("snapshots", "demo.weather")["snapshots"]
        self.assertEqual([snapshot["current"] for snapshot in snapshots], [False, True])
        self.assertEqual(snapshots[1]["parent"], snapshots[0]["snapshot"])
        self.assertEqual(snapshots[1]["added_rows"], 1)
        _, err = self.sluice("inspect", "parts", "demo.weather", "--snapshot", "12", code=FAILED)
        self.assertIn(str(snapshots[1]["snapshot"]), err)

    def test_marks_name_logs_and_sources(self):
        self.make_weather()
        marks = self.inspect("marks", "demo.weather")
        log = self.inspect("log")
        self.assertEqual([mark["log"] for mark in marks["logs"]], [log["log"]])
        self.assertEqual(marks["owner_log"], log["log"])
        self.assertIn(marks["owner_opening"], [row["opening"] for row in log["openings"]])
        self.assertEqual(marks["sources"][0]["low_water"],
                         os.path.getsize(self.path("few.csv")))
        self.assertEqual(marks["logs"][0]["exceptions"], {})

    def test_groups_show_devices_and_their_parts(self):
        self.ingest_devices("before.csv", ["b", "c"], {})
        none = self.inspect("groups", "demo.meters")
        self.assertEqual((none["devices"], none["groups"]), (0, 0))
        self.assertEqual(none["live_groups"],
                         [{"group": None, "devices": 0, "parts": 1, "rows": 2,
                           "bytes": none["live_groups"][0]["bytes"]}])
        by_two = {"SLUICE_STORAGE_MULTIPART_MAX_DEVICES_PER_GROUP": "2"}
        self.ingest_devices("first.csv", ["a", "b", "d"], by_two)
        self.ingest_devices("then.csv", ["c", "d"], by_two)
        shown = self.inspect("groups", "demo.meters")
        self.assertEqual((shown["device_column"], shown["devices"], shown["groups"]), ("id", 4, 2))
        self.assertEqual([(row["group"], row["devices"], row["parts"], row["rows"])
                          for row in shown["live_groups"]],
                         [(0, 2, 1, 2), (1, 2, 2, 3), (None, 0, 1, 2)])
        self.assertEqual(sum(row["bytes"] for row in shown["live_groups"]),
                         self.inspect("parts", "demo.meters")["bytes"])
        for device, group in [("a", 0), ("b", 0), ("c", 1), ("d", 1), ("e", None)]:
            self.assertEqual(self.inspect("groups", "demo.meters", "--device", device)["asked"],
                             [{"device": device, "group": group}])
        asked = self.inspect("groups", "demo.meters", "--group", "1")["asked"]
        self.assertEqual([row["device"] for row in asked], ["c", "d"])
        out, _ = self.sluice("inspect", "groups", "demo.meters", "--limit", "1")
        self.assertIn("1 more: see --limit", out)
        self.sluice("verify")

    def ingest_devices(self, name, devices, environment):
        path = self.write(name, "id,time,value\n" + "".join(
            f"{device},2024-01-01T00:00:00Z,1.5\n" for device in devices))
        self.sluice("ingest", "--table", "demo.meters", "--key", "id", "--time", "time", path,
                    env={**os.environ, **environment})

    def test_a_part_is_shown_by_path_and_by_key(self):
        self.make_weather()
        path = self.data("tables/demo/weather/data/*.parquet")[0]
        shown = self.inspect("part", path)
        key = os.path.relpath(path, self.path("sluice-data", "tables"))
        self.assertEqual({**self.inspect("part", key), "file": path}, shown)
        self.assertEqual(shown["readable"], True)
        self.assertEqual([column["column"] for column in shown["columns"]][:2],
                         ["location", "date"])
        self.assertEqual(shown["columns"][0]["field_id"], 1)
        for chunk in shown["chunks"]:
            self.assertEqual(chunk["codec"], "ZSTD")
            self.assertTrue(chunk["page_index"])
            self.assertIn("PLAIN", chunk["encodings"])
        self.assertTrue(any(key["key"] == "iceberg.schema" for key in shown["keys"]))
        text, _ = self.sluice("inspect", "part", path)
        self.assertIn("row groups", text)
        _, err = self.sluice("inspect", "part", "absent.parquet", code=FAILED)
        self.assertIn("absent.parquet", err)
        note = self.write("note.parquet", "no Parquet at all, but long enough to look")
        _, err = self.sluice("inspect", "part", note, code=CORRUPTION)
        self.assertIn("note.parquet", err)

    def test_a_segment_is_shown_frame_by_frame(self):
        self.kill(self.leave_rows_in_the_log())
        path = self.data("log/*.seg")[-1]
        shown = self.inspect("segment", path)
        self.assertEqual(self.inspect("segment", os.path.basename(path))["frames"],
                         shown["frames"])
        kinds = [frame["type"] for frame in shown["frames"]]
        self.assertEqual(kinds[0], "checkpoint")
        self.assertLessEqual({"schema", "batch", "mark", "pad"}, set(kinds))
        rows = sum(frame["rows"] or 0 for frame in shown["frames"])
        self.assertEqual(rows, shown["end"]["rows"])
        self.assertEqual(rows, self.inspect("log")["segments"][-1]["rows"])
        self.assertEqual(len(self.inspect("segment", path, "--limit", "3")["frames"]), 3)
        text, _ = self.sluice("inspect", "segment", path, "--limit", "3")
        self.assertRegex(text, r"and [\d,]+ frames more\n")
        self.assertRegex(text, r"(clean end|torn tail) at byte \d+ of \d+")
        mark = [frame for frame in shown["frames"] if frame["type"] == "mark"][-1]
        batch = [frame for frame in shown["frames"]
                 if frame["type"] == "batch" and frame["offset"] < mark["confirms"]][-1]
        self.flip(path, batch["offset"] + 60)
        damaged = self.inspect("segment", path, code=CORRUPTION)
        self.assertEqual(damaged["end"]["valid"], batch["offset"])
        text, _ = self.sluice("inspect", "segment", path, code=CORRUPTION)
        self.assertIn(f"DAMAGED at byte {batch['offset']}", text)
        log = self.inspect("log", code=CORRUPTION)
        self.assertEqual(log["segments"][-1]["state"], "DAMAGED")
        self.assertEqual(log["findings"][0]["object"], os.path.basename(path))
        self.assertEqual(log["findings"][0]["offset"], batch["offset"])
        pending = self.inspect("pending", code=CORRUPTION)["pending"]
        self.assertIn("the log is damaged", pending[0]["why"])

    def test_a_damaged_table_hides_no_other(self):
        self.make_weather()
        self.sluice("ingest", "--table", "demo.a", self.write("a.csv", "a\n1\n2\n"))
        head = self.data("tables/demo/a/metadata/v*.metadata.json")[-1]
        self.flip(head, 0)
        tables = self.tables(code=CORRUPTION)
        self.assertEqual(list(tables), ["demo.a", "demo.weather"])
        self.assertIn(os.path.basename(head), tables["demo.a"]["trouble"])
        self.assertIsNone(tables["demo.weather"]["trouble"])
        self.assertGreater(tables["demo.weather"]["stored_rows"], 0)
        out, _ = self.sluice("tables", code=CORRUPTION)
        self.assertRegex(out, r"demo\.a  takes no rows: .*metadata\.json")
        self.assertEqual(list(self.tables("demo.weather")), ["demo.weather"])
        snapshots = self.inspect("snapshots", "demo.a", code=CORRUPTION)
        self.assertEqual(snapshots["findings"][0]["object"],
                         os.path.relpath(head, self.path("sluice-data", "tables")))

    def test_missing_parts_and_marks_are_findings_and_the_rest_is_shown(self):
        self.make_weather()
        parts = self.inspect("parts", "demo.weather")["live_parts"]
        os.remove(self.path("sluice-data", "tables", parts[2]["part"]))
        damaged = self.inspect("parts", "demo.weather", code=CORRUPTION)
        self.assertEqual(len(damaged["live_parts"]), len(parts))
        self.assertEqual([finding["object"] for finding in damaged["findings"]],
                         [parts[2]["part"]])
        os.remove(self.data("tables/demo/weather/marks/*.json")[-1])
        self.assertEqual(len(self.inspect("snapshots", "demo.weather", code=CORRUPTION)
                             ["snapshots"]), 1)

    def test_tables_show_one_table_with_its_columns(self):
        self.make_weather()
        out, _ = self.sluice("tables", "demo.weather")
        self.assertRegex(out, r"location +string +key\n")
        self.assertRegex(out, r"date +timestamp +time\n")
        self.assertRegex(out, r"\d+ s ago\n")
        table = self.tables("demo.weather")["demo.weather"]
        self.assertEqual(table["bytes_per_row"], table["stored_bytes"] // table["stored_rows"])
        for arguments in [["tables", "demo.b"], ["inspect", "parts", "demo.b"],
                          ["inspect", "pending", "demo.b"]]:
            _, err = self.sluice(*arguments, code=FAILED)
            self.assertIn("demo.b", err)


if __name__ == "__main__":
    cli.main()
