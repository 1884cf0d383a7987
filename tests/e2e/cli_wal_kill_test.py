#!/usr/bin/python3
"""Logs that are killed with SIGKILL again and again while many threads append to them: whatever was
printed is there, once, as it was written, life after life.

  cli_wal_kill_test.py BUILD_DIR [LIVES [SEED]]
"""

import base64
import json
import os
import random
import signal
import subprocess
import sys

import cli

LIVES = 4
KEY = ["--key-file", "a.key"]
# what a log is told when it is appended to, and by those who read it
KINDS = {
    "padded": (["--threads", "8"], []),
    "groups": (["--sync-every", "7", "--threads", "3"], []),
    "sealed": (["--threads", "4", *KEY], KEY),
    "direct": (["--threads", "4", "--direct"], []),
    "double-write": (["--torn-writes", "double-write"], []),
    "double-write-threads": (["--torn-writes", "double-write", "--threads", "8"], []),
    "double-write-direct": (["--torn-writes", "double-write", "--direct"], []),
    "off": (["--torn-writes", "off", "--threads", "2"], []),
    "file": (["--file"], []),
    "file-sealed": (["--file", *KEY], KEY),
    "file-double-write": (["--file", "--torn-writes", "double-write"], []),
    "file-off-direct": (["--file", "--torn-writes", "off", "--direct"], []),
    "rolling": (["--threads", "4"], []),
}


def make_lines(life, kind, dice):
    """Small ones, and for logs that roll such that a segment is full after some hundred."""
    small = kind != "rolling"
    return [b"life %d line %d " % (life, n) + b"x" * (dice.randrange(300) if small else 400_000)
            for n in range(20_000 if small else 1_000)]


class Killed(cli.Case):
    lives = LIVES
    seed = 1

    def append_until_killed(self, path, lines, options, after):
        """What was told, LSN to line, when the process was killed after about so many answers."""
        text = self.write("lines.txt", b"\n".join(lines) + b"\n", "wb")
        with open(text, "rb") as stdin:
            process = self.start("wal", "append", path, "--json", *options, stdin=stdin,
                                 stderr=subprocess.DEVNULL)
        answers = [process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        self.assertIn(process.returncode, [-signal.SIGKILL, cli.DONE])
        answers += [line for line in rest.splitlines(True) if line.endswith(b"\n")]
        told = [json.loads(line) for line in answers if line]
        return {answer["lsn"]: lines[answer["record"] - 1] for answer in told}

    def records(self, path, options):
        out, _ = self.sluice("wal", "dump", path, "--json", *options)
        records = map(json.loads, out.splitlines())
        return {record["lsn"]: record["text"].encode() if "text" in record
                else base64.b64decode(record["base64"]) for record in records}

    def live(self, kind):
        append, read = KINDS[kind]
        dice = random.Random(f"{self.seed} {kind}")
        path = kind + (".wal" if "--file" in append else "")
        before = {}
        for life in range(self.lives):
            lines = make_lines(life, kind, dice)
            after = dice.randrange(1, 60)
            told = self.append_until_killed(path, lines, append, after)
            self.assertGreaterEqual(len(told), after)
            records = self.records(path, read)
            for lsn, line in {**before, **told}.items():
                self.assertEqual(records.get(lsn), line, f"{kind}, life {life}, LSN {lsn}")
            self.assertEqual(sorted(records), list(range(1, len(records) + 1)))
            new = [line for lsn, line in records.items() if lsn not in before]
            self.assertEqual(len(set(new)), len(new), "no line twice")
            self.assertLessEqual(set(new), set(lines), "nothing that was never sent")
            verdict = json.loads(self.sluice("wal", "verify", path, "--json", *read)[0])
            self.assertFalse(verdict["damaged"])
            before = records
        self.sluice("wal", "append", path, *append, stdin=b"the end\n")
        self.assertEqual(self.records(path, read), {**before, len(before) + 1: b"the end"})

    def test_what_was_printed_is_there_once_life_after_life(self):
        self.write("a.key", bytes.fromhex("6b" * 32), "wb")
        for kind in KINDS:
            with self.subTest(kind):
                self.live(kind)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        Killed.lives = int(sys.argv.pop(2))
    if len(sys.argv) > 2:
        Killed.seed = int(sys.argv.pop(2))
    cli.main()
