#!/usr/bin/python3
"""`sluice ingest --watch`: files land exactly once as they become complete, whatever happens.

  cli_watch_test.py BUILD_DIR [SEED]
"""

import gzip
import json
import os
import random
import select
import signal
import sys
import time

import cli
from cli import DONE, FAILED

KILLS = 6
PATIENCE = 60  # seconds: only a hang takes so long


class Watch(cli.Case):
    seed = 0

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("in"))
        self.said = b""

    def watch(self, *arguments):
        """A watch that has begun."""
        process = self.start("ingest", "--table", "demo.a", "--watch", "in", "--summary", "json",
                             *arguments)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.said = b""
        self.until(process, b"watching in")
        return process

    def until(self, process, words):
        """Reads what it says until it says this."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.said:
            ready, _, _ = select.select([process.stderr], [], [], deadline - time.monotonic())
            piece = os.read(process.stderr.fileno(), 1 << 16) if ready else b""
            self.assertTrue(piece, f"{words} was not said: {self.said.decode()}")
            self.said += piece

    def stop(self, process, by=signal.SIGTERM):
        """The summary of a watch that is asked to stop."""
        process.send_signal(by)
        out, err = process.communicate(timeout=PATIENCE)
        self.said += err
        self.assertEqual(process.returncode, DONE, self.said.decode())
        return json.loads(out)

    def numbers(self):
        return sorted(row["n"] for row in self.rows("demo.a"))

    def put(self, name, numbers, mode="w"):
        head = "n\n" if mode == "w" else ""
        return self.write(f"in/{name}", head + "".join(f"{n}\n" for n in numbers), mode)

    def move_in(self, name, numbers):
        self.write("outside", "n\n" + "".join(f"{n}\n" for n in numbers))
        os.makedirs(os.path.dirname(self.path("in", name)), exist_ok=True)
        os.rename(self.path("outside"), self.path("in", name))

    def test_files_that_are_there_and_files_that_come_land_until_the_signal(self):
        self.put("a.csv", [1])
        for by in [signal.SIGTERM, signal.SIGINT]:
            process = self.watch()
            if by == signal.SIGTERM:
                self.until(process, b"in/a.csv: 1 rows")
                self.put("b.csv", [2, 3])
                self.until(process, b"in/b.csv: 2 rows")
            self.move_in(f"moved{by}.csv", [by * 10])
            self.until(process, b"moved%d.csv: 1 rows" % by)
            summary = self.stop(process, by)
            self.assertTrue(summary["complete"])
        self.assertEqual(self.numbers(), [1, 2, 3, 20, 150])
        table, = json.loads(self.sluice("tables", "--format", "json")[0])
        self.assertEqual((table["stored_rows"], table["unflushed_rows"]), (5, 0))

    def test_a_file_is_taken_when_it_is_closed_not_before(self):
        process = self.watch()
        with open(self.path("in", "slow.csv"), "w", encoding="utf-8") as slow:
            slow.write("n\n1\n2")
            slow.flush()
            self.put("other.csv", [7])
            self.until(process, b"other.csv: 1 rows")
            self.assertNotIn(b"slow.csv: ", self.said)
            slow.write("2\n")
        self.until(process, b"slow.csv: 2 rows")
        self.stop(process)
        self.assertEqual(self.numbers(), [1, 7, 22])

    def test_a_file_that_grows_is_continued(self):
        process = self.watch()
        self.put("a.csv", [1, 2])
        self.until(process, b"in/a.csv: 2 rows")
        self.put("a.csv", [3, 4, 5], mode="a")
        self.until(process, b"in/a.csv: 3 rows")
        self.write("b.csv.gz", gzip.compress(b"n\n6\n"), "wb")
        os.rename(self.path("b.csv.gz"), self.path("in", "b.csv.gz"))
        self.until(process, b"in/b.csv.gz: 1 rows")
        self.write("in/b.csv.gz", gzip.compress(b"7\n8\n"), "ab")
        self.until(process, b"in/b.csv.gz: 2 rows")
        self.stop(process)
        self.assertEqual(self.numbers(), list(range(1, 9)))

    def test_links_that_appear_are_taken(self):
        process = self.watch()
        for at, link in enumerate([os.link, os.symlink]):
            link(self.write(f"outside{at}.csv", f"n\n{at}\n"), self.path("in", f"link{at}.csv"))
            self.until(process, b"link%d.csv: 1 rows" % at)
        self.stop(process)
        self.assertEqual(self.numbers(), [0, 1])

    def test_directories_that_appear_are_watched_too(self):
        process = self.watch()
        os.makedirs(self.path("in", "x", "y"))
        self.move_in("x/y/a.csv", [1])
        self.until(process, b"in/x/y/a.csv: 1 rows")
        os.makedirs(self.path("full", "z"))
        self.write("full/z/b.csv", "n\n2\n")
        os.rename(self.path("full"), self.path("in", "full"))
        self.until(process, b"in/full/z/b.csv: 1 rows")
        self.put("full/z/c.csv", [3])
        self.until(process, b"in/full/z/c.csv: 1 rows")
        self.stop(process)
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_a_last_line_without_its_end_waits_until_the_file_has_settled(self):
        process = self.watch()
        self.put("a.csv", [1])
        self.write("in/a.csv", "2\n3", mode="a")
        self.until(process, b"in/a.csv: ")
        self.write("in/a.csv", "4\n", mode="a")
        self.write("in/b.csv", "n\n5\n6")
        self.until(process, b"in/b.csv: 1 rows\nsluice: in/b.csv: 1 rows")
        self.stop(process)
        self.assertEqual(self.numbers(), [1, 2, 5, 6, 34])

    def test_a_bad_file_is_reported_once_and_the_watch_goes_on(self):
        for at, by in enumerate(["auto", "poll"]):
            process = self.watch("--watch-by", by)
            self.write("bad.csv.gz", gzip.compress(b"n\n%d\n" % at)[:-4], "wb")
            os.rename(self.path("bad.csv.gz"), self.path("in", f"bad{at}.csv.gz"))
            self.until(process, b"cut off")
            for name in ["good", "later"]:
                self.move_in(f"{name}{at}.csv", [len(name), at])
                self.until(process, f"{name}{at}.csv: 2 rows".encode())
            self.write(f"in/bad{at}.csv.gz", gzip.compress(b"n\n%d\n" % at), "wb")
            self.until(process, f"in/bad{at}.csv.gz: 1 rows".encode())
            summary = self.stop(process)
            self.assertEqual((summary["failures"], summary["complete"]), (1, False))
            self.assertEqual(self.said.count(b"sluice: the gzip stream is cut off"), 1)
            for name in os.listdir(self.path("in")):
                os.remove(self.path("in", name))

    def test_a_record_that_is_refused_ends_the_watch_until_it_is_mended(self):
        process = self.watch("--types", "n:long", "--on-conflict", "refuse")
        self.move_in("a.csv", [1, "x", 2])
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, FAILED)
        self.assertIn(b"line 3 is refused: n: ", err)
        self.assertEqual(self.numbers(), [1])
        self.put("a.csv", [1, 3, 2])
        process = self.watch("--on-conflict", "refuse")
        self.until(process, b"a.csv: 2 rows")
        self.stop(process)
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_without_notice_of_the_kernel_it_looks_by_itself(self):
        self.put("a.csv", [1])
        process = self.watch("--watch-by", "poll")
        self.assertIn(b"looking every second", self.said)
        self.until(process, b"in/a.csv: 1 rows")
        self.move_in("deep/b.csv", [2])
        self.until(process, b"in/deep/b.csv: 1 rows")
        self.put("a.csv", [3], mode="a")
        self.until(process, b"in/a.csv: 1 rows\nsluice: in/deep/b.csv: 1 rows\n"
                            b"sluice: in/a.csv: 1 rows")
        self.stop(process)
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_hidden_unfinished_and_own_files_are_left_alone(self):
        process = self.watch("--rejects", "in/rejects.csv")
        for name in [".a.csv", "b.csv.tmp"]:
            self.put(name, [9])
        self.write("in/c.csv", "n\n1\n")
        self.until(process, b"in/c.csv: 1 rows")
        self.write("in/d.csv", "n\nx\n")
        self.until(process, b"in/d.csv: 0 rows, 1 rejected")
        os.rename(self.path("in", "b.csv.tmp"), self.path("in", "b.csv"))
        self.until(process, b"in/b.csv: 1 rows")
        self.assertEqual(self.stop(process)["inputs_taken"], 3)
        self.assertEqual(self.numbers(), [1, 9])

    def test_more_events_than_the_kernel_keeps_lose_no_file(self):
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
            queue = int(file.read())
        process = self.watch()
        process.send_signal(signal.SIGSTOP)
        name = self.path("in", ".noise")
        for at in range(queue // 2 + 1000):
            with open(f"{name}{at % 2}", "w", encoding="ascii"):
                pass
        for at in range(10):
            self.move_in(f"late{at}.csv", [at])
        process.send_signal(signal.SIGCONT)
        for at in range(10):
            self.until(process, b"late%d.csv: 1 rows" % at)
        self.stop(process)
        self.assertEqual(self.numbers(), list(range(10)))

    def test_a_directory_that_goes_away_ends_the_watch_and_keeps_its_rows(self):
        process = self.watch()
        self.move_in("a.csv", [1])
        self.until(process, b"in/a.csv: 1 rows")
        os.remove(self.path("in", "a.csv"))
        os.rmdir(self.path("in"))
        self.until(process, b"gone [in]")
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, FAILED)
        self.assertEqual(self.numbers(), [1])
        _, err = self.sluice("ingest", "--table", "demo.a", "--watch", "in", code=FAILED)
        self.assertIn("[in]", err)

    def test_a_watch_killed_again_and_again_loses_and_doubles_nothing(self):
        chance = random.Random(self.seed)
        sent = 0
        for kill in range(KILLS):
            process = self.watch("--rate", "20000")
            for part in range(8):
                numbers = range(sent, sent + 2000)
                if part % 2:
                    self.move_in(f"{kill}-{part}.csv", numbers)
                else:
                    self.put("growing.csv", numbers, mode="a" if sent else "w")
                sent += len(numbers)
                time.sleep(chance.uniform(0, 0.1))
            process.kill()
            process.wait()
        deadline = time.monotonic() + PATIENCE
        landed = 0
        while landed < sent and time.monotonic() < deadline:
            process = self.watch()  # what is there settles within seconds, or is there at once
            self.move_in("marker.csv", [-1 - landed])
            self.until(process, b"marker.csv: 1 rows")
            self.stop(process)
            landed = sum(number >= 0 for number in self.numbers())
        self.assertEqual([number for number in self.numbers() if number >= 0], list(range(sent)))


if __name__ == "__main__":
    Watch.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
