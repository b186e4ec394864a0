"""One turn's decisions, put together: bring-up, healing, failover, routing, scaling and teardown are the same turn.

Pure: no side effects; called by the control loop. Steps whose key is under way are left out: the next turn decides
about their subject from what it sees then.
"""

from __future__ import annotations

from altis_local.decide import cache, cloud, database, draining, healing, metadata, renewal, routing, site
from altis_local.decide.diagnosis import diagnose
from altis_local.decide.protection import is_protected
from altis_local.model.actions import SignalMember, Steps
from altis_local.model.history import Recent
from altis_local.model.spec import Spec, Wish
from altis_local.model.state import Phase, Snapshot


def decide(spec: Spec, snapshot: Snapshot, recent: Recent) -> tuple[Steps, ...]:
    """All Steps to be begun now, at most one for each key."""
    busy = snapshot.in_flight
    if spec.wish is Wish.STOPPED:
        stopping = (*healing.decide(spec, snapshot, recent, busy), *metadata.leftovers(snapshot))
        return _first_of_each(stopping, busy)
    if "networks" in busy:
        return ()
    chosen = [*cache.decide(spec, snapshot, recent)]
    if database.KEY not in busy:
        # A member that is just being pointed elsewhere looks broken: it must not be rebuilt for it.
        chosen = [*database.decide(spec, snapshot, recent), *chosen]
    held = busy | {s.key for s in chosen}
    chosen += healing.decide(spec, snapshot, recent, held)
    chosen += routing.decide(spec, snapshot, recent, held)
    chosen += site.decide(spec, snapshot, recent)
    chosen += cloud.decide(spec, snapshot)
    chosen += metadata.decide(spec, snapshot)
    return _first_of_each(tuple(chosen), busy)


def _first_of_each(steps: tuple[Steps, ...], busy: frozenset[str]) -> tuple[Steps, ...]:
    kept: dict[str, Steps] = {}
    for one in steps:
        if one.key not in busy:
            kept.setdefault(one.key, one)
    return tuple(kept.values())


def is_settled(spec: Spec, snapshot: Snapshot, recent: Recent) -> bool:
    """Nothing to do and nothing under way. (To remind a runner that it is to end is no change.)"""
    due = [s for s in decide(spec, snapshot, recent) if not all(isinstance(a, SignalMember) for a in s.actions)]
    return not snapshot.in_flight and not due


def is_converged(spec: Spec, snapshot: Snapshot, recent: Recent) -> bool:
    """The environment is as it was asked for: every member well, the site installed, the data protected."""
    if spec.wish is Wish.STOPPED:
        ending = ("member", metadata.HELPER)
        alive = any(c.kind in ending and c.phase in (Phase.RUNNING, Phase.PAUSED) for c in snapshot.containers)
        return not alive and not snapshot.in_flight
    well = all(snapshot.is_healthy(m.name) for m in spec.wanted())
    return (
        well
        and not unseen(spec, snapshot)
        and not awaited(spec, snapshot, recent)
        and is_settled(spec, snapshot, recent)
        and site.is_installed(spec, snapshot, recent)
        and cloud.is_prepared(spec, snapshot)
        and protected(spec, snapshot, recent) is not False
    )


def unseen(spec: Spec, snapshot: Snapshot) -> frozenset[str]:
    """Load balancers that run well, and the CDN does not know it yet: a page may still be an error."""
    if "lb" not in spec.services or snapshot.edge is None:
        return frozenset()
    return frozenset(m.name for m in spec.members("lb") if snapshot.is_healthy(m.name)) - snapshot.edge


def awaited(spec: Spec, snapshot: Snapshot, recent: Recent) -> frozenset[str]:
    """Members still to be renewed. A runner that ends its jobs, which may take an hour, is not waited for."""
    now = snapshot.taken_at
    at_work = {
        c.member
        for c in snapshot.containers
        if c.role == "cavalcade" and now - recent.draining_since.get(c.member, now) > draining.STOP_WITHIN
    }
    return frozenset(renewal.outdated(spec, snapshot, recent).keys() - at_work)


def protected(spec: Spec, snapshot: Snapshot, recent: Recent) -> bool | None:
    """Whether the loss of the writer would lose no acknowledged write; None where the plan has no reader."""
    if spec.count("db") < 2:
        return None
    return is_protected(snapshot, diagnose(spec, snapshot, recent).writer)
