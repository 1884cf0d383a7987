"""examples/wal and examples/wal_c: the log alone, from C++ and from C."""

import os
import subprocess
import sys
import tempfile
import unittest


class WalExamples(unittest.TestCase):
    build = ""

    def run_example(self, name, *words):
        program = os.path.join(self.build, "tests/e2e", name)
        return subprocess.run([program, *words], capture_output=True, text=True, timeout=60,
                              check=False)

    def test_many_threads_append_and_a_reader_filters(self):
        with tempfile.TemporaryDirectory() as place:
            for times in (1, 2):
                done = self.run_example("wal", place)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, f"{400 * times} records are durable\n"
                                              f"{100 * times} of them are tenant 2's\n")

    def test_c_appends_and_reads_over_two_lives(self):
        with tempfile.TemporaryDirectory() as place:
            first = self.run_example("wal_c", place)
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertEqual(first.stdout, "1 is durable\n2 is durable\n3 is durable\n"
                                           "1 first\n2 second\n3 third\n")
            second = self.run_example("wal_c", place)
            self.assertEqual(second.stdout.split("\n")[3:10],
                             ["1 first", "2 second", "3 third", "4 first", "5 second", "6 third",
                              ""])

    def test_c_says_what_is_wrong_and_where(self):
        with tempfile.TemporaryDirectory() as place:
            absent = os.path.join(place, "absent")
            done = self.run_example("wal_c", absent)
            self.assertEqual(done.returncode, 1)
            self.assertIn(absent, done.stderr)


if __name__ == "__main__":
    WalExamples.build = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
