#!/usr/bin/python3
"""Points that do not fit: each kind, over each route, under each policy.

  server_conflict_test.py BUILD_DIR
"""

import json
import time

import cli
from server import BATCH, ServerCase

WRITE = "/v1/databases/demo/collections/c/write"
LINES = {"Content-Type": "application/x-ndjson"}
NOW = "2026-01-01T00:00:00Z"
# kind, field, point, what is kept of it
KINDS = [
    ("type", "v", {"id": "x", "time": NOW, "v": "text"}, {"v": "text"}),
    ("type", "id", {"id": 7, "time": NOW, "v": 1}, None),
    ("missing_key", "id", {"time": NOW, "v": 1}, None),
    ("missing_key", "time", {"id": "x", "v": 1}, None),
    ("null_key", "id", {"id": None, "time": NOW}, None),
    ("null_key", "id", {"id": "", "time": NOW}, None),
    ("time_range", "time", {"id": "x", "time": "2300-01-01T00:00:00Z"}, None),
    ("oversized", "id", {"id": "x" * 70_000, "time": NOW}, None),
    ("no_row", None, [1], None),
]


class ServerConflicts(ServerCase):
    def count(self, client):
        return len(self.points(client))

    def conflicts(self, client):
        """(kind, outcome): how many, without those of which there were none."""
        found = {}
        for line in client.ask("GET", "/metrics")[2].splitlines():
            if line.startswith("sluice_http_points_conflicts_total{"):
                labels, value = line.split("{")[1].split("} ")
                kind, outcome = [label.split('"')[1] for label in labels.split(",")]
                if value != "0":
                    found[kind, outcome] = int(value)
        return found

    def lines(self, client, *points):
        body = "".join(json.dumps(point) + "\n" for point in points)
        return client.json("POST", WRITE, body, LINES)

    def good(self, number):
        return {"id": f"g{number}", "time": NOW, "v": number}

    def served(self, *options):
        """A client of a server whose collection has the column v."""
        client = self.client(self.serve(*options))
        self.assertEqual(client.json("POST", WRITE, self.good(0))[0], 202)
        return client

    def assert_refused(self, answer, kind, field):
        status, body = answer
        self.assertEqual(status, 400, body)
        details = body["error"]["details"]
        self.assertEqual((details["kind"], details.get("field")), (kind, field))

    def test_a_request_is_refused_whole_unless_the_value_can_be_kept(self):
        for policy in ["reject", "refuse", "keep"]:
            client = self.served("--on-conflict", policy, "--data-dir", policy)
            expected = {}
            stored = 1
            for kind, field, bad, kept in KINDS:
                with self.subTest(policy=policy, kind=kind, field=field):
                    is_kept = policy == "keep" and kept is not None
                    outcome = (kind, "kept" if is_kept else "refused")
                    for path, body in [(WRITE, bad), (BATCH, {"points": [self.good(1), bad]})]:
                        answer = client.json("POST", path, body)
                        expected[outcome] = expected.get(outcome, 0) + 1
                        if not is_kept:
                            self.assert_refused(answer, kind, field)
                            continue
                        self.assertEqual(answer[0], 202, answer)
                        self.assertEqual((answer[1]["kept_count"], answer[1]["kept_by"]),
                                         (1, {kind: 1}))
                    stored += 2 if is_kept else 0
                    self.assertEqual(self.count(client), stored)
                    self.assertEqual(self.conflicts(client), expected)

    def test_lines_are_left_out_kept_or_the_end_of_the_request(self):
        for policy in ["reject", "keep", "refuse"]:
            client = self.served("--on-conflict", policy, "--data-dir", policy)
            for number, (kind, field, bad, kept) in enumerate(KINDS):
                with self.subTest(policy=policy, kind=kind, field=field):
                    first, last = self.good(2 * number + 1), self.good(2 * number + 2)
                    status, answer = self.lines(client, first, bad, last)
                    found = {key[0] for key in self.points(client)}
                    is_kept = policy == "keep" and kept is not None
                    self.assertIn(first["id"], found)
                    self.assertEqual(last["id"] in found, policy != "refuse")
                    if policy == "refuse":
                        self.assert_line_refused(status, answer, kind)
                        continue
                    self.assertEqual(status, 202, answer)
                    self.assertEqual((answer["published_count"], answer["rejected_by"],
                                      answer["kept_by"]),
                                     (3, {}, {kind: 1}) if is_kept else (2, {kind: 1}, {}))
                    told = [(error["line"], error["kind"]) for error in answer["errors"]]
                    self.assertEqual(told, [] if is_kept else [(2, kind)])

    def assert_line_refused(self, status, answer, kind):
        self.assertEqual(status, 400, answer)
        self.assertIn("line 2 is refused", answer["error"]["message"])
        details = answer["error"]["details"]
        self.assertEqual((details["published_count"], details["next_line"],
                          details["rejected_by"]), (1, 2, {kind: 1}))

    def test_a_collection_remembers_what_it_was_made_with(self):
        client = self.client(self.serve())
        client.json("POST", "/v1/databases", {"name": "demo"})
        fields = [{"name": "time", "type": "timestamp", "required": True},
                  {"name": "id", "type": "string", "required": True},
                  {"name": "v", "type": "number"}]
        for name, policy, status in [("kept", "keep", 202), ("refused", "refuse", 400),
                                     ("plain", None, 400)]:
            body = {"name": name, "fields": fields}
            if policy:
                body["on_conflict"] = policy
            self.assertEqual(client.json("POST", "/v1/databases/demo/collections", body)[0], 201)
            path = f"/v1/databases/demo/collections/{name}/write"
            bad = {"id": "a", "time": NOW, "v": "x"}
            self.assertEqual(client.json("POST", path, bad)[0], status)
        status, answer = client.json("POST", "/v1/databases/demo/collections",
                                     {"name": "odd", "fields": fields, "on_conflict": "drop"})
        self.assertEqual(status, 400)
        self.assertIn("none of reject, keep, refuse", answer["error"]["message"])

    def test_a_policy_that_is_changed_beside_the_server_is_followed(self):
        process = self.serve()
        client = self.client(process)
        client.json("POST", WRITE, self.good(0))
        bad = {"id": "x", "time": NOW, "v": "text"}
        self.assertEqual(client.json("POST", WRITE, bad)[0], 400)
        self.sluice("table", "alter", "demo.c", "--on-conflict", "keep")
        deadline = time.monotonic() + 60
        while client.json("POST", WRITE, bad)[0] != 202:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(json.loads(self.points(client)["x", NOW]["_rest"]), {"v": "text"})


if __name__ == "__main__":
    cli.main()
