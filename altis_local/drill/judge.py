"""From evidence to a verdict, with no environment: used right after a run, and by `drill judge` years later. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from altis_local.drill import figures
from altis_local.drill import scaling_story as story
from altis_local.drill.checks import check, worst
from altis_local.drill.checks.jobs import killed
from altis_local.drill.evidence import Evidence, Facts
from altis_local.drill.finding import Checked, Finding
from altis_local.drill.ledger import Attempt
from altis_local.drill.scaling_story import Change
from altis_local.drill.scenario import Scenario
from altis_local.model.history import Verdict
from altis_local.model.plans import SCALABLE


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
    jobs: figures.Jobs | None
    """None where the drill has none, or where it is not known what became of them."""
    changes: tuple[Change, ...]
    """How roles were scaled by their load."""


def judge(scenario: Scenario, evidence: Evidence) -> Judgement:
    """Run the drill's checks."""
    checked = (_steady(evidence), *(check(one.name, evidence, one.most) for one in scenario.checks))
    ledger = evidence.ledger
    return Judgement(
        evidence,
        checked,
        worst(one.finding.verdict for one in checked),
        len(figures.acknowledged(ledger)),
        figures.lost(ledger),
        figures.longest_gap(ledger, "insert"),
        figures.failed(ledger),
        figures.jobs(ledger, killed(evidence)) if ledger.of("job") else None,
        tuple(change for role in SCALABLE for change in story.changes(evidence, role)),
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
        "jobs": None if judged.jobs is None else _jobs(judged.jobs),
        "scaled": [_change(change, facts) for change in judged.changes],
        "duration_s": round(facts.duration, 2),
        "report": report,
    }


def _jobs(found: figures.Jobs) -> dict[str, int]:
    return {
        "asked": found.asked,
        "lost": len(found.lost),
        "twice": len(found.twice),
        "stuck": len(found.stuck),
        "cut": len(found.cut),
    }


def _change(change: Change, facts: Facts) -> dict[str, Any]:
    return {
        "role": change.role,
        "from": change.before,
        "to": change.after,
        "at_s": round(change.moment - (facts.zero or 0.0), 2),
        "why": change.why,
    }
