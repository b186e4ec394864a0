"""HTTP requests from inside a network of the environment, for a container that has Python and nothing of ours.

Its text is handed to `python -c` with the requests as JSON, so it imports the standard library alone. Writes JSON.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

LARGEST = 8_000_000
"""Bytes of a body that are told: an inbox may hold mails with attachments."""


def call(ask: dict[str, Any]) -> dict[str, Any]:
    """One request. Status 0 with the error as body where there is no answer."""
    began = time.monotonic()
    try:
        status, headers, body = _exchange(ask)
    except (OSError, http.client.HTTPException) as error:
        status, headers, body = 0, [], f"{type(error).__name__}: {error}".encode()
    return {
        "status": status,
        "headers": [[name.lower(), value] for name, value in headers],
        "body": base64.b64encode(body[:LARGEST]).decode(),
        "seconds": time.monotonic() - began,
    }


def _exchange(ask: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    url = urlsplit(ask["url"])
    link = _connection(url.scheme, url.netloc, ask)
    body = base64.b64decode(ask["body"])
    link.putrequest(ask["method"], ask["path"], skip_host=True, skip_accept_encoding=True)
    names = {name.lower() for name, _ in ask["headers"]}
    if "host" not in names:
        link.putheader("Host", url.netloc)
    for name, value in ask["headers"]:
        link.putheader(name, value)
    if ask["declared"] or ((body or ask["method"] not in ("GET", "HEAD")) and "content-length" not in names):
        link.putheader("Content-Length", str(ask["declared"] or len(body)))
    link.endheaders(body or None)
    answer = link.getresponse()
    received = answer.read()
    link.close()
    return answer.status, answer.getheaders(), received


def _connection(scheme: str, place: str, ask: dict[str, Any]) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(place, timeout=ask["timeout"])
    # A client that does not check: what is asked is what the other side does, not whose it is.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    link = http.client.HTTPSConnection(place, timeout=ask["timeout"], context=context)
    raw = http.client.HTTPConnection(place, timeout=ask["timeout"])
    raw.connect()
    link.sock = context.wrap_socket(raw.sock, server_hostname=ask["name"] or None)
    return link


def main(text: str) -> None:
    """Answer all requests of the JSON list, at once."""
    asks = json.loads(text)
    with ThreadPoolExecutor(max_workers=min(32, len(asks))) as pool:
        sys.stdout.write(json.dumps(list(pool.map(call, asks))))


if __name__ == "__main__":
    main(sys.argv[1])
