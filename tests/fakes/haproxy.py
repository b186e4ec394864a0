"""HAProxy members in memory, with HaproxyAdmin's methods: which servers take traffic, and which frontends are held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from altis_local.errors import ActionFailed
from altis_local.model.state import Proxy, ProxyServer

MODES = ("ready", "drain", "maint")
BACKENDS = {
    "endpoints": (("db-writer", "DB"), ("db-reader", "DB"), ("cache", "REDIS")),
    "lb": (("web", "WEB"), ("web-open", "WEB")),
}
"""Role -> its backends, and the ALTIS_SERVERS_… variable that lists each one's servers."""


@dataclass
class Balancer:
    """One life of a HAProxy process: it boots with no server enabled."""

    modes: dict[str, dict[str, str]]
    sessions: dict[tuple[str, str], int] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)

    @classmethod
    def boot(cls, role: str, environment: Mapping[str, str]) -> Balancer:
        lists = {name: environment.get(f"ALTIS_SERVERS_{kind}", "") for name, kind in BACKENDS[role]}
        return cls({name: {one.partition("=")[0]: "maint" for one in text.split()} for name, text in lists.items()})


class FakeHaproxy:
    """One member, as HaproxyAdmin sees it. `reach` finds what answers at an address, or raises Unreachable."""

    socket = None

    def __init__(self, reach: Callable[[str], Balancer], member: str, address: str) -> None:
        self.member = member
        self._reach = reach
        self._address = address

    def close(self) -> None:
        """There is nothing to drop."""

    def observe(self) -> Proxy:
        found = self._reach(self._address)
        servers = (
            ProxyServer(backend, name, mode, mode != "maint", found.sessions.get((backend, name), 0))
            for backend, modes in found.modes.items()
            for name, mode in modes.items()
        )
        return Proxy(self.member, tuple(servers), frozenset(found.held))

    def set_server(self, backend: str, server: str, mode: str) -> None:
        self.set_servers(backend, {server: mode})

    def set_servers(self, backend: str, modes: Mapping[str, str]) -> None:
        found = self._reach(self._address)
        for server, mode in modes.items():
            if server not in found.modes.get(backend, {}) or mode not in MODES:
                raise ActionFailed(f"HAProxy said: no {backend}/{server} or no mode {mode}", member=self.member)
            found.modes[backend][server] = mode

    def cut(self, backend: str, server: str) -> None:
        found = self._reach(self._address)
        if server not in found.modes.get(backend, {}):
            raise ActionFailed(f"HAProxy said: no {backend}/{server}", member=self.member)
        found.sessions.pop((backend, server), None)

    def hold(self, frontend: str) -> None:
        self._frontend(frontend).held.add(frontend)

    def release(self, frontend: str, maxconn: int = 800) -> None:
        self._frontend(frontend).held.discard(frontend)

    def _frontend(self, frontend: str) -> Balancer:
        found = self._reach(self._address)
        if frontend not in found.modes:
            raise ActionFailed(f"HAProxy said: no frontend {frontend}", member=self.member)
        return found
