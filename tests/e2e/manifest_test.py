"""examples/manifest, killed at each call that changes a file: its manifest names each block once,
and every one is there."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest


class Manifest(unittest.TestCase):
    build = ""

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.directory = os.path.join(self.place.name, "blocks")
        self.program = os.path.join(self.build, "tests/e2e/manifest")
        self.faults = os.path.abspath(os.path.join(self.build, "tests/e2e/faults.so"))

    def run_to_its_end(self):
        done = subprocess.run([self.program, self.directory], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout.split()[0])

    def listed(self):
        with open(os.path.join(self.directory, "manifest.txt"), encoding="utf-8") as file:
            return [line.split() for line in file.read().splitlines()]

    def test_grows_by_a_block_a_run(self):
        self.assertEqual([self.run_to_its_end() for _ in range(3)], [1, 2, 3])

    def test_survives_being_killed_at_any_call(self):
        blocks = self.run_to_its_end()
        killed = 0
        while self.is_killed_at_call(killed + 1):
            killed += 1
        library_is_there = os.path.exists(self.faults)  # not beside a sanitizer
        self.assertEqual(killed > 10, library_is_there)
        self.assertGreater(self.run_to_its_end(), blocks)
        listed = self.listed()
        self.assertEqual(len({identity for identity, _ in listed}), len(listed))
        for _, key in listed:
            self.assertTrue(os.path.exists(os.path.join(self.directory, "tables", key)), key)

    def is_killed_at_call(self, number):
        faults = {"LD_PRELOAD": self.faults, "FAULT_PATH": self.directory, "FAULT_ACTION": "kill",
                  "FAULT_FROM": str(number)}
        done = subprocess.run([self.program, self.directory], env={**os.environ, **faults},
                              capture_output=True, timeout=60, check=False)
        return done.returncode == -signal.SIGKILL


if __name__ == "__main__":
    Manifest.build = sys.argv.pop(1)
    unittest.main(verbosity=2)
