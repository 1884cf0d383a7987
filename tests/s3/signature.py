"""Signature Version 4, checked as S3 does: whatever is wrong is a 403."""

import calendar
import hashlib
import hmac
import re
import time
from urllib.parse import quote, unquote

from store import Refusal

SKEW_SECONDS_MAX = 15 * 60
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})")


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _denied(code, message):
    return Refusal(403, code, message)


def parse_query(query):
    """(name, value) of a raw query, not escaped."""
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _canonical_query(query):
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~"))
                   for name, value in parse_query(query))
    return "&".join(f"{name}={value}" for name, value in pairs)


class Verifier:
    """Knows one user. `headers` below is a message's, `path` and `query` are as they were sent."""

    def __init__(self, access_key, secret, session_token, region):
        self.access_key = access_key
        self.secret = secret
        self.session_token = session_token
        self.region = region

    def check(self, method, path, query, headers, body):
        match = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not match:
            raise _denied("AccessDenied", "The request is not signed")
        access_key, date, region, names, signature = match.groups()
        if access_key != self.access_key:
            raise _denied("InvalidAccessKeyId", "The access key does not exist in our records.")
        if region != self.region:
            raise Refusal(400, "AuthorizationHeaderMalformed",
                          f"the region '{region}' is wrong; expecting '{self.region}'")
        moment = headers.get("x-amz-date", "")
        self._check_time(moment, date)
        if self.session_token and headers.get("x-amz-security-token") != self.session_token:
            raise _denied("InvalidToken", "The provided token is malformed or otherwise invalid.")
        names = names.split(";")
        must = {"host"} | {name.lower() for name in headers if name.lower().startswith("x-amz-")}
        if not must <= set(names) or names != sorted(names):
            raise _denied("AccessDenied", "There were headers present which were not signed")
        content = headers.get("x-amz-content-sha256", "")
        if content != "UNSIGNED-PAYLOAD" and content != hashlib.sha256(body).hexdigest():
            raise Refusal(400, "XAmzContentSHA256Mismatch", "The body is not what was signed")
        lines = [method, quote(unquote(path), safe="/-_.~"), _canonical_query(query)]
        lines += [f"{name}:{' '.join(headers.get(name, '').split())}" for name in names]
        lines += ["", ";".join(names), content]
        if signature != self._signature(moment, "\n".join(lines)):
            raise _denied("SignatureDoesNotMatch", "The signature does not match.")

    def _check_time(self, moment, date):
        try:
            seconds = calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))
        except ValueError:
            raise _denied("AccessDenied", "A valid x-amz-date is required") from None
        if abs(time.time() - seconds) > SKEW_SECONDS_MAX or not moment.startswith(date):
            raise _denied("RequestTimeTooSkewed", "The times differ by too much.")

    def _signature(self, moment, canonical):
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = _hmac(("AWS4" + self.secret).encode(), moment[:8])
        for part in (self.region, "s3", "aws4_request"):
            key = _hmac(key, part)
        return _hmac(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}").hex()
