"""Snapshots in a few words, for tables of decisions."""

from __future__ import annotations

from dataclasses import replace

from altis_local.decide.diagnosis import store_address
from altis_local.model.gtid import GtidSet
from altis_local.model.history import Life, Miss, Recent
from altis_local.model.spec import Spec
from altis_local.model.state import (
    CacheNode,
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

NOW = 1000.0
STARTED = 900.0


def container(name: str, role: str, phase: Phase = Phase.RUNNING, **more: object) -> Container:
    base = Container(name, name, "member", role, name, "", "", f"altis-local/{role}:1", phase, STARTED)
    return replace(base, **more)  # type: ignore[arg-type]


def db(
    name: str, *, term: int = 1, of: str = "db-1", writable: bool = False, gtids: str = "u:1-10", **more: object
) -> DbNode:
    base = DbNode(name, 1, name, not writable, GtidSet.parse(gtids), term, of, None, SemiSync(False, 1, 0, False))
    return replace(base, **more)  # type: ignore[arg-type]


def receiver(
    spec: Spec, source: str, *, io: str = "Yes", sql: str = "Yes", error: str = "", lag: float = 0.0
) -> Receiver:
    return Receiver(store_address(spec, source), io, sql, GtidSet(), lag, error)


def redis(name: str, *, primary: bool = False, source: str = "", offset: int = 0, keys: int = 0) -> CacheNode:
    return CacheNode(name, primary, source, bool(source), offset, keys)


def proxy(name: str, **ready: set[str]) -> Proxy:
    """`proxy("lb-a", web={"web-a1"})`; underscores in backend names stand for dashes."""
    servers = [ProxyServer(b.replace("_", "-"), m, "ready", True, 0) for b, ms in ready.items() for m in ms]
    empty = [ProxyServer(b.replace("_", "-"), "nobody", "maint", False, 0) for b, ms in ready.items() if not ms]
    return Proxy(name, tuple(servers + empty))


def snapshot(
    *containers: Container,
    nodes: tuple[DbNode | CacheNode | Proxy, ...] = (),
    silent: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
    record: Protection | None = None,
    busy: frozenset[str] = frozenset(),
) -> Snapshot:
    """Everybody that runs is well, but for those named."""
    health = {c.member: Health(Reach.OK) for c in containers if c.is_running}
    health |= {name: Health(Reach.SILENT) for name in silent} | {name: Health(Reach.REFUSED) for name in refused}
    return Snapshot(
        taken_at=NOW,
        containers=containers,
        networks=frozenset(NETWORKS),
        joined=frozenset(NETWORKS),
        health=health,
        db={n.member: n for n in nodes if isinstance(n, DbNode)},
        cache={n.member: n for n in nodes if isinstance(n, CacheNode)},
        proxies={n.member: n for n in nodes if isinstance(n, Proxy)},
        protection=record,
        in_flight=busy,
    )


def recent(*, answered: tuple[str, ...] = (), missed: dict[str, int] | None = None, since: float = NOW - 10) -> Recent:
    """Containers as `container` makes them, seen since they were started."""
    missed = missed or {}
    return Recent(
        misses={name: Miss(count, since) for name, count in missed.items()},
        lives={name: Life(f"{name}@{STARTED}", STARTED, name in answered) for name in {*answered, *missed}},
    )
