#!/usr/bin/python3
"""kill -9 at random moments of an ingest, then the same ingest again: every row once.

  cli_crash_test.py BUILD_DIR [SEED]
"""

import os
import random
import shutil
import signal
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

    def faults(self):
        return os.path.join(os.path.dirname(self.program), "tests", "e2e", "faults.so")

    def is_killed_at_call(self, number, *arguments):
        """Of those that change a file of the data directory."""
        faults = {"LD_PRELOAD": self.faults(), "FAULT_PATH": "sluice-data", "FAULT_ACTION": "kill",
                  "FAULT_FROM": str(number)}
        process = self.start(*arguments, env={**os.environ, **faults})
        process.communicate(timeout=120)
        return process.returncode == -signal.SIGKILL

    def test_a_refusal_killed_anywhere_loses_and_doubles_nothing_once_it_is_mended(self):
        # Two batches are whole, the third ends at the bad line; no key, so a row twice is seen.
        rows = [f"{n}\n" for n in range(12_000)]
        command = ["ingest", "--table", "demo.a", "--types", "n:long", "--on-conflict", "refuse",
                   self.path("a.csv")]
        call, is_killed = 1, True
        while is_killed:
            shutil.rmtree(self.path("sluice-data"), ignore_errors=True)
            self.write("a.csv", "n\n" + "".join(rows[:11_000]) + "bad\n" + "".join(rows[11_001:]))
            is_killed = self.is_killed_at_call(call, *command)
            self.sluice(*command, code=cli.FAILED)
            self.assertEqual(self.count("demo.a"), 11_000)
            self.write("a.csv", "n\n" + "".join(rows))
            self.ingest(*command[1:])
            self.assertEqual(self.rows("demo.a", "--agg", "count(*),sum(n)"),
                             [{"count(*)": 12_000, "sum(n)": 12_000 * 11_999 // 2}], call)
            call += 3
        library_is_there = os.path.exists(self.faults())  # not beside a sanitizer
        self.assertEqual(call > 30, library_is_there)


if __name__ == "__main__":
    Crash.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
