"""What happened lately and what a run recorded: Recent (a bounded window for decisions), Event, Op and Verdict."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from altis_local.model.state import Container, Phase, Reach, Snapshot


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
class Recent:
    """What decisions may know of the past. Lost with control's process, and harmless to lose."""

    misses: Mapping[str, Miss] = field(default_factory=dict)
    draining_since: Mapping[str, float] = field(default_factory=dict)
    starts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """When each member was started lately, newest last, for back-off."""
    answered: Mapping[str, float] = field(default_factory=dict)
    """When each member last answered well (epoch seconds)."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """Role -> the number that its load asks for."""
    began: float = 0.0
    """When this control took its first snapshot (epoch seconds); 0 before. It knows of no answer before that."""

    def missed(self, member: str) -> int:
        found = self.misses.get(member)
        return found.count if found else 0

    def has_answered(self, container: Container) -> bool:
        """Whether the member answered in this life of its container."""
        return self.answered.get(container.member, 0.0) >= container.started_at > 0


START_WINDOW = 120.0
"""Seconds for which a start counts towards back-off."""


def advance(recent: Recent, snapshot: Snapshot, draining: frozenset[str]) -> Recent:
    """Recent after one more snapshot. Pure."""
    misses: dict[str, Miss] = {}
    for name, health in snapshot.health.items():
        if health.reach in (Reach.OK, Reach.UNKNOWN):
            continue
        before = recent.misses.get(name)
        misses[name] = Miss(before.count + 1, before.since) if before else Miss(1, snapshot.taken_at)
    since = {name: recent.draining_since.get(name, snapshot.taken_at) for name in draining}
    starts: dict[str, tuple[float, ...]] = {}
    for c in snapshot.containers:
        known = recent.starts.get(c.member, ())
        if c.phase is not Phase.CREATED and c.started_at and c.started_at not in known:
            known = (*known, c.started_at)
        kept = tuple(at for at in known if snapshot.taken_at - at < START_WINDOW)
        if kept:
            starts[c.member] = kept
    answered = dict(recent.answered)
    answered.update({name: snapshot.taken_at for name, health in snapshot.health.items() if health.is_ok})
    return Recent(misses, since, starts, answered, recent.scales, recent.began or snapshot.taken_at)


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
