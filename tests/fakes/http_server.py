"""A tiny HTTP server of fixed answers, on a unix socket or on loopback, for the plain clients of the host side."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Answers = Mapping[str, Any]
"""`METHOD /path` (without the query) -> a document, bytes, or (status, document)."""


class HttpFake:
    """Serves until closed; remembers what it was asked."""

    def __init__(self, answers: Answers, socket_file: Path | None = None) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, str, Any]] = []
        self._server: socketserver.BaseServer
        if socket_file:
            self._server = _UnixServer(str(socket_file), _handler(self))
            self.address = f"unix://{socket_file}"
        else:
            server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self))
            self._server, self.port = server, server.server_address[1]
            self.address = f"tcp://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def _handler(fake: HttpFake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            fake.asked.append((self.command, self.path, body))
            found = fake.answers.get(f"{self.command} {self.path.partition('?')[0]}", (404, {"message": "not found"}))
            status, document = found if isinstance(found, tuple) else (200, _filtered(self.path, found))
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

        def address_string(self) -> str:
            return "client"

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler


def _filtered(path: str, found: Any) -> Any:
    """A list of containers as the engine filters it by one label."""
    asked = parse_qs(urlsplit(path).query).get("filters")
    if not asked or not isinstance(found, list):
        return found
    name, _, value = json.loads(asked[0])["label"][0].partition("=")
    return [row for row in found if name in row["Labels"] and value in ("", row["Labels"][name])]


def container(environment: str, member: str, *, role: str = "", state: str = "running", **more: Any) -> dict[str, Any]:
    """A row of the engine's list. `more`: kind, zone, ports {private: public}, and further labels."""
    ports = more.pop("ports", {})
    labels = {
        "environment": environment,
        "kind": "member",
        "role": role or member,
        "member": member,
        "zone": "",
        **more,
    }
    return {
        "Id": f"id-{environment}-{member}",
        "Names": [f"/altis-{environment}-{member}"],
        "Image": f"altis-local/{role or member}:abc",
        "State": state,
        "Labels": {f"altis-local.{name.replace('_', '-')}": value for name, value in labels.items()},
        "Ports": [{"PrivatePort": private, "PublicPort": public} for private, public in ports.items()],
    }
