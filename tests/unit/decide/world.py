"""A small simulated world for decisions: MySQL members that replicate, acknowledge, crash and come back.

Pure Python, no engine, no threads. Clients write through whatever is routed; `acknowledged` is what they were promised.
It carries out the same actions as the product, so that decisions can be cut after any of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from altis_local.decide.diagnosis import store_address
from altis_local.model import actions as do
from altis_local.model.gtid import GtidSet
from altis_local.model.history import Recent, advance
from altis_local.model.spec import Secrets, Service, Spec
from altis_local.model.state import (
    Container,
    DbNode,
    Health,
    Phase,
    Protection,
    Proxy,
    ProxyServer,
    Reach,
    Receiver,
    SemiSync,
    Snapshot,
)
from altis_local.model.topology import NETWORKS

EMPTY_SECRETS = Secrets("db", "control", "replica", "redis", "site", "cert", "key")


def make_spec(plan: str = "production-ha", roles: tuple[str, ...] = ("db", "endpoints"), **counts: int) -> Spec:
    """A Spec of the plan with these roles."""
    return Spec(
        environment="test",
        plan=plan,
        block="10.208.0.0/20",
        site_port=8443,
        services={role: Service(role, f"altis-local/{role}:1", memory=1) for role in roles},
        secrets=EMPTY_SECRETS,
        counts=counts,
    )


class Broken(Exception):
    """An action could not be carried out."""


@dataclass
class Node:
    """One MySQL member. Transactions are (member, number) pairs in binary-log order."""

    name: str
    alive: bool = True
    writable: bool = False
    log: list[tuple[str, int]] = field(default_factory=list)
    term: tuple[int, str] = (0, "")
    source: str = ""
    receiving: bool = False
    acknowledges: bool = False
    wait_for: int = 0
    started_at: float = 1.0

    def gtids(self) -> GtidSet:
        by_source: dict[str, list[tuple[int, int]]] = {}
        for who, number in self.log:
            by_source.setdefault(f"uuid-{who}", []).append((number, number))
        text = ",".join(f"{s}:" + ":".join(str(a) for a, _ in items) for s, items in by_source.items())
        return GtidSet.parse(text)


class World:
    """Members by name, the record, what is routed, and what clients were promised."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.now = 100.0
        self.nodes = {m.name: Node(m.name) for m in spec.members("db")}
        self.record: Protection | None = None
        self.routed: frozenset[str] = frozenset()
        self.read_from: frozenset[str] = frozenset()
        self.held = False
        self.acknowledged: list[tuple[str, int]] = []
        self.recent = Recent()
        self.numbers = dict.fromkeys(self.nodes, 0)

    # -- what clients do

    def write(self, received_by: frozenset[str]) -> bool:
        """One client write; the readers in `received_by` get it at once where they can. True when acknowledged."""
        if self.held or len(self.routed) != 1:
            return False
        node = self.nodes[next(iter(self.routed))]
        if not node.alive or not node.writable:
            return False
        return self.commit(node, received_by)

    def commit(self, node: Node, received_by: frozenset[str]) -> bool:
        """Also for a session that an old writer still has."""
        self.numbers[node.name] += 1
        transaction = (node.name, self.numbers[node.name])
        node.log.append(transaction)
        acknowledgements = 0
        for reader in self.nodes.values():
            if reader.alive and reader.receiving and reader.source == node.name and reader.name in received_by:
                self._receive(reader, node)
                acknowledgements += reader.acknowledges
        if acknowledgements < node.wait_for:
            return False
        self.acknowledged.append(transaction)
        return True

    def replicate(self) -> None:
        """Everybody who receives gets all there is."""
        for reader in self.nodes.values():
            source = self.nodes.get(reader.source)
            if reader.alive and reader.receiving and source and source.alive:
                self._receive(reader, source)

    @staticmethod
    def _receive(reader: Node, source: Node) -> None:
        reader.log += [t for t in source.log if t not in reader.log]
        reader.term = max(reader.term, source.term)

    # -- what goes wrong

    def crash(self, name: str) -> None:
        node = self.nodes[name]
        node.alive = node.writable = node.receiving = False
        node.wait_for = 0

    def start(self, name: str) -> None:
        node = self.nodes[name]
        if not node.alive:
            self.now += 1
            node.alive, node.started_at = True, self.now

    def wait(self, seconds: float) -> None:
        """Time passes, and control looks on."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 5.0)
            self.snapshot()

    # -- what control sees

    def snapshot(self) -> Snapshot:
        self.now += 0.1
        alive = [n for n in self.nodes.values() if n.alive]
        servers = tuple(
            ProxyServer(backend, n, "ready" if n in ready else "maint", True, 0)
            for backend, ready in (("db-writer", self.routed), ("db-reader", self.read_from))
            for n in self.nodes
        )
        held = frozenset({"db-writer"}) if self.held else frozenset()
        proxies = [m.name for m in self.spec.members("endpoints")]
        snapshot = Snapshot(
            taken_at=self.now,
            containers=(
                *(self._container(n) for n in self.nodes.values()),
                *(
                    Container(p, p, "member", "endpoints", p, "", "", "altis-local/endpoints:1", Phase.RUNNING, 1.0)
                    for p in proxies
                ),
            ),
            networks=frozenset(NETWORKS),
            joined=frozenset(NETWORKS),
            health={name: Health(Reach.OK) for name in [*(n.name for n in alive), *proxies]},
            db=MappingProxyType({n.name: self._seen(n) for n in alive}),
            proxies={p: Proxy(p, servers, held) for p in proxies},
            protection=self.record,
        )
        self.recent = advance(self.recent, snapshot, frozenset())
        return snapshot

    @staticmethod
    def _container(node: Node) -> Container:
        phase = Phase.RUNNING if node.alive else Phase.EXITED
        return Container(
            node.name, node.name, "member", "db", node.name, "", "", "altis-local/db:1", phase, node.started_at
        )

    def _seen(self, node: Node) -> DbNode:
        receiver = None
        if node.source:
            io = "Yes" if node.receiving else "No"
            receiver = Receiver(store_address(self.spec, node.source), io, "Yes", GtidSet())
        clients = sum(
            1 for r in self.nodes.values() if r.alive and r.receiving and r.acknowledges and r.source == node.name
        )
        return DbNode(
            member=node.name,
            server_id=1,
            server_uuid=f"uuid-{node.name}",
            read_only=not node.writable,
            executed=node.gtids(),
            term=node.term[0],
            term_member=node.term[1],
            receiver=receiver,
            semi_sync=SemiSync(node.wait_for > 0, node.wait_for, clients, node.acknowledges),
        )

    # -- what control does

    def apply(self, action: do.Action) -> None:
        """Carry out one action. Raises Broken where the real one would fail."""
        match action:
            case do.Hold():
                self.held = True
            case do.Fence(member) | do.KillMember(member, _):
                self.crash(member)
            case do.StartMember(member):
                self.start(member)
            case do.StopReceivers(members):
                for name in members:
                    self._alive(name).receiving = False
            case do.Demote(member):
                self._alive(member).writable = False
            case do.WaitApplied(member, beyond):
                node = self._alive(member)
                if beyond:
                    self._receive(node, self._alive(beyond))
            case do.WriteRecord(record):
                self.record = record
            case do.Promote(member, term):
                self._promote(self._alive(member), term)
            case do.Repoint(member, source, acknowledge):
                node = self._alive(member)
                node.source, node.receiving, node.acknowledges = source, True, acknowledge
                node.wait_for = 0
            case do.SetAcknowledge(member, on):
                self._alive(member).acknowledges = on
            case do.SetSemiSync(member, count):
                self._alive(member).wait_for = count
            case do.AwaitReceived(writer, voters, count):
                have = self._alive(writer).log
                holding = [v for v in voters if self.nodes[v].alive and set(have) <= set(self.nodes[v].log)]
                if len(holding) < count:
                    raise Broken("not received")
            case do.Seed(member, donor):
                node, source = self._alive(member), self._alive(donor)
                node.log, node.term = list(source.log), source.term
                self.crash(member)
            case do.Route(_, backend, ready) if backend == "db-writer":
                self.routed, self.held = ready, False
            case do.Route(_, backend, ready) if backend == "db-reader":
                self.read_from = ready
            case _:
                pass

    def _promote(self, node: Node, term: int) -> None:
        node.source, node.receiving, node.wait_for = "", False, 0
        node.writable = True
        node.term = (term, node.name)
        self.numbers[node.name] += 1
        node.log.append((node.name, self.numbers[node.name]))

    def _alive(self, name: str) -> Node:
        if not self.nodes[name].alive:
            raise Broken(f"{name} is down")
        return self.nodes[name]

    # -- what must hold

    def check(self) -> None:
        """Never two writable members; never a held-less route to a member that cannot take writes without a reason."""
        writable = [n.name for n in self.nodes.values() if n.alive and n.writable]
        assert len(writable) <= 1, f"two writers: {writable}"

    def lost(self) -> list[tuple[str, int]]:
        """Acknowledged writes that the writer of the moment does not hold."""
        writer = next(n for n in self.nodes.values() if n.alive and n.writable)
        return [t for t in self.acknowledged if t not in writer.log]
