"""A simulated machine for tests of the loop: a fake engine whose containers hold simulated services.

Killing, freezing, starting and removing containers has its effects: a db member's data live in its volume, a redis
member's data die with it, a proxy boots with no server enabled. FakeSessions reaches them as LiveSessions would.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from altis_local.clients.engine_values import qualified
from altis_local.clock import Clock
from altis_local.errors import Unreachable
from altis_local.model.spec import Spec
from altis_local.model.state import Health, Phase, Reach
from altis_local.model.topology import Member, address
from tests.fakes.aws import FakeAwsPlatform, Services
from tests.fakes.engine import Box, FakeEngine
from tests.fakes.haproxy import Balancer, FakeHaproxy
from tests.fakes.mysql import FakeMySqlNode, Server, Servers
from tests.fakes.redis import Cache, FakeRedisNode

T = TypeVar("T")


class World:
    """The engine and what runs in its containers."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.engine = FakeEngine(clock)
        self.engine.listeners.append(self._happened)
        self.databases = Servers(lambda where: self.reach(where, Server), self._end)
        self._data: dict[str, Server] = {}
        self._running: dict[str, object] = {}
        self.unhealthy: set[str] = set()
        """Web members whose health check fails."""

    def reach(self, where: str, kind: type[T]) -> T:
        """What answers at an address. Raises Unreachable as a client would see it."""
        box = self.engine.at(where)
        found = self._running.get(box.id) if box else None
        if box is None or not isinstance(found, kind):
            raise Unreachable("connection refused", refused=True)
        if box.phase is Phase.PAUSED:
            raise Unreachable("does not answer in time", member=box.member)
        return found

    def is_refused(self, where: str) -> bool:
        return self.engine.at(where) is None

    def http(self, where: str) -> Health:
        box = self.engine.at(where)
        if box is None:
            return Health(Reach.REFUSED, "connection refused")
        if box.phase is Phase.PAUSED:
            return Health(Reach.SILENT, "no answer")
        return Health(Reach.FAILING, "answered 503") if box.member in self.unhealthy else Health(Reach.OK)

    def caches(self) -> list[Cache]:
        return [found for found in self._running.values() if isinstance(found, Cache)]

    def _happened(self, box: Box, action: str) -> None:
        if action == "start":
            self._start(box)
        elif action in ("die", "destroy"):
            self._running.pop(box.id, None)

    def _start(self, box: Box) -> None:
        match box.label("role"):
            case "db":
                server = self._data.setdefault(_volume(box), Server(box.member))
                server.boot()
                self._running[box.id] = server
                self.databases.known.update(dict.fromkeys(box.addresses(), server))
            case "redis":
                self._running[box.id] = Cache()
            case "aws":
                self._running[box.id] = Services()
            case "lb" | "endpoints" as role:
                self._running[box.id] = Balancer.boot(role, box.request.environment)

    def _end(self, where: str) -> None:
        """A server that ends by itself, as after CLONE."""
        box = self.engine.at(where)
        if box:
            self.engine.exit(box.id, 0)

    def forget_data(self, environment: str, member: str) -> None:
        """The member's volume is lost: its next start begins with an empty data directory."""
        self._data.pop(qualified(environment, member), None)


class FakeSessions:
    """Sessions to the members of one environment in the World, as LiveSessions."""

    def __init__(self, world: World, spec: Spec) -> None:
        self.world = world
        self.spec = spec

    def db(self, member: Member) -> FakeMySqlNode:
        return FakeMySqlNode(self.world.databases, member.name, self._at(member, "store"))

    def cache(self, member: Member) -> FakeRedisNode:
        world = self.world
        at = (member.name, self._at(member, "store"))
        return FakeRedisNode(lambda where: world.reach(where, Cache), world.caches, at)

    def proxy(self, member: Member) -> FakeHaproxy:
        return FakeHaproxy(lambda where: self.world.reach(where, Balancer), member.name, self._at(member, "admin"))

    def aws(self, member: Member) -> FakeAwsPlatform:
        return FakeAwsPlatform(lambda: self.world.reach(self._at(member, "platform"), Services), member.name)

    def is_refused(self, member: Member) -> bool:
        return self.world.is_refused(self._at(member, "store"))

    def http(self, url: str, host: str) -> Health:
        return self.world.http(url.split("/")[2].partition(":")[0])

    def origins(self, url: str) -> frozenset[str] | None:
        """The CDN sees every balancer that runs, at once."""
        if not self.http(url, "").is_ok:
            return None
        return frozenset(box.member for box in self.world.engine.boxes() if box.label("role") == "lb" and box.runs)

    def busy_workers(self, url: str) -> int | None:
        return 0

    def without(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def _at(self, member: Member, network: str) -> str:
        return address(self.spec.block, network, member)


def _volume(box: Box) -> str:
    """The volume that holds the data; without one they die with the container."""
    return box.request.volumes[0].partition(":")[0] if box.request.volumes else box.id
