"""Checks that any drill may make: the fault struck, clients were answered, nobody helped, all is whole again. Pure."""

from __future__ import annotations

from collections import Counter

from altis_local.drill import figures
from altis_local.drill.evidence import Evidence
from altis_local.drill.finding import Finding, failed, ok, told, unknown

MANUAL = ("spec", "asked")
"""Kinds of journal lines that come from a person or a program outside, never from control itself."""


def fault_struck(run: Evidence, _: float | None) -> Finding:
    """Every planned fault was really applied: a drill whose fault missed proves nothing."""
    struck = [mark for mark in run.facts.faults if mark.applied]
    lines = [f"{m.kind} {m.target} -> {', '.join(m.members)} at {m.at:.3f} {m.detail}".rstrip() for m in struck]
    if len(struck) < max(1, run.facts.planned):
        return unknown(f"{len(struck)} of {run.facts.planned} faults were applied", lines)
    return ok("; ".join(f"{m.kind} {', '.join(m.members)}" for m in struck), lines)


def site_answered(run: Evidence, most: float | None) -> Finding:
    """Pages that no cache can answer came from the load balancer all the time."""
    pages, edge = run.ledger.of("page"), run.ledger.of("edge")
    gap = figures.longest_gap(run.ledger, "page")
    if not pages:
        return unknown("no page was asked for")
    if gap is None:
        return failed(f"none of {len(pages)} uncached pages came", map(told, pages))
    good = sum(a.is_acknowledged for a in pages)
    said = f"{good} of {len(pages)} uncached pages, at most {gap.seconds:.2f} s without one"
    if edge:
        said += f"; at the edge {sum(a.is_acknowledged for a in edge)} of {len(edge)}"
    bad = [told(a) for a in (*pages, *edge) if not a.is_acknowledged]
    return failed(f"{said}: more than {most:g} s", bad) if most is not None and gap.seconds > most else ok(said, bad)


def failed_requests(run: Evidence, most: float | None) -> Finding:
    """Not more requests than the budget allows went without an acknowledgement."""
    asked = run.ledger.of(*figures.REQUESTS)
    if not asked:
        return unknown("there is no history")
    bad = figures.failed(run.ledger)
    kinds = Counter(a.kind for a in asked)
    said = f"{len(bad)} of {len(asked)} requests ({', '.join(f'{n} {kind}' for kind, n in kinds.items())})"
    if most is not None and len(bad) > most:
        return failed(f"{said}: more than {most:g}", map(told, bad))
    return ok(said, map(told, bad))


def without_a_hand(run: Evidence, _: float | None) -> Finding:
    """Nobody asked control for anything from the beginning to the end."""
    if run.journal is None:
        return unknown("the journal is missing")
    asked = [e for e in run.journal if e.get("kind") in MANUAL and float(e.get("at", 0)) >= run.facts.started_at]
    if asked:
        return failed("somebody helped", (f"{e.get('kind')}: {e.get('text')}" for e in asked))
    return ok("control did it all by itself")


def converged_again(run: Evidence, most: float | None) -> Finding:
    """In the end the environment is whole, and protected where it was before."""
    if run.facts.converged is None:
        return unknown("nobody waited for it")
    if not run.facts.converged:
        return failed("the environment did not converge in time")
    if run.facts.before.get("protected") and not run.facts.after.get("protected"):
        return failed("the environment converged, but it is not protected any more")
    seconds = run.facts.converge_seconds or 0.0
    said = f"{seconds:.1f} s after the fault" if run.facts.struck else "nothing was broken"
    return failed(f"{said}: more than {most:g} s") if most is not None and seconds > most else ok(said)
