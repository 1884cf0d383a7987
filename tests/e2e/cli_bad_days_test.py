#!/usr/bin/python3
"""Directories that are not as they should be, a second process, full and failing disks, kills.

  cli_bad_days_test.py BUILD_DIR

Disks fail by tests/e2e/faults.c, a library that is preloaded into the program.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import cli
from cli import DONE, FAILED, TESTDATA

ROWS = 3000
CHANGING_CALLS = "create,write,sync,truncate,rename,link,mkdir"
READING = [["query", "demo.a", "--format", "csv"], ["tables"], ["verify"], ["inspect", "log"]]


class Case(cli.Case):
    def faults(self, path, action, **settings):
        """The environment of a process whose calls on `path` fail."""
        library = os.path.join(os.path.dirname(self.program), "tests", "e2e", "faults.so")
        names = {f"FAULT_{name.upper()}": str(value) for name, value in settings.items()}
        return {**os.environ, "LD_PRELOAD": library, "FAULT_PATH": path, "FAULT_ACTION": action,
                **names}

    def tree(self, folder):
        """Every file and directory below, with its size and when it was changed."""
        found = {}
        for place, folders, files in os.walk(self.path(folder)):
            for name in folders + files:
                path = os.path.join(place, name)
                status = os.lstat(path)
                found[path] = (status.st_size, status.st_mtime_ns)
        return found

    def assert_refused(self, folder, *expected, commands=None):
        """Commands fail with one line that matches, and change nothing."""
        before = self.tree(folder)
        for command in commands or [["ingest", "--table", "demo.a", self.rows_file], *READING]:
            out, err = self.sluice(*command, "--data-dir", folder, code=FAILED)
            self.assertEqual(out, "", command)
            self.assertRegex(err, r"^sluice: .+\n$")
            for text in [folder, *expected]:
                self.assertIn(text, err, command)
        self.assertEqual(self.tree(folder), before)


class DirectoryCase(Case):
    def setUp(self):
        super().setUp()
        self.rows_file = self.write("a.csv", "a\n1\n")
        self.sluice("ingest", "--table", "demo.a", self.rows_file, "--quiet")
        self.write_more = ["ingest", "--table", "demo.a", self.write("b.csv", "a\n2\n")]


class Directories(DirectoryCase):
    def copy(self, name):
        shutil.copytree(self.path("sluice-data"), self.path(name))
        return name

    def test_a_directory_of_others_is_refused(self):
        os.mkdir(self.path("photos"))
        self.write("photos/a.jpg", "x")
        self.assert_refused("photos", "name another one")

    def test_a_newer_format_names_both_versions(self):
        self.write(self.copy("newer") + "/FORMAT", "sluice 7\n")
        self.assert_refused("newer", "format 7", "up to 0", "newer Sluice")

    def test_a_format_that_cannot_be_read_is_named(self):
        self.copy("damaged")
        for text in ["", "garbage", "sluice", "sluice 0", "sluice -1\n", "s" * 5000]:
            self.write("damaged/FORMAT", text)
            self.assert_refused("damaged", "damaged/FORMAT", "put it back")
        self.write("damaged/FORMAT", "sluice 0\n")
        self.assertEqual(self.sluice("query", "demo.a", "--data-dir", "damaged", "--format",
                                     "csv")[0], "a\n1\n")

    def test_a_directory_that_lost_a_part_says_which(self):
        for part in ["log", "tables"]:
            shutil.rmtree(self.path(self.copy("torn"), part))
            _, err = self.sluice("query", "demo.a", "--data-dir", "torn", code=cli.CORRUPTION)
            self.assertIn(f"torn/{part}]", err)
            self.assertIn("backup", err)
            shutil.rmtree(self.path("torn"))

    def test_a_file_in_place_of_a_directory_and_absent_parents(self):
        self.write("file", "x")
        self.assert_refused("file", "not a directory")
        self.assert_refused("no/such", "make that first", commands=[self.write_more])
        self.assert_refused("no-such", "first ingest", commands=READING)
        self.assertEqual(sorted(os.listdir(self.dir)), ["a.csv", "b.csv", "file", "sluice-data"])

    def test_a_link_to_a_directory_is_the_directory(self):
        os.symlink("sluice-data", self.path("link"))
        self.sluice(*self.write_more, "--data-dir", "link")
        self.assertEqual(self.count("demo.a"), 2)


class Stranger(DirectoryCase):
    """The same directory for a user who may only read it, or not even that."""

    is_another = False

    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o777)
        self.is_another = os.geteuid() == 0  # whom permissions do not bind
        if self.is_another:
            shutil.copy(self.program, self.path("sluice"))
            self.program = self.path("sluice")

    def start(self, *arguments, **options):
        if self.is_another:
            options.update(user=65534, group=65534, extra_groups=[])
        return super().start(*arguments, **options)

    def change_modes(self, folder, mode):
        for place, folders, files in os.walk(self.path(folder)):
            for name in folders + files:
                path = os.path.join(place, name)
                os.chmod(path, mode if os.path.isdir(path) else mode & 0o666)
        os.chmod(self.path(folder), mode)

    def tearDown(self):
        for name in os.listdir(self.dir):
            if os.path.isdir(self.path(name)):
                self.change_modes(name, 0o755)

    def test_a_directory_to_be_read_only_is_read_and_left_alone(self):
        self.change_modes("sluice-data", 0o555)
        before = self.tree("sluice-data")
        self.assertEqual(self.sluice("query", "demo.a", "--format", "csv")[0], "a\n1\n")
        for command in READING:
            self.sluice(*command)
        _, err = self.sluice(*self.write_more, code=FAILED)
        self.assertRegex(err, r"cannot \w+: Permission denied; check who owns it .*sluice-data")
        self.assertEqual(self.tree("sluice-data"), before)

    def test_a_directory_without_permission_is_named(self):
        os.chmod(self.path("sluice-data"), 0)
        for command in [self.write_more, *READING]:
            out, err = self.sluice(*command, code=FAILED)
            self.assertEqual(out, "")
            self.assertRegex(err, r"^sluice: .*Permission denied; check who owns it .*sluice-data")

    def test_a_place_where_nothing_may_be_made_is_named(self):
        os.mkdir(self.path("theirs"))
        os.chmod(self.path("theirs"), 0o555)
        _, err = self.sluice(*self.write_more, "--data-dir", "theirs/mine", code=FAILED)
        self.assertIn("cannot make the directory: Permission denied", err)
        self.assertIn("theirs/mine", err)


class SecondProcess(Case):
    def test_a_second_writer_is_told_who_holds_the_directory_and_readers_work(self):
        rows = self.write("a.csv", "a\n1\n")
        self.sluice("ingest", "--table", "demo.a", rows)
        os.mkfifo(self.path("pipe.csv"))
        owner = self.start("ingest", "--table", "demo.b", "pipe.csv", "--quiet")
        with open(self.path("pipe.csv"), "w", encoding="utf-8") as pipe:  # opened by both
            pipe.write("b\n7\n")
            pipe.flush()
            more = self.write("b.csv", "a\n2\n")
            for arguments in [["ingest", "--table", "demo.a", more], ["flush"]]:
                _, err = self.sluice(*arguments, code=FAILED)
                self.assertIn(f"process {owner.pid} holds this directory", err)
                self.assertIn("wait for it or stop it", err)
                self.assertIn("sluice-data/log", err)
            for command in READING:
                self.sluice(*command)
            self.assertEqual(self.rows("demo.a"), [{"a": 1}])
        _, err = owner.communicate()
        self.assertEqual((owner.returncode, err), (DONE, b""))
        self.sluice("ingest", "--table", "demo.a", more)
        self.assertEqual((self.count("demo.a"), self.rows("demo.b")), (2, [{"b": 7}]))


class Disk(Case):
    """Each test meets every call that changes a file, one run after the other."""

    def setUp(self):
        super().setUp()
        if os.access("/dev/shm", os.W_OK):  # thousands of syncs cost nothing there
            self.dir = tempfile.mkdtemp(prefix="sluice-cli-", dir="/dev/shm")
            self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        lines = [f"{n}" if n != 100 else "100,ragged" for n in range(1, ROWS + 1)]
        self.write("a.csv", "n\n" + "\n".join(lines) + "\n")
        self.data = self.path("data-dir")
        self.command = ["ingest", "--table", "demo.a", "a.csv", "--data-dir", "data-dir",
                        "--quiet"]
        self.stages = set()

    def append_rows(self):
        with open(self.path("a.csv"), "a", encoding="utf-8") as file:
            file.write("".join(f"{n}\n" for n in range(ROWS + 1, 2 * ROWS + 1)))

    def calls(self, **settings):
        """How many calls a run makes on the data directory when nothing fails."""
        env = self.faults(self.data, "count", count=self.path("count"), **settings)
        self.sluice(*self.command, env=env)
        with open(self.path("count"), encoding="utf-8") as file:
            return int(file.read())

    def note_stage(self, text):
        for path in re.findall(r"\[([^\]]*)\]", text):
            place = re.search(r"FORMAT|rejects|\.seg|lock|metadata|marks|/data/|$",
                              path.partition("data-dir")[2])
            self.stages.add(place.group())

    def assert_all_rows_once(self, rows=ROWS):
        wanted = {"count(*)": rows - 1, "sum(n)": rows * (rows + 1) // 2 - 100}
        out, _ = self.sluice("query", "demo.a", "--data-dir", "data-dir", "--agg",
                             "count(*),sum(n)", "--format", "json")
        self.assertEqual(json.loads(out), [wanted])
        self.assertIn("ok", self.sluice("verify", "--data-dir", "data-dir")[0])
        with open(self.path("data-dir", "rejects", "demo.a-a.csv.ndjson"),
                  encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["line"] for line in file], [101])

    def assert_repeating_completes(self, rows=ROWS):
        self.sluice(*self.command)
        self.sluice(*self.command)
        self.assert_all_rows_once(rows)

    def run_until_space(self, env, gate):
        """Exit code and standard error of a run; the disk has space again once it complains."""
        self.write("full", "")
        process = self.start(*self.command, env=env)
        err = ""
        for line in process.stderr:
            err += line.decode()
            if "No space left on device" in err and os.path.exists(gate):
                os.remove(gate)
        process.communicate()
        return process.returncode, err

    def test_a_full_disk_is_named_and_space_again_completes_wherever_it_filled(self):
        gate = self.path("full")
        total = self.calls(op=CHANGING_CALLS)
        stopped = waited = 0
        for call in range(1, total + 1, 2):
            shutil.rmtree(self.data)
            env = self.faults(self.data, "ENOSPC", op=CHANGING_CALLS, **{"from": call},
                              **{"while": gate})
            code, err = self.run_until_space(env, gate)
            with self.subTest(call=call, code=code, err=err):
                self.note_stage(err)
                self.assertIn(code, [DONE, FAILED])
                if code == FAILED:
                    stopped += 1
                    self.assertRegex(err, "No space left on device; (free some space|another file)")
                elif "No space" in err:
                    waited += 1
                    self.assertIn("tried again", err)
                self.assertNotIn("corrupt", err)
                self.assert_repeating_completes()
        print(f"{total} calls: {stopped} runs stopped, {waited} waited; {sorted(self.stages)}",
              file=sys.stderr)
        self.assertGreater(min(stopped, waited), 0)
        self.assertLessEqual({".seg", "metadata", "marks", "/data/", "rejects"}, self.stages)

    def test_a_failed_sync_stops_or_is_repeated_elsewhere_and_loses_nothing(self):
        total = self.calls(op="sync")
        poisoned = 0
        for call in range(1, total + 1):
            shutil.rmtree(self.data)
            env = self.faults(self.data, "EIO", op="sync", calls=1, **{"from": call})
            process = self.start(*self.command, env=env)
            err = process.communicate()[1].decode()
            with self.subTest(call=call, err=err):
                self.assertIn(process.returncode, [DONE, FAILED])
                poisoned += "reopen it" in err
                if process.returncode == FAILED:
                    self.assertIn("Input/output error", err)
                self.assert_repeating_completes()
        self.assertGreater(poisoned, 0)

    def kill_everywhere(self, prepare, rows, step):
        prepare()
        total = self.calls()
        for call in range(1, total + 1, step):
            prepare()
            process = self.start(*self.command,
                                 env=self.faults(self.data, "kill", **{"from": call}))
            process.communicate()
            with self.subTest(call=call, total=total):
                if call < total // 2:  # later on threads may take turns otherwise
                    self.assertEqual(process.returncode, -9)
                self.assert_repeating_completes(rows)

    def test_a_first_ingest_killed_at_every_call_is_completed_by_the_next(self):
        self.kill_everywhere(lambda: shutil.rmtree(self.data, ignore_errors=True), ROWS, 1)

    def test_a_later_ingest_killed_at_every_second_call_is_completed_by_the_next(self):
        self.sluice(*self.command)
        shutil.copytree(self.data, self.path("before"))
        self.append_rows()

        def prepare():
            shutil.rmtree(self.data)
            shutil.copytree(self.path("before"), self.data)

        self.kill_everywhere(prepare, 2 * ROWS, 2)

    def test_a_read_only_file_system_is_read(self):
        self.sluice(*self.command)
        before = self.tree("data-dir")
        env = self.faults(self.data, "EROFS", op=CHANGING_CALLS + ",unlink")
        out, err = self.sluice("query", "demo.a", "--data-dir", "data-dir", "--agg", "count(*)",
                               "--format", "json", env=env)
        self.assertEqual(json.loads(out), [{"count(*)": ROWS - 1}])
        self.assertIn("read only", err)
        for command in READING[1:]:
            self.sluice(*command, "--data-dir", "data-dir", env=env)
        self.append_rows()
        _, err = self.sluice(*self.command, code=FAILED, env=env)
        self.assertRegex(err, r"Read-only file system; it is mounted to be read only \[/.*data-dir")
        self.assertEqual(self.tree("data-dir"), before)

    def test_standard_output_without_space_fails_with_a_message(self):
        self.sluice(*self.command)
        for arguments in [["query", "demo.a"], ["tables"], ["verify"], ["flush"], ["--help"]]:
            where = [] if arguments == ["--help"] else ["--data-dir", "data-dir"]
            with open("/dev/full", "wb") as full:
                process = self.start(*arguments, *where, stdout=full)
                err = process.communicate()[1].decode()
            self.assertEqual(process.returncode, FAILED, arguments)
            self.assertRegex(err, r"^sluice: cannot write.* \[standard output\]\n$")

class LargeDisk(Case):
    def test_a_roll_that_finds_no_space_or_is_killed_loses_nothing(self):
        filler = "x" * 2000
        with open(self.path("b.csv"), "w", encoding="utf-8") as file:
            file.write("n,text\n")
            for n in range(40_000):
                file.write(f"{n},{filler}\n")
        for action in ["ENOSPC", "kill"]:
            data = self.path(action)
            command = ["ingest", "--table", "demo.b", "b.csv", "--data-dir", data, "--quiet"]
            env = self.faults(".seg", action, op="rename", calls=1, **{"from": 2})
            process = self.start(*command, env=env)
            err = process.communicate()[1]
            self.assertEqual((process.returncode, err), (DONE if action == "ENOSPC" else -9, b""))
            self.sluice(*command)
            out, _ = self.sluice("query", "demo.b", "--data-dir", data, "--agg", "count(*),sum(n)",
                                 "--format", "json")
            self.assertEqual(list(json.loads(out)[0].values()), [40_000, 40_000 * 39_999 // 2])

    def test_a_small_file_system_that_fills_up_is_completed_when_it_has_space(self):
        """Where nothing can be mounted, the library makes the disk full while the ballast is."""
        os.mkdir(self.path("small"))
        may_mount = subprocess.run(["unshare", "-m", "true"], capture_output=True,
                                   check=False).returncode == 0
        env = self.faults("small/data", "ENOSPC", op=CHANGING_CALLS,
                          **{"while": self.path("small", "ballast")})
        script = """
            set -- "$1" ingest --table demo.a --data-dir small/data --quiet \
              --set wal.disk_reserve=0 "$2"
            $mount -t tmpfs -o size=12m none small
            head -c 5m /dev/zero > small/ballast
            "$@" 2> complaint &
            while kill -0 $! 2> /dev/null && ! grep -q space complaint; do sleep 0.1; done
            $mount -o remount,size=200m small
            rm small/ballast
            wait $!
            cat complaint >&2
            "$@" || exit 2
            exec "$1" query demo.a --data-dir small/data --agg 'count(*)' --format csv"""
        filled = subprocess.run(
            [*(["unshare", "-m"] if may_mount else []), "sh", "-c", script, "sh", self.program,
             os.path.join(TESTDATA, "flights-week.csv")],
            cwd=self.dir, capture_output=True, timeout=300, check=False,
            env={**os.environ, "mount": "mount"} if may_mount else {**env, "mount": ":"})
        err = filled.stderr.decode()
        self.assertEqual(filled.returncode, 0, err)
        self.assertIn("No space left on device; free some space", err)
        self.assertEqual(filled.stdout, b"count(*)\n113493\n")


class DirectWrites(Case):
    """`sluice wal append --direct` where the file system does not do it."""

    def append(self, path, *faults, **settings):
        env = self.faults(path + "/wal-", *faults, **settings) if faults else None
        return self.sluice("wal", "append", path, "--direct", stdin=b"one\ntwo\n", env=env)

    def test_a_refusal_of_the_flag_or_of_the_transfer_is_told_and_costs_nothing(self):
        for refused in "direct", "write":
            out, err = self.append("log-" + refused, "EINVAL", op=refused, calls=1)
            self.assertEqual(out, "1\n2\n")
            self.assertIn("refuses direct writes", err)
            self.assertEqual(self.append("log-" + refused)[0], "3\n4\n")
            self.sluice("wal", "verify", "log-" + refused)


class Library(Case):
    def test_every_call_by_which_the_program_changes_files_can_fail(self):
        changes = {"open", "openat", "creat", "write", "writev", "pwrite", "pwritev", "fsync",
                   "fdatasync", "ftruncate", "truncate", "fallocate", "posix_fallocate", "rename",
                   "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir",
                   "mkdirat", "rmdir", "symlink", "copy_file_range", "sendfile"}

        def names(kind, path):
            lines = subprocess.run(["nm", "-D", kind, path], capture_output=True, check=True,
                                   text=True).stdout.splitlines()
            return {line.split()[-1].split("@")[0].removesuffix("64") for line in lines}

        used = names("--undefined-only", self.program) & changes
        library = self.faults("", "count")["LD_PRELOAD"]
        self.assertIn("fdatasync", used)
        self.assertEqual(used - names("--defined-only", library), set())


if __name__ == "__main__":
    cli.main()
