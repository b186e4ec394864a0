"""The plans a client can buy, as shapes. What a plan lacks is refused with the reason.

Source of the numbers: design.md section 4, after the architecture page of Altis Cloud (high availability only for
production on HA plans; readers and standby in other zones; caps by plan).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How few and how many members of a role a plan allows."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The shape of an environment."""

    name: str
    zones: tuple[str, ...]
    web: Bounds
    readers: Bounds
    standby: bool
    cavalcade: Bounds
    search: int
    """Search members: one, or three of which two hold data."""
    environment_type: str
    """HM_ENV_TYPE: production, staging, development or local."""


PLANS = {
    plan.name: plan
    for plan in (
        Plan("local", ("a",), Bounds(1, 1), Bounds(0, 0), False, Bounds(1, 1), 1, "local"),
        Plan("staging", ("a",), Bounds(1, 2), Bounds(0, 0), False, Bounds(1, 2), 1, "staging"),
        Plan("production", ("a", "b"), Bounds(2, 4), Bounds(0, 2), False, Bounds(1, 4), 1, "production"),
        Plan("production-ha", ("a", "b", "c"), Bounds(2, 6), Bounds(1, 3), True, Bounds(1, 6), 3, "production"),
        Plan("enterprise", ("a", "b", "c"), Bounds(3, 8), Bounds(2, 4), True, Bounds(2, 8), 3, "production"),
    )
}

SCALABLE = ("web", "cavalcade")
"""Roles that `scale` takes today."""


def bounds(plan: Plan, role: str) -> Bounds:
    """How many members of `role` the plan allows; roles that are not counted have exactly one per place."""
    match role:
        case "web":
            return plan.web
        case "db":
            return Bounds(1 + plan.readers.least, 1 + plan.readers.most)
        case "cavalcade":
            return plan.cavalcade
        case "search":
            return Bounds(plan.search, plan.search)
        case "redis":
            return Bounds(2, 2) if plan.standby else Bounds(1, 1)
        case _:
            return Bounds(1, 1)


def refusal(plan: Plan, role: str, count: int) -> str | None:
    """Why `count` members of `role` are not to be had on this plan; None when they are."""
    allowed = bounds(plan, role)
    if allowed.least <= count <= allowed.most:
        return None
    if allowed.least == allowed.most:
        return f"plan {plan.name} has exactly {allowed.least} {role}"
    return f"plan {plan.name} allows {allowed.least} to {allowed.most} {role}, not {count}"
