"""One HAProxy (lb or endpoints) over its runtime API, on the admin network. It decides nothing.

One kept session in prompt mode, where each command's answer ends with a line `> ` (HAProxy Management Guide, 9.3);
commands that belong together go in one round trip.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping

from altis_local.clients import haproxy_rows
from altis_local.clients.tcp import has_ended, unreachable
from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.state import Proxy

PORT = 9999
LIMIT = 0.5
"""Seconds for each round trip; it takes less than a millisecond."""
ACCEPTING = 800
"""A frontend's usual limit of connections, as the endpoints image sets it; 0 holds it (accept is paused)."""
_END = b"\n> "
_Kept = socket.socket


class HaproxyAdmin:
    """Safe to share between threads; one round trip at a time."""

    def __init__(self, member: str, address: str, *, port: int = PORT) -> None:
        self.member = member
        self._at = (address, port)
        self._lock = threading.Lock()
        self._kept: socket.socket | None = None

    @property
    def socket(self) -> socket.socket | None:
        """The kept session's socket: its end is the first sign of the proxy's."""
        return self._kept

    def close(self) -> None:
        """Drop the session; the next command opens it anew."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def observe(self) -> Proxy:
        """Every server line, and which frontends are held."""
        stat, states = self._ask(haproxy_rows.FRONTENDS_AND_SERVERS, haproxy_rows.STATES)
        return haproxy_rows.proxy(self.member, stat, states)

    def set_server(self, backend: str, server: str, mode: str) -> None:
        """Set one server to ready, drain or maint."""
        self.set_servers(backend, {server: mode})

    def set_servers(self, backend: str, modes: Mapping[str, str]) -> None:
        """Set each server to ready, drain or maint. Established sessions are left alone."""
        self._do(*(f"set server {backend}/{server} state {mode}" for server, mode in modes.items()))

    def cut(self, backend: str, server: str) -> None:
        """End the sessions with a server. Not right after it went to maint: a client whose connection to it is still
        being made would be left hanging."""
        self._do(f"shutdown sessions server {backend}/{server}")

    def hold(self, frontend: str) -> None:
        """Accept nothing: new connections wait in the kernel's queue."""
        self._do(f"set maxconn frontend {frontend} 0")

    def release(self, frontend: str, maxconn: int = ACCEPTING) -> None:
        """Accept what waits, and all that comes."""
        self._do(f"set maxconn frontend {frontend} {maxconn}")

    def _do(self, *commands: str) -> None:
        """Commands that say nothing when they worked."""
        for command, said in zip(commands, self._ask(*commands), strict=True):
            if said.strip():
                raise ActionFailed(f"HAProxy said to {command!r}: {said.strip()}", member=self.member)

    def _ask(self, *commands: str) -> list[str]:
        """The answers to commands, sent at once."""
        if not commands:
            return []
        if not self._lock.acquire(timeout=LIMIT):
            raise Unreachable(f"its session has been busy for {LIMIT:g} s", member=self.member)
        try:
            kept = self._opened()
            kept.sendall((";".join(commands) + "\n").encode())
            return _read(kept, len(commands))
        except (OSError, EOFError) as error:
            self.close()
            raise unreachable(error, self.member) from error
        finally:
            self._lock.release()

    def _opened(self) -> _Kept:
        if has_ended(self._kept):
            self.close()
        if self._kept is None:
            fresh = socket.create_connection(self._at, timeout=LIMIT)
            fresh.sendall(b"prompt\n")
            _read(fresh, 1)
            self._kept = fresh
        return self._kept


def _read(session: socket.socket, count: int) -> list[str]:
    """As many answers."""
    answer = bytearray()
    while not (answer.endswith(_END) and answer.count(_END) >= count):
        piece = session.recv(1 << 18)
        if not piece:
            raise EOFError("the session ended")
        answer += piece
    return [part.decode(errors="replace") for part in bytes(answer).split(_END)[:count]]
