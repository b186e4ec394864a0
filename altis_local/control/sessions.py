"""Kept sessions to the members, made when first asked for and dropped when a member's container is replaced.

Serves both observation and acting; each sees it through its own narrow Protocol.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from altis_local.clients.aws import aws_of
from altis_local.clients.aws_platform import AwsPlatform
from altis_local.clients.haproxy import HaproxyAdmin
from altis_local.clients.http_probe import busy_workers, origins, probe
from altis_local.clients.mysql import MySqlNode
from altis_local.clients.redis_node import RedisNode
from altis_local.clients.tcp import is_refused
from altis_local.errors import Unreachable
from altis_local.model.spec import Secrets, Spec
from altis_local.model.state import Health
from altis_local.model.topology import Member, address

CONTROL_USER = "altis_control"
PORTS = {"db": 3306, "redis": 6379}
HTTP_LIMIT = 0.5
"""Seconds for a health check over HTTP."""

T = TypeVar("T")


class LiveSessions:
    """By member name. `watch` is told of every session whose end means that the member died."""

    def __init__(self, spec: Callable[[], Spec]) -> None:
        self._spec = spec
        self._lock = threading.Lock()
        self._kept: dict[str, Any] = {}
        self._leaving: set[str] = set()

    def db(self, member: Member) -> MySqlNode:
        return self._get(
            member,
            lambda: MySqlNode(
                member.name, self._at(member, "store"), user=CONTROL_USER, password=self._secrets().db_control
            ),
        )

    def cache(self, member: Member) -> RedisNode:
        return self._get(member, lambda: RedisNode(member.name, self._at(member, "store"), self._secrets().redis))

    def proxy(self, member: Member) -> HaproxyAdmin:
        return self._get(member, lambda: HaproxyAdmin(member.name, self._at(member, "admin")))

    def aws(self, member: Member) -> AwsPlatform:
        return self._get(member, lambda: AwsPlatform(member.name, aws_of(self._spec())))

    def is_refused(self, member: Member) -> bool:
        """Whether nothing listens at a db or redis member's address."""
        return is_refused(self._at(member, "store"), PORTS[member.role])

    def http(self, url: str, host: str) -> Health:
        return probe(url, host_header=host, timeout=HTTP_LIMIT)

    def origins(self, url: str) -> frozenset[str] | None:
        return origins(url, timeout=HTTP_LIMIT)

    def busy_workers(self, url: str) -> int | None:
        return busy_workers(url, timeout=HTTP_LIMIT)

    def kept(self) -> dict[str, Any]:
        """The sessions that exist, by member name."""
        with self._lock:
            return dict(self._kept)

    def drop(self, name: str) -> None:
        """Close the session of a member whose container was replaced."""
        with self._lock:
            session = self._kept.pop(name, None)
        if session is not None:
            session.close()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """No session to a member that is being stopped: it would wait for the session's end, MySQL for two seconds."""
        with self._lock:
            self._leaving.add(name)
        self.drop(name)
        try:
            yield
        finally:
            with self._lock:
                self._leaving.discard(name)

    def close(self) -> None:
        for name in list(self.kept()):
            self.drop(name)

    def _get(self, member: Member, make: Callable[[], T]) -> T:
        with self._lock:
            if member.name in self._leaving:
                raise Unreachable("is being stopped", member=member.name)
            if member.name not in self._kept:
                self._kept[member.name] = make()
            return cast("T", self._kept[member.name])

    def _at(self, member: Member, network: str) -> str:
        return address(self._spec().block, network, member)

    def _secrets(self) -> Secrets:
        return self._spec().secrets
