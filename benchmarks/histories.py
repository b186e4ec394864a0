"""What the histories of drills tell besides gaps. Pure; used by the figures that crash something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from altis_local.drill.ledger import Attempt, Op

_SHOWN = 100
"""Characters of an error: enough to tell one kind from another."""


def errors(attempts: Iterable[Attempt]) -> dict[str, Any]:
    """How many operations of each client were not acknowledged, by client's name; the most that one had; what they
    were told."""
    found: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for attempt in attempts:
        found[attempt.client] += not attempt.is_acknowledged
        if not attempt.is_acknowledged:
            told[f"{attempt.outcome} {attempt.value.get('error', 'never completed')}"[:_SHOWN]] += 1
    return {
        "errors_per_client": max(found.values(), default=0),
        "errors": [count for _, count in sorted(found.items())],
        "told": dict(told.most_common(5)),
    }


def client_time(notes: Iterable[Op]) -> dict[str, Any]:
    """CPU seconds that the clients took, and for how long the kernel held them back, where they said so: a part of
    the gap that is theirs."""
    said = next((note.value for note in notes if note.op == "done"), {})
    return {f"clients_{key}": round(float(said[key]), 3) for key in ("cpu", "throttled_s") if key in said}
