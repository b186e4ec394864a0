"""One redis member as control sees and handles it, over a kept connection. It decides nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.state import CacheNode

PORT = 6379
LIMIT = 0.5
"""Seconds for each question; an answer takes less than a millisecond."""


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
        """The kept session's socket: its end is the first sign of the server's."""
        kept: Any = self._kept
        return kept._sock if kept is not None else None

    def close(self) -> None:
        """Drop the session; the next question opens it anew."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.disconnect()

    def observe(self) -> CacheNode:
        """What it says of its own replication and data."""
        facts = _facts(self._ask("INFO", "replication")) | _facts(self._ask("INFO", "keyspace"))
        is_primary = facts.get("role") == "master"
        return CacheNode(
            member=self.member,
            is_primary=is_primary,
            source="" if is_primary else facts.get("master_host", ""),
            link_up=facts.get("master_link_status") == "up",
            offset=int(facts.get("master_repl_offset", 0)),
            keys=sum(
                int(value.split(",")[0].removeprefix("keys=")) for name, value in facts.items() if name[:2] == "db"
            ),
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
        from redis.exceptions import ResponseError  # noqa: PLC0415  # short commands are spared the import

        with self._translated():
            if not self._lock.acquire(timeout=LIMIT):
                raise Unreachable(f"its session has been busy for {LIMIT:g} s", member=self.member)
            try:
                connection = self._opened()
                connection.send_command(*words)
                return connection.read_response()
            except ResponseError:
                raise
            except BaseException:
                self.close()
                raise
            finally:
                self._lock.release()

    def _opened(self) -> Any:
        if self._kept is None:
            from redis import Connection  # noqa: PLC0415

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
        from redis import exceptions  # noqa: PLC0415

        try:
            yield
        except (exceptions.TimeoutError, TimeoutError) as error:
            raise Unreachable("does not answer in time", member=self.member) from error
        except (exceptions.ConnectionError, OSError) as error:
            # A server that is loading refuses by an error of its own; it lives.
            if isinstance(error, exceptions.BusyLoadingError | exceptions.AuthenticationError):
                raise ActionFailed(str(error), member=self.member) from error
            raise Unreachable(f"{error}", member=self.member, refused=True) from error
        except exceptions.RedisError as error:
            raise ActionFailed(str(error), member=self.member) from error


def _facts(text: str) -> dict[str, str]:
    """INFO's lines as a mapping."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
