"""A command inside a container, with a time limit of its own: the SDK's plain call would wait for ever.

Called by Engine alone. A command that is late is not ended: the engine has no way to.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from altis_local.clients.engine_values import ExecResult
from altis_local.errors import ActionFailed

if TYPE_CHECKING:
    from docker import APIClient

_HEADER = 8
"""Each frame begins with its stream (1 byte), three zeros, and its length (4 bytes, big endian)."""


def run(
    client: APIClient, container: str, argv: tuple[str, ...], *, options: Mapping[str, Any], limit: float
) -> ExecResult:
    """Run `argv`, and wait until its output ends."""
    made = client.exec_create(container, list(argv), **options)["Id"]
    stream = client.exec_start(made, socket=True)
    raw: socket.socket = getattr(stream, "_sock", stream)
    try:
        output = _read(raw, _reader(stream), time.monotonic() + limit)
    except TimeoutError as error:
        raise ActionFailed(f"{argv[0]} did not end in {limit:g} s in {container[:12]}") from error
    finally:
        # The answer first: closed after its socket, it complains on standard error.
        if answer := getattr(stream, "_response", None):
            answer.close()
        stream.close()
        raw.close()
    ended = client.exec_inspect(made)  # type: ignore[no-untyped-call]
    return ExecResult(ended["ExitCode"] or 0, output.decode(errors="replace"))


def _reader(stream: Any) -> Callable[[int], bytes]:
    """Reads what the engine sends. What came in one packet with the answer's head is in its buffer already, where the
    bare socket that the SDK hands out would miss it: seen as commands that said nothing."""
    answer = getattr(stream, "_response", None)
    buffered = getattr(getattr(getattr(answer, "raw", None), "_fp", None), "fp", None)
    if buffered is not None:
        return cast("Callable[[int], bytes]", buffered.read1)
    raw: socket.socket = getattr(stream, "_sock", stream)
    return raw.recv


def _read(raw: socket.socket, read: Callable[[int], bytes], end: float) -> bytes:
    pending, output = bytearray(), bytearray()
    while chunk := _receive(raw, read, end):
        pending += chunk
        while len(pending) >= _HEADER and len(pending) >= _HEADER + (size := int.from_bytes(pending[4:_HEADER], "big")):
            output += pending[_HEADER : _HEADER + size]
            del pending[: _HEADER + size]
    return bytes(output)


def _receive(raw: socket.socket, read: Callable[[int], bytes], end: float) -> bytes:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    raw.settimeout(left)
    return read(65536)
