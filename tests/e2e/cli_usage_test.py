#!/usr/bin/python3
"""The program's manners: help, version, exit codes, errors that say what to do.

  cli_usage_test.py BUILD_DIR
"""

import fcntl
import os

import cli
from cli import CORRUPTION, FAILED, USAGE

COMMANDS = [["ingest"], ["query"], ["tables"], ["inspect"], ["flush"], ["verify"]]
TOPICS = ["log", "pending", "parts", "snapshots", "marks", "groups", "part", "segment"]


class Usage(cli.Case):
    def test_help_and_version_go_to_standard_output(self):
        out, err = self.sluice("--help")
        for command in COMMANDS:
            self.assertIn(command[0], out)
        self.assertIn("Exit codes", out)
        self.assertEqual(err, "")
        out, _ = self.sluice("--version")
        self.assertRegex(
            out, r"^sluice \d+\.\d+\.\d+\nformats: directory \d+, log \d+, table \d+\n$")

    def test_each_command_explains_itself_with_examples(self):
        for command in COMMANDS + [["inspect", topic] for topic in TOPICS]:
            out, err = self.sluice(*command, "--help")
            self.assertIn("Examples:", out, command)
            self.assertIn("--data-dir", out, command)
            self.assertEqual(err, "", command)
            self.assertEqual(self.sluice("help", *command)[0], out)
        self.assertEqual(self.sluice("help")[0], self.sluice("--help")[0])

    def test_a_command_that_does_not_exist_is_answered_with_the_nearest(self):
        for typed, meant in [("tabels", "tables"), ("verfy", "verify"), ("qeury", "query"),
                             ("flsh", "flush")]:
            _, err = self.sluice(typed, code=USAGE)
            self.assertIn(f'no command "{typed}"; did you mean "{meant}"?', err)
        _, err = self.sluice("inspect", "snapshot", code=USAGE)
        self.assertIn('did you mean "snapshots"?', err)
        self.assertIn("inspect --help", err)
        _, err = self.sluice("xyzzy", code=USAGE)
        self.assertNotIn("did you mean", err)

    def test_wrong_usage_exits_with_2_and_one_line(self):
        for arguments in [
            [],
            ["frobnicate"],
            ["tables", "--frobnicate"],
            ["ingest", "a.csv"],
            ["ingest", "--table", "demo.a"],
            ["ingest", "--table", "nodot", "a.csv"],
            ["ingest", "--table", "demo.a", "--rate", "fast", "a.csv"],
            ["ingest", "--table", "demo.a", "--watch", "in", "a.csv"],
            ["ingest", "--table", "demo.a", "--watch-by", "magic", "--watch", "in"],
            ["ingest", "--table", "demo.a", "--to", "http://a:1", "--data-dir", "d", "a.csv"],
            ["query"],
            ["query", "demo.a", "--format", "xml"],
            ["query", "demo.a", "--limit", "-1"],
            ["query", "demo.a", "--from", "yesterday"],
            ["query", "demo.a", "--to", "2001-02-30"],
            ["query", "demo.a", "--where", "a = "],
            ["query", "demo.a", "--agg", "median(x)"],
            ["query", "demo.a", "--agg", "count(*)", "--columns", "a"],
            ["verify", "extra"],
            ["inspect"],
            ["inspect", "nonsense"],
            ["inspect", "parts"],
            ["inspect", "parts", "demo.a", "--snapshot", "first"],
            ["inspect", "part"],
            ["tables", "nodot"],
            ["tables", "--color", "sometimes"],
        ]:
            out, err = self.sluice(*arguments, code=USAGE)
            self.assertEqual(out, "", arguments)
            self.assertRegex(err, r"^sluice: .+--help\n$", arguments)
            self.assertEqual(err.count("\n"), 1, arguments)
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_server_is_checked_and_not_supported_yet(self):
        for url in ["", "host", "ftp://host", "http://", "http://:1", "http://host:", "http://h:0",
                    "http://h:65536", "http://h:1:2", "http://a b", "http://h/path", "http://[::1"]:
            _, err = self.sluice("ingest", "--table", "demo.a", "--to", url, "a.csv", code=USAGE)
            self.assertEqual(err.count("\n"), 1, url)
        for url, server in [("http://host", "host:80"), ("https://10.0.0.1:1", "10.0.0.1:1"),
                            ("https://a-b.example/", "a-b.example:443"),
                            ("http://[::1]:8080", "[::1]:8080")]:
            _, err = self.sluice("ingest", "--table", "demo.a", "--to", url, "a.csv", code=FAILED)
            self.assertEqual(err, "sluice: sending to a server is not supported by this version; "
                             f"leave out --to to ingest into a local directory [{server}]\n")
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_condition_that_is_not_understood_is_shown_with_its_place(self):
        _, err = self.sluice("query", "demo.a", "--where", "a = 1 and and", code=USAGE)
        self.assertIn("character 11", err)

    def test_without_a_directory_only_ingest_makes_one(self):
        for arguments in [["query", "demo.a"], ["tables"], ["flush"], ["verify"],
                          ["inspect", "log"], ["inspect", "parts", "demo.a"]]:
            _, err = self.sluice(*arguments, code=FAILED)
            self.assertRegex(err, r"^sluice: .*sluice-data")
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_directory_of_somebody_else_is_refused_and_untouched(self):
        os.mkdir(self.path("photos"))
        self.write("photos/a.jpg", "x")
        rows = self.write("a.csv", "a\n1\n")
        _, err = self.sluice("ingest", "--table", "demo.a", rows, "--data-dir", "photos",
                             code=FAILED)
        self.assertIn("photos", err)
        self.assertEqual(os.listdir(self.path("photos")), ["a.jpg"])

    def test_the_directory_can_come_from_the_environment(self):
        rows = self.write("a.csv", "a\n1\n")
        env = {**os.environ, "SLUICE_DATA_DIR": self.path("elsewhere")}
        self.sluice("ingest", "--table", "demo.a", rows, env=env)
        self.assertTrue(os.path.isdir(self.path("elsewhere", "tables")))

    def test_unknown_tables_columns_and_files_are_named(self):
        rows = self.write("a.csv", "a\n1\n")
        self.sluice("ingest", "--table", "demo.a", rows)
        _, err = self.sluice("query", "demo.b", code=FAILED)
        self.assertIn("demo.b", err)
        _, err = self.sluice("query", "demo.a", "--columns", "zebra", code=FAILED)
        self.assertIn("zebra", err)
        _, err = self.sluice("ingest", "--table", "demo.a", "absent.csv", code=FAILED)
        self.assertIn("absent.csv", err)
        _, err = self.sluice("ingest", "--table", "demo.c", "--key", "zebra", rows, code=FAILED)
        self.assertIn("zebra", err)
        _, err = self.sluice("ingest", "--table", "demo.a", "--key", "a", rows, code=FAILED)
        self.assertIn("demo.a", err)
        _, err = self.sluice("flush", "demo.b", code=FAILED)
        self.assertIn("demo.b", err)

    def test_damage_is_found_and_exits_with_3(self):
        self.sluice("ingest", "--table", "demo.a", self.write("a.csv", "a\n1\n2\n"))
        self.assertIn("ok", self.sluice("verify")[0])
        parts = [os.path.join(folder, name)
                 for folder, _, names in os.walk(self.path("sluice-data"))
                 for name in names if name.endswith(".parquet")]
        self.assertEqual(len(parts), 1)
        with open(parts[0], "r+b") as part:
            part.seek(8)
            byte = part.read(1)
            part.seek(8)
            part.write(bytes([byte[0] ^ 1]))
        out, _ = self.sluice("verify", code=CORRUPTION)
        self.assertIn(os.path.basename(parts[0]), out)
        out, _ = self.sluice("verify", "--format", "json", code=CORRUPTION)
        self.assertIn("\"findings\":[{", out)

    def test_a_locked_directory_can_be_read_but_not_written(self):
        flights = os.path.join(cli.TESTDATA, "flights.ndjson")
        self.sluice("ingest", "--table", "demo.a", self.write("a.csv", "a\n1\n"))
        owner = self.start("ingest", "--table", "demo.b", "--rate", "1000", "--progress", "always",
                           flights)
        self.addCleanup(owner.stderr.close)
        self.addCleanup(owner.stdout.close)
        self.addCleanup(owner.wait)
        self.addCleanup(owner.kill)
        while b"rows/s" not in owner.stderr.readline():
            self.assertIsNone(owner.poll())
        out, err = self.sluice("query", "demo.a", "--format", "csv")
        self.assertEqual(out, "a\n1\n")
        self.assertIn("another process", err)
        out, err = self.sluice("tables")
        self.assertRegex(out, r"demo\.b .* 0 +[1-9][0-9,]* ")  # rows, in the log
        self.assertEqual(err, "")
        rows = self.write("b.csv", "a\n2\n")
        for arguments in [["ingest", "--table", "demo.a", rows], ["flush"]]:
            _, err = self.sluice(*arguments, code=FAILED)
            self.assertRegex(err, r"^sluice: .*process")

    def test_a_closed_pipe_ends_quietly(self):
        flights = os.path.join(cli.TESTDATA, "flights.ndjson")
        self.sluice("ingest", "--table", "demo.b", flights)
        process = self.start("query", "demo.b", "--format", "csv")
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        self.assertEqual(process.stdout.readline(), b"date,delay,distance,origin,destination\n")
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertEqual(process.wait(), 0)


if __name__ == "__main__":
    cli.main()
