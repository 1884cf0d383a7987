#!/usr/bin/python3
"""Tables in a bucket: the whole program against the fake S3, with faults and kill -9.

  s3_test.py BUILD_DIR [SEED]
"""

import json
import os
import random
import sys
import time
from unittest import mock

import cli
from fake_store import FakeStore

KILLS = 8
FLIGHTS = ["flights.ndjson", "flights-week.csv"]
LAKE = ["--tables", "s3://lake/prod"]
# A request in eight meets one. Lists stay fresh: a bucket must show what was put before.
FAULTS = [
    {"fault": "slow_down", "permille": 10, "burst": 3},
    {"fault": "internal", "permille": 20},
    {"fault": "internal_after", "permille": 20},
    {"fault": "conflict", "ops": ["put_if"], "permille": 50},
    {"fault": "drop_before", "permille": 20},
    {"fault": "drop_after", "permille": 20},
    {"fault": "reset_after", "permille": 10},
    {"fault": "late", "ops": ["put_if", "delete"], "permille": 40, "after": 4},
    {"fault": "duplicate", "ops": ["put_if", "put", "delete"], "permille": 40, "after": 5},
    {"fault": "truncate", "ops": ["get"], "permille": 20},
    {"fault": "short_length", "ops": ["get"], "permille": 20},
]


