"""examples/workers: every row that it writes is in a block of its partition."""

import glob
import os
import subprocess
import sys
import tempfile
import unittest


class Workers(unittest.TestCase):
    build = ""

    def test_flushes_each_partition(self):
        with tempfile.TemporaryDirectory() as place:
            directory = os.path.join(place, "events")
            program = os.path.join(self.build, "tests/e2e/workers")
            for _ in range(2):
                done = subprocess.run([program, directory], capture_output=True, text=True,
                                      timeout=60, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, "300 rows of 3 partitions\n")
            blocks = glob.glob(os.path.join(directory, "**", "*.parquet"), recursive=True)
            self.assertEqual(len(blocks), 6, blocks)


if __name__ == "__main__":
    Workers.build = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
