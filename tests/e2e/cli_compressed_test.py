#!/usr/bin/python3
"""gzip and zstd input: recognised by its bytes, checked to its end, and exactly once.

  cli_compressed_test.py BUILD_DIR [SEED]
"""

import gzip
import os
import random
import sys
import time

import cli
from cli import FAILED

KILLS = 8


def zstd(data, block=100_000):
    """A zstd frame of stored blocks, without a checksum."""
    frame = b"\x28\xb5\x2f\xfd\xe0" + len(data).to_bytes(8, "little")
    pieces = [data[at:at + block] for at in range(0, len(data), block)]
    for at, piece in enumerate(pieces):
        frame += (len(piece) << 3 | (at + 1 == len(pieces))).to_bytes(3, "little") + piece
    return frame


class Compressed(cli.Case):
    seed = 0

    def test_gzip_and_zstd_files_and_streams_give_the_rows_of_their_text(self):
        name = "weather.csv"
        with open(os.path.join(cli.TESTDATA, name), "rb") as file:
            text = file.read()
        expected = cli.rows_of_testdata(name)
        for at, (stored, suffix) in enumerate([(gzip.compress(text), ".gz"), (zstd(text), ".zst")]):
            path = self.write(name + suffix, stored, "wb")
            summary = self.ingest("--table", f"demo.file{at}", path)
            self.assertEqual((summary["rows"], summary["rejects"]), (len(expected), 0))
            self.assertEqual(summary["bytes_in"], len(text))
            self.assert_same_rows(f"demo.file{at}", expected)
            self.ingest("--table", f"demo.stream{at}", "-", stdin=stored)
            self.assert_same_rows(f"demo.stream{at}", expected)

    def test_the_name_within_tells_the_format_and_the_bytes_the_compression(self):
        self.ingest("--table", "demo.a", self.write("a.tsv.gz", gzip.compress(b"a,b\n1\n"), "wb"))
        self.assertEqual(self.rows("demo.a"), [{"a,b": 1}])
        self.ingest("--table", "demo.b", self.write("a.csv", gzip.compress(b"a\n1\n"), "wb"))
        self.assertEqual(self.rows("demo.b"), [{"a": 1}])

    def test_a_name_that_lies_is_an_error_that_says_so(self):
        for name, content in [("a.csv.gz", b"a\n1\n"), ("b.csv.zst", b"a\n1\n"), ("c.gz", b"")]:
            _, err = self.sluice("ingest", "--table", "demo.a", self.write(name, content, "wb"),
                                 code=FAILED)
            self.assertRegex(err, rf"sluice: the name says .*{name}\]")
        _, err = self.sluice("ingest", "--table", "demo.a",
                             self.write("d.csv.xz", b"\xfd7zXZ\0\0\4", "wb"), code=FAILED)
        self.assertRegex(err, r"xz, which is not read here; gzip and zstd are")
        self.assertEqual(self.sluice("tables")[0], "no tables yet\n")

    def test_a_cut_or_damaged_file_adds_nothing_and_its_repair_adds_all(self):
        rows = "".join(f"{n}\n" for n in range(50_000))
        whole = gzip.compress(b"n\n" + rows.encode())
        damaged = bytearray(whole)
        damaged[-6] ^= 1
        for stored, said in [(whole[:-30_000], rf"cut off, at byte {len(whole) - 30_000} "),
                             (whole[:-1], "cut off"), (bytes(damaged), "checksum"),
                             (whole + b"more", "something else")]:
            path = self.write("a.csv.gz", stored, "wb")
            _, err = self.sluice("ingest", "--table", "demo.a", path, code=FAILED)
            self.assertRegex(err, rf"{said}.*fetch or make the file again \[.*a\.csv\.gz\]")
        self.assertEqual(self.sluice("tables")[0], "no tables yet\n")
        path = self.write("a.csv.gz", whole, "wb")
        self.assertEqual(self.ingest("--table", "demo.a", path)["rows"], 50_000)

    def test_a_cut_stream_is_never_taken_for_a_whole_one(self):
        stored = gzip.compress(b"n\n" + b"".join(b"%d\n" % n for n in range(50_000)))
        _, err = self.sluice("ingest", "--table", "demo.a", "-", stdin=stored[:-5], code=FAILED)
        self.assertIn("cut off", err)

    def test_several_members_are_one_text_and_a_further_one_continues_it(self):
        stored = gzip.compress(b"n,t\n1,x\n") + gzip.compress(b"2,y\n")
        self.ingest("--table", "demo.a", self.write("a.csv.gz", stored, "wb"))
        again = self.ingest("--table", "demo.a", self.path("a.csv.gz"))
        self.assertEqual(again["rows"], 0)
        rows = self.write("a.csv.gz", gzip.compress(b"3,z\nbad\n"), "ab")
        summary = self.ingest("--table", "demo.a", rows)
        self.assertEqual((summary["rows"], summary["inputs"][0]["resume_offset"]), (1, 12))
        self.assertEqual([row["n"] for row in self.rows("demo.a")], [1, 2, 3])
        with open(self.path(summary["inputs"][0]["rejects_file"]), encoding="utf-8") as file:
            self.assertIn('"line":5,', file.read())

    def test_a_compressed_ingest_killed_again_and_again_loses_and_doubles_nothing(self):
        chance = random.Random(self.seed)
        name = "flights-week.csv"
        with open(os.path.join(cli.TESTDATA, name), "rb") as file:
            text = file.read()
        half = text.index(b"\n", len(text) // 2) + 1
        stored = gzip.compress(text[:half], 1) + gzip.compress(text[half:], 1)
        path = self.write(name + ".gz", stored, "wb")
        command = ["ingest", "--table", "demo.a", *cli.SETS[name], "--rate", "100000", path]
        killed = 0
        for _ in range(KILLS):
            process = self.start(*command)
            time.sleep(chance.uniform(0.1, 0.8))
            process.kill()
            process.communicate()
            killed += process.returncode < 0
        print(f"seed {self.seed}: {killed} of {KILLS} killed at work", file=sys.stderr)
        self.assertGreater(killed, 0)
        summary = self.ingest(*command[1:-3], path)
        self.assertGreater(summary["inputs"][0]["resume_offset"], 0)
        self.assert_same_rows("demo.a", cli.rows_of_testdata(name))


if __name__ == "__main__":
    Compressed.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
