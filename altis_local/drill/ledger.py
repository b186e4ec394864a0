"""A run's history as values: what the clients tried, what they were told, and what was there in the end.

Read by the checks, the figures and the report; written by the workload, one JSON line for each operation and turn of
it. Pure: takes lines, returns values, reads no file and no clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

Made = TypeVar("Made")

_READS = {"rows": "rows", "posts": "titles", "runs": "runs", "jobs": "jobs"}
"""Final reads, and under which key their items are."""
WRITES = ("insert", "post")
"""Kinds that change data."""
PAGES = ("page", "visit", "busy", "form")
"""Requests that no cache can answer: `page` at the load balancer; `visit`, `busy` (takes its time) and `form` (a POST
that does) through the CDN. `edge` is the front page at the CDN, cached: it is shown and not judged."""


@dataclass(frozen=True, slots=True)
class Op:
    """One line of the history. `type`: invoke, ok, fail (certainly not done) or info (nobody knows)."""

    op: str
    client: str
    kind: str
    type: str
    at: float
    mono: float
    value: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One operation from its invocation to what its client learned. Moments are on the monotonic clock."""

    op: str
    client: str
    kind: str
    begin: float
    end: float | None
    outcome: str
    at: float
    """When it was completed, or begun where it never was, in epoch seconds."""
    value: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_acknowledged(self) -> bool:
        return self.outcome == "ok"


@dataclass(frozen=True, slots=True)
class Row:
    """A surviving row, with the server that wrote it and when (epoch seconds)."""

    id: str
    client: str
    seq: int
    server: int
    at: float


@dataclass(frozen=True, slots=True)
class JobRun:
    """One time that a scheduled job was run, as the job itself wrote it down. Moments in epoch seconds."""

    job: str
    number: int
    """Its id in the table of jobs."""
    member: str
    begin: float
    end: float | None
    """None: it never came to its end."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job's row in the end, and how often the runners logged that it ended."""

    job: str
    number: int
    status: str
    logged: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The whole history of a run. What the final reads give is None where they are missing or incomplete."""

    attempts: tuple[Attempt, ...] = ()
    rows: tuple[Row, ...] | None = None
    posts: frozenset[str] | None = None
    runs: tuple[JobRun, ...] | None = None
    jobs: tuple[JobRow, ...] | None = None
    notes: tuple[Op, ...] = ()
    """What the workload says of itself: at work, done, how often it was throttled."""

    @property
    def is_whole(self) -> bool:
        """Whether the clients came to their end and said so."""
        return any(note.op == "done" for note in self.notes)

    def of(self, *kinds: str) -> tuple[Attempt, ...]:
        return tuple(a for a in self.attempts if a.kind in kinds)

    def acknowledged(self, *kinds: str) -> tuple[Attempt, ...]:
        """Acknowledged operations in the order of their acknowledgement."""
        found = [a for a in self.attempts if a.kind in kinds and a.is_acknowledged]
        return tuple(sorted(found, key=lambda a: a.end or a.begin))


def parse(lines: Iterable[str]) -> tuple[Op, ...]:
    """Read history lines. A line that was cut (the writer of the file died) ends the history there."""
    ops: list[Op] = []
    for line in lines:
        try:
            raw = json.loads(line)
            ops.append(
                Op(raw["op"], raw["client"], raw["kind"], raw["type"], raw["at"], raw["mono"], raw.get("value") or {})
            )
        except (ValueError, KeyError, TypeError):
            if line.strip():
                break
    return tuple(ops)


def build(ops: Iterable[Op]) -> Ledger:
    """Pair invocations with completions. An invocation that was never completed is unknown (info)."""
    begun: dict[str, Op] = {}
    attempts: list[Attempt] = []
    reads: dict[str, list[Op]] = {}
    notes: list[Op] = []
    for op in ops:
        if op.kind.startswith("read-"):
            reads.setdefault(op.kind, []).append(op)
        elif op.kind == "workload":
            notes.append(op)
        elif op.type == "invoke":
            begun[op.op] = op
        elif op.op in begun:
            attempts.append(_attempt(begun.pop(op.op), op))
    attempts += [_attempt(op, None) for op in begun.values()]
    whole = {kind: _whole(reads.get(f"read-{kind}", []), key) for kind, key in _READS.items()}
    return Ledger(
        tuple(sorted(attempts, key=lambda a: a.begin)),
        _each(Row, whole["rows"]),
        None if whole["posts"] is None else frozenset(whole["posts"]),
        _each(JobRun, whole["runs"]),
        _each(JobRow, whole["jobs"]),
        tuple(notes),
    )


def _each(make: Callable[..., Made], items: list[Any] | None) -> tuple[Made, ...] | None:
    return None if items is None else tuple(make(*item) for item in items)


def _attempt(invoke: Op, done: Op | None) -> Attempt:
    if done is None:
        return Attempt(invoke.op, invoke.client, invoke.kind, invoke.mono, None, "info", invoke.at, invoke.value)
    value = {**invoke.value, **done.value}
    return Attempt(invoke.op, invoke.client, invoke.kind, invoke.mono, done.mono, done.type, done.at, value)


def _whole(ops: list[Op], key: str) -> list[Any] | None:
    """The parts of a final read put together; None unless the last part says how many there are and all are here."""
    items: list[Any] = []
    for op in ops:
        if op.type == "ok":
            items += op.value.get(key, [])
    counts = [op.value["count"] for op in ops if op.type == "ok" and "count" in op.value]
    return items if counts and counts[-1] == len(items) else None
