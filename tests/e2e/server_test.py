#!/usr/bin/python3
"""The HTTP server from the outside: what clients send, what they get.

  server_test.py BUILD_DIR
"""

import gzip
import json
import os
import re
import socket
import unittest

import cli
from server import BATCH, QUERY, ServerCase

KEY = "0123456789abcdef0123456789abcdef"
WRITE = "/v1/databases/demo/collections/c/write"


def point(number, **fields):
    return {"id": f"d{number % 3}", "time": f"2026-01-01T00:00:{number // 3 % 60:02}.{number:06}Z",
            "n": number, **fields}


class Server(ServerCase):
    def test_a_point_comes_back_with_its_types(self):
        client = self.client(self.serve())
        sent = {"id": "a", "time": "2026-01-01T00:00:00.000001Z", "whole": 2**53 + 1,
                "real": 1.0, "text": 'é "quoted" \n', "yes": True, "nothing": None}
        self.assertEqual(client.json("POST", WRITE, sent)[0], 202)
        status, answer = client.json("GET", QUERY)
        self.assertEqual(status, 200)
        self.assertEqual(answer["results"], [
            {"id": "a", "times": ["2026-01-01T00:00:00.000001Z"], "whole": [2**53 + 1],
             "real": [1.0], "text": ['é "quoted" \n'], "yes": [True]}])
        self.assertIsInstance(answer["results"][0]["real"][0], float)

    def test_batches_have_limits_and_are_refused_whole(self):
        client = self.client(self.serve())
        status, answer = client.json("POST", BATCH, {"points": [point(n) for n in range(10_000)]})
        self.assertEqual((status, answer["published_count"]), (202, 10_000))
        too_many = {"points": [point(n) for n in range(10_001)]}
        for body, status, code in [(too_many, 413, "BATCH_TOO_LARGE"),
                                   ({"points": []}, 400, "INVALID_REQUEST"),
                                   ({}, 400, "INVALID_REQUEST"), ([], 400, "INVALID_REQUEST"),
                                   ("{", 400, "INVALID_REQUEST"),
                                   ('{"points":[]} x', 400, "INVALID_REQUEST")]:
            got, answer = client.json("POST", BATCH, body)
            self.assertEqual((got, answer["error"]["code"]), (status, code), answer)
        one_bad = [point(20_000), point(20_001, n="text"), point(20_002)]
        status, answer = client.json("POST", BATCH, {"points": one_bad})
        self.assertEqual((status, answer["error"]["details"]),
                         (400, {"point": 1, "field": "n", "kind": "type"}))
        self.assertEqual(len(self.points(client)), 10_000)

    def test_a_body_above_the_limit_is_refused(self):
        process = self.serve()
        body = b" " * 50_000_001
        for headers in ({}, {"Transfer-Encoding": "chunked"}):
            client = self.client(process)
            chunks = iter([body]) if headers else body
            client.connection.request("POST", BATCH, chunks, headers, encode_chunked=bool(headers))
            got = client.connection.getresponse()
            self.assertEqual(got.status, 413)
            self.assertEqual(json.loads(got.read())["error"]["code"], "BATCH_TOO_LARGE")
        self.assertEqual(self.client(process).write([point(1)]), 202)

    def test_a_field_keeps_its_type(self):
        client = self.client(self.serve())

        def write(number, value):
            return client.json("POST", WRITE, point(number, v=value))

        self.assertEqual(write(1, None)[0], 202)
        self.assertEqual(write(2, 7)[0], 202)
        for number, value in [(3, 3.7), (4, "x"), (5, 2**63), (6, True), (7, {"a": 1}), (8, [1])]:
            status, answer = write(number, value)
            self.assertEqual((status, answer["error"]["details"]["field"]), (400, "v"), answer)
        values = [fields.get("v") for _, fields in sorted(self.points(client).items())]
        self.assertEqual(sorted(values, key=str), [7, None])

    def test_what_does_not_fit_can_be_kept_beside_the_columns(self):
        client = self.client(self.serve("--on-conflict", "keep"))
        for number, value in enumerate(["1", '"x"', '{"a": [1, 2.50]}', "null"]):
            body = json.dumps(point(number, v="VALUE")).replace('"VALUE"', value)
            self.assertEqual(client.json("POST", WRITE, body)[0], 202)
        rests = [fields.get("_rest") for fields in self.points(client).values()]
        self.assertEqual(sorted(filter(None, rests)), ['{"v":"x"}', '{"v":{"a":[1,2.50]}}'])

    def test_times_and_ids_that_are_none_are_refused(self):
        client = self.client(self.serve())
        for moment in ["2026-01-01", "2026-01-01T00:00:00", "yesterday", "2026-02-30T00:00:00Z", 7,
                       "2300-01-01T00:00:00Z"]:
            status, answer = client.json("POST", WRITE, {"id": "a", "time": moment, "v": 1})
            self.assertEqual(status, 400, (moment, answer))
        for bad in [{"time": "2026-01-01T00:00:00Z"}, {"id": "a"},
                    {"id": "", "time": "2026-01-01T00:00:00Z"},
                    {"id": None, "time": "2026-01-01T00:00:00Z"},
                    {"id": 7, "time": "2026-01-01T00:00:00Z"},
                    {"id": "x" * 70_000, "time": "2026-01-01T00:00:00Z"}]:
            self.assertEqual(client.json("POST", WRITE, bad)[0], 400, bad.keys())
        moments = ["1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z",
                   "2262-04-11T23:47:16Z"]
        ids = ["a:b", "../x", "..", "/", "nul\0", "é"]
        for name in ids:
            for moment in moments:
                self.assertEqual(client.json("POST", WRITE, {"id": name, "time": moment})[0], 202)
        found = self.points(client)
        self.assertEqual(set(found), {(name, moment) for name in ids for moment in moments})
        for device in client.json("GET", QUERY)[1]["results"]:
            self.assertEqual(device["times"], moments)

    def test_names_are_checked(self):
        client = self.client(self.serve())
        for database, collection in [("a.b", "c"), ("x" * 65, "c"), ("a", "%2e%2e"), ("-a", "c"),
                                     ("a", "b%00"), ("system", "c"), ("a", "config")]:
            path = f"/v1/databases/{database}/collections/{collection}/write"
            self.assertEqual(client.json("POST", path, point(1))[0], 400, path)
        self.assertEqual(client.json("POST", "/v1/databases/a/collections/b/write%2g", "")[0], 400)

    def test_keys_are_asked_for_where_they_have_to_be(self):
        process = self.serve("--api-key", KEY)
        for headers, status in [({}, 401), ({"X-API-Key": KEY[:-1]}, 401),
                                ({"X-API-Key": KEY + "x"}, 401), ({"X-API-Key": " "}, 401),
                                ({"X-API-Key": KEY}, 202),
                                ({"Authorization": f"Bearer {KEY}"}, 202),
                                ({"Authorization": f"ApiKey {KEY}"}, 202),
                                ({"Authorization": KEY}, 202)]:
            got, answer = self.client(process, headers).json("POST", WRITE, point(1))
            self.assertEqual(got, status, headers)
            if status == 401:
                self.assertEqual(answer["error"]["code"], "UNAUTHORIZED")
        client = self.client(process)
        for path in ["/health", "/healthz", "/metrics"]:
            self.assertEqual(client.ask("GET", path)[0], 200)
        self.assertEqual(client.json("POST", "/admin/flush")[0], 401)
        self.assertNotIn(KEY, process.banner + self.end(process))

    def test_keys_and_addresses_that_cannot_be_stop_the_start(self):
        for options, word in [(["--api-key", "short"], "32 characters"),
                              (["--api-key", " " * 40], "32 characters"),
                              (["--listen", "0.0.0.0:0"], "API key"),
                              (["--listen", "nowhere:1"], "address")]:
            _, err = self.sluice("serve", *options, code=cli.FAILED)
            self.assertIn(word, err)
        self.assertNotIn("short", self.sluice("serve", "--api-key", "short", code=cli.FAILED)[1])
        for listen in ["5555", "127.0.0.1:x", "::1:5"]:
            self.sluice("serve", "--listen", listen, code=cli.USAGE)

    def test_a_taken_port_and_a_locked_directory_are_told(self):
        process = self.serve()
        _, err = self.sluice("serve", "--data-dir", "other", "--listen",
                             f"127.0.0.1:{process.port}", code=cli.FAILED)
        self.assertIn("cannot listen", err)
        _, err = self.sluice("serve", "--listen", "127.0.0.1:0", code=cli.FAILED)
        self.assertIn("another process", err)

    def test_a_limit_is_of_each_device(self):
        client = self.client(self.serve())
        client.write([point(n) for n in range(60)])
        first = client.json("GET", QUERY + "?limit=5")[1]["results"]
        self.assertEqual([(device["id"], len(device["times"])) for device in first],
                         [("d0", 5), ("d1", 5), ("d2", 5)])
        self.assertEqual([device["n"][0] for device in first], [0, 1, 2])
        client.json("POST", "/v1/admin/flush")
        self.assertEqual(client.json("GET", QUERY + "?limit=5")[1]["results"], first)
        self.assertEqual(client.json("GET", QUERY + "?limit=-1")[0], 400)

    def test_ranges_are_half_open_everywhere(self):
        client = self.client(self.serve())
        for hour in (0, 1, 2):
            client.json("POST", WRITE, {"id": "a", "time": f"2026-01-01T0{hour}:00:00Z", "v": hour})
        span = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-01T02:00:00Z"
        raw = client.json("GET", f"{QUERY}?{span}")[1]["results"][0]
        self.assertEqual(raw["v"], [0, 1])
        hours = client.json("GET", f"{QUERY}?{span}&interval=1h&aggregation=sum")[1]["results"][0]
        self.assertEqual((hours["times"], hours["v"]), (raw["times"], [0, 1]))

    def test_a_query_chooses_and_answers_in_the_offset_that_was_asked(self):
        client = self.client(self.serve())
        client.write([point(n, extra=n / 2) for n in range(9)])
        status, answer = client.json("POST", QUERY, {
            "ids": ["d1"], "fields": ["n"], "start_time": "2026-01-01T02:00:00+02:00",
            "end_time": "2026-01-02T00:00:00Z"})
        self.assertEqual(status, 200)
        self.assertEqual(answer["results"], [{
            "id": "d1", "n": [1, 4, 7],
            "times": [f"2026-01-01T02:00:0{n // 3}.{n:06}+02:00" for n in (1, 4, 7)]}])
        url = QUERY + "?device_id=d1&fields=n&start_time=2026-01-01T02:00:00%2B02:00"
        self.assertEqual(client.json("GET", url)[1]["results"], answer["results"])

    def test_a_file_configures_the_server_and_flags_are_above_it(self):
        file = self.write("sluice.yaml", "storage:\n  data_dir: " + self.path("here") +
                          "\n  timezone: Asia/Tokyo\n  node_id: alpha\n"
                          "server: {auto_create: false}\n")
        server = self.serve("--config", file, "--auto-create=true", "--set",
                            "storage.flush.interval=7s")
        self.assertIn("7 s after a row came", server.banner)
        client = self.client(server)
        client.write([point(1, time="2026-01-01T14:59:59Z"),
                      point(4, time="2026-01-01T15:00:00Z")])
        status, answer = client.json("GET", f"{QUERY}?interval=1d&aggregation=count&fields=n"
                                     "&start_time=2026-01-01T00:00:00Z"
                                     "&end_time=2026-01-03T00:00:00Z")
        self.assertEqual(status, 200)
        times = ["2025-12-31T15:00:00Z", "2026-01-01T15:00:00Z"]  # midnights in Tokyo
        self.assertEqual([each["times"] for each in answer["results"]], [times])
        self.assertTrue(os.path.isdir(self.path("here", "tables")))

    def test_queries_that_cannot_be_are_refused(self):
        client = self.client(self.serve())
        client.write([point(1)])
        day = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z"
        year = "start_time=2026-01-01T00:00:00Z&end_time=2027-01-02T00:00:00Z"
        for words, status, code in [
                ("start_time=today", 400, "INVALID_REQUEST"),
                ("start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z", 400,
                 "INVALID_REQUEST"),
                (f"{day}&interval=7m", 400, "INVALID_REQUEST"),
                (f"{year}&interval=1h", 400, "INVALID_REQUEST"),
                (f"{day}&interval=1h&aggregation=median", 400, "INVALID_REQUEST"),
                (f"{day}&interval=1h&aggregation=min_time", 501, "NOT_IMPLEMENTED"),
                ("fields=nosuch", 400, "INVALID_REQUEST"),
                ("downsampling=lttb", 501, "NOT_IMPLEMENTED")]:
            got, answer = client.json("GET", f"{QUERY}?{words}")
            self.assertEqual((got, answer["error"]["code"]), (status, code), words)
        self.assertEqual(client.json("POST", QUERY, "{")[1]["error"]["code"], "INVALID_JSON")
        for path, code in [("/v1/databases/no/collections/c/query", "DATABASE_NOT_FOUND"),
                           ("/v1/databases/demo/collections/no/query", "COLLECTION_NOT_FOUND")]:
            status, answer = client.json("GET", path)
            self.assertEqual((status, answer["error"]["code"]), (404, code))

    def test_without_auto_create_the_collection_has_to_be_made(self):
        process = self.serve("--auto-create", "false")
        client = self.client(process)
        self.assertEqual(client.json("POST", WRITE, point(1))[1]["error"]["code"],
                         "DATABASE_NOT_FOUND")
        made = client.json("POST", "/v1/databases", {"name": "demo", "description": "tries"})
        self.assertEqual((made[0], made[1]["description"]), (201, "tries"))
        self.assertEqual(client.json("POST", "/v1/databases", {"name": "demo"})[0], 409)
        self.assertEqual(client.json("POST", WRITE, point(1))[1]["error"]["code"],
                         "COLLECTION_NOT_FOUND")
        fields = [{"name": "time", "type": "timestamp", "required": True},
                  {"name": "id", "type": "string", "required": True},
                  {"name": "n", "type": "number"}]
        collections = "/v1/databases/demo/collections"
        for unfit in [fields[:1], fields + [fields[2]], fields + [{"name": "x", "type": "long"}]]:
            answer = client.json("POST", collections, {"name": "c", "fields": unfit})
            self.assertEqual((answer[0], answer[1]["error"]["code"]), (400, "INVALID_FIELDS"))
        self.assertEqual(client.json("POST", collections, {"name": "c", "fields": fields})[0], 201)
        self.assertEqual(client.json("POST", collections, {"name": "c", "fields": fields})[0], 409)
        self.assertEqual(client.json("POST", WRITE, point(1))[0], 202)
        self.end(process)
        client = self.client(self.serve())
        self.assertEqual(client.json("GET", "/v1/databases/demo")[1]["description"], "tries")
        shown = client.json("GET", collections + "/c")[1]
        self.assertEqual(shown["fields"], {"id": "string", "time": "timestamp", "n": "float"})

    def test_lines_are_taken_as_they_come_and_bad_ones_left_out(self):
        client = self.client(self.serve())
        lines = [json.dumps(point(n)) for n in range(30_000)]
        lines[7] = "{"
        lines[20_000] = json.dumps(point(20_000, n="text"))
        lines[25_000] = json.dumps(point(25_000, late=1))
        headers = {"Content-Type": "application/x-ndjson"}

        def pieces():
            text = "\n".join(lines).encode()
            for at in range(0, len(text), 100_001):
                yield text[at:at + 100_001]

        client.connection.request("POST", WRITE, pieces(), headers, encode_chunked=True)
        answer = client.connection.getresponse()
        told = json.loads(answer.read())
        self.assertEqual((answer.status, told["status"], told["published_count"]),
                         (202, "partial", 29_998))
        self.assertEqual([error["line"] for error in told["errors"]], [8, 20_001])
        self.assertEqual(len(self.points(client)), 29_998)
        packed = gzip.compress(json.dumps(point(7)).encode())
        status, told = client.json("POST", WRITE, packed, {**headers, "Content-Encoding": "gzip"})
        self.assertEqual((status, told["published_count"]), (202, 1))
        self.assertEqual(client.json("POST", WRITE, "x\ny", headers)[0], 400)

    def test_bodies_may_be_compressed(self):
        client = self.client(self.serve())
        body = gzip.compress(json.dumps({"points": [point(n) for n in range(100)]}).encode())
        self.assertEqual(client.json("POST", BATCH, body, {"Content-Encoding": "gzip"})[0], 202)
        self.assertEqual(len(self.points(client)), 100)
        bomb = gzip.compress(b" " * 60_000_000)
        for sent, encoding, status in [(body[:50], "gzip", 400), (body, "br", 415),
                                       (bomb, "gzip", 413)]:
            headers = {"Content-Encoding": encoding}
            self.assertEqual(client.json("POST", BATCH, sent, headers)[0], status)

    def test_a_flush_tells_its_counts_and_nothing_pending_is_nothing(self):
        client = self.client(self.serve())
        client.write([point(n) for n in range(10)] + [point(3, n=33)])
        for path in ["/v1/admin/flush", "/admin/flush"]:
            status, told = client.json("POST", path)
            self.assertEqual((status, told["success"]), (200, True))
            if path.startswith("/v1"):
                self.assertEqual((told["points"], told["parts"]), (10, 1))
            else:
                self.assertEqual((told["points"], told["parts"]), (0, 0))

    def test_other_paths_and_methods_are_refused_and_browsers_are_let_in(self):
        client = self.client(self.serve())
        for method, path, status, code in [("GET", "/nope", 404, "NOT_FOUND"),
                                           ("GET", "/", 404, "NOT_FOUND"),
                                           ("PUT", WRITE, 405, "ERROR"),
                                           ("GET", QUERY + "/stream", 501, "NOT_IMPLEMENTED"),
                                           ("DELETE", "/v1/databases/a", 501, "NOT_IMPLEMENTED")]:
            got, answer = client.json(method, path)
            self.assertEqual((got, answer["error"]["code"], answer["error"]["path"]),
                             (status, code, path))
        status, headers, _ = client.ask("OPTIONS", WRITE)
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (204, "*"))

    def test_what_is_no_http_is_answered_or_ended_and_harms_nobody(self):
        process = self.serve()
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        for sent, statuses in [
                (b"garbage\r\n\r\n", [b"400"]),
                (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", [b"400"]),
                (head + b"X: " + b"a" * 40_000 + b"\r\n\r\n", [b"431"]),
                (head + b"\r\n" + head + b"Connection: close\r\n\r\n", [b"200", b"200"]),
                (b"HEAD" + head[3:] + b"Connection: close\r\n\r\n", [b"200"])]:
            with socket.create_connection(("127.0.0.1", process.port), timeout=30) as raw:
                raw.sendall(sent)
                raw.shutdown(socket.SHUT_WR)
                got = b"".join(iter(lambda: raw.recv(65536), b""))
            self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", got), statuses, sent[:20])
        self.assertEqual(self.client(process).ask("GET", "/healthz")[0], 200)

    def test_the_ack_is_chosen_by_the_request(self):
        client = self.client(self.serve())
        for ack, status in [("memory", 202), ("log", 202), ("disk", 400)]:
            self.assertEqual(client.json("POST", f"{WRITE}?ack={ack}", point(1))[0], status)

    def test_metrics_are_what_prometheus_reads(self):
        client = self.client(self.serve())
        client.write([point(n) for n in range(60)])
        client.json("POST", "/admin/flush")
        status, headers, text = client.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        samples = parse_exposition(text)
        self.assertEqual(samples["sluice_http_requests_total",
                                 (("route", "write_batch"), ("status", "202"))], 1)
        self.assertEqual(samples["sluice_http_batch_points_bucket", (("le", "100"),)], 1)
        self.assertEqual(samples["sluice_http_batch_points_bucket", (("le", "50"),)], 0)
        self.assertEqual(samples["sluice_http_batch_points_sum", ()], 60)
        self.assertGreater(samples["sluice_log_syncs_total", ()], 0)

    def test_health_and_readiness_answer(self):
        client = self.client(self.serve())
        status, told = client.json("GET", "/health")
        self.assertEqual((status, told["status"], sorted(told)),
                         (200, "healthy", ["status", "timestamp", "version"]))
        status, told = client.json("GET", "/readyz")
        while status == 503:
            self.assertIn("replayed", told["reason"])
            status, told = client.json("GET", "/readyz")
        self.assertEqual((status, told), (200, {"ready": True}))


SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)')
NAME = re.compile(r"sluice_[a-z][a-z0-9_]*")


def parse_exposition(text):
    """(name, labels) -> value, strictly: each family once, help and type before its samples."""
    samples, kinds, family = {}, {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert NAME.fullmatch(family) and family not in kinds and line.endswith("."), line
            continue
        if line.startswith("# TYPE "):
            _, _, name, kinds[family] = line.split(" ")
            assert name == family and kinds[family] in ("counter", "gauge", "histogram"), line
            assert (kinds[family] == "counter") == family.endswith("_total"), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        suffixes = ("_bucket", "_sum", "_count") if kinds[family] == "histogram" else ("",)
        assert match[1] in [family + suffix for suffix in suffixes], line
        labels = tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
        assert (match[1], labels) not in samples, line
        samples[match[1], labels] = float(match[3])
    check_histograms(samples)
    return samples


def check_histograms(samples):
    for (name, labels), value in samples.items():
        if name.endswith("_bucket") and dict(labels)["le"] == "+Inf":
            rest = tuple(label for label in labels if label[0] != "le")
            assert samples[name[:-len("_bucket")] + "_count", rest] == value, name
            series = [found for (other, its), found in samples.items() if other == name
                      and tuple(label for label in its if label[0] != "le") == rest]
            assert series == sorted(series), name


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    cli.main()
