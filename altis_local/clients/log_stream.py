"""What a container says on its standard output, line by line as it comes.

Called by drills, which keep a workload's history this way. The SDK is not needed for it, and it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from altis_local.clients.engine_reader import endpoint
from altis_local.clients.plain_http import Request, stream
from altis_local.errors import EngineUnavailable

_HEADER = 8
"""Each frame begins with its stream (1 byte), three zeros, and its length (4 bytes, big endian)."""


def follow(container: str, address: str | None = None) -> Iterator[bytes]:
    """Every line from the container's start to its end, without the newline. Blocks between lines."""
    request = Request("GET", f"/containers/{container}/logs?follow=1&stdout=1&tail=all", timeout=None)
    try:
        yield from _lines(_content(stream(address or endpoint(), request)))
    except OSError as exc:
        raise EngineUnavailable(f"the engine stopped telling what {container[:12]} says: {exc}") from exc


def _content(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The frames' contents. Blocks end anywhere, also inside a header."""
    pending = bytearray()
    for block in blocks:
        pending += block
        while len(pending) >= _HEADER and len(pending) >= _HEADER + (size := int.from_bytes(pending[4:_HEADER], "big")):
            yield bytes(pending[_HEADER : _HEADER + size])
            del pending[: _HEADER + size]


def _lines(contents: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines; the engine splits long ones over frames."""
    rest = b""
    for content in contents:
        *whole, rest = (rest + content).split(b"\n")
        yield from whole
    if rest:
        yield rest
