"""Decides who takes traffic behind every proxy: endpoints (db-writer, db-reader, cache) and load balancers (web).

Pure: no side effects; called by turn. Never a route to a read-only writer; a reader joins when it has caught up; a
surplus web container drains first. A backend whose subject is being changed by other Steps is left to them.
"""

from __future__ import annotations

from collections.abc import Iterator

from altis_local.decide import cache, database, draining
from altis_local.decide.diagnosis import Finding, diagnose, follows
from altis_local.model import actions as do
from altis_local.model.actions import Steps
from altis_local.model.history import Recent
from altis_local.model.spec import Spec
from altis_local.model.state import Proxy, Snapshot

WEB_BACKEND = "web"
SEARCH_BACKEND = "search"
LAG_LIMIT = 10.0
"""Seconds of lag beyond which a reader leaves the reader endpoint (our choice; Aurora's usual lag is 10-20 ms)."""
LINGER = 5.0
"""Seconds in which a session may end by itself after its member left the reader endpoint; PHP keeps them for ever.
(Our choice. More than HAProxy needs between `maint` and the end of sessions, 0.25 s.)"""
EJECT_AFTER = 3
"""Failed probes in a row after which a web container takes no new requests."""


def decide(spec: Spec, snapshot: Snapshot, recent: Recent, busy: frozenset[str]) -> tuple[Steps, ...]:
    """Route Steps for every backend that differs from what it should be. `busy`: keys that other Steps hold."""
    steps: list[Steps] = []
    for role, backend, owner, ready, drains in _wanted(spec, snapshot, recent):
        if owner in busy:
            continue
        differing = tuple(
            name
            for name in database.running_proxies(snapshot, role)
            if (proxy := snapshot.proxies.get(name)) and _differs(proxy, backend, ready, drains)
        )
        if differing:
            text = ", ".join(sorted(ready)) or "nobody"
            route = do.Route(differing, backend, ready, drains)
            steps.append(Steps(f"route:{backend}", f"{backend} → {text}", (route,)))
    return (*steps, *_cut(snapshot, recent))


def _cut(snapshot: Snapshot, recent: Recent) -> Iterator[Steps]:
    """Kept connections of readers that stay where nobody is sent any more: else they would read there for hours."""
    backend = database.READER_BACKEND
    late = frozenset(name for name, since in recent.lingering.items() if snapshot.taken_at - since >= LINGER)
    proxies = tuple(
        name
        for name in database.running_proxies(snapshot, "endpoints")
        if (proxy := snapshot.proxies.get(name)) and _left(proxy, backend, late)
    )
    if proxies:
        text = f"sessions of {backend} have stayed with {', '.join(sorted(late))}"
        yield Steps(f"cut:{backend}", text, (do.Cut(proxies, backend, late),))


def _left(proxy: Proxy, backend: str, members: frozenset[str]) -> bool:
    """Whether it has sessions with them, and none of them is anybody's to be sent to there."""
    lines = [s for s in proxy.servers if s.backend == backend and s.member in members]
    return all(s.mode == "maint" for s in lines) and any(s.sessions for s in lines)


def _differs(proxy: Proxy, backend: str, ready: frozenset[str], draining: frozenset[str]) -> bool:
    drains = frozenset(s.member for s in proxy.servers if s.backend == backend and s.mode == "drain")
    return backend in proxy.held or proxy.ready(backend) != ready or drains != draining


def _wanted(
    spec: Spec, snapshot: Snapshot, recent: Recent
) -> Iterator[tuple[str, str, str, frozenset[str], frozenset[str]]]:
    """(role, backend, owning key, ready, draining) for every backend about which something is known."""
    nobody: frozenset[str] = frozenset()
    found = diagnose(spec, snapshot, recent)
    if found.finding not in (Finding.NONE, Finding.UNREACHABLE, Finding.WAITING):
        writer = frozenset({found.writer}) if found.finding is Finding.OK else nobody
        readers = _readers(spec, snapshot, found.writer)
        yield "endpoints", database.WRITER_BACKEND, database.KEY, writer, nobody
        yield "endpoints", database.READER_BACKEND, "", readers or writer, nobody
    primary = cache.primary_of(snapshot)
    if primary or not any(_is_silent(snapshot, name) for name in cache.routed_to(snapshot)):
        yield "endpoints", cache.BACKEND, cache.KEY, frozenset({primary} - {""}), nobody
    yield "endpoints", SEARCH_BACKEND, "", _steady(spec, snapshot, recent, SEARCH_BACKEND), nobody
    yield "lb", WEB_BACKEND, "", *_web(spec, snapshot, recent)


def _is_silent(snapshot: Snapshot, name: str) -> bool:
    return snapshot.is_running(name) and not snapshot.is_healthy(name)


def _readers(spec: Spec, snapshot: Snapshot, writer: str) -> frozenset[str]:
    """Members that follow the writer closely; when it is gone, those that followed it (reads go on)."""
    alive = snapshot.db.get(writer) is not None
    return frozenset(
        n.member
        for n in snapshot.db.values()
        if n.member != writer
        and n.read_only
        and n.receiver
        and follows(spec, n, writer)
        and n.receiver.sql == "Yes"
        and (n.receiver.io != "No" or not alive)  # "Connecting" passes: what it has is no older than a moment
        and (n.receiver.lag or 0.0) <= LAG_LIMIT
    )


def _steady(spec: Spec, snapshot: Snapshot, recent: Recent, role: str) -> frozenset[str]:
    """Wished members that run and are healthy, or are routed and only missed a probe or two."""
    wished = {m.name for m in spec.members(role)} if role in spec.services else set()
    running = {name for name in wished if snapshot.is_running(name)}
    routed = frozenset().union(*(p.ready(role) for p in snapshot.proxies.values()))
    return frozenset(
        name for name in running if snapshot.is_healthy(name) or (name in routed and recent.missed(name) < EJECT_AFTER)
    )


def _web(spec: Spec, snapshot: Snapshot, recent: Recent) -> tuple[frozenset[str], frozenset[str]]:
    """(ready, draining): healthy members that are to stay; those that go and still run."""
    wished = {m.name for m in spec.members("web")} if "web" in spec.services else set()
    running = {c.member for c in snapshot.containers if c.role == "web" and c.kind == "member" and c.is_running}
    going = draining.members(spec, snapshot, recent) & running
    routed = frozenset().union(*(p.ready(WEB_BACKEND) for p in snapshot.proxies.values()))
    ready = _steady(spec, snapshot, recent, WEB_BACKEND)
    if "drain" in spec.broken:
        return ready | going, frozenset()  # whoever goes takes traffic until it is gone
    # All unhealthy: traffic goes to all, as an Application Load Balancer does (fail open, LB-06).
    ready = (ready - going) or frozenset(wished & running & routed)
    return ready, going - ready
