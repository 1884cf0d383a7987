"""What the fake S3 holds: buckets, objects, multipart uploads. Every call is atomic."""

import hashlib
import threading
import time
from typing import NamedTuple

KEYS_MAX = 1000
KEY_BYTES_MAX = 1024


class Refusal(Exception):
    """An error as S3 gives it."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status = status
        self.code = code


class Object(NamedTuple):
    body: bytes
    etag: str  # quoted
    seconds: int
    order: int  # of all puts


class Upload(NamedTuple):
    bucket: str
    key: str
    seconds: int
    pieces: dict  # number -> Object


def etag_of(body):
    return '"' + hashlib.md5(body).hexdigest() + '"'


def _unquoted(etag):
    return etag.strip().strip('"')


class Store:
    """`piece_bytes_min` is S3's 5 MiB, or less for tests of small objects. Some stores ignore
    conditions."""

    def __init__(self, piece_bytes_min, ignores_conditions):
        self.piece_bytes_min = piece_bytes_min
        self.ignores_conditions = ignores_conditions
        self.lock = threading.RLock()
        self.buckets = {}
        self.uploads = {}
        self.order = 0

    def bucket(self, name):
        if name not in self.buckets:
            raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
        return self.buckets[name]

    def make_bucket(self, name):
        with self.lock:
            self.buckets.setdefault(name, {})

    def get(self, bucket, key):
        with self.lock:
            found = self.bucket(bucket).get(key)
        if found is None:
            raise Refusal(404, "NoSuchKey", "The specified key does not exist.")
        return found

    def check(self, bucket, key, if_match, if_none_match):
        """The conditions of a put, a completion or a delete, as AWS has them."""
        found = self.bucket(bucket).get(key)
        if self.ignores_conditions:
            return
        if if_none_match is not None:
            if if_none_match.strip() != "*":
                raise Refusal(501, "NotImplemented", "If-None-Match takes only *")
            if found is not None:
                raise Refusal(412, "PreconditionFailed", "The object exists")
        if if_match is not None:
            if found is None:
                raise Refusal(404, "NoSuchKey", "The specified key does not exist.")
            if if_match.strip() != "*" and _unquoted(if_match) != _unquoted(found.etag):
                raise Refusal(412, "PreconditionFailed", "The object is another one")

    def put(self, bucket, key, body, if_match=None, if_none_match=None, etag=None):
        if len(key.encode()) > KEY_BYTES_MAX:
            raise Refusal(400, "KeyTooLongError", "Your key is too long")
        with self.lock:
            self.check(bucket, key, if_match, if_none_match)
            self.order += 1
            made = Object(body, etag or etag_of(body), int(time.time()), self.order)
            self.bucket(bucket)[key] = made
        return made

    def delete(self, bucket, key, if_match=None):
        with self.lock:
            if if_match is not None:
                self.check(bucket, key, if_match, None)
            self.bucket(bucket).pop(key, None)

    def list(self, bucket, prefix="", after="", hidden=0):
        """(key, object), sorted; without the `hidden` newest puts."""
        with self.lock:
            newest = self.order - hidden
            return sorted((key, found) for key, found in self.bucket(bucket).items()
                          if key.startswith(prefix) and key > after and found.order <= newest)

    # ---- multipart uploads

    def begin(self, bucket, key):
        with self.lock:
            self.bucket(bucket)
            self.order += 1
            upload = hashlib.sha256(f"{bucket}/{key}/{self.order}".encode()).hexdigest()[:32]
            # Ids of some stores have characters that must be escaped.
            upload = f"2~{upload}/+="
            self.uploads[upload] = Upload(bucket, key, int(time.time()), {})
        return upload

    def upload(self, bucket, key, upload):
        found = self.uploads.get(upload)
        if found is None or (found.bucket, found.key) != (bucket, key):
            raise Refusal(404, "NoSuchUpload", "The specified multipart upload does not exist.")
        return found

    def put_piece(self, bucket, key, upload, number, body):
        if not 1 <= number <= 10_000:
            raise Refusal(400, "InvalidArgument", "Part number must be between 1 and 10000")
        with self.lock:
            piece = Object(body, etag_of(body), int(time.time()), 0)
            self.upload(bucket, key, upload).pieces[number] = piece
        return piece

    def complete(self, bucket, key, upload, listed, if_none_match=None):
        """`listed`: (number, etag) as the client has them."""
        with self.lock:
            pieces = self.upload(bucket, key, upload).pieces
            numbers = [number for number, _ in listed]
            if not listed or numbers != sorted(set(numbers)):
                raise Refusal(400, "InvalidPartOrder", "The list of parts was not in order")
            for number, etag in listed:
                if number not in pieces or _unquoted(pieces[number].etag) != _unquoted(etag):
                    raise Refusal(400, "InvalidPart", "A part could not be found")
            chosen = [pieces[number] for number in numbers]
            if any(len(piece.body) < self.piece_bytes_min for piece in chosen[:-1]):
                raise Refusal(400, "EntityTooSmall", "Your upload is smaller than allowed")
            digests = b"".join(bytes.fromhex(_unquoted(piece.etag)) for piece in chosen)
            etag = f'"{hashlib.md5(digests).hexdigest()}-{len(chosen)}"'
            body = b"".join(piece.body for piece in chosen)
            made = self.put(bucket, key, body, if_none_match=if_none_match, etag=etag)
            del self.uploads[upload]
        return made

    def abort(self, bucket, key, upload):
        with self.lock:
            self.upload(bucket, key, upload)
            del self.uploads[upload]

    def open_uploads(self, bucket, prefix=""):
        """(key, id, seconds), sorted."""
        with self.lock:
            return sorted((upload.key, name, upload.seconds)
                          for name, upload in self.uploads.items()
                          if upload.bucket == bucket and upload.key.startswith(prefix))
