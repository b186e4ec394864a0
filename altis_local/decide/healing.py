"""Decides which members to start, kill, replace and remove: bring-up, healing and scaling down are one thing.

Pure: no side effects; called by turn. A member is throwaway: dead ones are replaced, frozen ones killed first. Data
lives in volumes. The database's writer is never killed here: database decides about it.
"""

from __future__ import annotations

from altis_local.decide import database, site
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
DRAIN_LIMIT = 300.0
"""Seconds a surplus member may drain: the load balancer's default (LB-07)."""
BACKOFF = (0.0, 0.0, 0.0, 2.0, 5.0, 10.0, 20.0)
"""Seconds to wait before the n-th start within history.START_WINDOW."""
NEEDS_SITE = ("cavalcade",)
"""Not started while there is no writer or no site in it: a runner that finds no table of jobs ends at once."""
LAST_TO_STOP = ("db", "redis", "search", "aws")
KEEPS_DATA = ("db", "redis", "search")
"""Not replaced only because it is to be made of something else: that costs a failover, a cold cache or the cluster."""
STOP_WITHIN = 10.0
"""Seconds `stop` gives a member, however long its own grace is (design.md section 9: a job's hour is for scale-in)."""
REMINDED = 10.0
"""Seconds after which a surplus runner is told again to take no more jobs."""
JOB_LIMIT = 3600.0
"""Seconds a job may take before its container is culled (CAV-14)."""


def decide(spec: Spec, snapshot: Snapshot, recent: Recent, busy: frozenset[str]) -> tuple[Steps, ...]:
    """Steps for containers. `busy`: keys that other Steps hold; "db" there keeps a dead writer from being restarted."""
    if spec.wish is Wish.STOPPED:
        return _stop(snapshot)
    missing = tuple(n for n in NETWORKS if n not in snapshot.networks or n not in snapshot.joined)
    if missing:
        return (Steps("networks", f"networks missing: {', '.join(missing)}", (do.CreateNetworks(missing),)),)
    return (*_start(spec, snapshot, recent, busy), *_kill(spec, snapshot, recent), *_remove(spec, snapshot, recent))


def _start(spec: Spec, snapshot: Snapshot, recent: Recent, busy: frozenset[str]) -> tuple[Steps, ...]:
    found = diagnose(spec, snapshot, recent)
    held = found.writer if "db" in busy and found.finding in (Finding.DEAD, Finding.HUNG) else ""
    order = {role: place for place, role in enumerate(MEMBER_ROLES)}
    early = () if site.is_installed(spec, snapshot, recent) else NEEDS_SITE
    wanted = [m for m in spec.wanted() if m.role not in early]
    steps = []
    for m in sorted(wanted, key=lambda m: (order.get(m.role, 99), m.name)):
        reason = _why_start(spec, snapshot.container(m.name), m.role)
        if reason and m.name != held and not _backs_off(recent, snapshot.taken_at, m.name):
            steps.append(Steps(f"member:{m.name}", f"{m.name} {reason}", (do.StartMember(m.name),)))
    return tuple(steps)


def _why_start(spec: Spec, container: Container | None, role: str) -> str:
    if container is None:
        return "is missing"
    if container.phase is Phase.EXITED:
        return f"exited with {container.exit_code}" + (" (out of memory)" if container.oom_killed else "")
    if container.phase is Phase.CREATED:
        return "was never started"
    wanted = spec.services[role]
    if container.phase is Phase.RUNNING and role not in KEEPS_DATA:
        if container.image != wanted.image:
            return f"runs {container.image}, not {wanted.image}"
        if wanted.definition and container.hash != wanted.definition:
            return "was made of another definition"
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


def _remove(spec: Spec, snapshot: Snapshot, recent: Recent) -> tuple[Steps, ...]:
    """Surplus members: drained ones are stopped; whatever is of no member any more goes."""
    wanted = {m.name for m in spec.wanted()}
    steps = []
    for container in snapshot.containers:
        if container.kind != "member" or container.member in wanted:
            continue
        key, name = f"member:{container.member}", container.member
        if container.role == "web" and "drain" in spec.broken:
            # The broken twin: stopped at once, with the requests that it has (and routing lets it take more).
            stop = do.StopMember(name, remove=True, limit=0.0)
            steps.append(Steps(key, f"{name} is surplus (draining is broken)", (stop,)))
        elif not container.is_running or _is_drained(snapshot, recent, container):
            stop = do.StopMember(name, remove=True, limit=STOP_WITHIN)
            steps.append(Steps(key, f"{name} is surplus and drained", (stop,)))
        elif container.role == "cavalcade" and recent.is_due(recent.draining_since.get(name), every=REMINDED):
            # It takes no new jobs from here on, ends when its last one has, and is not waited for meanwhile. Told again
            # and again: it may have been starting, or the engine busy.
            steps.append(Steps(key, f"{name} is surplus: it ends its jobs", (do.SignalMember(name, "TERM"),)))
    return tuple(steps)


def _is_drained(snapshot: Snapshot, recent: Recent, container: Container) -> bool:
    since = recent.draining_since.get(container.member)
    if since is None:
        return False
    if container.role == "cavalcade":
        return snapshot.taken_at - since > JOB_LIMIT
    # A balancer that does not answer at this moment may have requests there.
    known = snapshot.proxies.keys() >= set(database.running_proxies(snapshot, "lb"))
    proxies = [p for p in snapshot.proxies.values() if "web" in p.backends()]
    idle = all(container.member not in p.ready("web") and not p.sessions("web", container.member) for p in proxies)
    return (known and idle) or snapshot.taken_at - since > DRAIN_LIMIT


def draining(spec: Spec, snapshot: Snapshot) -> frozenset[str]:
    """Members that run and are not wished any more."""
    wanted = {m.name for m in spec.wanted()}
    return frozenset(c.member for c in snapshot.containers if c.kind == "member" and c.member not in wanted)


def _stop(snapshot: Snapshot) -> tuple[Steps, ...]:
    """Everything stops: first who takes traffic, then who holds data, so that nothing acknowledged is cut short."""
    alive = [c for c in snapshot.containers if c.kind == "member" and c.phase in (Phase.RUNNING, Phase.PAUSED)]
    front = [c for c in alive if c.role not in LAST_TO_STOP]
    return tuple(Steps(f"member:{c.member}", f"{c.member}: asked to stop", (_stopped(c),)) for c in (front or alive))


def _stopped(container: Container) -> do.StopMember | do.KillMember:
    if container.phase is Phase.PAUSED:
        return do.KillMember(container.member, "frozen")
    holds_data = container.role in LAST_TO_STOP
    return do.StopMember(container.member, remove=False, limit=None if holds_data else STOP_WITHIN)
