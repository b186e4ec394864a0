"""Decides which members to start, kill and stop: bring-up and healing are one thing (and going is: see draining).

Pure: no side effects; called by turn. A member is throwaway: dead ones are replaced, frozen ones killed first. Data
lives in volumes. The database's writer is never killed here: database decides about it.
"""

from __future__ import annotations

from collections.abc import Iterable

from altis_local.decide import draining, site
from altis_local.decide.diagnosis import Finding, diagnose
from altis_local.model import actions as do
from altis_local.model.actions import Steps
from altis_local.model.history import Recent
from altis_local.model.spec import Spec, Wish
from altis_local.model.state import Container, Phase, Reach, Snapshot
from altis_local.model.topology import MEMBER_ROLES, NETWORKS

FROZEN_AFTER = 3
"""Silent probes in a row, over at least FROZEN_SECONDS, after which a member counts as frozen."""
FROZEN_SECONDS = {"web": 8.0, "search": 10.0, "aws": 10.0, "tachyon": 10.0, "cavalcade": 10.0}
"""Who is at work is silent as well, and must not be killed for it: a web container whose workers are all busy, Java
collecting garbage, an image being resized. A killed runner leaves its jobs behind (CAV-13)."""
DEFAULT_FROZEN_SECONDS = 2.0
FAILING_AFTER = 5
"""Failing answers in a row after which a member is replaced (HC-10)."""
GRACE = {"db": 120.0, "search": 90.0, "aws": 60.0}
"""Seconds a member may take from start to its first good answer; crash recovery of a database takes longest."""
DEFAULT_GRACE = 30.0
BACKOFF = (0.0, 0.0, 0.0, 2.0, 5.0, 10.0, 20.0)
"""Seconds to wait before the n-th start within history.START_WINDOW."""
NEEDS_SITE = ("cavalcade",)
"""Not started while there is no writer or no site in it: a runner that finds no table of jobs ends at once."""


def decide(spec: Spec, snapshot: Snapshot, recent: Recent, busy: frozenset[str]) -> tuple[Steps, ...]:
    """Steps for containers. `busy`: keys that other Steps hold; "db" there keeps a dead writer from being restarted."""
    if spec.wish is Wish.STOPPED:
        return _stop(spec, snapshot, recent, busy)
    missing = tuple(n for n in NETWORKS if n not in snapshot.networks or n not in snapshot.joined)
    if missing:
        return (Steps("networks", f"networks missing: {', '.join(missing)}", (do.CreateNetworks(missing),)),)
    return (
        *_start(spec, snapshot, recent, busy),
        *_kill(spec, snapshot, recent),
        *draining.decide(spec, snapshot, recent),
    )


def _start(spec: Spec, snapshot: Snapshot, recent: Recent, busy: frozenset[str]) -> tuple[Steps, ...]:
    found = diagnose(spec, snapshot, recent)
    held = found.writer if "db" in busy and found.finding in (Finding.DEAD, Finding.HUNG) else ""
    order = {role: place for place, role in enumerate(MEMBER_ROLES)}
    early = () if site.is_installed(spec, snapshot, recent) else NEEDS_SITE
    wanted = [m for m in spec.wanted() if m.role not in early]
    steps = []
    for m in sorted(wanted, key=lambda m: (order.get(m.role, 99), m.name)):
        reason = _why_start(snapshot.container(m.name))
        if reason and m.name != held and not _backs_off(recent, snapshot.taken_at, m.name):
            steps.append(Steps(f"member:{m.name}", f"{m.name} {reason}", (do.StartMember(m.name),)))
    return tuple(steps)


def _why_start(container: Container | None) -> str:
    if container is None:
        return "is missing"
    if container.phase is Phase.EXITED:
        return f"exited with {container.exit_code}" + (" (out of memory)" if container.oom_killed else "")
    if container.phase is Phase.CREATED:
        return "was never started"
    return ""


def _backs_off(recent: Recent, now: float, name: str) -> bool:
    starts = recent.starts.get(name, ())
    wait = BACKOFF[min(len(starts), len(BACKOFF) - 1)]
    return bool(starts) and now - starts[-1] < wait


def _kill(spec: Spec, snapshot: Snapshot, recent: Recent) -> tuple[Steps, ...]:
    writer = diagnose(spec, snapshot, recent).writer
    steps = []
    for container in snapshot.containers:
        if container.kind != "member" or (container.member == writer and recent.has_answered(container)):
            continue
        reason = _why_kill(snapshot, recent, container)
        if reason:
            kill = do.KillMember(container.member, reason)
            steps.append(Steps(f"member:{container.member}", f"{container.member} {reason}", (kill,)))
    return tuple(steps)


def _why_kill(snapshot: Snapshot, recent: Recent, container: Container) -> str:
    if container.phase is Phase.PAUSED:
        return "is frozen"
    if not container.is_running:
        return ""
    missed, reach = recent.missed(container.member), snapshot.reach(container.member)
    if recent.has_answered(container):
        miss = recent.misses.get(container.member)
        silent = snapshot.taken_at - miss.since if miss else 0.0
        patience = FROZEN_SECONDS.get(container.role, DEFAULT_FROZEN_SECONDS)
        if reach in (Reach.SILENT, Reach.REFUSED) and missed >= FROZEN_AFTER and silent >= patience:
            return f"did not answer for {silent:.1f} s"
        if reach is Reach.FAILING and missed >= FAILING_AFTER:
            return f"failed its health check {missed} times"
        return ""
    life = recent.life(container)
    age = snapshot.taken_at - life.since if life else 0.0
    late = age > GRACE.get(container.role, DEFAULT_GRACE)
    return f"gave no good answer in {age:.0f} s since its start" if late and missed else ""


def _stop(spec: Spec, snapshot: Snapshot, recent: Recent, busy: frozenset[str]) -> tuple[Steps, ...]:
    """Everything stops; who holds data only when nobody works with it any more: nothing acknowledged is cut short."""
    alive = [c for c in snapshot.containers if c.kind == "member" and c.phase in (Phase.RUNNING, Phase.PAUSED)]
    working = any(c.role in draining.WORK_WITH_DATA for c in alive)
    # The jobs that a runner's end has cut are asked of the database, and named.
    asking = any(c.role == "cavalcade" and f"member:{c.member}" in busy for c in snapshot.containers)
    later = draining.LAST_TO_STOP if working or asking else ()
    writer = diagnose(spec, snapshot, recent).writer
    # A writer that a reader still follows takes two seconds to end, however idle (MySQL sleeps them). One that does
    # not answer would gain nothing, and a member that is being seeded from it would go on for minutes.
    waits = writer in snapshot.db and _is_followed(snapshot, alive, writer)
    ending = [c for c in alive if c.role not in later and not (waits and c.member == writer)]
    return tuple(Steps(f"member:{c.member}", f"{c.member}: asked to stop", (_stopped(c),)) for c in ending)


def _is_followed(snapshot: Snapshot, alive: Iterable[Container], writer: str) -> bool:
    others = (snapshot.db.get(c.member) for c in alive if c.role == "db" and c.member != writer)
    return any(node is None or not node.cloning for node in others)


def _stopped(container: Container) -> do.StopMember | do.KillMember:
    if container.phase is Phase.PAUSED:
        return do.KillMember(container.member, "frozen")
    return do.StopMember(container.member, remove=False, limit=draining.limit(container))
