#!/usr/bin/python3
"""Much more than the memory: 2 GB ingested, queried, a thousand partitions flushed, and 1 GB of log
recovered, each in a cgroup of 384 MiB and with a peak below 256 MiB.

  memory_test.py BUILD_DIR

Each command runs in a memory cgroup where this process may make one, so that the kernel kills what
takes more; elsewhere its peak resident size is measured.
"""

import json
import os
import subprocess
import sys
import uuid

import cli

LIMIT_BYTES = 384 << 20
PEAK_BYTES_MAX = 256 << 20
CSV_BYTES_MIN = 2_000_000_000
CSV_ROWS = 44_000_000
LOG_BYTES_MIN = 1_000_000_000
LOG_ROWS = 24_000_000


class Cgroup:
    """A cgroup with LIMIT_BYTES of memory; None from make() where there can be none."""

    def __init__(self, folder):
        self.folder = folder

    @staticmethod
    def make():
        with open("/proc/self/cgroup", encoding="ascii") as file:
            paths = [line.rstrip("\n").split(":", 2)[1:] for line in file]
        for controllers, path in paths:
            if controllers == "memory":
                made = Cgroup._make_in("/sys/fs/cgroup/memory" + path, "memory.limit_in_bytes")
            elif controllers == "":
                made = Cgroup._make_in("/sys/fs/cgroup" + path, "memory.max")
            else:
                continue
            if made:
                return made
        return None

    @staticmethod
    def _make_in(parent, limit_file):
        folder = os.path.join(parent, f"sluice-test-{uuid.uuid4().hex}")
        try:
            os.mkdir(folder)
        except OSError:
            return None
        try:
            with open(os.path.join(folder, limit_file), "w", encoding="ascii") as file:
                file.write(str(LIMIT_BYTES))
        except OSError:
            os.rmdir(folder)
            return None
        return Cgroup(folder)

    def enter(self):
        with open(os.path.join(self.folder, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))

    def remove(self):
        os.rmdir(self.folder)


class Memory(cli.Case):
    def bounded(self, *arguments, stdout=subprocess.PIPE):
        """What the command wrote to standard output, having kept to the limit."""
        cgroup = Cgroup.make()
        if cgroup:
            self.addCleanup(cgroup.remove)
        process = self.start(*arguments, stdout=stdout, stderr=subprocess.DEVNULL,
                             preexec_fn=cgroup.enter if cgroup else None)
        out = ""
        if process.stdout:
            with process.stdout:
                out = process.stdout.read().decode()
        _, state, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(state)
        peak = usage.ru_maxrss << 10
        print(f"{arguments[0]}: peak {peak >> 20} MiB, {'in a cgroup' if cgroup else 'no cgroup'}",
              file=sys.stderr)
        self.assertEqual(process.returncode, cli.DONE, f"{arguments} {out}")
        self.assertLess(peak, PEAK_BYTES_MAX, arguments)
        return out

    def bulk(self, *arguments, **options):
        program = os.path.join(os.path.dirname(self.program), "tests", "e2e", "bulk")
        return subprocess.run([program, *arguments], check=True, **options)

    def aggregates(self, table):
        out = self.bounded("query", table, "--agg", "count(*),sum(count),max(temp)", "--format",
                           "csv")
        return out.splitlines()[1].split(",")

    def test_two_gigabytes_of_csv_are_ingested_and_queried(self):
        with open(self.path("bulk.csv"), "wb") as file:
            self.bulk("csv", str(CSV_ROWS), stdout=file)
        self.assertGreater(os.path.getsize(self.path("bulk.csv")), CSV_BYTES_MIN)
        self.bounded("ingest", "--table", "bulk.telemetry", "--key", "device", "--time", "time",
                     self.path("bulk.csv"))
        total = CSV_ROWS * (CSV_ROWS - 1) // 2
        self.assertEqual(self.aggregates("bulk.telemetry"), [str(CSV_ROWS), str(total), "69.9"])
        with open(self.path("rows.csv"), "wb") as file:
            self.bounded("query", "bulk.telemetry", "--columns", "device,count", "--format", "csv",
                         stdout=file)
        with open(self.path("rows.csv"), "rb") as file:
            lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
        self.assertEqual(lines, CSV_ROWS + 1)

    def test_a_thousand_partitions_are_flushed(self):
        rows, days = 2_000_000, 1000
        with open(self.path("days.csv"), "wb") as file:
            self.bulk("csv", str(rows), str(days), stdout=file)
        self.bounded("ingest", "--table", "bulk.telemetry", "--key", "device", "--time", "time",
                     self.path("days.csv"))
        out = self.bounded("query", "bulk.telemetry", "--agg", "count(*),sum(count)", "--format",
                           "csv")
        self.assertEqual(out.splitlines()[1].split(","), [str(rows), str(rows * (rows - 1) // 2)])
        parts = json.loads(self.bounded("inspect", "parts", "bulk.telemetry", "--format", "json"))
        self.assertGreaterEqual(parts["parts"], days)

    def test_a_gigabyte_of_log_is_recovered(self):
        done = self.bulk("log", self.path("sluice-data"), str(LOG_ROWS), stdout=subprocess.PIPE)
        self.assertGreater(int(done.stdout), LOG_BYTES_MIN)
        self.bounded("flush")
        total = LOG_ROWS * (LOG_ROWS - 1) // 2
        self.assertEqual(self.aggregates("bulk.telemetry")[:2], [str(LOG_ROWS), str(total)])


if __name__ == "__main__":
    cli.main()
