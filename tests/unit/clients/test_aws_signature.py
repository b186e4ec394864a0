"""Our signatures beside botocore's own, for every kind of request that control sends."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from hypothesis import given
from hypothesis import strategies as some

from altis_local.clients.aws_signature import UNSIGNED, Credentials, Signable, encoded_path, encoded_query, sign

HOST = "10.208.22.193:4566"
AT = 1793461385.0
CREDENTIALS = Credentials("altis-local", "4f1d/+=secret", "eu-west-2")
WORDS = some.text(some.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"]), max_size=9)


def theirs(request: Signable, service: str) -> str:
    """The Authorization header that botocore makes of the same request at the same time."""
    url = f"http://{HOST}{encoded_path(request.path)}"
    headers = {**request.headers, "X-Amz-Content-SHA256": request.payload_hash}
    spoken = AWSRequest(request.method, url, headers, params=dict(request.query))
    stamp = datetime.fromtimestamp(AT, UTC).strftime("%Y%m%dT%H%M%SZ")
    spoken.context["timestamp"] = stamp
    spoken.headers["X-Amz-Date"] = stamp
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    auth: Any = kind(TheirCredentials(CREDENTIALS.key, CREDENTIALS.secret), service, CREDENTIALS.region)
    names = auth.signed_headers(auth.headers_to_sign(spoken))
    signature = auth.signature(auth.string_to_sign(spoken, auth.canonical_request(spoken)), spoken)
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(spoken)}, SignedHeaders={names}, Signature={signature}"


def ours(request: Signable, service: str) -> str:
    return sign(request, service, CREDENTIALS, AT)["authorization"]


def a_request(method: str, path: str, query: dict[str, str], body: bytes | None, **headers: str) -> Signable:
    payload = UNSIGNED if body is None else hashlib.sha256(body).hexdigest()
    return Signable(method, path, query, {"host": HOST, **headers}, payload)


@pytest.mark.parametrize(
    ("service", "request_"),
    [
        ("logs", a_request("POST", "/", {}, b'{"a":1}', **{"x-amz-target": "Logs_20140328.X", "content-type": "a/b"})),
        ("ses", a_request("POST", "/", {}, b"Action=ListIdentities", **{"content-type": "a/b"})),
        ("s3", a_request("GET", "/altis-x/uploads/2026/01/ä b+c%20(1)~.jpg", {}, b"")),
        ("s3", a_request("PUT", "/altis-x/a//b/./c", {}, None, **{"content-length": "7", "x-amz-acl": "public-read"})),
        ("s3", a_request("GET", "/altis-x", {"list-type": "2", "prefix": "ä b/", "delimiter": "/"}, b"")),
        ("s3", a_request("GET", "/altis-x", {"x": "  two   spaces ", "X": "", "a=b": "&"}, b"")),
    ],
    ids=["json", "form", "odd key", "stream", "list", "odd query"],
)
def test_the_same_as_botocore(service: str, request_: Signable) -> None:
    assert ours(request_, service) == theirs(request_, service)


@given(WORDS, some.dictionaries(WORDS, WORDS, max_size=3), WORDS)
def test_any_key_and_query(key: str, query: dict[str, str], value: str) -> None:
    request = a_request("GET", f"/bucket/{key}", query, b"", **{"x-amz-meta-a": value.encode().hex()})
    assert ours(request, "s3") == theirs(request, "s3")


def test_what_is_signed_matters() -> None:
    request = a_request("GET", "/altis-x/key", {"a": "1"}, b"")
    others = [
        a_request("PUT", "/altis-x/key", {"a": "1"}, b""),
        a_request("GET", "/altis-x/Key", {"a": "1"}, b""),
        a_request("GET", "/altis-x/key", {"a": "2"}, b""),
        a_request("GET", "/altis-x/key", {"a": "1"}, b"x"),
    ]
    assert len({ours(one, "s3") for one in (request, *others)}) == 5
    assert "secret" not in repr(CREDENTIALS)


def test_queries_are_sent_as_they_are_signed() -> None:
    assert encoded_query({"b": "1 2", "a": "ä/~"}) == "a=%C3%A4%2F~&b=1%202"
