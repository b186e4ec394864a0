"""HTTP/1.0 over a unix or TCP socket, for the fast commands: `http.client` alone costs them 30 ms of import.

Called by engine_reader and control_api. HTTP/1.0 makes both servers answer without chunks and close at the end, so
reading to the end is the whole protocol. It never retries and never follows a redirect.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

_BLOCK = 1 << 18


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
        return _whole(link)


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


def blocks(address: str, request: Request) -> Iterator[Answer | bytes]:
    """Send one request and give the answer's body as it comes; one Answer where it was refused. Raises OSError, also
    when the answer ends before its announced length."""
    with contextlib.closing(connect(address, request.timeout)) as link:
        link.sendall(request.encode())
        with link.makefile("rb") as answer:
            status, left = _status(answer.readline()), None
            while line := answer.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    left = int(value)
            if status != 200:
                yield Answer(status, answer.read())
                return
            while left != 0 and (block := answer.read(_BLOCK if left is None else min(_BLOCK, left))):
                left = None if left is None else left - len(block)
                yield block
            if left:
                raise OSError(f"the answer was cut {left} bytes before its end")


def upload(address: str, request: Request, content: Iterable[bytes], size: int) -> Answer:
    """Send one request with a body of `size` bytes, as it comes, and read the whole answer. Raises OSError."""
    head = request.encode().replace(b"Content-Length: 0", b"Content-Length: %d" % size, 1)
    with contextlib.closing(connect(address, request.timeout)) as link:
        link.sendall(head)
        # Refused early: the answer says why, the broken pipe does not.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            left = size
            for block in content:
                link.sendall(block)
                left -= len(block)
            if left:
                raise OSError(f"the content does not have the {size} bytes that were announced")
        return _whole(link)


def _whole(link: socket.socket) -> Answer:
    received = bytearray()
    while block := link.recv(_BLOCK):
        received += block
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    return Answer(_status(head), body)


def _status(head: bytes) -> int:
    parts = head.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        raise OSError("the answer is not HTTP, or the connection was cut")
    return int(parts[1])
