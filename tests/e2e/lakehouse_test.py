"""examples/lakehouse, killed at each call that changes a file: the table has each row once, and
another reader finds it so."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

import readers

ROWS = sorted((sender, number) for sender in ("alice", "bob") for number in range(1, 11))


class Lakehouse(unittest.TestCase):
    build = ""

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.directory = os.path.join(self.place.name, "lake")
        self.program = os.path.join(self.build, "tests/e2e/lakehouse")
        self.faults = os.path.abspath(os.path.join(self.build, "tests/e2e/faults.so"))

    def run_to_its_end(self):
        done = subprocess.run([self.program, self.directory], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def rows(self):
        table = os.path.join(self.directory, "tables/com/example/users")
        found = readers.chdb(table)
        for row in found:
            self.assertEqual((row["_source"], row["_lsn"], row["_op"]),
                             (row["sender"], row["n"], "insert"))
        return sorted((row["sender"], int(row["n"])) for row in found)

    def test_knows_what_it_has_sent(self):
        self.assertEqual(self.run_to_its_end(), "20 rows persisted, 0 known\n")
        self.assertEqual(self.run_to_its_end(), "20 rows persisted, 20 known\n")
        self.assertEqual(self.rows(), ROWS)

    def test_survives_being_killed_at_any_call(self):
        killed = 0
        while self.is_killed_at_call(killed + 1):
            killed += 1
        library_is_there = os.path.exists(self.faults)  # not beside a sanitizer
        self.assertEqual(killed > 10, library_is_there)
        self.run_to_its_end()
        self.assertEqual(self.rows(), ROWS)

    def is_killed_at_call(self, number):
        faults = {"LD_PRELOAD": self.faults, "FAULT_PATH": self.directory, "FAULT_ACTION": "kill",
                  "FAULT_FROM": str(number)}
        done = subprocess.run([self.program, self.directory], env={**os.environ, **faults},
                              capture_output=True, timeout=60, check=False)
        return done.returncode == -signal.SIGKILL


if __name__ == "__main__":
    Lakehouse.build = sys.argv.pop(1)
    unittest.main(verbosity=2)
