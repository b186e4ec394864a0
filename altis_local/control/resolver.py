"""A name server that says no: every name outside the environment does not exist, at once.

The engine's own resolver answers members' names and asks this one for the rest. That closes two holes measured in
recipes/net.md, section 2: names leaking to the host's resolver, and stalls of 10-20 s for each unknown name.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading

NXDOMAIN = 3
_HEADER = 12
log = logging.getLogger(__name__)


def answer(query: bytes) -> bytes | None:
    """The refusal of a DNS query (RFC 1035, section 4.1); None for what is no query."""
    if len(query) <= _HEADER or query[2] & 0x80:
        return None
    end = _HEADER
    while end < len(query) and query[end]:
        end += query[end] + 1
    question = query[_HEADER : end + 5]
    if end + 5 > len(query):
        return None
    flags = 0x8180 | (query[2] & 0x01) << 8 | NXDOMAIN
    return query[:2] + struct.pack(">HHHHH", flags, 1, 0, 0, 0) + question


class Resolver:
    """Serves UDP port 53 on every network that control has joined."""

    def __init__(self, address: str = "0.0.0.0", port: int = 53) -> None:  # noqa: S104 - only inside control's container
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._thread = threading.Thread(target=self._serve, name="resolver", daemon=True)

    @property
    def where(self) -> tuple[str, int]:
        """Address and port that it is bound to."""
        host, port = self._socket.getsockname()
        return host, port

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, client = self._socket.recvfrom(4096)
                reply = answer(query)
                if reply is not None:
                    self._socket.sendto(reply, client)
            except OSError as error:
                if self._socket.fileno() < 0:
                    return
                log.warning("resolver: %s", error)


def main() -> None:
    """The name server alone, for an environment that has no control."""
    Resolver()._serve()


if __name__ == "__main__":
    main()
