"""How fast the platform's own clocks run: every constant with its source. `aws` is not offered yet (roadmap)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScalingTimes:
    """Seconds and points of target tracking.

    Source of `aws`: Application Auto Scaling's alarms for target tracking on ECS (fidelity SCALE-03): out after three
    one-minute points above the target, in after fifteen below 90 % of it, default cool-down 300 s. `fast` keeps the
    numbers of points and makes a point a second, so that a drill sees in a minute what the cloud does in an hour.
    """

    point: float
    """Seconds that one point covers."""
    out_points: int
    in_points: int
    cooldown: float
    """Seconds after a change before the next one of the same role."""


FAST = ScalingTimes(point=1.0, out_points=3, in_points=15, cooldown=5.0)
AWS = ScalingTimes(point=60.0, out_points=3, in_points=15, cooldown=300.0)
SCALING = {"fast": FAST, "aws": AWS}
