"""One HAProxy (lb or endpoints) over its runtime API, on the admin network. It decides nothing.

One kept session in prompt mode, where each command's answer ends with a line `> ` (HAProxy Management Guide, 9.3).
"""

from __future__ import annotations

import csv
import socket
import threading
from collections.abc import Mapping

from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.state import Proxy, ProxyServer

PORT = 9999
LIMIT = 0.5
"""Seconds for each command."""
ACCEPTING = 512
"""A frontend's usual limit of connections; 0 holds it (recipes/db.md, section 2)."""
_END = b"\n> "


class HaproxyAdmin:
    """Safe to share between threads; one command at a time."""

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
        rows = list(csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines()))
        servers = tuple(_server(row) for row in rows if row["svname"] not in ("FRONTEND", "BACKEND"))
        held = frozenset(row["pxname"] for row in rows if row["svname"] == "FRONTEND" and row["slim"] == "0")
        return Proxy(self.member, servers, held)

    def set_servers(self, backend: str, modes: Mapping[str, str], *, cut: bool) -> None:
        """Set each server to ready, drain or maint. `cut` also ends the sessions of those that leave."""
        commands = [f"set server {backend}/{name} state {mode}" for name, mode in modes.items()]
        if cut:
            # By itself maint leaves established sessions alone. A dead server's own were closed by its end.
            leaving = [name for name, mode in modes.items() if mode == "maint"]
            commands += [f"shutdown sessions server {backend}/{name}" for name in leaving]
        self._do(*commands)

    def hold(self, frontend: str) -> None:
        """Accept nothing: new connections wait in the kernel's queue."""
        self._do(f"set maxconn frontend {frontend} 0")

    def release(self, frontend: str) -> None:
        """Accept what waits, and all that comes."""
        self._do(f"set maxconn frontend {frontend} {ACCEPTING}")

    def _do(self, *commands: str) -> None:
        for command in commands:
            said = self._ask(command).strip()
            if said:
                raise ActionFailed(f"HAProxy said to {command!r}: {said.splitlines()[0]}", member=self.member)

    def _ask(self, command: str) -> str:
        if not self._lock.acquire(timeout=LIMIT):
            raise Unreachable(f"its session has been busy for {LIMIT:g} s", member=self.member)
        try:
            fresh = self._kept is None
            try:
                return self._exchange(command)
            except (ConnectionError, EOFError):
                self.close()
                if fresh:
                    raise
                return self._exchange(command)  # the kept session had ended; the proxy itself may be well
        except TimeoutError as error:
            self.close()
            raise Unreachable("does not answer in time", member=self.member) from error
        except (OSError, EOFError) as error:
            self.close()
            raise Unreachable(f"{error}", member=self.member, refused=True) from error
        finally:
            self._lock.release()

    def _exchange(self, command: str) -> str:
        if self._kept is None:
            self._kept = socket.create_connection(self._at, timeout=LIMIT)
            self._kept.sendall(b"prompt\n")
            self._read()
        self._kept.sendall(command.encode() + b"\n")
        return self._read()

    def _read(self) -> str:
        assert self._kept is not None  # noqa: S101 - only called with a session
        answer = b""
        while not answer.endswith(_END):
            piece = self._kept.recv(65536)
            if not piece:
                raise EOFError("the session ended")
            answer += piece
        return answer.removesuffix(_END).decode(errors="replace")


def _server(row: Mapping[str, str]) -> ProxyServer:
    status = row["status"]
    mode = "maint" if status.startswith("MAINT") else "drain" if status.startswith("DRAIN") else "ready"
    sessions = int(row["scur"] or 0) + int(row["qcur"] or 0)
    return ProxyServer(row["pxname"], row["svname"], mode, status.startswith(("UP", "no check")), sessions)
