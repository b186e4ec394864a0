"""The few numbers that people ask for first, for whatever kind of drill it was. Pure; used by reports and commands."""

from __future__ import annotations

from altis_local.drill import figures
from altis_local.drill import scaling_story as story
from altis_local.drill.judge import Judgement
from altis_local.drill.ledger import PAGES, WRITES

Numbers = list[tuple[str, str]]


def headline(judged: Judgement) -> Numbers:
    """Name and value, in the order of their weight."""
    facts, ledger = judged.evidence.facts, judged.evidence.ledger
    kind = _writes if ledger.of(*WRITES) else _jobs if ledger.of("job") else _pages
    again = "unknown" if facts.converge_seconds is None else f"{facts.converge_seconds:.1f} s"
    return [*kind(judged), *([("whole again after", again)] if facts.struck else [])]


def _writes(judged: Judgement) -> Numbers:
    gap = judged.gap
    return [
        ("acknowledged writes", f"{judged.acknowledged:,}"),
        ("lost", "unknown" if judged.lost is None else f"{len(judged.lost):,}"),
        ("write gap", "unknown" if gap is None else f"{gap.seconds * 1000:,.0f} ms"),
        ("failed requests", f"{len(judged.failed):,}"),
        ("median write", _median(judged, "insert")),
    ]


def _jobs(judged: Judgement) -> Numbers:
    found = judged.jobs
    return [
        ("jobs", f"{judged.acknowledged:,}"),
        *[(name, "unknown" if found is None else f"{len(what):,}") for name, what in _ends(found)],
        ("containers", _path(judged)),
        ("jobs per second", _rate(judged)),
    ]


def _ends(found: figures.Jobs | None) -> list[tuple[str, tuple[object, ...]]]:
    if found is None:
        return [("lost", ()), ("run twice", ()), ("cut short", ())]
    return [("lost", found.lost), ("run twice", tuple(found.twice)), ("cut short", found.cut)]


def _pages(judged: Judgement) -> Numbers:
    uneven = [p.unevenness for p in story.told_plateaus(judged.evidence)]
    return [
        ("pages answered", f"{judged.acknowledged:,}"),
        ("failed requests", f"{len(judged.failed):,}"),
        ("containers", _path(judged)),
        ("furthest from even", f"{max(uneven):.0%}" if uneven else "unknown"),
        ("median page", _median(judged, *(kind for kind in PAGES if kind not in ("busy", "form")))),
    ]


def _path(judged: Judgement) -> str:
    roles = [stage.role for stage in story.waited(judged.evidence)]
    found = tuple(c for c in judged.changes if c.role in roles[:1])
    return story.path(found) if found else "unknown"


def _rate(judged: Judgement) -> str:
    """While there were plenty: from the first one's beginning until half of all had ended."""
    runs = sorted((r for r in judged.evidence.ledger.runs or () if r.end is not None), key=lambda r: r.end or 0.0)
    half = runs[: len(runs) // 2]
    seconds = (half[-1].end or 0.0) - min(r.begin for r in half) if half else 0.0
    return f"{len(half) / seconds:.1f}" if seconds > 0 else "unknown"


def _median(judged: Judgement, *kinds: str) -> str:
    waits = [(a.end or a.begin) - a.begin for a in judged.evidence.ledger.acknowledged(*kinds)]
    median = figures.quantile(waits, 0.5)
    return "unknown" if median is None else f"{median * 1000:.1f} ms"
