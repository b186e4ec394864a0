"""Signs requests to AWS (Signature Version 4, header form). Called by clients/aws alone; sends nothing.

boto3 would do it as well, and cost every environment's control 32 MiB of memory and its image 29 MB; a small library
that signs bodies as they stream was not found. The tests compare with botocore's own signatures.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"
"""The mark of a body that is sent as it comes: its hash cannot be known before."""
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs, and for which region."""

    key: str
    secret: str = field(repr=False)
    region: str = "eu-west-1"


@dataclass(frozen=True, slots=True)
class Signable:
    """What is signed of a request. `path` and `query` are not encoded yet; `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload_hash: str


def encoded_path(path: str) -> str:
    """A path as S3 has it signed and sent."""
    return quote(path, safe="/-_.~")


def encoded_query(query: Mapping[str, str]) -> str:
    """A query in the order and the spelling that is signed."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def sign(request: Signable, service: str, credentials: Credentials, at: float) -> dict[str, str]:
    """The request's headers and the three that sign them. `at`: seconds since the epoch."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {**request.headers, "x-amz-date": stamp, "x-amz-content-sha256": request.payload_hash}
    names = ";".join(sorted(headers))
    scope = f"{stamp[:8]}/{credentials.region}/{service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, _hash(_canonical(request, headers, names))))
    signature = hmac.new(_key(credentials, service, stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
    claim = f"Credential={credentials.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"{_ALGORITHM} {claim}"}


def _canonical(request: Signable, headers: Mapping[str, str], names: str) -> str:
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)]
    return (
        "\n".join((request.method, encoded_path(request.path), encoded_query(request.query), *lines, "", names))
        + f"\n{request.payload_hash}"
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(credentials: Credentials, service: str, day: str) -> bytes:
    key = f"AWS4{credentials.secret}".encode()
    for part in (day, credentials.region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
