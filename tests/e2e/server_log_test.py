#!/usr/bin/python3
"""What a server makes of the log that it finds: a torn end is cut, what is no log stops it at once.

  server_log_test.py BUILD_DIR
"""

import glob
import os
import subprocess

import cli
import server

LOG = os.path.join("sluice-data", "log")
FIRST = "wal-00000000000000000001.seg"
SECONDS = 60  # far more than it takes, so that a busy machine fails nothing


class ServerLog(server.ServerCase):
    def segments(self):
        return sorted(glob.glob(self.path(LOG, "wal-*.seg")))

    def make(self, points):
        """A data directory whose server was killed after it had acknowledged the points."""
        serving = self.serve()
        client = self.client(serving)
        for point in points:
            self.assertEqual(client.write([point]), 202)
        serving.kill()
        serving.communicate()

    def expect_refused(self, *named):
        """The server ends by itself, says why in one line, and has changed nothing."""
        before = self.content()
        process = self.start("serve", "--listen", "127.0.0.1:0")
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail(f"it goes on: {process.communicate()}")
        self.assertEqual(process.returncode, cli.CORRUPTION, err.decode())
        self.assertNotIn(b"admin/flush", out)
        for each in named:
            self.assertIn(each, err.decode())
        self.assertEqual(len(err.splitlines()), 1, err.decode())
        self.assertEqual(self.content(), before)

    def content(self):
        found = {}
        for name in os.listdir(self.path(LOG)):
            with open(self.path(LOG, name), "rb") as file:
                found[name] = file.read() if name != "lock" else b""
        return found

    def test_seventy_bytes_that_are_no_log_end_it_at_once(self):
        self.make([])
        for name in self.segments():
            os.remove(name)
        for text in [b"n" * 70, b"\0" * 70, b"SLUICWAL" + b"\1" * 62]:
            self.write(os.path.join(LOG, FIRST), text, "wb")
            self.expect_refused(FIRST)
        os.remove(self.path(LOG, FIRST))
        self.assertEqual(self.client(self.serve()).write([point(0)]), 202)

    def test_so_do_seventy_bytes_in_the_place_of_its_newest_segment(self):
        self.make([point(n) for n in range(3)])
        os.truncate(self.segments()[-1], 70)
        self.expect_refused(os.path.basename(self.segments()[-1]))

    def test_a_log_of_the_format_before_the_first_is_named(self):
        self.make([])
        self.write(os.path.join(LOG, "00000000000000000001.wal"), b"SLUICWAL" * 600, "wb")
        process = self.start("serve", "--listen", "127.0.0.1:0")
        _, err = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, cli.FAILED)
        self.assertIn("00000000000000000001.wal", err.decode())
        self.assertIn("version 0", err.decode())

    def test_a_torn_end_is_cut_and_kept_and_everything_acknowledged_is_there(self):
        self.make([point(n) for n in range(4)])
        for life in range(3):
            name = self.segments()[-1]
            with open(name, "r+b") as file:
                frames = file.read().rstrip(b"\0")
                end = -(-len(frames) // 4096) * 4096
                file.seek(end)
                file.write([b"\x7fjunk!!", b"\xff" * 5000, b"j"][life])
            serving = self.serve()
            self.assertEqual(len(self.points(self.client(serving))), 4 + life)
            self.assertTrue(glob.glob(self.path(LOG, f"quarantine-*-{end}.bin")))
            self.assertEqual(self.client(serving).write([point(4 + life)]), 202)
            serving.kill()
            serving.communicate()
        serving = self.serve()
        points = self.points(self.client(serving)).values()
        self.assertEqual(sorted(fields["x"] for fields in points), list(range(7)))
        self.end(serving)


def point(number):
    return {"id": "a", "time": f"2026-01-01T00:00:{number:02}Z", "x": number}


if __name__ == "__main__":
    cli.main()