class S3(cli.Case):
    seed = 0

    def setUp(self):
        super().setUp()
        self.store = FakeStore()
        self.addCleanup(self.store.stop)
        self.enterContext(mock.patch.dict(os.environ, self.store.environment()))

    def killed_after(self, seconds, *arguments):
        """Whether the command was still at work when it was killed."""
        process = self.start(*arguments)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return process.returncode < 0

    def keys(self, part):
        return {entry["key"] for entry in self.store.log()["entries"] if part in entry["key"]}

    def test_rows_go_to_the_bucket_and_later_commands_find_them(self):
        name = "weather.csv"
        self.ingest("--table", "demo.a", *cli.SETS[name], *LAKE, os.path.join(cli.TESTDATA, name))
        self.assert_same_rows("demo.a", cli.rows_of_testdata(name))
        self.assertEqual(sorted(os.listdir(self.path("sluice-data"))), ["BUCKET", "FORMAT", "log"])
        table = json.loads(self.sluice("tables", "--format", "json")[0])[0]
        self.assertEqual(table["location"], "s3://lake/prod/demo/a")
        self.assertIn("ok", self.sluice("verify")[0])
        self.assertTrue(self.keys("prod/demo/a/data/"))
        self.assertEqual(self.store.open_uploads(), [])

    def test_faults_of_the_store_lose_and_double_nothing(self):
        self.ingest("--table", "demo.b", *LAKE, self.write("b.csv", "n\n1\n"))
        self.store.plan(*FAULTS, seed=self.seed)
        for at, name in enumerate(FLIGHTS):
            self.ingest("--table", f"demo.a{at}", *cli.SETS[name], os.path.join(cli.TESTDATA, name))
        met = self.store.log()["faults"]
        self.store.plan()
        print(f"seed {self.seed}: {met}", file=sys.stderr)
        self.assertTrue(met)
        for at, name in enumerate(FLIGHTS):
            self.assert_same_rows(f"demo.a{at}", cli.rows_of_testdata(name))
        self.assertIn("ok", self.sluice("verify")[0])

    def test_kills_and_faults_together_lose_and_double_nothing(self):
        chance = random.Random(self.seed)
        name = "flights-week.csv"
        self.ingest("--table", "demo.b", *LAKE, self.write("b.csv", "n\n1\n"))
        command = ["ingest", "--table", "demo.a", *cli.SETS[name], "--rate", "100000",
                   os.path.join(cli.TESTDATA, name)]
        killed = 0
        for turn in range(KILLS):
            self.store.plan(*FAULTS, seed=self.seed + turn)
            killed += self.killed_after(chance.uniform(0.1, 1.2), *command)
        self.store.plan()
        print(f"seed {self.seed}: {killed} of {KILLS} killed at work", file=sys.stderr)
        self.assertGreater(killed, 0)
        self.ingest(*command[1:-3], command[-1])
        self.assert_same_rows("demo.a", cli.rows_of_testdata(name))
        self.assertIn("ok", self.sluice("verify")[0])

    def test_a_directory_stays_with_its_bucket(self):
        rows = self.write("a.csv", "n\n1\n")
        self.ingest("--table", "demo.a", *LAKE, rows)
        self.ingest("--table", "demo.a", *LAKE, self.write("b.csv", "n\n2\n"))
        other = ["ingest", "--table", "demo.a", "--tables", "s3://lake/other", rows]
        self.assertIn("s3://lake/prod", self.sluice(*other, code=cli.FAILED)[1])
        moved = ["ingest", "--table", "demo.a", *LAKE, "--endpoint", "http://127.0.0.1:9", rows]
        self.assertIn(self.store.endpoint, self.sluice(*moved, code=cli.FAILED)[1])
        self.assertEqual(self.count("demo.a"), 2)

    def test_a_local_directory_keeps_its_tables(self):
        rows = self.write("a.csv", "n\n1\n")
        self.ingest("--table", "demo.a", rows)
        refused = self.sluice("ingest", "--table", "demo.a", *LAKE, rows, code=cli.FAILED)[1]
        self.assertIn("its own tables/", refused)
        self.assertEqual(self.store.log()["requests"], 0)

    def test_what_cannot_be_used_is_said(self):
        command = ["ingest", "--table", "demo.a", *LAKE, self.write("a.csv", "n\n1\n")]
        with mock.patch.dict(os.environ, {"AWS_SECRET_ACCESS_KEY": ""}):
            self.assertIn("AWS_SECRET_ACCESS_KEY", self.sluice(*command, code=cli.FAILED)[1])
        with mock.patch.dict(os.environ, {"AWS_SECRET_ACCESS_KEY": "wrong"}):
            self.assertIn("SignatureDoesNotMatch", self.sluice(*command, code=cli.FAILED)[1])
        with mock.patch.dict(os.environ, {"AWS_REGION": "eu-central-1"}):
            self.assertIn("expecting 'us-east-1'", self.sluice(*command, code=cli.FAILED)[1])
        absent = [*command[:-2], "s3://absent/prod", command[-1]]
        self.assertIn("make the bucket first", self.sluice(*absent, code=cli.FAILED)[1])
        self.assertIn("s3://BUCKET", self.sluice(*command[:-2], "lake", command[-1],
                                                 code=cli.USAGE)[1])
        self.ingest(*command[1:])
        self.assertEqual(self.count("demo.a"), 1)

    def test_credentials_may_be_in_the_users_files(self):
        written = self.write("credentials", "[default]\naws_access_key_id = nobody\n"
                             "[lake]\naws_access_key_id=sluice-test\n"
                             "aws_secret_access_key = sluice-test-secret\n")
        config = self.write("config", "[profile lake]\nregion = us-east-1\n"
                            f"endpoint_url = {self.store.endpoint}\n")
        with mock.patch.dict(os.environ, {
                "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL": "",
                "AWS_REGION": "", "AWS_PROFILE": "lake", "AWS_CONFIG_FILE": config,
                "AWS_SHARED_CREDENTIALS_FILE": written}):
            self.ingest("--table", "demo.a", *LAKE, self.write("a.csv", "n\n1\n"))
            self.assertEqual(self.count("demo.a"), 1)

    def test_a_dead_store_is_an_error_in_time(self):
        self.ingest("--table", "demo.a", *LAKE, self.write("a.csv", "n\n1\n"))
        self.store.stop()
        for command in (["query", "demo.a"], ["tables"], ["verify"],
                        ["ingest", "--table", "demo.a", self.path("a.csv")]):
            begin = time.monotonic()
            self.sluice(*command, code=cli.FAILED)
            self.assertLess(time.monotonic() - begin, 60)


if __name__ == "__main__":
    S3.seed = int(sys.argv.pop(2)) if len(sys.argv) > 2 else random.randrange(10**9)
    cli.main()
