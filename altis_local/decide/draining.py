"""Decides when a member that has to go goes: surplus ones for good, old ones for a new one in their place.

Pure: no side effects; called by healing, routing and the loop. A web container takes no new requests and ends those it
has; a runner takes no new jobs. Neither is waited for longer than the cloud does.
"""

from __future__ import annotations

from collections.abc import Iterator

from altis_local.decide import database, renewal
from altis_local.model import actions as do
from altis_local.model.actions import Steps
from altis_local.model.history import Recent
from altis_local.model.spec import Spec
from altis_local.model.state import Container, Snapshot

DRAINS = ("web", "cavalcade")
"""Roles whose members finish what they have; the others are only asked to stop."""
DRAIN_LIMIT = 300.0
"""Seconds a web container may drain: the load balancer's default (LB-07)."""
JOB_LIMIT = 3600.0
"""Seconds a job may take before its container is culled (CAV-14)."""
IDLE_LIMIT = 8.0
"""Seconds after the word for a runner without a job to end; what it is at is known with a delay of five."""
REMINDED = 10.0
"""Seconds after which a runner is told again to take no more jobs."""
STOP_WITHIN = 10.0
"""Seconds a member is given to stop, however long its own grace is: by then it has drained, or `stop` was asked for
(design.md section 9: a job's hour is for scale-in and deploy)."""
HOLD_DATA = ("db", "redis", "search", "aws")
"""They are given all of their own grace."""
WORK_WITH_DATA = ("web", "cavalcade", "sandbox")
LAST_TO_STOP = (*HOLD_DATA, "endpoints", "standins")
"""`stop` leaves them until all who work with data have ended: a job is given its time with its database."""


def members(spec: Spec, snapshot: Snapshot, recent: Recent) -> frozenset[str]:
    """Members that run and drain: those not wished any more, and old ones whose turn it is."""
    wanted = {m.name for m in spec.wanted()}
    surplus = {c.member for c in snapshot.containers if c.kind == "member" and c.member not in wanted}
    alone = {m.name for m in spec.members("web")} if spec.count("web") == 1 else set()
    # The only web container drains for nobody: there is no other that could take its requests meanwhile.
    old = {n for n in renewal.leaving(spec, snapshot, recent) if _role(snapshot, n) in DRAINS and n not in alone}
    return frozenset(surplus | old)


def _role(snapshot: Snapshot, name: str) -> str:
    container = snapshot.container(name)
    return container.role if container else ""


def decide(spec: Spec, snapshot: Snapshot, recent: Recent) -> Iterator[Steps]:
    """Steps for those that go: told to take nothing new, and stopped once they have nothing left."""
    wanted = {m.name for m in spec.wanted()}
    old, draining = renewal.leaving(spec, snapshot, recent), members(spec, snapshot, recent)
    for container in snapshot.containers:
        name = container.member
        if container.kind != "member" or (name in wanted and name not in old):
            continue
        if container.role == "web" and "drain" in spec.broken:
            # The broken twin: stopped at once, with the requests that it has (and routing lets it take more).
            reason = old.get(name, "is surplus")
            yield _steps(name, f"{name} {reason} (draining is broken)", 0.0, again=name in old)
        else:
            yield from _gone(snapshot, recent, container, old.get(name, ""), waits=name in draining)


def _gone(snapshot: Snapshot, recent: Recent, container: Container, old: str, *, waits: bool) -> Iterator[Steps]:
    """`old`: why another takes its place; "" where none does."""
    name, reason = container.member, old or "is surplus"
    if not waits or not container.is_running or is_drained(snapshot, recent, container):
        text = f"{name} {reason}" + (" and drained" if waits else "")
        yield _steps(name, text, limit(container), again=bool(old))
    elif container.role == "cavalcade" and snapshot.taken_at - recent.told.get(container.life, -REMINDED) >= REMINDED:
        # It takes no new jobs from here on, ends when its last one has, and is not waited for meanwhile. Told again
        # and again: it may have been starting, or the engine busy.
        yield Steps(f"member:{name}", f"{name} {reason}: it ends its jobs", (do.SignalMember(name, "TERM"),))


def _steps(name: str, text: str, within: float | None, *, again: bool) -> Steps:
    stop = do.StopMember(name, remove=True, limit=within)
    return Steps(f"member:{name}", text, (stop, do.StartMember(name)) if again else (stop,))


def limit(container: Container) -> float | None:
    """Seconds within which the container has to stop; None: its own grace."""
    return None if container.role in HOLD_DATA else STOP_WITHIN


def is_drained(snapshot: Snapshot, recent: Recent, container: Container) -> bool:
    """Whether it has nothing left to do, or was waited for long enough."""
    since = recent.draining_since.get(container.member)
    if since is None:
        return False
    now = snapshot.taken_at
    if container.role == "cavalcade":
        # One that has nothing to do and does not end all the same was told so in vain.
        told, runner = now - recent.told.get(container.life, now), snapshot.runners.get(container.member)
        return now - since > JOB_LIMIT or (told > IDLE_LIMIT and runner is not None and not runner.workers)
    # A balancer that does not answer at this moment may have requests there.
    known = snapshot.proxies.keys() >= set(database.running_proxies(snapshot, "lb"))
    proxies = [p for p in snapshot.proxies.values() if "web" in p.backends()]
    idle = all(container.member not in p.ready("web") and not p.sessions("web", container.member) for p in proxies)
    return (known and idle) or now - since > DRAIN_LIMIT
