#!/usr/bin/python3
"""The HTTP server is killed, or ended, under load: every point that was acknowledged is there once.

  server_crash_test.py BUILD_DIR [SEED]
"""

import http.client
import random
import sys
import threading
import unittest

import cli
from server import Client, ServerCase

CLIENTS = 8
BATCH_POINTS = 20


class Load:
    """Clients that write until the server is gone: what they sent, and what was acknowledged."""

    def __init__(self, port, first):
        self.first = first
        self.lock = threading.Condition()
        self.sent, self.acked = {}, set()
        self.statuses = set()
        self.threads = [threading.Thread(target=self._write, args=(port, which))
                        for which in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _write(self, port, which):
        client = Client(port)
        try:
            for batch in range(1_000_000):
                self._send(client, which, self.first + batch * BATCH_POINTS)
        except (OSError, http.client.HTTPException):
            pass  # the server has gone
        finally:
            client.close()

    def _send(self, client, which, first):
        points = [{"id": f"c{which}", "time": moment(number), "n": number}
                  for number in range(first, first + BATCH_POINTS)]
        keys = {(point["id"], point["time"]): point["n"] for point in points}
        with self.lock:
            self.sent.update(keys)
        status = client.write(points)
        with self.lock:
            self.statuses.add(status)
            if status == 202:
                self.acked.update(keys)
            self.lock.notify_all()

    def wait_acked(self, count):
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.acked) >= count, timeout=120)

    def join(self):
        for thread in self.threads:
            thread.join()


def moment(number):
    """A time as answers have it: no zeros at the end of the fraction."""
    hours, seconds = number // 3_600_000, number // 1000 % 3600
    text = f"2026-01-01T{hours % 24:02}:{seconds // 60:02}:{seconds % 60:02}.{number % 1000:03}"
    return text.rstrip("0").rstrip(".") + "Z"


class ServerCrash(ServerCase):
    seed = 0

    def check(self, found, sent, acked):
        fields = {key: value["n"] for key, value in found.items()}
        missing = [key for key in acked if key not in fields]
        self.assertEqual(missing[:3], [])
        strange = [key for key, n in fields.items() if sent.get(key) != n]
        self.assertEqual(strange[:3], [])

    def test_killed_again_and_again_it_keeps_every_point_that_it_acknowledged(self):
        chance = random.Random(self.seed)
        print(f"seed {self.seed}", file=sys.stderr)
        sent, acked = {}, set()
        for turn in range(4):
            process = self.serve()
            load = Load(process.port, turn * 1_000_000)
            load.wait_acked(chance.randrange(200, 4_000))
            process.kill()
            process.communicate()
            load.join()
            sent.update(load.sent)
            acked |= load.acked
        client = self.client(self.serve())
        self.check(self.points(client), sent, acked)
        self.assertEqual(client.json("POST", "/admin/flush")[0], 200)
        self.check(self.points(client), sent, acked)

    def test_ended_under_load_it_has_every_point_that_it_acknowledged(self):
        process = self.serve()
        load = Load(process.port, 0)
        load.wait_acked(3_000)
        self.end(process)
        load.join()
        self.assertEqual(load.statuses, {202})
        self.check(self.points(self.client(self.serve())), load.sent, load.acked)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    ServerCrash.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
