"""Members for contract tests: simulated ones and real containers, started, killed and frozen in the same words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from docker.types import EndpointConfig
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from altis_local.clients.engine import Engine
from altis_local.clients.engine_values import Attachment, ContainerRequest, labels, qualified
from altis_local.clients.haproxy import HaproxyAdmin
from altis_local.clients.mysql import MySqlNode
from altis_local.clients.redis_node import RedisNode
from altis_local.clock import Deadline, SystemClock, wait_until
from altis_local.errors import AltisError
from tests.fakes.haproxy import Balancer, FakeHaproxy
from tests.fakes.mysql import FakeMySqlNode
from tests.fakes.redis import Cache, FakeRedisNode
from tests.fakes.world import World

T = TypeVar("T")

# Its reaper is an image from a registry; the lab sweeps by label.
testcontainers_config.ryuk_disabled = True

CLOCK = SystemClock()
HOSTS = {"db-1": 11, "db-2": 12, "db-3": 13, "redis-1": 21, "redis-2": 22, "endpoints-a": 30}
PASSWORD = "secret"
REPLICA = {"user": "altis_replica", "password": PASSWORD}


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether `check` becomes true; a member that does not answer yet is not there yet."""

    def is_so() -> bool:
        with suppress(AltisError):
            return check()
        return False

    return wait_until(is_so, Deadline.after(seconds, CLOCK), every=0.03)


@dataclass(frozen=True)
class Lab:
    """A real engine, an environment's name, and the first three numbers of its one network."""

    engine: Engine
    environment: str
    prefix: str


class Members(ABC):
    """Members by name; `start` makes those that are not there, and starts again those that ended."""

    prefix: str

    def address(self, name: str) -> str:
        return f"{self.prefix}.{HOSTS[name]}"

    def environment(self, role: str, name: str) -> dict[str, str]:
        own = self.address(name)
        return {
            "db": {
                "ALTIS_DB_PASSWORD": PASSWORD,
                "ALTIS_DB_CONTROL_PASSWORD": PASSWORD,
                "ALTIS_DB_REPLICA_PASSWORD": PASSWORD,
            },
            "redis": {"ALTIS_REDIS_PASSWORD": PASSWORD},
            "endpoints": {
                "ALTIS_ADDRESS_DATA": own,
                "ALTIS_ADDRESS_ADMIN": own,
                "ALTIS_CONTROL_ADMIN": f"{self.prefix}.1",
                "ALTIS_SERVERS_DB": f"db-1={self.address('db-1')} db-2={self.address('db-2')}",
                "ALTIS_SERVERS_REDIS": f"redis-1={self.address('redis-1')}",
            },
        }[role] | {"ALTIS_MEMBER": name}

    @abstractmethod
    def start(self, name: str) -> None: ...
    @abstractmethod
    def renew(self, name: str) -> None:
        """Let a member be as after its start, or start it: by the cheapest way."""

    @abstractmethod
    def kill(self, name: str) -> None: ...
    @abstractmethod
    def pause(self, name: str) -> None: ...
    @abstractmethod
    def unpause(self, name: str) -> None: ...
    @abstractmethod
    def is_running(self, name: str) -> bool: ...
    @abstractmethod
    def db(self, name: str) -> MySqlNode | FakeMySqlNode: ...
    @abstractmethod
    def cache(self, name: str) -> RedisNode | FakeRedisNode: ...
    @abstractmethod
    def proxy(self, name: str) -> HaproxyAdmin | FakeHaproxy: ...
    @abstractmethod
    def set_keys(self, name: str, keys: Iterable[str]) -> None: ...

    def set_key(self, name: str, key: str) -> None:
        self.set_keys(name, (key,))


