"""Actions that people ask for: failover and scale, checked against the plan and handed to the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from altis_local.clock import Deadline, SystemClock, wait_until
from altis_local.control.loop import Loop, Seen
from altis_local.decide import cache, database
from altis_local.decide.diagnosis import diagnose
from altis_local.errors import ActionFailed, Conflict, NotReady, RefusedByPlan, UsageError
from altis_local.model import actions as do
from altis_local.model.actions import Steps
from altis_local.model.history import Event
from altis_local.model.plans import SCALABLE, refusal
from altis_local.model.spec import Wish
from altis_local.model.topology import NETWORKS

FIRST_LOOK = 10.0
"""Seconds within which a control that has just been started has joined its networks and looked at every member."""
LIMIT = 60.0
"""Seconds a failover that was asked for may take until another member has the duty."""


def carry_out(loop: Loop, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Do what was asked and say what came of it. Raises UsageError, RefusedByPlan, Conflict, NotReady."""
    match asked.get("action"):
        case "scale":
            return _scale(loop, complete_view(loop), asked)
        case "failover" if asked.get("target") in ("db", "cache"):
            return _failover(loop, complete_view(loop), asked)
        case other:
            raise UsageError(f"unknown action {other!r} {asked.get('target', '')}".strip())


def first_look(loop: Loop) -> Seen | None:
    """The newest view. A control that has just come back is waited for: the very command may have revived it."""
    wait_until(lambda: loop.seen is not None or loop.store.spec is None, Deadline.after(FIRST_LOOK, SystemClock()))
    return loop.seen


def complete_view(loop: Loop) -> Seen:
    """A view of all that control can see: it asks nobody on a network that it has not joined yet."""

    def sees() -> bool:
        seen = first_look(loop)
        return seen is not None and (seen.spec.wish is Wish.STOPPED or seen.snapshot.joined.issuperset(NETWORKS))

    if not wait_until(sees, Deadline.after(FIRST_LOOK, SystemClock())) or loop.seen is None:
        raise NotReady("nothing was observed yet", hint="try again in a moment")
    return loop.seen


def _scale(loop: Loop, seen: Seen, asked: Mapping[str, Any]) -> dict[str, Any]:
    role, count = str(asked.get("role")), asked.get("count")
    if role not in SCALABLE or (count != "auto" and type(count) is not int):
        raise UsageError(f"scale takes one of {', '.join(SCALABLE)} and a number or auto")
    if role not in seen.spec.services:
        raise RefusedByPlan(f"this environment has no {role} containers")
    counts = {name: number for name, number in seen.asked.counts.items() if name != role}
    if isinstance(count, int):
        if reason := refusal(seen.asked.shape, role, count):
            raise RefusedByPlan(reason, hint="start with a larger --plan")
        counts[role] = count
    loop.store.save_spec(replace(seen.asked, counts=counts))
    loop.journal.add(Event(at=loop.now(), kind="spec", text=f"asked to scale {role} to {count}"))
    loop.forget_convergence()
    loop.wake()
    return {"role": role, "count": count, "before": seen.spec.count(role)}


def _failover(loop: Loop, seen: Seen, asked: Mapping[str, Any]) -> dict[str, Any]:
    target = str(asked["target"])
    if seen.spec.count("db" if target == "db" else "redis") < 2:
        what = "a reader" if target == "db" else "a standby"
        raise RefusedByPlan(
            f"plan {seen.spec.plan} has no {what.removeprefix('a ')} to fail over to",
            hint=f"use a plan with {what}: production-ha",
        )
    before = holder(seen, target)
    steps = _graceful(loop, seen, asked) if asked.get("graceful") else _crash(seen, target, before)
    loop.journal.add(Event(at=loop.now(), kind="asked", text=steps.reason, key=steps.key))
    begun = SystemClock().monotonic()
    if not loop.begin(steps):
        raise Conflict(f"the {target} is being changed already", hint="try again in a moment")
    return _wait_for_change(loop, target, before, begun)


def holder(seen: Seen, target: str) -> str:
    """Who is writer or primary now; "" when nobody is."""
    if target == "cache":
        return cache.primary_of(seen.snapshot)
    found = diagnose(seen.spec, seen.snapshot, seen.recent)
    node = seen.snapshot.db.get(found.writer)
    return found.writer if node and not node.read_only else ""


def _crash(seen: Seen, target: str, before: str) -> Steps:
    if not before:
        raise Conflict(f"there is no {'writer' if target == 'db' else 'primary'} now")
    return Steps(f"asked:{target}", f"asked to crash {before}", (do.KillMember(before, "asked for a failover"),))


def _graceful(loop: Loop, seen: Seen, asked: Mapping[str, Any]) -> Steps:
    to = str(asked.get("to") or "")
    if asked["target"] == "db":
        steps = database.switchover(seen.spec, seen.snapshot, seen.recent, to)
    else:
        steps = cache.switchover(seen.spec, seen.snapshot, to)
    if isinstance(steps, str):
        raise Conflict(steps)
    return steps


def _wait_for_change(loop: Loop, target: str, before: str, begun: float) -> dict[str, Any]:
    deadline = Deadline.after(LIMIT, SystemClock())

    def changed() -> bool:
        return loop.seen is not None and holder(loop.seen, target) not in ("", before)

    if not wait_until(changed, deadline):
        raise ActionFailed(f"no other member took over from {before} within {LIMIT:.0f} s", member=before)
    seen = loop.seen
    assert seen is not None
    seconds = round(SystemClock().monotonic() - begun, 3)
    return {"target": target, "from": before, "to": holder(seen, target), "seconds": seconds}
