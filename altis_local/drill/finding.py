"""What a check says: a verdict, a sentence, and the operations that prove it. Pure values, used by all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from altis_local.drill.evidence import Evidence
from altis_local.drill.ledger import Attempt
from altis_local.model.history import Verdict

SHOWN = 40
"""Lines of evidence that a finding carries at most; the history holds all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, with the operations that prove it."""

    verdict: Verdict
    detail: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding under the name of its check."""

    name: str
    finding: Finding


Check = Callable[[Evidence, float | None], Finding]
"""A run's evidence and the check's budget, where it has one."""


def ok(detail: str, evidence: Iterable[str] = ()) -> Finding:
    return Finding(Verdict.OK, detail, tuple(evidence)[:SHOWN])


def failed(detail: str, evidence: Iterable[str] = ()) -> Finding:
    return Finding(Verdict.FAILED, detail, tuple(evidence)[:SHOWN])


def unknown(detail: str, evidence: Iterable[str] = ()) -> Finding:
    return Finding(Verdict.UNKNOWN, detail, tuple(evidence)[:SHOWN])


def told(attempt: Attempt) -> str:
    """One operation as a line of evidence."""
    by = attempt.value.get("server") or attempt.value.get("served")
    server = f" by server {by}" if by else ""
    error = f": {attempt.value['error']}" if attempt.value.get("error") else ""
    return f"{attempt.kind} {attempt.op} ({attempt.client}) {attempt.outcome} at {attempt.at:.3f}{server}{error}"