class FakeMembers(Members):
    """In the World."""

    prefix = "10.9.9"

    def __init__(self) -> None:
        self.world = World()
        self._ids: dict[str, str] = {}

    def start(self, name: str) -> None:
        engine = self.world.engine
        if name not in self._ids:
            role = name.partition("-")[0]
            engine.images.add(role)
            request = ContainerRequest(
                name=name,
                image=role,
                labels=labels("contract", "member", role=role, member=name),
                environment=self.environment(role, name),
                networks=(Attachment("lab", self.address(name)),),
            )
            self._ids[name] = engine.create(request)
        engine.start(self._ids[name])

    def renew(self, name: str) -> None:
        if self.is_running(name):
            self.kill(name)
        self.start(name)

    def kill(self, name: str) -> None:
        self.world.engine.kill(self._ids[name])

    def pause(self, name: str) -> None:
        self.world.engine.pause(self._ids[name])

    def unpause(self, name: str) -> None:
        self.world.engine.unpause(self._ids[name])

    def is_running(self, name: str) -> bool:
        return any(box.member == name and box.runs for box in self.world.engine.boxes())

    def db(self, name: str) -> FakeMySqlNode:
        return FakeMySqlNode(self.world.databases, name, self.address(name))

    def cache(self, name: str) -> FakeRedisNode:
        world = self.world
        return FakeRedisNode(lambda at: world.reach(at, Cache), world.caches, (name, self.address(name)))

    def proxy(self, name: str) -> FakeHaproxy:
        return FakeHaproxy(lambda at: self.world.reach(at, Balancer), name, self.address(name))

    def set_keys(self, name: str, keys: Iterable[str]) -> None:
        for key in keys:
            self.cache(name).write(key)


class RealMembers(Members):
    """Containers of the project's images; kept clients, one for each member."""

    def __init__(self, lab: Lab, image: Callable[[str], str]) -> None:
        self.lab = lab
        self.prefix = lab.prefix
        self._image = image
        self._containers: dict[str, DockerContainer] = {}
        self._clients: dict[str, Any] = {}

    def start(self, name: str) -> None:
        if name in self._containers:
            self.lab.engine.start(self._id(name))
            return
        role = name.partition("-")[0]
        network = qualified(self.lab.environment, "lab")
        made = (
            DockerContainer(self._image(role))
            .with_envs(**self.environment(role, name))
            .with_name(qualified(self.lab.environment, name))
            .with_kwargs(
                labels=labels(self.lab.environment, "member", role=role, member=name),
                network=network,
                networking_config={network: EndpointConfig("1.41", ipv4_address=self.address(name))},
                mem_limit="512m",
            )
        )
        self._containers[name] = made.start()

    def renew(self, name: str) -> None:
        if not self.is_running(name):
            self.start(name)
            assert eventually(lambda: self._answers(name), 30)
        elif name.startswith("redis"):
            with redis.Redis(self.address(name), password=PASSWORD) as client:
                client.replicaof("NO", "ONE")
                client.flushall()
            self.cache(name).follow("127.0.0.1")
        else:
            self._reset_proxy(self.proxy(name))

    def _answers(self, name: str) -> bool:
        find: dict[str, Callable[[str], Any]] = {"db": self.db, "redis": self.cache, "endpoints": self.proxy}
        return bool(find[name.partition("-")[0]](name).observe())

    @staticmethod
    def _reset_proxy(proxy: HaproxyAdmin) -> None:
        seen = proxy.observe()
        for backend in seen.backends():
            servers = {s.member: "maint" for s in seen.servers if s.backend == backend}
            proxy.set_servers(backend, servers)
        for frontend in seen.held:
            proxy.release(frontend)

    def kill(self, name: str) -> None:
        self.lab.engine.kill(self._id(name))

    def pause(self, name: str) -> None:
        self.lab.engine.pause(self._id(name))

    def unpause(self, name: str) -> None:
        self.lab.engine.unpause(self._id(name))

    def is_running(self, name: str) -> bool:
        return any(c.member == name and c.is_running for c in self.lab.engine.containers(self.lab.environment))

    def db(self, name: str) -> MySqlNode:
        return self._kept(name, lambda: MySqlNode(name, self.address(name), user="altis_control", password=PASSWORD))

    def cache(self, name: str) -> RedisNode:
        return self._kept(name, lambda: RedisNode(name, self.address(name), PASSWORD))

    def proxy(self, name: str) -> HaproxyAdmin:
        return self._kept(name, lambda: HaproxyAdmin(name, self.address(name)))

    def set_keys(self, name: str, keys: Iterable[str]) -> None:
        with redis.Redis(self.address(name), password=PASSWORD) as client:
            client.mset(dict.fromkeys(keys, "value"))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        for container in self._containers.values():
            container.stop()

    def _id(self, name: str) -> str:
        return str(self._containers[name].get_wrapped_container().id)

    def _kept(self, name: str, make: Callable[[], T]) -> T:
        kept: T = self._clients.setdefault(name, make())
        return kept
