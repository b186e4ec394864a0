"""One redis member as control sees and handles it, over a kept connection. It decides nothing.

What people ask for (`report`, `forget`) goes over a node of its own, so that it never delays a look of control's.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Connection, exceptions

from altis_local.clients.tcp import has_ended, unreachable
from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.reports import CacheReport
from altis_local.model.state import CacheNode

PORT = 6379
LIMIT = 0.5
"""Seconds for each question; an answer takes less than a millisecond."""
SCANNED = "1000"
"""Keys looked at in one step of a scan: less than a millisecond of the server's one thread."""
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
        is_primary = _is_primary(facts)
        return CacheNode(
            member=self.member,
            is_primary=is_primary,
            source="" if is_primary else facts.get("master_host", ""),
            link_up=facts.get("master_link_status") == "up",
            offset=int(facts.get("master_repl_offset", 0)),
            keys=_keys(facts),
            replicas=int(facts.get("connected_slaves", 0)),
        )

    def report(self) -> CacheReport:
        """How full it is, and what became of the questions it was asked."""
        facts = _facts(self._ask("INFO", "server", "clients", "memory", "stats", "replication", "keyspace"))
        return CacheReport(
            member=self.member,
            duty="primary" if _is_primary(facts) else "standby",
            version=facts["redis_version"],
            up_seconds=int(facts["uptime_in_seconds"]),
            keys=_keys(facts),
            used=int(facts["used_memory"]),
            limit=int(facts["maxmemory"]),
            policy=facts["maxmemory_policy"],
            hits=int(facts["keyspace_hits"]),
            misses=int(facts["keyspace_misses"]),
            evicted=int(facts["evicted_keys"]),
            expired=int(facts["expired_keys"]),
            clients=int(facts["connected_clients"]),
        )

    def forget(self, keep: tuple[str, ...]) -> int:
        """Remove every key that begins with none of `keep`; how many went. A standby refuses."""
        gone, cursor = 0, "0"
        while True:
            cursor, keys = self._ask("SCAN", cursor, "COUNT", SCANNED)
            doomed = [key for key in keys if not key.startswith(keep)]
            gone += self._ask("UNLINK", *doomed) if doomed else 0
            if cursor == "0":
                return gone

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
                # A key may be any bytes; it comes back as it was when it is named again.
                encoding_errors="surrogateescape",
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


def _is_primary(facts: dict[str, str]) -> bool:
    return facts["role"] == "master"


def _keys(facts: dict[str, str]) -> int:
    """`db0:keys=12,expires=3,…`, one for each database that holds any."""
    databases = [text for name, text in facts.items() if name[:2] == "db" and name[2:].isdigit()]
    return sum(int(text.split(",")[0].removeprefix("keys=")) for text in databases)
