"""An S3 for the tests of this image: objects are the files of /objects, and nobody may list them.

/<bucket>/<key> (or /<key>: the bucket is in the host's name) answers 200 where the file is there; a key below private/
needs a signature that says "good"; anything else is 403 AccessDenied, as S3 says to a caller who may not list. Keys
below errors/ answer with other codes.
/__seen tells in JSON what the last request was.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

OBJECTS = Path("/objects")
ERRORS = {
    "errors/missing": (404, "NoSuchKey"),
    "errors/broken": (500, "InternalError"),
    "errors/signature": (403, "SignatureDoesNotMatch"),
}


class Origin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[dict[str, object]] = {}

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/__seen":
            return self.answer(200, json.dumps(Origin.seen).encode())
        Origin.seen = {"path": url.path, "query": query, "headers": {k.lower(): v for k, v in self.headers.items()}}
        key = urllib.parse.unquote(url.path).removeprefix("/bucket/").removeprefix("/")
        if key in ERRORS:
            return self.fail(*ERRORS[key])
        if key == "errors/slow":
            time.sleep(30)  # noqa: TID251 - a slow store is what this key is
        file = OBJECTS / key
        if key.startswith("private/") and query.get("X-Amz-Signature") != "good":
            return self.fail(403, "AccessDenied")
        if not file.is_file():
            return self.fail(403, "AccessDenied")
        return self.answer(200, file.read_bytes())

    def fail(self, status: int, code: str) -> None:
        self.answer(status, f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("", 4566), Origin).serve_forever()
