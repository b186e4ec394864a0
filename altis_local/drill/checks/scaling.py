"""Checks of scaling: a role rose and fell by its load alone, traffic spread evenly, who died was replaced. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from altis_local.drill import scaling_story as story
from altis_local.drill.evidence import Evidence, FaultMark, StageMark
from altis_local.drill.finding import Finding, failed, ok, told, unknown
from altis_local.drill.ledger import PAGES
from altis_local.drill.scaling_story import Change, Plateau

STAYS = 3.0
"""Seconds that a stage lasts at least, once it has its number, for a plateau to be expected of it."""


def scaled_by_load(run: Evidence, most: float | None) -> Finding:
    """The number went up and down again, decided by control from the load, and members followed. `most`: seconds from
    the load's beginning to the first decision."""
    waited = story.waited(run)
    if not waited or run.journal is None:
        return unknown("the journal is missing" if waited else "no stage waited for a number")
    role = waited[0].role
    found = story.changes(run, role)
    lines = [f"{c} ({c.moment - waited[0].begin:+.1f} s)" for c in found]
    if missed := next((stage for stage in waited if stage.reached is None), None):
        return failed(f"{role} never came to {missed.members} in the stage {missed.name}", lines)
    seen = [len(sample.of(role)) for sample in run.facts.samples]
    top, last = max(stage.members for stage in waited), waited[-1].members
    if max(seen, default=0) < top or max((c.after for c in found), default=0) < top:
        return failed(f"{role} never rose to {top} by its load", lines)
    if found[-1].after != last or seen[-1] != last:
        return failed(f"{role} did not come back to {last}", lines)
    waits = _trigger(waited, found)
    said = f"{role} {story.path(found)}; the first {waits:.1f} s after the load began"
    return failed(f"{said}: more than {most:g} s", lines) if most is not None and waits > most else ok(said, lines)


def _trigger(waited: Sequence[StageMark], found: Sequence[Change]) -> float:
    """Seconds from the beginning of the first stage that asks for more, to the first change upwards."""
    rise = next((b for a, b in itertools.pairwise(waited) if b.members > a.members), waited[0])
    return next(c.moment for c in found if c.after > c.before) - rise.begin


def even_spread(run: Evidence, most: float | None) -> Finding:
    """In every stage there was a plateau, and on every plateau each web container had its share of the answers."""
    limit = 0.2 if most is None else most
    stages = [stage for stage in story.waited(run) if stage.reached is not None]
    if not stages or run.journal is None:
        return unknown("the journal is missing" if stages else "no stage was reached")
    judged = story.told_plateaus(run)
    stayed = [stage for stage in stages if stage.end - (stage.reached or 0.0) >= STAYS]
    empty = [stage.name for stage in stayed if not any(_overlap(stage, p) for p in judged)]
    lines = [_shown(p, run.facts.zero or 0.0) for p in judged]
    if uneven := [p for p in judged if p.unevenness > limit]:
        worst = max(uneven, key=lambda p: p.unevenness)
        return failed(f"{worst.unevenness:.0%} from even over {len(worst.members)}: more than {limit:.0%}", lines)
    if empty:
        return unknown(f"too few answers at the plateau of the stage {', '.join(empty)}", lines)
    said = ", ".join(f"{p.unevenness:.0%} over {len(p.members)}" for p in judged)
    return ok(f"at most {max(p.unevenness for p in judged):.0%} from even ({said})", lines)


def _overlap(stage: StageMark, plateau: Plateau) -> bool:
    return plateau.begin < stage.end and plateau.end > (stage.reached or stage.end)


def _shown(plateau: Plateau, zero: float) -> str:
    counts = ", ".join(f"{name} {n}" for name, n in sorted(plateau.served.items()))
    return (
        f"{plateau.begin - zero:+.1f} to {plateau.end - zero:+.1f} s, {len(plateau.members)} members: {counts}"
        f" ({plateau.unevenness:.0%} from even)"
    )


def killed_replaced(run: Evidence, most: float | None) -> Finding:
    """Every member that was killed was serving, was started again by control, and served again. `most`: seconds."""
    struck = [mark for mark in run.facts.faults if mark.kind == "kill" and mark.applied]
    if not struck or run.journal is None:
        return unknown("the journal is missing" if struck else "nobody was killed")
    lines: list[str] = []
    for mark in struck:
        for name in mark.members:
            problem, line = _replaced(run, mark, name, most)
            if problem is not None:
                return problem
            lines.append(line)
    return ok("; ".join(lines), lines)


def _replaced(run: Evidence, mark: FaultMark, name: str, most: float | None) -> tuple[Finding | None, str]:
    served = [a for a in run.ledger.acknowledged(*PAGES) if a.value.get("served") == name and not story.is_cached(a)]
    if not any(a.begin < mark.mono for a in served):
        return unknown(f"{name} served nobody before it was killed"), ""
    starts = [
        float(e["at"]) - mark.at
        for e in run.journal or ()
        if e.get("action") == f"StartMember({name})" and e.get("outcome") == "ok" and float(e["at"]) > mark.at
    ]
    if not starts:
        return failed(f"control never started {name} again"), ""
    back = next((a for a in served if a.begin > mark.mono + starts[0]), None)
    if back is None:
        return failed(f"{name} was started again and never served again"), ""
    after = (back.end or back.begin) - mark.mono
    line = f"{name} was started again after {starts[0]:.1f} s and served again after {after:.1f} s"
    if most is not None and after > most:
        return failed(f"{line}: more than {most:g} s", [told(back)]), ""
    return None, line
