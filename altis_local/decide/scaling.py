"""Decides how many members a role should have, by load: target tracking, proportional out, gradual in.

Pure: no side effects; called by the loop before everything else, which then works with the counts it gives. Time comes
in with the snapshot. A number that somebody asked for (`scale web 4`) is left alone until they say `auto`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from altis_local.decide import renewal
from altis_local.model.history import Point, Recent, Scale
from altis_local.model.plans import SCALABLE, bounds
from altis_local.model.spec import Spec
from altis_local.model.state import Snapshot
from altis_local.model.timing import SCALING

TARGET = {"web": 0.6, "cavalcade": 8.0}
"""web: busy share of PHP workers. cavalcade: due and running jobs for each container, two for each of its four workers.
Both are our choice: the cloud's thresholds are unpublished (fidelity, caveat)."""
IN_BELOW = 0.9
"""Part of the target below which a role shrinks, as AWS has it."""
SLACK = 0.25
"""Part of a point's time by which a turn may come early or late and still tell of that point."""


def is_automatic(spec: Spec, role: str) -> bool:
    """Whether the role's number follows its load."""
    limits = bounds(spec.shape, role)
    return role in spec.services and role not in spec.counts and limits.least < limits.most


def applied(spec: Spec, recent: Recent) -> Spec:
    """The Spec with the numbers that scaling gives to automatic roles."""
    counts = {role: scale.count for role, scale in recent.scales.items() if is_automatic(spec, role)}
    return replace(spec, counts={**counts, **spec.counts}) if counts else spec


def load(spec: Spec, snapshot: Snapshot, recent: Recent, role: str) -> float | None:
    """The role's load in units of its target; None when it is not known, which never scales in."""
    if role == "cavalcade":
        jobs = snapshot.jobs
        return float(jobs.due + len(jobs.running - recent.left_behind)) if jobs else None
    seen = [snapshot.load[m.name] for m in spec.slots(role) if m.name in snapshot.load]
    total = sum(one.capacity for one in seen)
    return sum(one.busy for one in seen) / total if total else None


def decide(spec: Spec, snapshot: Snapshot, recent: Recent) -> Mapping[str, Scale]:
    """The wished number of every automatic role, with the reason."""
    return {role: _role(spec, snapshot, recent, role) for role in SCALABLE if is_automatic(spec, role)}


def _role(spec: Spec, snapshot: Snapshot, recent: Recent, role: str) -> Scale:
    limits, times = bounds(spec.shape, role), SCALING[spec.timing]
    before = recent.scales.get(role) or Scale(_running(spec, snapshot, role, limits.least, limits.most), 0.0, "", ())
    # Another plan may have been asked for meanwhile.
    before = replace(before, count=min(limits.most, max(limits.least, before.count)))
    points = _points(before.points, snapshot.taken_at, load(spec, snapshot, recent, role), times.point, times.in_points)
    kept = replace(before, points=points)
    if snapshot.taken_at - before.changed_at < times.cooldown:
        return kept
    target = TARGET[role] * (before.count if role == "cavalcade" else 1)
    high = [p.value for p in points[-times.out_points :]]
    if len(high) == times.out_points and min(high) > target and before.count < limits.most:
        wanted = math.ceil(before.count * (sum(high) / len(high)) / target)
        count = min(limits.most, max(before.count + 1, wanted))
        return Scale(count, snapshot.taken_at, _why(role, "above", high, target), points[-times.out_points :])
    if renewal.is_under_way(spec, snapshot, role):
        return kept
    if len(points) >= times.in_points and before.count > limits.least:
        # Shrinking must not lift the load of those that stay over the target again.
        share = (before.count - 1) / before.count
        ceiling = IN_BELOW * target * share
        low = [p.value for p in points[-times.in_points :]]
        if max(low) < ceiling:
            return Scale(before.count - 1, snapshot.taken_at, _why(role, "below", low, ceiling), ())
    return kept


def _running(spec: Spec, snapshot: Snapshot, role: str, least: int, most: int) -> int:
    """How many run now: a control that was restarted goes on from there. One of them may only stand in for another."""
    there = [m.name for m in spec.slots(role) if snapshot.is_running(m.name)]
    stands_in = bool(there) and not renewal.why(spec, snapshot.container(there[-1]))
    return min(most, max(least, len(there) - (stands_in and renewal.is_under_way(spec, snapshot, role))))


def _points(points: tuple[Point, ...], now: float, value: float | None, every: float, keep: int) -> tuple[Point, ...]:
    """The newest points; one that is due and unknown starts the count anew."""
    age = now - points[-1].at if points else math.inf
    if age < every * (1 - SLACK):
        # The highest value within a point counts: a short peak is load too.
        if value is None or value <= points[-1].value:
            return points
        return (*points[:-1], Point(points[-1].at, value))
    # On the grid of those before it: a turn that is early does not make the clock run faster.
    at = points[-1].at + every if age < every * (1 + SLACK) else now
    return () if value is None else (*points, Point(at, value))[-keep:]


def _why(role: str, where: str, values: list[float], limit: float) -> str:
    unit = "of PHP workers are busy" if role == "web" else "jobs are due or running"
    shown = f"{sum(values) / len(values):.0%}" if role == "web" else f"{sum(values) / len(values):.0f}"
    bound = f"{limit:.0%}" if role == "web" else f"{limit:.0f}"
    return f"{shown} {unit}, {where} {bound} for {len(values)} points"
