"""Checks of scheduled jobs: each ran exactly once, and none was cut short by a scale-in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from altis_local.drill import figures
from altis_local.drill.evidence import Evidence
from altis_local.drill.figures import Jobs
from altis_local.drill.finding import Finding, failed, ok, told, unknown
from altis_local.drill.ledger import JobRun

_ASKED_TO_END = re.compile(r"SignalMember\((?P<member>cavalcade-[^,)]+), TERM\)")
UNREAD = "the final read is missing or incomplete"


def ran_once(run: Evidence, _: float | None) -> Finding:
    """Every job ran, and none ran twice. Jobs that a killed container took with it are counted apart (CAV-13)."""
    if not run.ledger.of("job"):
        return unknown("no job was asked for")
    found = figures.jobs(run.ledger, killed(run))
    if found is None:
        return unknown(UNREAD)
    if not run.ledger.runs and found.asked:
        return unknown(f"none of {found.asked} jobs wrote anything down: does the site know the drill's jobs?")
    if found.twice:
        more = sum(len(runs) - 1 for runs in found.twice.values())
        said = f"{len(found.twice)} of {found.asked} jobs ran more than once ({more} runs too many)"
        return failed(said, [line for runs in found.twice.values() for line in map(_told, runs)])
    if found.lost:
        return failed(f"{len(found.lost)} of {found.asked} jobs never ran", map(told, found.lost))
    if found.unlogged:
        return failed(f"{len(found.unlogged)} jobs ended and were not logged just once", found.unlogged)
    return ok(f"{found.asked} jobs, each exactly once{_apart(found)}", map(_told, found.stuck))


def _apart(found: Jobs) -> str:
    return f"; {len(found.stuck)} stuck with a killed container, counted apart" if found.stuck else ""


def none_cut(run: Evidence, _: float | None) -> Finding:
    """No job was cut short where its container was only asked to end."""
    found = figures.jobs(run.ledger, killed(run))
    if found is None or not run.ledger.runs or run.journal is None:
        return unknown("the journal is missing" if run.journal is None else UNREAD)
    asked = endings(run)
    if found.cut:
        return failed(f"{len(found.cut)} jobs never came to their end", map(_told, found.cut))
    if not asked:
        return unknown("no container was asked to end")
    through = [r for r in run.ledger.runs if any(_spans(r, at) for at in asked.get(r.member, ()))]
    count = sum(len(moments) for moments in asked.values())
    return ok(f"{count} containers were asked to end; {len(through)} jobs ran in them and ended", map(_told, through))


def endings(run: Evidence) -> Mapping[str, tuple[float, ...]]:
    """Member -> when it was asked to take no more jobs and to end (epoch seconds)."""
    found: dict[str, tuple[float, ...]] = {}
    for event in run.journal or ():
        match = _ASKED_TO_END.fullmatch(str(event.get("action", "")))
        if match and event.get("outcome") == "ok":
            found[match["member"]] = (*found.get(match["member"], ()), float(event["at"]))
    return found


def killed(run: Evidence) -> Mapping[str, float]:
    """Member -> when a fault killed it (epoch seconds)."""
    marks: Iterable[tuple[str, float]] = ((m, f.at) for f in run.facts.faults if f.kind == "kill" for m in f.members)
    return dict(marks)


def _spans(run: JobRun, moment: float) -> bool:
    return run.begin < moment < (run.end or run.begin)


def _told(run: JobRun) -> str:
    lasted = "never ended" if run.end is None else f"for {run.end - run.begin:.2f} s"
    return f"job {run.job} (row {run.number}) in {run.member} at {run.begin:.3f} {lasted}"
