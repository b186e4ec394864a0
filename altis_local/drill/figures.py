"""The numbers of a run: write gap, failed requests, jobs, acknowledgements over time. Pure; for checks and reports.

A gap belongs to all clients together: the longest time in which none of them was acknowledged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from altis_local.drill.ledger import PAGES, WRITES, Attempt, JobRun, Ledger

REQUESTS = (*WRITES, *PAGES, "job")
"""Every kind that is judged."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest silence: between which moments (monotonic)."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def longest_gap(ledger: Ledger, *kinds: str) -> Gap | None:
    """The longest time without an acknowledgement, from the first one to the last attempt's end.

    The time after the last acknowledgement counts: clients that never got through again had the longest gap of all.
    """
    acks = [a.end for a in ledger.acknowledged(*kinds) if a.end is not None]
    if not acks:
        return None
    last = max([a.end or a.begin for a in ledger.of(*kinds)])
    moments = [*acks, max(last, acks[-1])]
    return max((Gap(before, after) for before, after in itertools.pairwise(moments)), key=lambda g: g.seconds)


def failed(ledger: Ledger) -> tuple[Attempt, ...]:
    """Requests that were not acknowledged: refused or unknown. The cached front page is shown beside, not counted."""
    return tuple(a for a in ledger.of(*REQUESTS) if not a.is_acknowledged)


def acknowledged(ledger: Ledger) -> tuple[Attempt, ...]:
    """What the clients were promised: writes, else jobs; where there are neither, the pages that they got."""
    for kinds in (WRITES, ("job",), PAGES):
        if ledger.of(*kinds):
            return ledger.acknowledged(*kinds)
    return ()


def lost(ledger: Ledger) -> tuple[Attempt, ...] | None:
    """Acknowledged writes and jobs of which nothing is there in the end; None where a needed read is missing."""
    gone: list[Attempt] = []
    for kind, there in (
        ("insert", None if ledger.rows is None else frozenset(row.id for row in ledger.rows)),
        ("post", ledger.posts),
        ("job", None if ledger.runs is None else frozenset(run.job for run in ledger.runs)),
    ):
        acked = ledger.acknowledged(kind)
        if acked and there is None:
            return None
        gone += [a for a in acked if there is not None and a.op not in there]
    return tuple(gone)


@dataclass(frozen=True, slots=True)
class Jobs:
    """What became of the jobs. A job may be in more than one of these."""

    asked: int
    """Acknowledged."""
    lost: tuple[Attempt, ...]
    twice: Mapping[str, tuple[JobRun, ...]]
    """Job -> its runs, where there was more than one."""
    stuck: tuple[JobRun, ...]
    """Runs that a killed container took with it: their rows stay `running`, as in the cloud (CAV-13)."""
    cut: tuple[JobRun, ...]
    """Runs that never came to their end although nobody killed their container."""
    unlogged: tuple[str, ...]
    """Jobs that ended and that no runner, or more than one, logged as ended."""


def jobs(ledger: Ledger, killed: Mapping[str, float]) -> Jobs | None:
    """`killed`: member -> when its container was killed (epoch seconds). None where the final read is missing."""
    gone = lost(ledger)
    if ledger.runs is None or ledger.jobs is None or gone is None:
        return None
    by_job: dict[str, list[JobRun]] = {}
    for run in ledger.runs:
        by_job.setdefault(run.job, []).append(run)
    unended = [run for run in ledger.runs if run.end is None]
    stuck = tuple(run for run in unended if run.begin <= killed.get(run.member, 0.0))
    ended = {job for job, runs in by_job.items() if all(run.end is not None for run in runs)}
    return Jobs(
        len(ledger.acknowledged("job")),
        tuple(a for a in gone if a.kind == "job"),
        {job: tuple(runs) for job, runs in by_job.items() if len(runs) > 1},
        stuck,
        tuple(run for run in unended if run not in stuck),
        tuple(row.job for row in ledger.jobs if row.job in ended and row.logged != 1),
    )


def per_bucket(moments: Iterable[float], *, begin: float, end: float, width: float = 0.05) -> list[int]:
    """How many moments fall into each bucket of `width` seconds."""
    counts = [0] * max(1, round((end - begin) / width) + 1)
    for moment in moments:
        if begin <= moment <= end:
            counts[int((moment - begin) / width)] += 1
    return counts


def quantile(values: list[float], part: float) -> float | None:
    """The nearest-rank quantile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None
