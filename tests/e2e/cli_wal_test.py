#!/usr/bin/python3
"""`sluice wal`: a write-ahead log by itself, as a directory of segments and as one file.

  cli_wal_test.py BUILD_DIR
"""

import base64
import fcntl
import glob
import itertools
import json
import os
import signal
import subprocess

import cli
from cli import CORRUPTION, DONE, FAILED, USAGE

VERBS = ["append", "dump", "stat", "verify", "repair", "truncate", "rotate-key", "bench"]
KEY = "6b" * 32


class Wal(cli.Case):
    def wal(self, verb, *arguments, code=DONE, stdin=b"", env=None):
        return self.sluice("wal", verb, *arguments, code=code, stdin=stdin, env=env)

    def append(self, path, lines, *arguments):
        """The LSNs of the lines."""
        stdin = b"".join(line + b"\n" for line in lines)
        out, err = self.wal("append", path, *arguments, stdin=stdin)
        self.assertEqual(err, "")
        return [int(line) for line in out.splitlines()]

    def records(self, path, *arguments, code=DONE):
        out, _ = self.wal("dump", path, "--json", *arguments, code=code)
        return [json.loads(line) for line in out.splitlines()]

    def payloads(self, path, *arguments, code=DONE):
        return {record["lsn"]: payload_of(record)
                for record in self.records(path, *arguments, code=code)}

    def verify(self, path, *arguments, code=DONE):
        return json.loads(self.wal("verify", path, "--json", *arguments, code=code)[0])

    def key_file(self, name, digit="6b"):
        return self.write(name, bytes.fromhex(digit * 32), "wb")

    def key_id(self, name):
        """The id of a key, by a log that has no other."""
        self.append("of-" + name, [b"a"], "--key-file", name)
        return json.loads(self.wal("stat", "of-" + name, "--json", "--key-file", name)[0])[
            "files"][0]["key"]

    def shapes(self):
        """Each kind of log: its path, the options that make it, those that read it."""
        self.key_file("a.key")
        os.makedirs(self.path("in"), exist_ok=True)
        for make, keys in itertools.product([[], ["--file"]], [[], ["--key-file", "a.key"]]):
            path = ("one" if make else "log") + ("-sealed" if keys else "") + \
                (".wal" if make else "")
            yield os.path.join("in", path), make + keys, keys

    def newest_file(self, path):
        """Of the log: the one that is appended to."""
        if os.path.isfile(self.path(path)):
            return self.path(path)
        return sorted(glob.glob(self.path(path, "wal-*.seg")))[-1]

    def file_with(self, path, payload):
        """The log's file that holds these bytes, and where."""
        files = [self.path(path)] if os.path.isfile(self.path(path)) else \
            sorted(glob.glob(self.path(path, "wal-*.seg")))
        for name in files:
            with open(name, "rb") as file:
                offset = file.read().find(payload)
            if offset >= 0:
                return name, offset
        self.fail(f"{payload} is in no file of {path}")
        return None

    def flip(self, name, offset):
        with open(name, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x10]))

    # ---- append, dump, stat, verify

    def test_what_was_appended_is_dumped_again(self):
        lines = [b"one", b"", "zwölf €".encode(), b"a\tb", b'{"a": "b"}', b"\xff\x00\x01",
                 b"\x1b[0m"]
        for path, make, keys in self.shapes():
            self.assertEqual(self.append(path, lines, *make), list(range(1, 8)))
            self.assertEqual(self.append(path, [b"more"], *keys), [8])
            records = self.records(path, *keys)
            self.assertEqual([record["lsn"] for record in records], list(range(1, 9)))
            self.assertEqual([payload_of(record) for record in records], lines + [b"more"])
            self.assertEqual(["text" in record for record in records],
                             [True, True, True, True, True, False, False, True])
            first = records[0]
            self.assertEqual((first["type"], first["required"], first["tenant"], first["vshard"]),
                             (16, False, 0, 0))
            self.assertEqual(self.wal("dump", path, "--limit", "1", *keys)[0],
                             "1\t16\t0\t0\ttext\tone\n")
            out, _ = self.wal("dump", path, "--from", "6", "--to", "6", *keys)
            self.assertEqual(out, "6\t16\t0\t0\tbase64\t/wAB\n")
            self.assertIn("ok ", self.wal("verify", path, *keys)[0])
            verdict = self.verify(path, "--threads", "2", *keys)
            self.assertEqual((verdict["damaged"], verdict["records"]), (False, 8))
            self.assertEqual((verdict["first_LSN"], verdict["last_LSN"]), (1, 8))
            stat = json.loads(self.wal("stat", path, "--json", *keys)[0])
            self.assertEqual((stat["records"], stat["last_LSN"]), (8, 8))
            self.assertEqual(stat["payload"], sum(map(len, lines)) + 4)
            self.assertEqual(stat["encrypted"], "yes" if keys else "no")
            self.assertEqual(sum(file["records"] for file in stat["files"]), 8)
            self.assertIn("LSN", self.wal("stat", path, *keys)[0])

    def test_an_encrypted_log_holds_no_word_of_its_records(self):
        for path, make, keys in self.shapes():
            self.append(path, [b"a word that is looked for"], *make)
            if keys:
                for folder, _, names in os.walk(self.path(path)):
                    for name in names:
                        with open(os.path.join(folder, name), "rb") as file:
                            self.assertNotIn(b"looked for", file.read())
            else:
                self.file_with(path, b"looked for")

    def test_a_last_line_without_an_end_is_a_record(self):
        for path, make, keys in self.shapes():
            self.assertEqual(self.wal("append", path, *make, stdin=b"a\nb")[0], "1\n2\n")
            self.assertEqual(self.wal("append", path, *keys, stdin=b"")[0], "")
            self.assertEqual(self.payloads(path, *keys), {1: b"a", 2: b"b"})

    def test_a_dump_can_be_narrowed_by_lsn_type_tenant_and_vshard(self):
        for path, make, keys in self.shapes():
            self.append(path, [b"a", b"b"], *make)
            self.append(path, [b"c", b"d"], "--type", "300", "--required", *keys)
            self.append(path, [b"e"], "--tenant", "4294967295", "--vshard", "65535", *keys)
            self.append(path, [b"f"], "--vshard", "2", *keys)

            def lsns(*arguments):
                return [record["lsn"] for record in self.records(path, *arguments, *keys)]
            self.assertEqual(lsns("--from", "5"), [5, 6])
            self.assertEqual(lsns("--from", "2", "--to", "3"), [2, 3])
            self.assertEqual(lsns("--to", "0"), [])
            self.assertEqual(lsns("--from", "99"), [])
            self.assertEqual(lsns("--type", "300"), [3, 4])
            self.assertEqual(lsns("--type", "300", "--limit", "1"), [3])
            self.assertEqual(lsns("--tenant", "4294967295"), [5])
            self.assertEqual(lsns("--vshard", "2"), [6])
            self.assertEqual(lsns("--tenant", "0", "--vshard", "65535"), [])
            self.assertEqual([record["required"] for record in self.records(path, *keys)],
                             [False, False, True, True, False, False])
            self.assertIn("\t300!\t", self.wal("dump", path, *keys)[0])

    def test_records_are_made_up_in_groups_and_by_many_threads(self):
        for path, make, keys in self.shapes():
            out, _ = self.wal("append", path, "--count", "100", "--bytes", "30", "--sync-every",
                              "7", *make)
            self.assertEqual([int(line) for line in out.splitlines()], list(range(1, 101)))
            out, _ = self.wal("append", path, "--count", "200", "--bytes", "0", "--threads", "4",
                              "--sync-every", "3", "--json", *keys)
            told = [json.loads(line) for line in out.splitlines()]
            self.assertEqual(sorted(line["lsn"] for line in told), list(range(101, 301)))
            self.assertEqual(sorted(line["record"] for line in told), list(range(1, 201)))
            payloads = self.payloads(path, *keys)
            self.assertEqual([len(payloads[lsn]) for lsn in sorted(payloads)],
                             [30] * 100 + [0] * 200)
            self.assertEqual(len(set(payloads.values())), 101)

    def test_threads_tell_which_line_has_which_lsn(self):
        for path, make, keys in self.shapes():
            lines = [b"line %d" % n for n in range(1, 301)]
            out, _ = self.wal("append", path, "--threads", "8", "--json", *make,
                              stdin=b"\n".join(lines))
            payloads = self.payloads(path, *keys)
            self.assertEqual(len(payloads), 300)
            for told in map(json.loads, out.splitlines()):
                self.assertEqual(payloads[told["lsn"]], lines[told["record"] - 1])

    # ---- bad days

    def test_what_was_printed_before_a_kill_is_in_the_log(self):
        lines = [b"line %d " % n + b"x" * (n % 300) for n in range(1, 20_001)]
        text = self.write("lines.txt", b"\n".join(lines) + b"\n", "wb")
        for path, make, keys in self.shapes():
            for groups in [[], ["--sync-every", "5"], ["--threads", "4"]]:
                name = path + "".join(groups)
                told = self.killed_append(text, name, 40, *make, *groups)
                payloads = self.payloads(name, *keys)
                self.assertGreaterEqual(len(told), 40)
                self.assertLess(len(payloads), len(lines))
                for line in told:
                    self.assertEqual(payloads[line["lsn"]], lines[line["record"] - 1])
                self.assertEqual(sorted(payloads), list(range(1, len(payloads) + 1)))
                _, _ = self.wal("append", name, *keys, stdin=b"on\n")
                self.assertEqual(self.payloads(name, *keys)[len(payloads) + 1], b"on")

    def killed_append(self, text, path, after, *arguments):
        """What it printed, in whole lines, until it was killed when it had printed so many."""
        with open(text, "rb") as stdin:
            process = self.start("wal", "append", path, "--json", *arguments, stdin=stdin)
        lines = [process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        self.assertEqual(process.returncode, -signal.SIGKILL)
        lines += [line for line in rest.splitlines(True) if line.endswith(b"\n")]
        return [json.loads(line) for line in lines]

    def test_a_torn_end_is_told_cut_and_kept(self):
        lines = [b"payload-%d" % n for n in range(10)]
        for path, make, keys in self.shapes():
            self.append(path, lines, "--sync-every", "10", *make)
            if keys:  # ten records are one block
                whole, end = 0, block_of(1) + 200
                name = self.newest_file(path)
            else:
                whole = 6
                name, end = self.file_with(path, b"payload-6")
            os.truncate(name, end + 4)
            verdict = self.verify(path, *keys)
            self.assertEqual((verdict["damaged"], verdict["records"]), (False, whole))
            torn = verdict["torn"][0]
            self.assertEqual((torn["object"], torn["lsn"]), (os.path.basename(name), whole + 1))
            self.assertLess(torn["offset"], end)
            self.assertIn("torn ", self.wal("verify", path, *keys)[0])
            self.assertEqual(len(self.records(path, *keys)), whole)
            repaired = json.loads(self.wal("repair", path, "--policy", "truncate-partial",
                                           "--json", *keys)[0])
            self.assertEqual((repaired["repaired"], repaired["cut_bytes"], repaired["at_byte"]),
                             (True, torn["bytes"], torn["offset"]))
            self.assertGreaterEqual(os.path.getsize(self.path(repaired["kept_in"])),
                                    torn["bytes"])
            self.assertEqual(self.verify(path, *keys)["torn"], [])
            for policy in ["truncate-partial", "truncate-unsynced", "salvage"]:
                out, _ = self.wal("repair", path, "--policy", policy, *keys)
                self.assertIn("nothing to repair", out)
            self.assertEqual(self.append(path, [b"on"], *keys), [whole + 1])
            self.assertEqual(list(self.payloads(path, *keys).values()), lines[:whole] + [b"on"])

    def test_commits_that_share_a_block_are_restored_from_the_side_file(self):
        lines = [b"payload-%d" % n for n in range(6)]
        for path, make, keys in self.shapes():
            if keys:
                _, err = self.wal("append", path, "--torn-writes", "double-write", *make,
                                  stdin=b"one\n", code=FAILED)
                self.assertIn("encrypted", err)
                continue
            self.append(path, lines, "--torn-writes", "double-write", *make)
            name, at = self.file_with(path, b"payload-2")
            with open(name, "r+b") as file:
                file.seek(at)
                file.write(b"GARBAGE")
            verdict = self.verify(path)
            self.assertEqual((verdict["damaged"], verdict["records"]), (False, 6))
            self.assertEqual(verdict["restorable_bytes"], 7)
            self.assertIn("side file", self.wal("verify", path)[0])
            self.assertEqual(list(self.payloads(path).values()), lines)
            repaired = json.loads(self.wal("repair", path, "--policy", "truncate-partial",
                                           "--json")[0])
            self.assertEqual((repaired["repaired"], repaired["restored_bytes"],
                              repaired["cut_bytes"]), (True, 7, 0))
            with open(name, "rb") as file:
                file.seek(at)
                self.assertEqual(file.read(9), b"payload-2")
            self.assertIn("nothing to repair",
                          self.wal("repair", path, "--policy", "truncate-partial")[0])
            self.assertEqual(self.append(path, [b"on"], "--torn-writes", "off"), [7])

    def test_a_side_file_that_fails_is_told_and_nothing_is_lost(self):
        lines = [b"payload-%d" % n for n in range(9)]
        library = os.path.join(os.path.dirname(self.program), "tests", "e2e", "faults.so")
        for path, make, keys in self.shapes():
            if keys:
                continue
            env = dict(os.environ, LD_PRELOAD=library, FAULT_PATH=".side", FAULT_OP="write,sync",
                       FAULT_ACTION="EIO", FAULT_FROM="3")
            out, err = self.wal("append", path, "--torn-writes", "double-write", *make,
                                stdin=b"\n".join(lines), env=env)
            self.assertEqual(len(out.splitlines()), len(lines))
            self.assertIn("side file could not be written", err)
            self.assertEqual(list(self.payloads(path).values()), lines)
            self.assertEqual(self.verify(path)["restorable_bytes"], 0)

    def test_an_append_after_a_crash_cuts_the_torn_end_and_says_so(self):
        for path, make, keys in self.shapes():
            self.append(path, [b"a" * 5000], *make)
            os.truncate(self.newest_file(path), block_of(1) + 200)
            out, err = self.wal("append", path, *keys, stdin=b"b\n")
            self.assertEqual(out, "1\n")
            self.assertRegex(err, "^sluice: the log ended in .* cut at byte .* kept in ")
            self.assertEqual(self.payloads(path, *keys), {1: b"b"})

    def test_rot_is_found_told_and_salvaged(self):
        lines = [b"payload-%d" % n for n in range(10)]
        for path, make, keys in self.shapes():
            self.append(path, lines, *make)
            rotten = 5
            if keys:
                name, offset = self.newest_file(path), block_of(rotten) + 70
            else:
                name, offset = self.file_with(path, b"payload-4")
            self.flip(name, offset)
            verdict = self.verify(path, *keys, code=CORRUPTION)
            self.assertTrue(verdict["damaged"])
            found = verdict["findings"][0]
            self.assertEqual((found["object"], found["lsn"]), (os.path.basename(name), rotten))
            self.assertEqual(found["code"], "corrupt")
            out, _ = self.wal("verify", path, *keys, code=CORRUPTION)
            self.assertIn(f"LSN {rotten} is the first that cannot be read", out)
            self.assertIn("DAMAGED", out)
            self.wal("stat", path, *keys, code=CORRUPTION)
            dumped, err = self.wal("dump", path, *keys, code=CORRUPTION)
            self.assertEqual(len(dumped.splitlines()), rotten - 1)
            self.assertIn(os.path.basename(name), err)
            for policy in ["truncate-partial", "truncate-unsynced"]:
                _, err = self.wal("repair", path, "--policy", policy, *keys, code=CORRUPTION)
                self.assertIn("--policy salvage", err)
            self.wal("append", path, *keys, code=CORRUPTION, stdin=b"more\n")
            self.check_salvage(path, keys, lines, rotten)

    def check_salvage(self, path, keys, lines, rotten):
        salvaged = json.loads(self.wal("repair", path, "--policy", "salvage", "--json", *keys)[0])
        self.assertTrue(os.path.exists(self.path(salvaged["kept_in"])))
        payloads = self.payloads(path, *keys)
        self.assertEqual(salvaged["records"], len(payloads))
        self.assertGreater(salvaged["gaps"], 0)
        self.assertNotIn(rotten, payloads)
        for lsn, payload in payloads.items():
            self.assertEqual(payload, lines[lsn - 1])
        self.assertFalse(self.verify(path, *keys)["damaged"])
        self.assertEqual(self.append(path, [b"on"], *keys), [11])

    def test_the_wrong_key_or_none_reads_nothing_and_says_what_to_give(self):
        self.key_file("b.key", "77")
        for path, make, keys in self.shapes():
            if not keys:
                continue
            self.append(path, [b"a"], *make)
            for verb in [["dump"], ["stat"], ["verify"], ["append"],
                         ["repair", "--policy", "truncate-partial"]]:
                for wrong in [[], ["--key-file", "b.key"]]:
                    out, err = self.wal(*verb, path, *wrong, code=FAILED)
                    self.assertEqual(out, "")
                    self.assertIn("--key-file", err)
                    self.assertIn("SLUICE_WAL_KEY", err)
                    self.assertIn(os.path.basename(self.newest_file(path)), err)
            self.assertEqual(self.payloads(path, *keys), {1: b"a"})

    def test_a_key_may_come_from_the_environment(self):
        for path, make, keys in self.shapes():
            if not keys:
                continue
            self.append(path, [b"a"], *make)
            env = {**os.environ, "SLUICE_WAL_KEY": KEY}
            self.assertIn("\ta\n", self.wal("dump", path, env=env)[0])
            self.wal("append", path, env=env, stdin=b"b\n")
            self.assertEqual(self.payloads(path, *keys), {1: b"a", 2: b"b"})
            env["SLUICE_WAL_KEY"] = "short"
            _, err = self.wal("dump", path, env=env, code=FAILED)
            self.assertIn("SLUICE_WAL_KEY", err)

    def test_a_key_file_that_is_none_is_named(self):
        self.write("short.key", "abc")
        for name in ["short.key", "absent.key"]:
            _, err = self.wal("append", "log", "--key-file", name, code=FAILED, stdin=b"a\n")
            self.assertIn(name, err)
            self.assertFalse(os.path.exists(self.path("log")))

    # ---- truncate, rotate-key, bench

    def test_truncation_removes_whole_segments_from_the_beginning(self):
        for path, make, keys in self.shapes():
            self.append(path, [b"a", b"b"], *make)
            self.append(path, [b"c", b"d"], *keys)
            self.append(path, [b"e"], *keys)
            if "--file" in make:
                _, err = self.wal("truncate", path, "--before", "3", *keys, code=FAILED)
                self.assertIn("append to a new file", err)
                continue
            gone = json.loads(self.wal("truncate", path, "--before", "4", "--json", *keys)[0])
            self.assertEqual((gone["removed_segments"], gone["first_LSN"], gone["next_LSN"]),
                             (1, 3, 6))
            self.assertEqual(sorted(self.payloads(path, *keys)), [3, 4, 5])
            _, err = self.wal("truncate", path, "--before", "7", *keys, code=FAILED)
            self.assertIn("LSN 5", err)
            self.wal("truncate", path, "--before", "6", *keys)
            self.assertEqual(self.payloads(path, *keys), {})
            self.assertEqual(self.append(path, [b"f"], *keys), [6])
            self.assertFalse(self.verify(path, *keys)["damaged"])

    def test_a_rotated_key_seals_what_comes_and_says_which_keys_are_needed(self):
        new = self.key_file("new.key", "11")
        for path, make, keys in self.shapes():
            self.append(path, [b"a", b"b"], *make)
            rotation = ["--key-file", new, *keys]
            if "--file" in make:
                report = json.loads(self.wal("rotate-key", path, "--json", *rotation)[0])
                self.assertEqual(report["current_key"], self.key_id("new.key"))
                self.assertEqual(report["from_LSN"], 3)
                _, err = self.wal("append", path, *keys, code=FAILED, stdin=b"x\n")
                self.assertIn("key", err)
            else:
                report = json.loads(self.wal("rotate-key", path, "--json", *rotation)[0])
                uses = {key["use"]: key for key in report["keys"]}
                old = uses["still needed" if keys else "not encrypted"]
                self.assertEqual((old["records"], old["last_LSN"]), (2, 2))
                self.assertEqual(uses["current"]["key"], report["current_key"])
                self.assertIn("current", self.wal("rotate-key", path, *rotation)[0])
            self.append(path, [b"c"], *rotation)
            stat = json.loads(self.wal("stat", path, "--json", *rotation)[0])
            self.assertNotEqual(stat["encrypted"], "no")
            self.assertEqual(stat["files"][-1]["key"], self.key_id("new.key"))
            self.assertEqual(self.payloads(path, *rotation), {1: b"a", 2: b"b", 3: b"c"})
            if keys:
                self.wal("dump", path, "--key-file", new, code=FAILED)
            if "--file" not in make:
                self.wal("truncate", path, "--before", "3", *rotation)
                self.assertEqual(self.payloads(path, "--key-file", new), {3: b"c"})

    def test_a_bench_measures_and_leaves_nothing(self):
        self.key_file("a.key")
        for options in [[], ["--file"], ["--key-file", "a.key"], ["--threads", "3"],
                        ["--sync-every", "50"], ["--direct"], ["--direct", "--file"]]:
            out, err = self.wal("bench", ".", "--count", "200", "--bytes", "100", "--json",
                                *options)
            self.assertEqual(err, "")
            report = json.loads(out)
            self.assertEqual((report["records"], report["record_bytes"]), (200, 100))
            self.assertGreater(report["appends_per_s"], 0)
            self.assertGreaterEqual(report["sync_us_p99"], report["sync_us_p50"])
            self.assertEqual(report["encrypted"], "--key-file" in options)
            self.assertEqual(os.listdir(self.dir), ["a.key"])
        self.assertIn("appends/s", self.wal("bench", ".", "--count", "10")[0])
        _, err = self.wal("bench", "absent", code=FAILED)
        self.assertIn("absent", err)

    # ---- streams

    def test_a_closed_pipe_ends_a_dump_quietly(self):
        self.wal("append", "log", "--count", "3000", "--sync-every", "3000")
        process = self.start("wal", "dump", "log")
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        self.assertTrue(process.stdout.readline().startswith(b"1\t16\t"))
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertEqual(process.wait(), 0)

    def test_an_append_whose_lsns_nobody_reads_stops_and_says_how_far_it_came(self):
        for path, make, keys in self.shapes():
            process = self.start("wal", "append", path, *make, stdin=subprocess.PIPE)
            process.stdin.write(b"a\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"1\n")
            process.stdout.close()
            process.stdin.write(b"b\nc\n")
            process.stdin.close()
            self.assertIn(b"2 records were appended and are durable", process.stderr.read())
            process.stderr.close()
            self.assertEqual(process.wait(), FAILED)
            self.assertEqual(self.payloads(path, *keys), {1: b"a", 2: b"b"})

    def test_each_lsn_comes_while_the_input_is_still_open(self):
        for path, make, _ in self.shapes():
            process = self.start("wal", "append", path, *make, stdin=subprocess.PIPE)
            for number in range(1, 4):
                process.stdin.write(b"a\n")
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), b"%d\n" % number)
            process.communicate()
            self.assertEqual(process.returncode, DONE)

    def test_streams_that_are_closed_never_reach_the_log(self):
        for path, make, keys in self.shapes():
            process = self.start("wal", "append", path, "--count", "3", *make,
                                 preexec_fn=lambda: (os.close(0), os.close(1)))
            _, err = process.communicate()
            self.assertIn(b"standard output", err)
            self.assertEqual(process.returncode, FAILED)
            self.assertFalse(self.verify(path, *keys)["damaged"])
            process = self.start("wal", "append", path, *keys, preexec_fn=lambda: os.close(0))
            _, err = process.communicate()
            self.assertIn(b"standard input", err)
            self.assertEqual(process.returncode, FAILED)
            self.assertEqual(len(self.payloads(path, *keys)), 1)

    def test_a_signal_ends_an_append_in_order(self):
        for path, make, keys in self.shapes():
            process = self.start("wal", "append", path, *make, stdin=subprocess.PIPE)
            process.stdin.write(b"a\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"1\n")
            process.send_signal(signal.SIGINT)
            self.assertIn(b"stopped by a signal; 1 records", process.communicate()[1])
            self.assertEqual(process.returncode, FAILED)
            self.assertEqual(self.payloads(path, *keys), {1: b"a"})

    def test_a_full_device_behind_standard_output_is_an_error(self):
        with open("/dev/full", "wb") as full:
            process = self.start("wal", "append", "log", "--count", "1", stdout=full)
        _, err = process.communicate()
        self.assertIn(b"No space left", err)
        self.assertEqual(process.returncode, FAILED)

    # ---- places

    def test_what_is_no_log_is_refused_and_untouched(self):
        os.mkdir(self.path("photos"))
        self.write("photos/a.jpg", "x")
        self.write("notes.txt", "not a log at all\n" * 1000)
        os.mkdir(self.path("empty"))
        for verb in [["dump"], ["stat"], ["verify"], ["truncate", "--before", "1"],
                     ["repair", "--policy", "salvage"]]:
            for place in ["absent", "photos", "empty"]:
                _, err = self.wal(*verb, place, code=FAILED)
                self.assertRegex(err, f"^sluice: there is no log .*{place}")
        _, err = self.wal("append", "photos", code=FAILED, stdin=b"a\n")
        self.assertIn("a.jpg", err)
        _, err = self.wal("append", "notes.txt/log", code=FAILED, stdin=b"a\n")
        self.assertIn("notes.txt/log", err)
        _, err = self.wal("append", "absent/log", code=FAILED, stdin=b"a\n")
        self.assertIn("[absent]", err)
        _, err = self.wal("append", "/dev/null", code=FAILED, stdin=b"a\n")
        self.assertIn("neither", err)
        _, err = self.wal("append", "empty", "--file", code=FAILED, stdin=b"a\n")
        self.assertIn("directory", err)
        for verb in ["append", "dump", "verify"]:
            out, err = self.wal(verb, "notes.txt", code=CORRUPTION, stdin=b"a\n")
            self.assertIn("notes.txt", out + err)
        with open(self.path("notes.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "not a log at all\n" * 1000)
        self.assertEqual(os.listdir(self.path("photos")), ["a.jpg"])
        self.assertEqual(self.append("empty", [b"a"]), [1])

    def test_files_of_others_are_no_log_and_stay(self):
        names = ["letter.new", "notes.txt", "wal-x.seg.new", "wal-x.seg", "wal-1.seg.new"]
        for name in names:
            os.mkdir(self.path("of-" + name))
            self.write(f"of-{name}/{name}", "mine")
            _, err = self.wal("append", "of-" + name, code=FAILED, stdin=b"a\n")
            self.assertIn(name, err)
            self.wal("dump", "of-" + name, code=FAILED)
        for path, make, keys in self.shapes():
            folder = self.path("in" if "--file" in make else path)
            self.append(path, [b"a", b"b"], *make)
            for name in names[:3]:
                self.write(os.path.join(folder, name), "mine")
            self.append(path, [b"c"], *keys)
            with open(self.newest_file(path), "ab") as file:
                file.write(b"torn")
            self.wal("repair", path, "--policy", "truncate-partial", *keys)
            self.append(path, [b"d"], *keys)
            self.assertEqual(list(self.payloads(path, *keys).values()), [b"a", b"b", b"c", b"d"])
            for name in names[:3]:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.assertEqual(file.read(), "mine")

    def test_a_log_is_reached_through_a_link(self):
        for path, make, keys in self.shapes():
            link = self.path("link-to-" + os.path.basename(path))
            self.append(path, [b"a"], *make)
            os.symlink(path, link)
            self.assertEqual(self.append(link, [b"b"], *keys), [2])
            with open(self.newest_file(path), "ab") as file:
                file.write(b"torn")
            report = json.loads(self.wal("repair", link, "--policy", "truncate-partial",
                                         "--json", *keys)[0])
            self.assertTrue(os.path.exists(self.path(report["kept_in"])))
            self.assertTrue(os.path.islink(link))
            self.assertEqual(self.payloads(path, *keys), {1: b"a", 2: b"b"})

    def test_an_empty_file_is_an_empty_log(self):
        self.write("a.wal", "")
        self.assertEqual(self.records("a.wal"), [])
        self.assertEqual(self.verify("a.wal")["records"], 0)
        self.assertEqual(self.append("a.wal", [b"a"]), [1])

    def test_a_log_that_may_not_be_written_is_read_and_nothing_else(self):
        for path, make, keys in self.shapes():
            self.append(path, [b"a"], *make)
            folder = self.path("in") if "--file" in make else self.path(path)
            before = set(os.listdir(folder))
            os.chmod(folder, 0o555)
            os.chmod(self.newest_file(path), 0o444)
            try:
                for verb in ["dump", "stat", "verify"]:
                    self.assertEqual(self.unprivileged(verb, path, *keys)[0], DONE)
                code, err = self.unprivileged("append", path, *keys)
                self.assertEqual(code, FAILED)
                self.assertIn("Permission denied", err)
                self.assertIn(path, err)
                code, err = self.unprivileged("append", os.path.join(folder, "new"))
                self.assertEqual(code, FAILED)
                self.assertIn(os.path.join(folder, "new"), err)
            finally:
                os.chmod(folder, 0o755)
            self.assertEqual(set(os.listdir(folder)), before)

    def unprivileged(self, *arguments):
        """The exit code and the errors, for one to whom permissions mean something."""
        words = [self.program, "wal", *arguments]
        if os.geteuid() == 0:
            words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *words]
        done = subprocess.run(words, cwd=self.dir, input=b"b\n", capture_output=True, check=False)
        return done.returncode, done.stderr.decode()

    def test_one_segment_is_not_appended_to(self):
        self.append("log", [b"a"])
        name = self.newest_file("log")
        _, err = self.wal("append", name, code=FAILED, stdin=b"b\n")
        self.assertIn("name the directory", err)

    def test_two_at_once_are_one_too_many(self):
        for path, make, keys in self.shapes():
            owner = self.start("wal", "append", path, *make, stdin=subprocess.PIPE)
            owner.stdin.write(b"a\n")
            owner.stdin.flush()
            self.assertEqual(owner.stdout.readline(), b"1\n")
            for verb in [["append"], ["truncate", "--before", "1"]]:
                if verb[0] == "truncate" and "--file" in make:
                    continue
                _, err = self.wal(*verb, path, *keys, code=FAILED, stdin=b"b\n")
                self.assertIn(str(owner.pid), err)
            link, twin = self.path("link-to-" + os.path.basename(path)), self.path("twin")
            os.symlink(path, link)
            _, err = self.wal("append", link, *keys, code=FAILED, stdin=b"b\n")
            self.assertIn(str(owner.pid), err)
            if "--file" in make:
                os.link(self.path(path), twin)
                _, err = self.wal("append", twin, *keys, code=FAILED, stdin=b"b\n")
                self.assertIn("another opening holds this file", err)
                os.remove(twin)
            self.assertEqual(self.payloads(path, *keys), {1: b"a"})
            owner.communicate()

    def test_the_log_of_a_data_directory_is_read_and_left_alone(self):
        self.sluice("ingest", "--table", "demo.a", self.write("a.csv", "a\n1\n2\n"))
        self.wal("dump", "sluice-data/log")
        self.wal("stat", "sluice-data/log")
        self.wal("verify", "sluice-data/log")
        for verb in [["append"], ["truncate", "--before", "1"], ["repair", "--policy", "salvage"]]:
            _, err = self.wal(*verb, "sluice-data/log", code=FAILED, stdin=b"a\n")
            self.assertIn("data directory", err)
            self.assertIn("--force", err)
        for verb in ["dump", "append"]:
            _, err = self.wal(verb, "sluice-data", code=FAILED, stdin=b"a\n")
            self.assertIn("sluice-data/log", err)
        self.assertEqual(self.count("demo.a"), 2)

    def test_the_log_of_a_running_server_is_locked(self):
        owner = self.start("ingest", "--table", "demo.b", "--rate", "1000", "--progress", "always",
                           os.path.join(cli.TESTDATA, "flights.ndjson"))
        self.addCleanup(owner.stderr.close)
        self.addCleanup(owner.stdout.close)
        self.addCleanup(owner.wait)
        self.addCleanup(owner.kill)
        while b"rows/s" not in owner.stderr.readline():
            self.assertIsNone(owner.poll())
        self.wal("verify", "sluice-data/log")
        self.assertGreater(len(self.records("sluice-data/log")), 0)
        _, err = self.wal("append", "sluice-data/log", "--force", code=FAILED, stdin=b"a\n")
        self.assertIn(str(owner.pid), err)

    # ---- manners

    def test_each_verb_explains_itself_with_examples(self):
        out, _ = self.sluice("wal", "--help")
        for verb in VERBS:
            self.assertIn(f"\n  {verb} ", out)
            text, err = self.wal(verb, "--help")
            self.assertIn("Examples:", text, verb)
            self.assertIn("--json", text, verb)
            self.assertEqual(err, "")

    def test_wrong_usage_exits_with_2_and_one_line(self):
        for arguments in [
            [],
            ["nonsense"],
            ["append"],
            ["append", "log", "--type", "15"],
            ["append", "log", "--type", "16384"],
            ["append", "log", "--vshard", "65536"],
            ["append", "log", "--tenant", "4294967296"],
            ["append", "log", "--sync-every", "0"],
            ["append", "log", "--threads", "0"],
            ["append", "log", "--count", "many"],
            ["append", "log", "--bytes", "67108865", "--count", "1"],
            ["dump", "log", "--from", "first"],
            ["dump", "log", "--type", "3"],
            ["repair", "log"],
            ["repair", "log", "--policy", "hope"],
            ["truncate", "log"],
            ["rotate-key", "log"],
            ["verify", "log", "--threads", "65"],
        ]:
            out, err = self.sluice("wal", *arguments, code=USAGE)
            self.assertEqual(out, "", arguments)
            self.assertRegex(err, r"^sluice: .+--help\n$", arguments)
            self.assertEqual(err.count("\n"), 1, arguments)
        self.assertEqual(os.listdir(self.dir), [])


def block_of(lsn):
    """Where the block of a record begins if each was synced by itself: behind header and birth."""
    return 8192 + (lsn - 1) * 4096


def payload_of(record):
    if "text" in record:
        return record["text"].encode()
    return base64.b64decode(record["base64"], validate=True)


if __name__ == "__main__":
    cli.main()
