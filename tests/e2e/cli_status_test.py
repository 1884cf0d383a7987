#!/usr/bin/python3
"""`sluice status`: of a server, live and once, and of a directory without one.

  cli_status_test.py BUILD_DIR
"""

import json
import os
import pty
import signal

import cli
from server import ServerCase


def points(count):
    return [{"id": "a", "time": f"2026-01-01T00:00:{second:02}Z", "n": second}
            for second in range(count)]


class Status(ServerCase):
    def status(self):
        out, err = self.sluice("status", "--format", "json")
        self.assertEqual(err, "")
        return json.loads(out)

    def test_rows_are_told_until_they_are_in_their_table(self):
        client = self.client(self.serve("--set", "storage.memory_store.max_age=off"))
        self.assertEqual(client.write(points(9)), 202)
        status = self.status()
        self.assertTrue(status["served"])
        self.assertEqual((status["rows_appended"], status["unflushed_rows"]), (9, 9))
        self.assertEqual([(each["partition"], each["rows"]) for each in status["pending"]],
                         [("demo:c:2026-01-01", 9)])
        out, _ = self.sluice("status")
        self.assertIn("9 rows of 1 partitions", out)
        self.assertIn("demo:c:2026-01-01", out)
        self.assertEqual(client.json("POST", "/v1/admin/flush")[0], 200)
        status = self.status()
        self.assertEqual((status["flushes"], status["rows_flushed"], status["unflushed_rows"],
                          status["pending"], status["flush_failures"]), (1, 9, 0, [], {}))
        self.assertGreater(status["flush_seconds"], 0)

    def test_on_a_terminal_it_is_drawn_again_until_a_signal(self):
        self.serve()
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        process = self.start("status", stdout=terminal)
        os.close(terminal)
        seen = b""
        while seen.count(b"\x1b[H\x1b[J") < 3:
            seen += os.read(screen, 4096)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (cli.DONE, b""))
        self.assertIn(b"memory", seen)
        self.assertIn(b"flushes", seen)

    def test_without_a_server_it_is_what_the_directory_shows(self):
        _, err = self.sluice("status", code=cli.FAILED)
        self.assertIn("sluice-data", err)
        self.sluice("ingest", "--table", "demo.a", self.write("a.csv", "a\n1\n"))
        out, _ = self.sluice("status", "--format", "json")
        status = json.loads(out)
        self.assertEqual((status["served"], status["tables"], status["unflushed_rows"]),
                         (False, 1, 0))
        self.assertIn("no server has the directory", self.sluice("status")[0])


if __name__ == "__main__":
    cli.main()
