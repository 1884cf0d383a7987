"""What the fake S3 answers: requests as operations on its store, answers in the words of S3."""

import base64
import re
import time
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from store import KEYS_MAX, Refusal

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


class Answer:
    def __init__(self, status=200, body=b"", **headers):
        self.status = status
        self.body = body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def xml(root, *parts):
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{XMLNS}">'
    return Answer(200, (text + "".join(parts) + f"</{root}>").encode(),
                  Content_Type="application/xml")


def element(name, value):
    return f"<{name}>{escape(str(value))}</{name}>"


def error(refusal, resource):
    body = "".join(element(name, value) for name, value in (
        ("Code", refusal.code), ("Message", refusal), ("Resource", resource)))
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{body}</Error>'
    return Answer(refusal.status, text.encode(), Content_Type="application/xml")


def list_time(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def http_time(seconds):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


class Request:
    """What a client wants, told apart from how it says so."""

    def __init__(self, verb, bucket, key, query, headers, body):
        self.verb, self.bucket, self.key = verb, bucket, key
        self.query, self.headers, self.body = query, headers, body
        self.op = self._op()

    def _op(self):
        has = self.query.__contains__
        if not self.key:
            if self.verb == "GET":
                return "uploads" if has("uploads") else "list"
            return {"PUT": "make_bucket", "POST": "delete_many", "HEAD": "head_bucket"}.get(
                self.verb, "unknown")
        if self.verb == "PUT" and has("partNumber"):
            return "piece"
        if self.verb == "PUT":
            conditional = "if-none-match" in self.headers or "if-match" in self.headers
            return "put_if" if conditional else "put"
        if self.verb == "POST":
            return "begin" if has("uploads") else "complete" if has("uploadId") else "unknown"
        if self.verb == "DELETE" and has("uploadId"):
            return "abort"
        return {"GET": "get", "HEAD": "head", "DELETE": "delete"}.get(self.verb, "unknown")


class Service:
    """Requests into answers."""

    uploads_max = 10  # to a page; less than S3 has, so that pages are many

    def __init__(self, store):
        self.store = store

    def answer(self, request, hidden=0):
        if request.op == "list":
            return self.list(request, hidden)
        return getattr(self, request.op)(request)

    def unknown(self, request):
        raise Refusal(405, "MethodNotAllowed", "The method is not allowed")

    def make_bucket(self, request):
        self.store.make_bucket(request.bucket)
        return Answer()

    def head_bucket(self, request):
        self.store.bucket(request.bucket)
        return Answer()

    def put(self, request):
        made = self.store.put(request.bucket, request.key, request.body,
                              request.headers.get("if-match"),
                              request.headers.get("if-none-match"))
        return Answer(ETag=made.etag)

    put_if = put

    def head(self, request):
        found = self.store.get(request.bucket, request.key)
        answer = Answer(body=found.body, ETag=found.etag, Accept_Ranges="bytes",
                        Last_Modified=http_time(found.seconds))
        if_match, unless = (request.headers.get(name) for name in ("if-match", "if-none-match"))
        if if_match not in (None, "*", found.etag):
            raise Refusal(412, "PreconditionFailed", "The object is another one")
        if unless in ("*", found.etag):
            return Answer(304, ETag=found.etag)
        return answer

    def get(self, request):
        answer = self.head(request)
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        if answer.status != 200 or not wanted or wanted[0] == "bytes=-":
            return answer
        size = len(answer.body)
        first, last = wanted.groups()
        if first == "":
            begin, end = max(size - int(last), 0), size
        else:
            begin, end = int(first), min(int(last) + 1 if last else size, size)
        if begin >= size or begin >= end:
            refused = error(Refusal(416, "InvalidRange", "The range is not satisfiable"), "")
            refused.headers["Content-Range"] = f"bytes */{size}"
            return refused
        answer.status = 206
        answer.body = answer.body[begin:end]
        answer.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        return answer

    def delete(self, request):
        self.store.delete(request.bucket, request.key, request.headers.get("if-match"))
        return Answer(204)

    def delete_many(self, request):
        keys = [node.text or "" for node in ElementTree.fromstring(request.body).iter()
                if node.tag.endswith("Key")]
        if len(keys) > KEYS_MAX:
            raise Refusal(400, "MalformedXML", "More keys than allowed")
        for key in keys:
            self.store.delete(request.bucket, key)
        return xml("DeleteResult", *(f"<Deleted>{element('Key', key)}</Deleted>" for key in keys))

    def list(self, request, hidden):
        query = request.query
        if query.get("list-type") != "2":
            raise Refusal(501, "NotImplemented", "only list-type 2")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        count = min(int(query.get("max-keys", KEYS_MAX)), KEYS_MAX)
        after = query.get("start-after", "")
        if "continuation-token" in query:
            after = base64.urlsafe_b64decode(query["continuation-token"]).decode()
        shown = quote if query.get("encoding-type") == "url" else str
        parts, folders, last = [], [], ""
        rest = iter(self.store.list(request.bucket, prefix, after, hidden))
        for key, found in rest:
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            folder = key[:at + len(delimiter)] if at >= 0 else None
            if folder is not None and folder in (*folders[-1:], after):
                continue
            if len(parts) == count:
                parts.append(element("IsTruncated", "true"))
                token = base64.urlsafe_b64encode(last.encode()).decode()
                parts.append(element("NextContinuationToken", token))
                break
            last = folder or key
            if folder is not None:
                folders.append(folder)
                prefix_xml = element("Prefix", shown(folder))
                parts.append(f"<CommonPrefixes>{prefix_xml}</CommonPrefixes>")
                continue
            fields = {"Key": shown(key), "LastModified": list_time(found.seconds),
                      "ETag": found.etag, "Size": len(found.body), "StorageClass": "STANDARD"}
            entry = "".join(element(name, value) for name, value in fields.items())
            parts.append(f"<Contents>{entry}</Contents>")
        else:
            parts.append(element("IsTruncated", "false"))
        head = [element("Name", request.bucket), element("Prefix", shown(prefix)),
                element("MaxKeys", count)]
        if shown is quote:
            head.append(element("EncodingType", "url"))
        return xml("ListBucketResult", *head, *parts)

    def begin(self, request):
        upload = self.store.begin(request.bucket, request.key)
        return xml("InitiateMultipartUploadResult", element("Bucket", request.bucket),
                   element("Key", request.key), element("UploadId", upload))

    def piece(self, request):
        made = self.store.put_piece(request.bucket, request.key, request.query["uploadId"],
                                    int(request.query["partNumber"]), request.body)
        return Answer(ETag=made.etag)

    def complete(self, request):
        listed = []
        for part in ElementTree.fromstring(request.body):
            texts = {node.tag.rpartition("}")[2]: node.text or "" for node in part}
            listed.append((int(texts["PartNumber"]), texts["ETag"]))
        made = self.store.complete(request.bucket, request.key, request.query["uploadId"], listed,
                                   request.headers.get("if-none-match"))
        return xml("CompleteMultipartUploadResult", element("Key", request.key),
                   element("ETag", made.etag))

    def abort(self, request):
        self.store.abort(request.bucket, request.key, request.query["uploadId"])
        return Answer(204)

    def uploads(self, request):
        query = request.query
        found = self.store.open_uploads(request.bucket, query.get("prefix", ""))
        if "key-marker" in query:
            after = (query["key-marker"], query.get("upload-id-marker", ""))
            found = [upload for upload in found if upload[:2] > after]
        count = min(int(query.get("max-uploads", KEYS_MAX)), self.uploads_max)
        shown = quote if query.get("encoding-type") == "url" else str
        parts = [element("Bucket", request.bucket)]
        if shown is quote:
            parts.append(element("EncodingType", "url"))
        for key, upload, begun in found[:count]:
            fields = {"Key": shown(key), "UploadId": upload, "Initiated": list_time(begun)}
            entry = "".join(element(name, value) for name, value in fields.items())
            parts.append(f"<Upload>{entry}</Upload>")
        parts.append(element("IsTruncated", "true" if len(found) > count else "false"))
        if len(found) > count:
            key, upload, _ = found[count - 1]
            parts += [element("NextKeyMarker", shown(key)), element("NextUploadIdMarker", upload)]
        return xml("ListMultipartUploadsResult", *parts)
