"""What actions work with: narrow views of the engine, the members' sessions, the record, and the Spec of the turn.

Handed to every handler by the executor. The Protocols name just what acting needs, so that fakes stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from altis_local.clients.engine_values import ContainerRequest, ExecResult, NetworkRequest
from altis_local.clock import Clock
from altis_local.model.cloud import LogGroup
from altis_local.model.gtid import GtidSet
from altis_local.model.spec import Spec
from altis_local.model.state import Container, DbNode, Protection
from altis_local.model.topology import MEMBER_ROLES, Member


class EngineWriter(Protocol):
    """What acting needs of the engine."""

    def containers(self, environment: str) -> tuple[Container, ...]: ...
    def networks(self, environment: str) -> frozenset[str]: ...
    def create_network(self, request: NetworkRequest) -> None: ...
    def create_volume(self, environment: str, name: str) -> str: ...
    def create(self, request: ContainerRequest) -> str: ...
    def start(self, container: str) -> None: ...
    def kill(self, container: str, signal: str = "KILL") -> None: ...
    def stop(self, container: str, grace: float = 10.0) -> None: ...
    def remove(self, container: str, *, force: bool = False) -> None: ...
    def connect(self, network: str, container: str, *, address: str = "", aliases: tuple[str, ...] = ()) -> None: ...
    def exec(
        self,
        container: str,
        argv: tuple[str, ...],
        *,
        user: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> ExecResult: ...
    def logs(self, container: str, tail: int = 20) -> tuple[str, ...]: ...


class DbWriter(Protocol):
    """What acting needs of a db member."""

    def observe(self) -> DbNode: ...
    def promote(self, term: int, member: str) -> None: ...
    def repoint(self, source: str, *, user: str, password: str, acknowledge: bool) -> None: ...
    def stop_receiver(self) -> None: ...
    def wait_applied(self, gtids: GtidSet | None = None, *, timeout: float = 10.0) -> None: ...
    def demote(self) -> None: ...
    def set_semi_sync(self, count: int) -> None: ...
    def set_acknowledge(self, on: bool) -> None: ...
    def clone_from(self, donor: str, *, user: str, password: str) -> None: ...
    def executed(self) -> GtidSet: ...
    def errant(self, gtids: GtidSet) -> str: ...
    def mark_site(self, url: str) -> None: ...


class CacheWriter(Protocol):
    """What acting needs of a redis member."""

    def promote(self) -> None: ...
    def follow(self, address: str) -> None: ...
    def kill_clients(self) -> None: ...


class ProxyWriter(Protocol):
    """What acting needs of an lb or endpoints member."""

    def hold(self, frontend: str) -> None: ...
    def release(self, frontend: str) -> None: ...
    def set_servers(self, backend: str, modes: Mapping[str, str]) -> None: ...


class AwsWriter(Protocol):
    """What acting needs of the AWS services."""

    def prepare(self, identities: Iterable[str], groups: Iterable[LogGroup]) -> None: ...


class Writers(Protocol):
    """Kept sessions to the members."""

    def db(self, member: Member) -> DbWriter: ...
    def cache(self, member: Member) -> CacheWriter: ...
    def proxy(self, member: Member) -> ProxyWriter: ...
    def aws(self, member: Member) -> AwsWriter: ...
    def is_refused(self, member: Member) -> bool: ...
    def drop(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """One executor's world; `spec` is the Spec at the beginning of the Steps."""

    spec: Spec
    engine: EngineWriter
    sessions: Writers
    clock: Clock
    pool: ThreadPoolExecutor
    save_record: Callable[[Protection], None]
    save_aside: Callable[[str, str], str]
    """(member, text) -> where it was kept."""
    joined: Callable[[str], None]
    """Told the network that control has joined."""
    own_container: str
    """Control's own container; "" outside of one."""
    note: Callable[[str, tuple[str, ...]], None]
    """(text, log lines) for the journal."""

    def member(self, name: str) -> Member:
        """The slot of that name. Raises KeyError for one that the plan does not have."""
        for role in MEMBER_ROLES:
            for m in self.spec.slots(role):
                if m.name == name:
                    return m
        raise KeyError(name)

    def container(self, name: str) -> Container | None:
        """The member's container as the engine has it now."""
        found = self.engine.containers(self.spec.environment)
        return next((c for c in found if c.member == name and c.kind == "member"), None)
