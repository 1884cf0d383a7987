"""A running `sluice serve` and its clients, for the tests of the server."""

import http.client
import json
import os
import re
import select
import signal
import time

import cli

BATCH = "/v1/databases/demo/collections/c/write/batch"
QUERY = "/v1/databases/demo/collections/c/query"


class Client:
    """One connection that is kept."""

    def __init__(self, port, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = headers or {}

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and text of the answer."""
        self.connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = self.connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def json(self, method, path, body=None, headers=None):
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        status, _, text = self.ask(method, path, body, headers)
        return status, json.loads(text) if text else None

    def write(self, points):
        """The status; the connection's end is an error."""
        return self.json("POST", BATCH, {"points": points})[0]

    def close(self):
        self.connection.close()


class ServerCase(cli.Case):
    """Each test may start servers in its directory; what still runs at its end is killed."""

    def serve(self, *options):
        """The process; its port is `process.port`."""
        process = self.start("serve", "--listen", "127.0.0.1:0", *options)
        self.addCleanup(self._kill, process)
        process.banner = self._banner(process)
        process.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", process.banner)[1])
        return process

    def client(self, process, headers=None):
        client = Client(process.port, headers)
        self.addCleanup(client.close)
        return client

    def end(self, process, code=0):
        """SIGTERM, and the wait for the end."""
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, err.decode())
        return err.decode()

    def points(self, client, path=QUERY):
        """Every point as (id, time): fields. A point that is there twice fails the test."""
        status, answer = client.json("GET", path)
        self.assertEqual(status, 200, answer)
        points = {}
        for device in answer["results"]:
            key, moments = device.pop("id"), device.pop("times")
            for at, moment in enumerate(moments):
                self.assertNotIn((key, moment), points)
                points[key, moment] = {name: values[at] for name, values in device.items()}
        return points

    def _banner(self, process):
        """What it prints once it serves."""
        text = ""
        deadline = time.monotonic() + 60
        while "admin/flush" not in text:
            ready, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
            piece = os.read(process.stdout.fileno(), 65536).decode() if ready else ""
            if not piece:
                self.fail(f"no server: {text}{process.communicate(timeout=10)[1].decode()}")
            text += piece
        return text

    @staticmethod
    def _kill(process):
        if process.poll() is None:
            process.kill()
        process.communicate()
