"""The numbers of a run: write gap, failed requests, acknowledgements over time. Pure; used by checks and reports.

A gap belongs to all clients together: the longest time in which none of them was acknowledged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from altis_local.drill.ledger import Attempt, Ledger


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
    """Requests that were not acknowledged: refused or unknown. The edge is not counted; it is shown beside."""
    return tuple(a for a in ledger.of("insert", "post", "page") if not a.is_acknowledged)


def lost(ledger: Ledger) -> tuple[Attempt, ...] | None:
    """Acknowledged writes that are not there in the end; None where a final read that is needed is missing."""
    gone: list[Attempt] = []
    for kind, there in (
        ("insert", None if ledger.rows is None else frozenset(row.id for row in ledger.rows)),
        ("post", ledger.posts),
    ):
        acked = ledger.acknowledged(kind)
        if acked and there is None:
            return None
        gone += [a for a in acked if there is not None and a.op not in there]
    return tuple(gone)


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
