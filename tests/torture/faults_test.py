#!/usr/bin/python3
"""Every scenario has its planted mistake, and every plant still applies to the code.

  faults_test.py BUILD_DIRECTORY
"""

import glob
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
BUILD = ""
HARMS = {"lost", "doubled", "invented", "stale", "unreadable", "unfenced", "stuck"}


def patches():
    return {os.path.basename(path).removesuffix(".patch"): path
            for path in glob.glob(f"{HERE}/faults/*.patch")}


class Faults(unittest.TestCase):
    def test_each_scenario_has_its_fault_and_each_fault_its_scenario(self):
        listed = subprocess.run([f"{BUILD}/tests/torture/torture", "--list"], check=True,
                                capture_output=True, encoding="utf-8").stdout
        scenarios = {line.partition(":")[0] for line in listed.splitlines()}
        self.assertGreater(len(scenarios), 0)
        self.assertEqual(scenarios, set(patches()))

    def test_each_fault_says_as_which_harm_it_shows(self):
        for name, path in patches().items():
            with self.subTest(fault=name), open(path, encoding="utf-8") as file:
                harm = re.match(r"([a-z]+): ", file.readline())
                self.assertIn(harm and harm[1], HARMS)

    def test_each_fault_applies(self):
        for name, path in patches().items():
            with self.subTest(fault=name):
                done = subprocess.run(["git", "apply", "--check", path], cwd=SOURCE, check=False,
                                      capture_output=True, encoding="utf-8")
                self.assertEqual(done.returncode, 0, f"plant it anew: {done.stderr}")


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
