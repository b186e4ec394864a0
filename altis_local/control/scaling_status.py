"""How each role that scales stands: its load, the number that asks for, the points that say so, and what is waited for.

Pure: what the loop saw in, plain data out. Called by the API for `status`, and so by `scale watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from altis_local.control.loop import Seen
from altis_local.decide import scaling
from altis_local.model.history import Scale
from altis_local.model.plans import SCALABLE, bounds
from altis_local.model.timing import SCALING

_NOTHING = Scale(0, 0.0, "", ())
_UNITS = {"web": "busy share of PHP workers", "cavalcade": "due and running jobs"}


def scaling_status(seen: Seen) -> dict[str, Any]:
    """Role -> how it stands."""
    return {role: _role(seen, role) for role in SCALABLE if role in seen.spec.services}


def _role(seen: Seen, role: str) -> dict[str, Any]:
    limits = bounds(seen.spec.shape, role)
    count = seen.scaled.count(role)
    automatic = scaling.is_automatic(seen.asked, role)
    document: dict[str, Any] = {
        "automatic": automatic,
        "wanted": count,
        "stand_ins": seen.spec.count(role) - count,
        "running": sum(1 for m in seen.spec.slots(role) if seen.snapshot.is_running(m.name)),
        "least": limits.least,
        "most": limits.most,
        "load": scaling.load(seen.spec, seen.snapshot, seen.recent, role),
        "unit": _UNITS.get(role, "load"),
    }
    if not automatic:
        asked = f"a number was asked for; `scale {role} auto` follows the load"
        return {**document, "why": asked if limits.least < limits.most else f"plan {seen.spec.plan} has just so many"}
    return document | _following(seen, role, count)


def _following(seen: Seen, role: str, count: int) -> dict[str, Any]:
    """What an automatic role is measured by: the same numbers that decide.scaling goes by."""
    times, scale = SCALING[seen.spec.timing], seen.recent.scales.get(role, _NOTHING)
    target = scaling.TARGET[role] * (count if role == "cavalcade" else 1)
    floor = scaling.IN_BELOW * target * (count - 1) / count
    values = [point.value for point in scale.points]
    since = seen.snapshot.taken_at - scale.changed_at
    return {
        "target": target,
        "out": {"above": target, "points": _streak(values, lambda v: v > target), "needed": times.out_points},
        "in": {"below": round(floor, 6), "points": _streak(values, lambda v: v < floor), "needed": times.in_points},
        "points": [{"at": point.at, "value": point.value} for point in scale.points],
        "cooldown_left": round(max(0.0, times.cooldown - since), 3) if scale.changed_at else 0.0,
        "changed_at": scale.changed_at or None,
        "why": scale.reason,
    }


def _streak(values: Sequence[float], fits: Callable[[float], bool]) -> int:
    """How many of the newest values in a row fit."""
    return next((n for n, value in enumerate(reversed(values)) if not fits(value)), len(values))
