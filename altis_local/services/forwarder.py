"""Forwards a port of its container to a name inside the environment: what `db expose` runs, in control's image.

Started as `python -m altis_local.services.forwarder LISTEN HOST:PORT`. A connection goes to the first address that
the name has and that answers within a second, as the site's own clients do; when either side ends, so does the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import struct
import sys
from collections.abc import Sequence

LIMIT = 1.0
"""Seconds that one address may take to accept (design: clients try the next address then)."""
BLOCK = 1 << 16

log = logging.getLogger(__name__)


async def main(listen: int, host: str, port: int) -> None:
    """Serve until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.start_server(lambda r, w: _serve(r, w, host, port), "0.0.0.0", listen)  # noqa: S104
    log.info("port %s leads to %s:%s", listen, host, port)
    async with server:
        await ended.wait()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    try:
        there = await connected(host, port)
    except OSError as error:
        log.warning("nobody answers at %s:%s: %s", host, port, error)
        _reset(writer)
        return
    far_reader, far_writer = there
    try:
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
    except OSError:
        # One side was reset: the other must see that too, and not a tidy end.
        _reset(writer)
        _reset(far_writer)
    finally:
        for side in (writer, far_writer):
            with contextlib.suppress(OSError):
                side.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hang up with a reset: a plain close would look like an end."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def connected(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to one of the name's addresses. Raises OSError where none accepts."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    error: OSError = OSError("it has no address")
    for *_, place in found:
        try:
            return await asyncio.wait_for(asyncio.open_connection(place[0], place[1]), LIMIT)
        except OSError as refused:  # a time-out is one, too
            error = refused
    raise error


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(BLOCK):
        writer.write(block)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def run(arguments: Sequence[str]) -> int:
    """The command line: the port to listen on, and where it leads."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    if len(arguments) != 2 or not arguments[0].isdecimal() or not arguments[1].rpartition(":")[2].isdecimal():
        log.error("usage: LISTEN HOST:PORT")
        return 64
    host, _, port = arguments[1].rpartition(":")
    asyncio.run(main(int(arguments[0]), host, int(port)))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
