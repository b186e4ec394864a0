"""What a container says, line by line as it comes.

Called by drills, which keep a workload's history this way, and by control, which ships logs. The SDK is not needed for
it, and it changes nothing.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from altis_local.clients.engine_reader import endpoint
from altis_local.clients.plain_http import Request, stream
from altis_local.errors import EngineUnavailable

_HEADER = 8
"""Each frame begins with its stream (1 byte), three zeros, and its length (4 bytes, big endian)."""

_LONGEST = 65536
"""Characters of a line beyond which it is given in pieces after all."""


def follow(container: str, address: str | None = None) -> Iterator[bytes]:
    """Every line from the container's start to its end, without the newline. Blocks between lines."""
    request = Request("GET", f"/containers/{container}/logs?follow=1&stdout=1&tail=all", timeout=None)
    try:
        yield from _lines(_content(stream(address or endpoint(), request)))
    except OSError as exc:
        raise EngineUnavailable(f"the engine stopped telling what {container[:12]} says: {exc}") from exc


@dataclass(frozen=True, slots=True)
class Said:
    """One line. `at`: nanoseconds since the epoch, by the engine's clock."""

    at: int
    is_error: bool
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: from `since` on (seconds since the epoch), of standard error and of standard output where it is
    asked for, and of what was said before, no more than the last `tail` ones."""

    since: float = 0.0
    output: bool = True
    tail: int = 10_000


def said(container: str, wanted: Wanted, address: str | None = None) -> Iterator[Said]:
    """Lines with their times, until the container ends. Blocks between lines. A line that the engine cut into pieces
    (of 16 KB) is one again."""
    query = f"follow=1&stderr=1&stdout={int(wanted.output)}&timestamps=1&tail={wanted.tail}&since={wanted.since:.9f}"
    request = Request("GET", f"/containers/{container}/logs?{query}", timeout=None)
    begun: dict[int, Said] = {}
    try:
        for kind, frame in _frames(stream(address or endpoint(), request)):
            stamp, _, text = frame.decode(errors="replace").partition(" ")
            before = begun.pop(kind, None)
            line = Said(before.at, before.is_error, before.text + text) if before else Said(_at(stamp), kind == 2, text)
            if line.text.endswith("\n") or len(line.text) > _LONGEST:
                yield Said(line.at, line.is_error, line.text.rstrip("\r\n"))
            else:
                begun[kind] = line
    except (OSError, ValueError) as exc:
        raise EngineUnavailable(f"the engine stopped telling what {container[:12]} says: {exc}") from exc
    yield from begun.values()


def _at(stamp: str) -> int:
    """Nanoseconds of `2026-01-31T12:00:00.123456789Z`; the fraction may be shorter."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0") or 0)


def _content(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The frames' contents."""
    return (content for _, content in _frames(blocks))


def _frames(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Stream (1: output, 2: error) and content of each frame. Blocks end anywhere, also inside a header."""
    pending = bytearray()
    for block in blocks:
        pending += block
        while len(pending) >= _HEADER and len(pending) >= _HEADER + (size := int.from_bytes(pending[4:_HEADER], "big")):
            yield pending[0], bytes(pending[_HEADER : _HEADER + size])
            del pending[: _HEADER + size]


def _lines(contents: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines; the engine splits long ones over frames."""
    rest = b""
    for content in contents:
        *whole, rest = (rest + content).split(b"\n")
        yield from whole
    if rest:
        yield rest
