"""From evidence to a verdict, with no environment: used right after a run, and by `drill judge` years later. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from altis_local.drill import figures
from altis_local.drill.checks import Checked, Finding, check, worst
from altis_local.drill.evidence import Evidence
from altis_local.drill.ledger import Attempt
from altis_local.drill.scenario import Scenario
from altis_local.model.history import Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with everything that it rests on."""

    evidence: Evidence
    checked: tuple[Checked, ...]
    verdict: Verdict
    acknowledged: int
    lost: tuple[Attempt, ...] | None
    gap: figures.Gap | None
    failed: tuple[Attempt, ...]


def judge(scenario: Scenario, evidence: Evidence) -> Judgement:
    """Run the drill's checks."""
    checked = (_steady(evidence), *(check(one.name, evidence, one.most) for one in scenario.checks))
    ledger = evidence.ledger
    return Judgement(
        evidence,
        checked,
        worst(one.finding.verdict for one in checked),
        len(ledger.acknowledged("insert", "post")),
        figures.lost(ledger),
        figures.longest_gap(ledger, "insert"),
        figures.failed(ledger),
    )


def _steady(evidence: Evidence) -> Checked:
    """A drill on an environment that was not well says nothing."""
    facts = evidence.facts
    why = [text for text in (facts.unsteady, *facts.troubles) if text]
    if why:
        return Checked("steady-state", Finding(Verdict.UNKNOWN, why[0], tuple(why)))
    return Checked("steady-state", Finding(Verdict.OK, "the environment was well before, and the drill ran to its end"))


def document(judged: Judgement, report: str | None) -> dict[str, Any]:
    """The `drill run --json` document."""
    facts = judged.evidence.facts
    return {
        "schema": 1,
        "drill": facts.drill,
        "environment": facts.environment,
        "plan": facts.plan,
        "broken": list(facts.broken),
        "seed": facts.seed,
        "verdict": judged.verdict.value,
        "checks": [
            {"name": c.name, "verdict": c.finding.verdict.value, "detail": c.finding.detail} for c in judged.checked
        ],
        "acknowledged": judged.acknowledged,
        "lost": None if judged.lost is None else len(judged.lost),
        "write_gap_s": None if judged.gap is None else round(judged.gap.seconds, 4),
        "failed_requests": len(judged.failed),
        "duration_s": round(facts.duration, 2),
        "report": report,
    }
