"""The fake S3 of tests/s3 as a process, for tests in Python."""

import json
import os
import subprocess
import sys
import urllib.request

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                      "s3/fake_s3.py")


class FakeStore:
    """Serves until stop(), or until this process ends."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-B", SCRIPT, "--bucket", "lake", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.endpoint = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        # A proxy of the environment is not for the loopback.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def control(self, name, body=None):
        url = f"{self.endpoint}/-/{name}"
        with self.opener.open(url, None if body is None else body.encode(), 20) as answer:
            return answer.read()

    def plan(self, *rules, seed=0):
        """Faults from now on: rules of tests/s3/faults.py. None: no faults."""
        self.control("faults", json.dumps({"seed": seed, "rules": rules}))

    def log(self):
        return json.loads(self.control("log"))

    def open_uploads(self):
        return json.loads(self.control("uploads"))

    def environment(self):
        """What a program needs to use it, and nothing of the user's own."""
        return {"AWS_ACCESS_KEY_ID": "sluice-test", "AWS_SECRET_ACCESS_KEY": "sluice-test-secret",
                "AWS_SESSION_TOKEN": "", "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_ENDPOINT_URL_S3": "", "AWS_REGION": "us-east-1", "AWS_CA_BUNDLE": "",
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull,
                "no_proxy": "127.0.0.1"}
