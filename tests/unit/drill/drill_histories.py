"""Hand-written runs for the tests of checks, judge and report: a good one, and ways to spoil it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from altis_local.drill.evidence import Evidence, Facts, FaultMark, PhaseMark
from altis_local.drill.ledger import build, parse

EPOCH = 1_700_000_000.0
"""Moments of a story count from 0; the monotonic clock starts there, the epoch here."""
FAULT = 4.0
BACK = 4.3
OLD, NEW = 101, 102


class Story:
    """Collects history lines. Moments are seconds since the beginning."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.rows: list[list[Any]] = []
        self.titles: list[str] = []

    def say(self, op: str, client: str, kind: str, type_: str, at: float, **value: Any) -> None:
        line = {"op": op, "client": client, "kind": kind, "type": type_, "at": EPOCH + at, "mono": at, "value": value}
        self.lines.append(json.dumps(line))

    def attempt(self, op: str, client: str, kind: str, begin: float, end: float, outcome: str, **value: Any) -> None:
        self.say(op, client, kind, "invoke", begin)
        self.say(op, client, kind, outcome, end, **value)

    def insert(self, op: str, client: str, begin: float, *, server: int, kept: bool = True) -> None:
        self.attempt(op, client, "insert", begin, begin + 0.01, "ok", server=server)
        if kept:
            self.rows.append([op, client, len(self.rows), server, EPOCH + begin + 0.005])

    def read(self) -> None:
        """The clients' end, then the final read."""
        self.say("done", "workload", "workload", "ok", 9.0)
        rows, titles = {"rows": self.rows, "count": len(self.rows)}, {"titles": self.titles, "count": len(self.titles)}
        self.say("read-rows", "reader", "read-rows", "ok", 20.0, **rows)
        self.say("read-posts", "reader", "read-posts", "ok", 20.0, **titles)


def crash(*, clients: int = 4, until: float = 8.0, back: float = BACK, lost: int = 0) -> Story:
    """A writer's crash at FAULT and a reader's take-over at `back`; the last `lost` rows before it do not survive."""
    story = Story()
    for number in range(clients):
        client = f"writer-{number}"
        moments = [n * 0.1 + number * 0.01 for n in range(int(until * 10))]
        before = [m for m in moments if m + 0.01 < FAULT]
        for i, begin in enumerate(before):
            kept = not (number == 0 and i >= len(before) - lost)
            story.insert(f"{client}-{i}", client, begin, server=OLD, kept=kept)
        story.attempt(f"{client}-cut", client, "insert", FAULT, FAULT + 0.02, "info", error="connection lost")
        for i, begin in enumerate(m for m in moments if m >= back):
            story.insert(f"{client}-n{i}", client, begin, server=NEW)
    for n in range(int(until * 2)):
        at = n * 0.5
        story.attempt(f"page-{n}", "visitor-0", "page", at, at + 0.1, "ok", status=200)
        story.attempt(f"edge-{n}", "edge-0", "edge", at, at + 0.1, "ok", status=200)
        story.attempt(f"post-{n}", "author-0", "post", at, at + 0.2, "ok", status=201)
        story.titles.append(f"post-{n}")
    return story


def status(writer: str = "db-1", *, protected: bool | None = True, **members: Mapping[str, Any]) -> dict[str, Any]:
    """A status document with three db members."""
    rows = [
        {"member": name, "role": "db", "state": "healthy", "duty": "writer" if name == writer else "reader"}
        | dict(members.get(name.replace("-", "_"), {}))
        for name in ("db-1", "db-2", "db-3")
    ]
    return {"environment": "t", "plan": "production-ha", "converged": True, "protected": protected, "members": rows} | {
        "database": {"finding": "ok", "term": 1, "detail": ""}
    }


def promoted(member: str, term: int, at: float, outcome: str = "ok") -> list[dict[str, Any]]:
    """What the journal says of a failover."""

    def line(action: str, who: str = member, came: str = outcome) -> dict[str, Any]:
        text = "the writer is dead"
        common = {"kind": "action", "text": text, "key": "db", "seconds": 0.05}
        return {**common, "at": EPOCH + at, "action": action, "member": who, "outcome": came}

    return [line("Fence(db-1)", "db-1", "ok"), line(f"Promote({member}, {term})"), line("PromoteCache(redis-2)")]


def facts(**changes: Any) -> Facts:
    """The facts of the good run."""
    mark = FaultMark("kill", "db-writer", ("db-1",), EPOCH + FAULT, FAULT, True)
    good = Facts(
        drill="db-writer-crash",
        environment="t",
        plan="production-ha",
        seed=7,
        started_at=EPOCH,
        version="0.1.0",
        planned=1,
        faults=(mark,),
        phases=(PhaseMark("steady", -1.0, 0.0), PhaseMark("workload", 0.0, 8.0), PhaseMark("converge", 8.0, 14.0)),
        before=status("db-1"),
        after=status("db-2"),
        converged=True,
        converge_seconds=6.0,
        duration=21.0,
    )
    return dataclasses.replace(good, **changes)


def run(story: Story | None = None, *, journal: list[dict[str, Any]] | None = None, **changes: Any) -> Evidence:
    """Evidence of a story; without arguments, of the good run."""
    if story is None:
        story = crash()
        story.read()
    events = promoted("db-2", 2, BACK - 0.1) if journal is None else journal
    return Evidence(facts(**changes), build(parse(story.lines)), tuple(events))
