"""HTTP/1.0 over a unix or TCP socket, for the fast commands: `http.client` alone costs them 30 ms of import.

Called by engine_reader and control_api. HTTP/1.0 makes both servers answer without chunks and close at the end, so
reading to the end is the whole protocol. It never retries and never follows a redirect.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Answer(NamedTuple):
    """Status code and body."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Request(NamedTuple):
    """What to send. `timeout` bounds every single wait for the other side, not the whole."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}
    timeout: float | None = 10.0

    def encode(self) -> bytes:
        head = [f"{self.method} {self.path} HTTP/1.0", "Host: localhost", f"Content-Length: {len(self.body)}"]
        if self.body:
            head.append("Content-Type: application/json")
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*head, "", ""]).encode() + self.body


def connect(address: str, timeout: float | None) -> socket.socket:
    """A socket to unix:///path or tcp://host:port. Raises OSError, and ValueError for any other scheme."""
    scheme, _, rest = address.partition("://")
    match scheme:
        case "unix":
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(timeout)
            try:
                link.connect(rest)
            except OSError:
                link.close()
                raise
            return link
        case "tcp" | "http":
            host, _, port = rest.rstrip("/").rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), timeout)
        case _:
            raise ValueError(f"cannot talk to {address}")


def exchange(address: str, request: Request) -> Answer:
    """Send one request and read the whole answer. Raises OSError."""
    with contextlib.closing(connect(address, request.timeout)) as link:
        link.sendall(request.encode())
        received = bytearray()
        while block := link.recv(262144):
            received += block
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    return Answer(_status(head), body)


def stream(address: str, request: Request) -> Iterator[bytes]:
    """Send one request and give the answer's lines as they come. Raises OSError, also for a refusal."""
    with contextlib.closing(connect(address, request.timeout)) as link:
        link.sendall(request.encode())
        with link.makefile("rb") as answer:
            status = _status(answer.readline())
            while answer.readline().strip():
                pass
            if status != 200:
                raise OSError(f"answered {status}: {answer.read(500).decode('utf-8', 'replace')}")
            yield from answer


def _status(head: bytes) -> int:
    parts = head.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        raise OSError("the answer is not HTTP, or the connection was cut")
    return int(parts[1])
