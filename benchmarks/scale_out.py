"""How long load goes on before control decides for more web containers, and until a new one serves.

The load is the drill web-scale's: visitors at the CDN who always wait for a page that no cache can answer. It counts
from their first request to the journal's entry. Afterwards the containers are taken away again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from altis_local.clock import Deadline, wait_until
from altis_local.drill.ledger import Op, build
from altis_local.drill.workload.config import Turn
from altis_local.errors import ActionFailed
from altis_local.model.plans import PLANS, bounds
from benchmarks.clients import at_work, config, new_run, setting_of
from benchmarks.histories import errors
from benchmarks.stage import Stage, Subject
from benchmarks.values import Aim, Figure, Line, Sample

PLAN = "production"
ROLE = "web"
BUSY = 15
"""Requests at PHP at any time, as in the drill: the target is 60 % of the two least containers' sixteen workers."""
DECIDED_WITHIN = 30.0
SERVED_WITHIN = 45.0
REST_WITHIN = 120.0
_CHANGE = re.compile(rf"{ROLE} (?P<before>\d+) → (?P<after>\d+): ")
"""As control journals a change of a number by load (kind `scale`)."""


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="scale_out_trigger",
            runs=5,
            lines=(
                Line("value", "from load to the decision for more web containers", "s", Aim("median", most=5.0)),
                Line("served", "from load to a new container's first answer", "s"),
                Line("failed_requests", "requests of the load that failed", ""),
            ),
            measure=measure,
            prepare=lambda stage: stage.up(PLAN),
            note=f"{PLAN}, `--timing fast`: three points of a second above the target",
        ),
    )


def measure(stage: Stage) -> Sample:
    subject = stage.up(PLAN)
    status = _rested(subject)
    world, before, after = subject.world, _members(status), int(status["sequence"])
    where = setting_of(world, status)
    told = config(where, new_run(), (Turn("calm"), Turn("rush", busy=BUSY)), pages=True)
    with at_work(where, world, stage.folder / "scale.jsonl", told) as clients:
        clients.go_on()
        clients.until("the decision", lambda: grown(world.journal(after)) is not None, DECIDED_WITHIN)
        clients.until("a new container's answer", lambda: served(clients.ops(), before) is not None, SERVED_WITHIN)
    ops, change = clients.ops(), grown(world.journal(after))
    begin, answer = began(ops), served(ops, before)
    if change is None or answer is None:
        raise ActionFailed("control's journal or the clients' history has a hole")
    load = build(ops).of("busy")
    failed = sum(not attempt.is_acknowledged for attempt in load)
    more = {"served": round(answer - begin, 3), "failed_requests": failed, "told": errors(load)["told"]}
    more["why"] = change["text"]
    return Sample(round(float(change["at"]) - begin, 3), more=more)


def _rested(subject: Subject) -> Mapping[str, Any]:
    """The least number of containers, following their load and not just changed. Raises ActionFailed otherwise."""
    world, least = subject.world, bounds(PLANS[PLAN], ROLE).least
    seen: dict[str, Any] = {}

    def rests() -> bool:
        seen.update(world.status())
        scaling = seen["scaling"][ROLE]
        is_calm = scaling["automatic"] and not scaling["cooldown_left"] and not scaling["out"]["points"]
        return bool(seen["converged"]) and is_calm and len(_members(seen)) == least

    if not wait_until(rests, Deadline.after(REST_WITHIN, world.clock), every=0.5):
        raise ActionFailed(f"{ROLE} did not come to rest in {REST_WITHIN:g} s", log=(str(seen.get("scaling")),))
    return seen


def _members(status: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(row["member"] for row in status["members"] if row["role"] == ROLE)


def grown(journal: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first decision for more."""
    for event in journal:
        match = _CHANGE.match(str(event.get("text", ""))) if event.get("kind") == "scale" else None
        if match and int(match["after"]) > int(match["before"]):
            return event
    return None


def began(ops: Iterable[Op]) -> float:
    """When the load's first request was sent, in epoch seconds as the journal has them: one machine, one clock."""
    return min(op.at for op in ops if op.kind == "busy" and op.type == "invoke")


def served(ops: Iterable[Op], before: frozenset[str]) -> float | None:
    """When a container that was not there before answered for the first time, in epoch seconds."""
    by = ((op.at, op.value.get("served")) for op in ops if op.kind == "busy" and op.type == "ok")
    return min((at for at, member in by if member and member not in before), default=None)
