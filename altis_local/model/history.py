"""What happened lately and what a run recorded: Recent (a bounded window for decisions), Event, Op and Verdict."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from altis_local.model.state import Container, Reach, Snapshot
from altis_local.model.topology import READER_ENDPOINT


@dataclass(frozen=True, slots=True)
class Miss:
    """Probes of a member that failed in a row, and when the first of them was (epoch seconds)."""

    count: int
    since: float


@dataclass(frozen=True, slots=True)
class Point:
    """The load of a role at one time (epoch seconds)."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Scale:
    """How many members a role should have by its load, since when and why, and the points that say so."""

    count: int
    changed_at: float
    reason: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """One life of a member's container: which (`Container.life`), and what control saw of it.

    The start time in it only tells lives apart. Nothing is measured from it: the clock may have been set since.
    """

    of: str
    since: float
    """When control first saw it (epoch seconds)."""
    answered: bool = False
    """Whether it ever answered well."""


@dataclass(frozen=True, slots=True)
class Recent:
    """What decisions may know of the past. Lost with control's process, and harmless to lose.

    Every time in it is comparable with `Snapshot.taken_at` of the snapshot it was made with, whatever the clock did.
    """

    misses: Mapping[str, Miss] = field(default_factory=dict)
    draining_since: Mapping[str, float] = field(default_factory=dict)
    starts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """When each member was started to no avail lately, newest last, for back-off. One that is well has none."""
    lives: Mapping[str, Life] = field(default_factory=dict)
    """The life of each member's container, as of the newest snapshot."""
    unattended: Mapping[int, float] = field(default_factory=dict)
    """Jobs that count as running and that no runner is at, as far as was seen, and since when (epoch seconds)."""
    lingering: Mapping[str, float] = field(default_factory=dict)
    """Since when sessions of readers have been with a member that takes no more of them (epoch seconds)."""
    told: Mapping[str, float] = field(default_factory=dict)
    """When the member in each life (`Container.life`) was last told to take nothing new (epoch seconds)."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """Role -> the number that its load asks for."""
    taken_at: float = 0.0
    """When the newest snapshot was taken (epoch seconds); 0 before the first."""

    @property
    def left_behind(self) -> frozenset[int]:
        """Jobs of killed runners: they count as running until somebody puts that right (fidelity CAV-13)."""
        return frozenset(job for job, since in self.unattended.items() if self.taken_at - since > LEFT_AFTER)

    def missed(self, member: str) -> int:
        found = self.misses.get(member)
        return found.count if found else 0

    def has_answered(self, container: Container) -> bool:
        """Whether the member answered in this life of its container."""
        life = self.life(container)
        return life is not None and life.answered

    def life(self, container: Container) -> Life | None:
        """What is known of this life of the container."""
        known = self.lives.get(container.member)
        return known if known and known.of == container.life else None


START_WINDOW = 120.0
"""Seconds for which a start counts towards back-off."""
STEADY = 5.0
"""Seconds of a life that answered well after which the starts before it do not count any more: as in the cloud, only
tasks that never come up are throttled (Amazon ECS, service throttle logic), not those that somebody kills."""
LEFT_AFTER = 12.0
"""Seconds without a runner at it after which a running job is taken to be left behind. What runners are at is asked
every five seconds (observer.ASKED_EVERY)."""
UNWATCHED = 10.0
"""Seconds between two snapshots above which nobody watched: the machine slept, control was frozen, the clock was set.
A turn takes one second or two."""


def advance(
    recent: Recent, snapshot: Snapshot, draining: frozenset[str], failed: Collection[str] = frozenset()
) -> Recent:
    """Recent after one more snapshot. Pure. Time in which nobody watched does not count.

    `failed`: members whose start failed since the snapshot before, of which no container may tell.
    """
    now = snapshot.taken_at
    if recent.taken_at and not 0 <= now - recent.taken_at <= UNWATCHED:
        recent = _moved(recent, now - recent.taken_at)
    there = {c.life for c in snapshot.containers}
    lives = {c.member: _life(recent, snapshot, c) for c in snapshot.containers if c.kind == "member" and c.started_at}
    return replace(
        recent,
        misses=_misses(recent, snapshot),
        draining_since={name: recent.draining_since.get(name, now) for name in draining},
        starts=_starts(recent, lives, failed, now),
        lives=lives,
        unattended=_unattended(recent, snapshot),
        taken_at=now,
        lingering={name: recent.lingering.get(name, now) for name in _lingering(snapshot)},
        told={life: at for life, at in recent.told.items() if life in there},
    )


def _moved(recent: Recent, by: float) -> Recent:
    """Recent with its times moved to where the clock is now. What was missed or measured before is no evidence any
    more: whoever slept for two hours was not silent for two hours."""
    return replace(
        recent,
        misses={},
        draining_since={name: at + by for name, at in recent.draining_since.items()},
        starts={name: tuple(at + by for at in times) for name, times in recent.starts.items()},
        lives={name: replace(life, since=life.since + by) for name, life in recent.lives.items()},
        lingering={name: at + by for name, at in recent.lingering.items()},
        told={life: at + by for life, at in recent.told.items()},
        unattended={job: since + by for job, since in recent.unattended.items()},
        scales={r: replace(scale, changed_at=scale.changed_at + by, points=()) for r, scale in recent.scales.items()},
    )


def _lingering(snapshot: Snapshot) -> frozenset[str]:
    lines = (s for proxy in snapshot.proxies.values() for s in proxy.servers if s.backend == READER_ENDPOINT)
    return frozenset(s.member for s in lines if s.mode == "maint" and s.sessions)


def _unattended(recent: Recent, snapshot: Snapshot) -> Mapping[int, float]:
    if snapshot.jobs is None:
        return recent.unattended
    attended = frozenset().union(*(runner.jobs for runner in snapshot.runners.values()))
    known = {job: since for job, since in recent.unattended.items() if job in snapshot.jobs.running - attended}
    runners = {c.member for c in snapshot.containers if c.role == "cavalcade" and c.is_running}
    if snapshot.runners.keys() < runners:
        return known  # one of them may be at it
    return dict.fromkeys(sorted(snapshot.jobs.running - attended), snapshot.taken_at) | known


def _misses(recent: Recent, snapshot: Snapshot) -> Mapping[str, Miss]:
    misses: dict[str, Miss] = {}
    for name, health in snapshot.health.items():
        if health.reach in (Reach.OK, Reach.UNKNOWN):
            continue
        before = recent.misses.get(name)
        misses[name] = Miss(before.count + 1, before.since) if before else Miss(1, snapshot.taken_at)
    return misses


def _life(recent: Recent, snapshot: Snapshot, container: Container) -> Life:
    known = recent.life(container) or Life(container.life, snapshot.taken_at)
    health = snapshot.health.get(container.member)
    return replace(known, answered=True) if health and health.is_ok else known


def _starts(
    recent: Recent, lives: Mapping[str, Life], failed: Collection[str], now: float
) -> Mapping[str, tuple[float, ...]]:
    starts = dict(recent.starts)
    begun = {name for name, life in lives.items() if (before := recent.lives.get(name)) is None or before.of != life.of}
    for name in begun.union(failed):
        starts[name] = (*starts.get(name, ()), lives[name].since if name in begun else now)
    steady = {name for name, life in lives.items() if life.answered and now - life.since >= STEADY}
    recently = {name: tuple(at for at in times if now - at < START_WINDOW) for name, times in starts.items()}
    return {name: times for name, times in recently.items() if times and name not in steady}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal. `kind`: action, outcome, observation, spec, phase."""

    at: float
    kind: str
    text: str
    key: str = ""
    member: str = ""
    action: str = ""
    outcome: str = ""
    """ok or failed for outcomes."""
    seconds: float | None = None
    sequence: int = 0
    log: tuple[str, ...] = ()


class Verdict(enum.StrEnum):
    """Worst wins: failed, then unknown, then ok."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
