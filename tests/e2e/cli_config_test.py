#!/usr/bin/python3
"""The configuration from the outside: files, variables, flags, and what ships with the program.

  cli_config_test.py BUILD_DIR
"""

import json
import os

import cli
from cli import FAILED, USAGE

KEY = "0123456789abcdef0123456789abcdef"


class Config(cli.Case):
    def environment(self, **variables):
        plain = {name: value for name, value in os.environ.items()
                 if not name.startswith("SLUICE_")}
        return {**plain, **variables}

    def config(self, *arguments, env=None, **options):
        return self.sluice("config", *arguments, env=env or self.environment(), **options)

    def shown(self, *arguments, env=None):
        """key -> its row."""
        out, _ = self.config("show", "--format", "json", *arguments, env=env)
        return {row["key"]: row for row in json.loads(out)["settings"]}

    def test_the_file_that_ships_holds_every_key_with_its_default(self):
        out, err = self.config("show", "--format", "yaml", "--defaults")
        with open(os.path.join(cli.SOURCE, "deploy", "sluice.yaml"), encoding="utf-8") as file:
            self.assertEqual(file.read(), out)
        self.assertEqual(err, "")
        shipped = self.write("sluice.yaml", out)
        for key, row in self.shown("--config", shipped).items():
            self.assertEqual(row["value"], self.shown()[key]["value"], key)
        out, err = self.config("check", shipped)
        self.assertRegex(out, r"^ok: \d+ keys are set\n$")
        self.assertEqual(err, "")

    def test_the_documentation_holds_every_key(self):
        out, _ = self.config("show", "--format", "markdown", "--defaults")
        path = os.path.join(cli.SOURCE, "docs", "configuration.md")
        with open(path, encoding="utf-8") as file:
            self.assertTrue(file.read().endswith("\n" + out))

    def test_a_flag_is_above_the_environment_and_that_above_the_file(self):
        key = "storage.flush.interval"
        file = self.write("a.yaml", f"{key}: 1m\nwal.open: strict\n")
        env = self.environment(SLUICE_CONFIG=file)
        self.assertEqual(self.shown(env=env)[key]["value"], "1m")
        self.assertEqual(self.shown(env=env)[key]["where"], file + ":1")
        env["SLUICE_STORAGE_FLUSH_INTERVAL"] = "2m"
        self.assertEqual(self.shown(env=env)[key]["value"], "2m")
        row = self.shown("--set", f"{key}=3m", "--set", "server.http_port=80", env=env)
        self.assertEqual((row[key]["value"], row[key]["origin"]), ("3m", "flag"))
        self.assertEqual(row["server.http_port"]["value"], 80)
        self.assertEqual(row["wal.open"]["value"], "strict")
        other = self.write("b.yaml", "wal.open: instant\n")
        self.assertEqual(self.shown("--config", other, env=env)["wal.open"]["value"], "instant")

    def test_every_fault_is_told_with_its_place_and_what_is_allowed(self):
        faulty = self.write("faulty.yaml", "storage:\n  flush:\n    interval: -1\n"
                            "    intervall: 1s\n  multipart:\n    max_rows_per_part: 0\n"
                            "  timezone: Mars/Base\n")
        out, err = self.config("check", "faulty.yaml", code=FAILED)
        self.assertEqual(out, "")
        for said in [
                'storage.flush.interval cannot be "-1": it takes a duration above 0, such as '
                "500ms, 5m or 1h30m, or off [faulty.yaml:3]",
                "storage.flush.intervall is no key; did you mean storage.flush.interval? "
                "[faulty.yaml:4]",
                'storage.multipart.max_rows_per_part cannot be "0"',
                'storage.timezone cannot be "Mars/Base"',
                "[faulty.yaml:7]"]:
            self.assertIn(said, err)
        self.assertEqual(err.count("\n"), 4)
        rows = self.write("a.csv", "a\n1\n")
        for command in [["ingest", "--table", "demo.a", rows], ["flush"],
                        ["table", "create", "demo.a", "--column", "a long"], ["config", "show"]]:
            _, err = self.sluice(*command, "--config", faulty, code=FAILED,
                                 env=self.environment())
            self.assertIn("storage.flush.interval cannot be", err, command)
            self.assertIn("and 3 more", err)
        self.assertEqual(sorted(os.listdir(self.dir)), ["a.csv", "faulty.yaml"])

    def test_a_wrong_variable_or_flag_is_named(self):
        _, err = self.config("check", code=FAILED,
                             env=self.environment(SLUICE_WAL_OPNE="strict"))
        self.assertEqual(err, "sluice: SLUICE_WAL_OPNE sets no key; did you mean SLUICE_WAL_OPEN? "
                         "[SLUICE_WAL_OPNE]\n")
        _, err = self.config("check", "--set", "wal.open=maybe", code=FAILED)
        self.assertEqual(err, 'sluice: wal.open cannot be "maybe": it takes one of instant, strict '
                         "[--set]\n")
        self.config("check", "--set", "wal.open", code=USAGE)
        _, err = self.config("check", "absent.yaml", code=FAILED)
        self.assertIn("absent.yaml", err)

    def test_a_server_that_others_reach_needs_keys(self):
        _, err = self.config("check", "--set", "server.host=0.0.0.0", code=FAILED)
        self.assertIn("server.allow_anonymous", err)
        self.config("check", "--set", "server.host=0.0.0.0", "--set", "auth.enabled=true",
                    "--set", f"auth.api_keys={KEY}")

    def test_secrets_are_cut(self):
        for form in ["text", "json", "yaml"]:
            out, _ = self.config("show", "--format", form,
                                 env=self.environment(SLUICE_AUTH_API_KEYS=KEY))
            self.assertIn("0123...", out)
            self.assertNotIn("01234", out)

    def test_keys_of_a_cluster_are_accepted_with_a_notice(self):
        clustered = self.write("a.yaml", "etcd:\n  endpoints: [a, b]\nreplication: {factor: 3}\n")
        _, err = self.config("check", clustered)
        self.assertIn("etcd: 1 key has no meaning in one process", err)
        self.assertIn("replication: 1 key", err)

    def test_a_command_takes_its_directory_and_its_engines_options_from_it(self):
        file = self.write("sluice.yaml", f"storage:\n  data_dir: {self.path('here')}\n"
                          "wal:\n  segment_size: 64KiB\n")
        rows = self.write("a.csv", "a\n" + "".join(f"{i}\n" for i in range(50_000)))
        self.sluice("ingest", "--table", "demo.a", rows, "--config", file, env=self.environment())
        out, _ = self.sluice("inspect", "log", "--format", "json", "--data-dir", "here")
        self.assertEqual(json.loads(out)["findings"], [])
        for segment in json.loads(out)["segments"]:
            self.assertLessEqual(segment["file_bytes"], 1 << 20)
        self.sluice("flush", "--config", file, env=self.environment())
        self.sluice("ingest", "--table", "demo.a", rows, "--config", file, "--data-dir", "there",
                    env=self.environment())
        self.assertTrue(os.path.isdir(self.path("there", "tables")))
        self.assertFalse(os.path.exists(self.path("sluice-data")))


if __name__ == "__main__":
    cli.main()
