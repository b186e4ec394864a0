"""Decides which redis member is the primary and who follows it.

Pure: no side effects; called by turn. Members boot as followers of nobody and refuse writes, so a restarted primary is
empty and powerless: it never gets its duty back while a standby with data lives (an empty primary would wipe it).
Replication is asynchronous, as in the cloud: the last writes may be lost, the name `cache` stays (CACHE-09).
"""

from __future__ import annotations

from altis_local.decide.database import fence, running_proxies
from altis_local.decide.diagnosis import store_address
from altis_local.model import actions as do
from altis_local.model.actions import Action, Steps
from altis_local.model.history import Recent
from altis_local.model.spec import Spec
from altis_local.model.state import CacheNode, Phase, Reach, Snapshot

KEY = "cache"
BACKEND = "cache"
HUNG_AFTER = 2
"""Probes in a row without an answer after which a primary counts as hung."""


def primary_of(snapshot: Snapshot) -> str:
    """The primary: the only one, or of two the one that traffic goes to; "" when nobody is."""
    primaries = sorted(n.member for n in snapshot.cache.values() if n.is_primary)
    if len(primaries) < 2:
        return "".join(primaries)
    routed = routed_to(snapshot)
    best = max(snapshot.cache[name].offset for name in primaries)
    return next((n for n in primaries if n in routed), next(n for n in primaries if snapshot.cache[n].offset == best))


def routed_to(snapshot: Snapshot) -> frozenset[str]:
    """The members that any endpoints container sends cache traffic to."""
    return frozenset().union(*(p.ready(BACKEND) for p in snapshot.proxies.values()))


def decide(spec: Spec, snapshot: Snapshot, recent: Recent) -> tuple[Steps, ...]:
    """Steps for the cache as it is; empty when nothing is to be done."""
    members = [m.name for m in spec.members("redis")] if "redis" in spec.services else []
    if not members:
        return ()
    primary = primary_of(snapshot)
    if not primary:
        return _elect(snapshot, recent, members)
    return tuple(
        Steps(KEY, f"{name} does not follow {primary}", (do.FollowCache(name, primary),))
        for name, node in sorted(snapshot.cache.items())
        if name != primary and (node.is_primary or node.source != store_address(spec, primary))
    )[:1]


def _elect(snapshot: Snapshot, recent: Recent, members: list[str]) -> tuple[Steps, ...]:
    absent = [name for name in members if name not in snapshot.cache]
    if any(_may_come_back(snapshot, recent, name) for name in absent):
        return ()
    best = best_standby(list(snapshot.cache.values()), members)
    if best is None or (absent and not best.offset and not best.keys):
        # Nobody holds anything: no hurry. (First start: the first member becomes primary, not the quickest.)
        return ()
    fences: tuple[Action, ...] = tuple(fence(snapshot, name) for name in absent)
    proxies = running_proxies(snapshot, "endpoints")
    route = do.Route(proxies, BACKEND, frozenset({best.member}))
    reason = f"no primary; {best.member} has {best.keys} keys"
    return (Steps(KEY, reason, (do.Hold(BACKEND, proxies), *fences, do.PromoteCache(best.member), route)),)


def best_standby(nodes: list[CacheNode], members: list[str]) -> CacheNode | None:
    """The member with most of the data: furthest offset among those with keys, the first in order on a tie."""
    order = {name: -place for place, name in enumerate(members)}
    return max(nodes, key=lambda n: (n.keys > 0, n.offset, order.get(n.member, -99)), default=None)


def _may_come_back(snapshot: Snapshot, recent: Recent, name: str) -> bool:
    """Whether an absent member is only out of sight: then nobody else becomes primary yet."""
    container = snapshot.container(name)
    if container is None or container.phase is not Phase.RUNNING:
        return False
    reach = snapshot.reach(name)
    if not recent.has_answered(container):
        return True
    if reach is Reach.REFUSED:
        return False
    return recent.missed(name) < HUNG_AFTER


def switchover(spec: Spec, snapshot: Snapshot, to: str = "") -> Steps | str:
    """Steps of a graceful change of primary, or the reason why it is refused. No key is lost that had arrived."""
    primary = primary_of(snapshot)
    ready = [
        name
        for name, node in sorted(snapshot.cache.items())
        if name != primary and node.link_up and (not to or name == to)
    ]
    if not primary or not ready:
        return f"{to or 'no standby'} follows no primary"
    chosen = ready[0]
    proxies = running_proxies(snapshot, "endpoints")
    route = do.Route(proxies, BACKEND, frozenset({chosen}))
    steps = (do.Hold(BACKEND, proxies), do.PromoteCache(chosen), route, do.FollowCache(primary, chosen))
    return Steps(KEY, f"asked to change the primary from {primary} to {chosen}", steps)
