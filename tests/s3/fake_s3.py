"""A fake S3, for tests: in memory, on loopback, with faults by plan (faults.py).

  python3 fake_s3.py [options]

prints its port and serves until its standard input ends. Objects by path (/BUCKET/KEY) or by host
(BUCKET.localhost); buckets exist once they are named with --bucket or put. It knows PUT, GET (also
ranges), HEAD, DELETE, ListObjectsV2, DeleteObjects, multipart uploads, If-None-Match and If-Match,
and checks every signature. Control, without a signature:

  POST /-/faults   a plan; {} ends all faults. What was to come late still comes.
  POST /-/forget   the log begins anew
  GET  /-/log      {"requests", "connections", "verbs", "ops", "faults", "entries"}
  GET  /-/uploads  the multipart uploads that are open
"""

import argparse
import json
import socket
import struct
import sys
import threading
from collections import Counter, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from faults import Faults
from service import Answer, Request, Service, error
from signature import Verifier, parse_query
from store import Refusal, Store

ENTRIES_MAX = 5000
BEFORE = {"slow_down": Refusal(503, "SlowDown", "Please reduce your request rate."),
          "internal": Refusal(500, "InternalError", "We encountered an internal error."),
          "conflict": Refusal(409, "ConditionalRequestConflict", "A conflicting operation"),
          "forbidden": Refusal(403, "AccessDenied", "Access Denied"),
          "not_implemented": Refusal(501, "NotImplemented", "Not implemented")}
CUT = ("truncate", "short_length", "long_length", "slow_body")


class Log:
    def __init__(self):
        self.lock = threading.Lock()
        self.forget()

    def forget(self):
        with self.lock:
            self.connections = 0
            self.verbs, self.ops, self.faults = Counter(), Counter(), Counter()
            self.entries = deque(maxlen=ENTRIES_MAX)

    def connected(self):
        with self.lock:
            self.connections += 1

    def add(self, request, status, fault):
        with self.lock:
            self.verbs[request.verb] += 1
            self.ops[request.op] += 1
            if fault:
                self.faults[fault] += 1
            self.entries.append({"op": request.op, "bucket": request.bucket, "key": request.key,
                                 "bytes": len(request.body), "status": status, "fault": fault})

    def to_json(self):
        with self.lock:
            return json.dumps({"requests": sum(self.verbs.values()), "verbs": self.verbs,
                               "connections": self.connections, "ops": self.ops,
                               "faults": self.faults, "entries": list(self.entries)}).encode()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), Connection)
        self.store = Store(options.piece_bytes_min, options.ignore_conditions)
        for bucket in options.bucket:
            self.store.make_bucket(bucket)
        self.service = Service(self.store)
        self.verifier = Verifier(options.access_key, options.secret, options.session_token,
                                 options.region)
        self.faults = Faults()
        self.log = Log()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may be killed
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one write
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.log.connected()

    def log_message(self, *_):
        pass

    def parse(self):
        """The request, and what its signature covers."""
        path, _, query = self.path.partition("?")
        # A number that is missing is an empty body, as of GET.
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        host = self.headers.get("host", "").partition(":")[0]
        name = unquote(path)[1:]
        if host.endswith(".localhost"):
            name = host.removesuffix(".localhost") + "/" + name
        bucket, _, key = name.partition("/")
        headers = {header.lower(): value for header, value in self.headers.items()}
        request = Request(self.command, bucket, key, dict(parse_query(query)), headers, body)
        return request, (self.command, path, query, self.headers, body)

    def serve(self):
        request, signed = self.parse()
        if request.bucket == "-":
            return self.control(request)
        rule = None
        try:
            self.server.verifier.check(*signed)
            rule = self.server.faults.choose(request.op, request.key)
            answer = self.perform(request, rule)
        except Refusal as refusal:
            answer = error(refusal, "/" + request.bucket + "/" + request.key)
        fault = rule.fault if rule else None
        self.server.log.add(request, answer.status if answer else None, fault)
        if answer is None:
            self.close_connection = True
        elif fault in CUT and request.op == "get":
            self.send_damaged(answer, rule)
        else:
            self.send(answer)

    def perform(self, request, rule):
        """The answer; None: the connection ends without one."""
        fault = rule.fault if rule else None
        service = self.server.service
        if fault in BEFORE:
            raise BEFORE[fault]
        if fault == "complete_error":
            return Answer(200, error(BEFORE["internal"], request.key).body)
        if fault in ("late", "duplicate"):
            self.server.faults.later(rule.after, lambda: self.perform_late(request))
        if fault == "hang_before":
            threading.Event().wait(rule.seconds)
        if fault in ("drop_before", "hang_before", "late"):
            return None
        answer = service.answer(request, rule.newest if fault == "stale_list" else 0)
        if fault == "internal_after":
            raise BEFORE["internal"]
        if fault == "hang_after":
            threading.Event().wait(rule.seconds)
        if fault == "reset_after":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        return None if fault in ("drop_after", "hang_after", "reset_after") else answer

    def perform_late(self, request):
        try:
            self.server.service.answer(request)
        except Refusal:
            pass  # nobody waits for it

    def send(self, answer, length=None):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(answer.body)

    def send_damaged(self, answer, rule):
        length, body = len(answer.body), answer.body
        self.close_connection = True
        if rule.fault == "slow_body":
            answer.body = b""
            self.send(answer, length)
            for at in range(length):
                self.wfile.write(body[at:at + 1])
                self.wfile.flush()
                threading.Event().wait(rule.seconds / length)
            return
        if rule.fault in ("truncate", "short_length"):
            answer.body = body[:length // 2]
        self.send(answer, {"truncate": length, "short_length": length // 2,
                           "long_length": length + 10}[rule.fault])

    def control(self, request):
        server = self.server
        body = b""
        if (request.verb, request.key) == ("POST", "faults"):
            server.faults.set(json.loads(request.body))
        elif (request.verb, request.key) == ("POST", "forget"):
            server.log.forget()
        elif (request.verb, request.key) == ("GET", "log"):
            body = server.log.to_json()
        elif (request.verb, request.key) == ("GET", "uploads"):
            body = json.dumps([upload.key for upload in server.store.uploads.values()]).encode()
        else:
            return self.send(error(Refusal(404, "NoSuchControl", "see --help"), request.key))
        return self.send(Answer(200, body))

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = serve


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("--access-key", default="sluice-test")
    parser.add_argument("--secret", default="sluice-test-secret")
    parser.add_argument("--session-token", default="", help="that requests must carry")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--piece-bytes-min", type=int, default=5 << 20)
    parser.add_argument("--ignore-conditions", action="store_true",
                        help="of puts and deletes, as some stores do")
    server = Server(parser.parse_args())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
