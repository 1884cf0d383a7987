#!/usr/bin/python3
"""kill -9 at random moments of an ingest, then the same ingest again: every row once.

  cli_crash_test.py BUILD_DIR [SEED]
"""

import os
import random
import sys
import time

import cli

KILLS = 12


class Crash(cli.Case):
    seed = 0

    def killed_after(self, seconds, *arguments):
        """Whether the command was still at work when it was killed."""
        process = self.start(*arguments)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return process.returncode < 0

    def test_an_ingest_killed_again_and_again_loses_and_doubles_nothing(self):
        chance = random.Random(self.seed)
        name = "flights-week.csv"
        command = ["ingest", "--table", "demo.a", *cli.SETS[name], "--rate", "100000",
                   os.path.join(cli.TESTDATA, name)]
        killed = sum(self.killed_after(chance.uniform(0.05, 0.8), *command) for _ in range(KILLS))
        print(f"seed {self.seed}: {killed} of {KILLS} killed at work", file=sys.stderr)
        self.assertGreater(killed, 0)
        summary = self.ingest(*command[1:-3], command[-1])
        self.assertGreater(summary["inputs"][0]["resume_offset"], 0)
        self.assert_same_rows("demo.a", cli.rows_of_testdata(name))
        self.assertIn("ok", self.sluice("verify")[0])

    def test_killed_ingests_keep_each_reject_once(self):
        chance = random.Random(self.seed + 1)
        lines = [f"{n}" if n % 50 else f"bad {n}" for n in range(1, 60_001)]
        rows = self.write("a.csv", "n\n" + "\n".join(lines) + "\n")
        self.ingest("--table", "demo.a", self.write("first.csv", "n\n0\n"))
        for _ in range(KILLS // 2):
            self.killed_after(chance.uniform(0.05, 0.4), "ingest", "--table", "demo.a", "--rate",
                              "60000", rows)
        self.ingest("--table", "demo.a", rows)
        self.assertEqual(sorted(row["n"] for row in self.rows("demo.a")),
                         [n for n in range(60_001) if n == 0 or n % 50])
        with open(self.path("sluice-data", "rejects", "demo.a-a.csv.ndjson"),
                  encoding="utf-8") as file:
            texts = [line.rpartition('"text":')[2] for line in file]
        self.assertEqual(texts, [f'"bad {n}"}}\n' for n in range(50, 60_001, 50)])


if __name__ == "__main__":
    Crash.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
