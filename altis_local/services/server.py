"""A small HTTP server for the stand-ins: one function from Request to Answer, a bounded number of them at once.

Used by main, once per stand-in. Every answer closes its connection, and nobody holds one longer than the time limit.
It knows nothing of what it serves.
"""

from __future__ import annotations

import json
import logging
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from typing import Any

WORKERS = 16
TIME_LIMIT = 5.0
LARGEST_BODY = 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` have lower-case names; `query` keeps the last value of each name; `client` is an address."""

    method: str
    path: str
    client: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(status: int, value: object) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value).encode() + b"\n", "application/json")


Respond = Callable[[Request], Answer]


class Server(HTTPServer):
    """Listens on one port in a thread of its own, which `thread` shows: when it has ended, so has the service."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, respond: Respond, *, name: str, address: str = "") -> None:
        super().__init__((address, port), _Connection)
        self.respond = respond
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=name)
        # More than these wait in the kernel, where they cost nothing.
        self._places = threading.BoundedSemaphore(2 * WORKERS)
        self.thread = threading.Thread(target=self.serve_forever, name=name, daemon=True)

    @property
    def port(self) -> int:
        """The port it is bound to, also where 0 was asked for."""
        return self.server_port

    def start(self) -> None:
        self.thread.start()

    def close(self) -> None:
        """Stop listening and let the answers that have begun go out."""
        self.shutdown()
        self.server_close()
        self._pool.shutdown()

    def server_bind(self) -> None:
        # HTTPServer's own asks the resolver for the host's name, which nobody needs.
        self.socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        self._places.acquire()
        self._pool.submit(self._serve, request, client_address)

    def _serve(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except (OSError, ValueError) as error:
            log.debug("a client went away: %s", error)
        finally:
            self.shutdown_request(request)
            self._places.release()


class _Connection(BaseHTTPRequestHandler):
    """One request; the names of its methods are the base class's."""

    timeout = TIME_LIMIT
    # (1.1 because clients of 1.1 may wait for the "100 Continue" that only such a server sends.)
    protocol_version = "HTTP/1.1"
    server: Server

    def _any(self) -> None:
        self.close_connection = True
        answer = self._answer()
        self.send_response(answer.status)
        headers = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body)), "Connection": "close"}
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _any  # noqa: N815

    def _answer(self) -> Answer:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            return Answer(411, b"a body needs a Content-Length\n")
        if int(length) > LARGEST_BODY:
            return Answer(413, b"the body is too large\n")
        url = urllib.parse.urlsplit(self.path)
        request = Request(
            method=self.command,
            path=urllib.parse.unquote(url.path),
            client=str(self.client_address[0]),
            query=dict(urllib.parse.parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )
        try:
            return self.server.respond(request)
        except Exception:  # the edge: one failed request must not be the end of the service
            log.exception("%s %s", request.method, request.path)
            return Answer(500, b"internal error\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the stand-ins log what matters themselves."""
