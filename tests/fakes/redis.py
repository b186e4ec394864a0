"""Redis members in memory, with RedisNode's methods: nothing survives a restart, and a standby copies its primary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.reports import CacheReport
from altis_local.model.state import CacheNode

BOOT_SOURCE = "127.0.0.1"
"""A member boots as the replica of nowhere, which refuses writes."""


@dataclass
class Cache:
    """One life of a redis process."""

    source: str = BOOT_SOURCE
    keys: set[str] = field(default_factory=set)
    offset: int = 0


class FakeRedisNode:
    """One member, as RedisNode sees it. `reach` finds what answers at an address, or raises Unreachable."""

    socket = None

    def __init__(self, reach: Callable[[str], Cache], members: Callable[[], list[Cache]], at: tuple[str, str]) -> None:
        self.member, self.address = at
        self._reach = reach
        self._members = members

    def close(self) -> None:
        """There is nothing to drop."""

    def observe(self) -> CacheNode:
        cache = self._reach(self.address)
        primary = self._primary(cache)
        if primary is not None:
            cache.keys, cache.offset = set(primary.keys), primary.offset
        return CacheNode(
            member=self.member,
            is_primary=not cache.source,
            source=cache.source,
            link_up=primary is not None,
            offset=cache.offset,
            keys=len(cache.keys),
            replicas=sum(other.source == self.address for other in self._members()),
        )

    def write(self, key: str) -> None:
        """A client's write."""
        cache = self._reach(self.address)
        cache.keys.add(key)
        cache.offset += 1

    def report(self) -> CacheReport:
        seen = self.observe()
        duty = "primary" if seen.is_primary else "standby"
        return CacheReport(self.member, duty, "0", 0, seen.keys, 1, 48 << 20, "allkeys-lfu", 0, 0, 0, 0, 1)

    def forget(self, keep: tuple[str, ...]) -> int:
        cache = self._reach(self.address)
        if cache.source:
            raise ActionFailed("redis said: You can't write against a read only replica.", member=self.member)
        gone = {key for key in cache.keys if not key.startswith(keep)}
        cache.keys -= gone
        return len(gone)

    def promote(self) -> None:
        self._reach(self.address).source = ""

    def follow(self, address: str) -> None:
        self._reach(self.address).source = address

    def kill_clients(self) -> None:
        self._reach(self.address)

    def _primary(self, cache: Cache) -> Cache | None:
        if not cache.source:
            return None
        try:
            found = self._reach(cache.source)
        except Unreachable:
            return None
        return found if not found.source else None
