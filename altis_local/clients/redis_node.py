"""One redis member as control sees and handles it, over a kept connection. It decides nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Connection, exceptions

from altis_local.clients.tcp import has_ended, unreachable
from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.state import CacheNode

PORT = 6379
LIMIT = 0.5
"""Seconds for each question; an answer takes less than a millisecond."""
_ALIVE = (exceptions.BusyLoadingError, exceptions.AuthenticationError)
"""Connection errors to the driver, but answers of a server that lives."""


class RedisNode:
    """Safe to share between threads; one question at a time."""

    def __init__(self, member: str, address: str, password: str, *, port: int = PORT) -> None:
        self.member = member
        self.address = address
        self._port = port
        self._password = password
        self._lock = threading.Lock()
        self._kept: Any = None

    @property
    def socket(self) -> socket.socket | None:
        """The kept connection's socket: its end is the first sign of the server's."""
        kept: Any = self._kept
        return kept._sock if kept is not None else None

    def close(self) -> None:
        """Drop the connection; the next question opens it anew."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.disconnect()

    def observe(self) -> CacheNode:
        """What it says of its own replication and data."""
        facts = _facts(self._ask("INFO", "replication", "keyspace"))
        is_primary = facts["role"] == "master"
        return CacheNode(
            member=self.member,
            is_primary=is_primary,
            source="" if is_primary else facts.get("master_host", ""),
            link_up=facts.get("master_link_status") == "up",
            offset=int(facts.get("master_repl_offset", 0)),
            keys=sum(int(line.split(",")[0].removeprefix("keys=")) for name, line in facts.items() if name[:2] == "db"),
            replicas=int(facts.get("connected_slaves", 0)),
        )

    def promote(self) -> None:
        """Follow nobody and take writes."""
        self._ask("REPLICAOF", "NO", "ONE")

    def follow(self, address: str) -> None:
        """Follow the member at `address`, giving up its own data."""
        self._ask("REPLICAOF", address, str(self._port))

    def kill_clients(self) -> None:
        """End the sessions of ordinary clients but this one."""
        self._ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _ask(self, *words: str) -> Any:
        if not self._lock.acquire(timeout=LIMIT):
            raise Unreachable(f"its connection has been busy for {LIMIT:g} s", member=self.member)
        try:
            with self._translated():
                connection = self._opened()
                connection.send_command(*words)
                return connection.read_response()
        finally:
            self._lock.release()

    def _opened(self) -> Any:
        if has_ended(self.socket):
            self.close()
        if self._kept is None:
            fresh: Any = Connection(  # type: ignore[no-untyped-call]
                host=self.address,
                port=self._port,
                password=self._password,
                socket_timeout=LIMIT,
                socket_connect_timeout=LIMIT,
                protocol=2,
                decode_responses=True,
                lib_name=None,
                lib_version=None,
            )
            fresh.connect()
            self._kept = fresh
        return self._kept

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (*_ALIVE, exceptions.ResponseError) as error:
            raise ActionFailed(f"redis said: {error}", member=self.member) from error
        except (exceptions.RedisError, OSError, AttributeError) as error:
            # AttributeError: `close` took the connection away under a waiting call.
            self.close()
            # The driver turns the system's errors into its own; what they were is their cause.
            late = isinstance(error, exceptions.TimeoutError)
            raise unreachable(TimeoutError() if late else error.__context__ or error, self.member) from error


def _facts(text: str) -> dict[str, str]:
    """INFO's lines as a mapping."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
