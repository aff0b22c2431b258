"""Signs what schemathesis sends, V1 and V3 in turn, with the root key of the tests."""

import base64
import hashlib
import hmac
import itertools
import os
import uuid
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import requests
import schemathesis


def escaped(text):
    return quote(text, safe="-_.~")


def query_of(pairs):
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in sorted(pairs))


class Signed(requests.auth.AuthBase):
    """Has the request as it goes out, so that what is signed is what is sent."""

    key = os.environ["SLUICE_TEST_KEY"]
    secret = os.environ["SLUICE_TEST_SECRET"]

    def __init__(self):
        self.turns = itertools.cycle([self.v1, self.v3])

    def __call__(self, request):
        parts = urlsplit(request.url)
        pairs = dict(parse_qsl(parts.query, keep_blank_values=True))
        request.headers.pop("Authorization", None)
        pairs, headers = next(self.turns)(request, pairs, parts.netloc)
        request.headers.update(headers)
        request.url = urlunsplit((parts.scheme, parts.netloc, "/", query_of(pairs.items()), ""))
        return request

    def v1(self, request, pairs, _host):
        pairs = {
            **pairs,
            "AccessKeyId": self.key,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": str(uuid.uuid4()),
            "Timestamp": now(),
        }
        text = f"{request.method}&%2F&{escaped(query_of(pairs.items()))}"
        mac = hmac.new(f"{self.secret}&".encode(), text.encode(), hashlib.sha1)
        return {**pairs, "Signature": base64.b64encode(mac.digest()).decode()}, {}

    def v3(self, request, pairs, host):
        action, version = pairs.pop("Action", ""), pairs.pop("Version", "")
        body = request.body or b""
        hashed = hashlib.sha256(body if isinstance(body, bytes) else body.encode()).hexdigest()
        headers = {
            "host": host,
            "x-acs-action": action,
            "x-acs-content-sha256": hashed,
            "x-acs-date": now(),
            "x-acs-signature-nonce": str(uuid.uuid4()),
            "x-acs-version": version,
        }
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"{request.method}\n/\n{query_of(pairs.items())}\n{lines}\n{names}\n{hashed}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"ACS3-HMAC-SHA256\n{digest}"
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={self.key},SignedHeaders={names},Signature={signature}"
        return pairs, {**headers, "Authorization": f"ACS3-HMAC-SHA256 {credential}"}


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


signed = Signed()


@schemathesis.hook
def before_call(_context, _case, kwargs):
    """Signs every request, those with a made-up Authorization too."""
    kwargs["auth"] = signed


@schemathesis.check
def signature_holds(_context, response, _case):
    """What the door refuses for its signature has never come to an action."""
    if response.status_code != 200:
        code = response.json()["Code"]
        first = ("Signature", "MissingSignature", "MissingAccessKeyId", "InvalidAccessKeyId")
        assert not code.startswith((*first, "InvalidTimeStamp", "IncompleteSignature")), code
