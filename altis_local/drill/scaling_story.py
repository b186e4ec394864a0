"""How a role grew and shrank in a run: the changes that control decided, and the plateaus between them. Pure.

Read from control's journal and the clients' answers, by checks, figures and pictures. Moments are on the clients'
monotonic clock.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from altis_local.drill.evidence import Evidence, StageMark
from altis_local.drill.ledger import PAGES, Attempt

_CHANGE = re.compile(r"(?P<role>\w+) (?P<before>\d+) → (?P<after>\d+): (?P<why>.*)")
"""As control journals a change of a number by load (kind `scale`)."""
_ROUTE = re.compile(r"Route\(\{[^}]*\}, web, \{(?P<ready>[^}]*)\}")
LEAST_SHARE = 12
"""Answers for each member without which a plateau says nothing about evenness: two more or less are no fifth then."""
SETTLING = 0.2
"""Seconds around a change of routes that belong to no plateau: load balancers do not change at the same instant."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a role's number."""

    role: str
    before: int
    after: int
    moment: float
    why: str

    def __str__(self) -> str:
        return f"{self.role} {self.before} → {self.after}: {self.why}"


def changes(run: Evidence, role: str) -> tuple[Change, ...]:
    """What the load asked for, in order."""
    found = []
    for event in run.journal or ():
        match = _CHANGE.fullmatch(str(event.get("text", ""))) if event.get("kind") == "scale" else None
        if match and match["role"] == role:
            moment = float(event["at"]) - run.facts.ahead
            found.append(Change(role, int(match["before"]), int(match["after"]), moment, match["why"]))
    return tuple(found)


def path(found: tuple[Change, ...]) -> str:
    """`2 → 4 → 3 → 2`."""
    return " → ".join(map(str, [*(c.before for c in found[:1]), *(c.after for c in found)]))


def waited(run: Evidence) -> tuple[StageMark, ...]:
    """The stages that waited for a role's number."""
    return tuple(stage for stage in run.facts.stages if stage.role)


@dataclass(frozen=True, slots=True)
class Plateau:
    """A time in which just these web containers took traffic, and the answers to what was asked and ended in it."""

    members: frozenset[str]
    begin: float
    end: float
    served: Mapping[str, int]
    """Member -> answers."""

    @property
    def share(self) -> float:
        """Answers of each, were they spread evenly."""
        return sum(self.served.values()) / len(self.members)

    @property
    def unevenness(self) -> float:
        """The worst member's distance from its even share, as a part of that; 0.2 is 20 %."""
        return max(abs(self.served[name] - self.share) for name in self.members) / self.share


def plateaus(run: Evidence) -> tuple[Plateau, ...]:
    """Between changes of the load balancers' routes; the death of a member ends one."""
    ends = [a.end or a.begin for a in run.ledger.attempts]
    if not ends or run.journal is None:
        return ()
    marks: list[tuple[float, float, frozenset[str] | None]] = [(min(ends), min(ends), _routed_before(run))]
    for event in run.journal:
        match = _ROUTE.match(str(event.get("action", "")))
        if match and event.get("outcome") == "ok":
            moment = float(event["at"]) - run.facts.ahead
            ready = frozenset(filter(None, match["ready"].split(",")))
            marks.append((moment - float(event.get("seconds") or 0.0), moment, ready))
    marks += [(f.mono, f.mono, None) for f in run.facts.faults if f.kind == "kill"]
    marks = [*sorted(marks, key=lambda m: m[1]), (max(ends), max(ends), None)]
    answers = _answers(run)
    found = []
    for (_, since, members), (until, _, _) in itertools.pairwise(marks):
        begin, end = since + SETTLING, until - SETTLING
        if members and end > begin:
            # What was under way when a member died was answered by another in its place.
            asked = Counter(str(a.value["served"]) for a in answers if begin <= a.begin and (a.end or a.begin) < end)
            served = {name: asked[name] for name in members} | {name: n for name, n in asked.items() if n}
            found.append(Plateau(members, begin, end, served))
    return tuple(found)


def told_plateaus(run: Evidence) -> tuple[Plateau, ...]:
    """Those with answers enough to say something."""
    return tuple(p for p in plateaus(run) if p.share >= LEAST_SHARE)


def _routed_before(run: Evidence) -> frozenset[str]:
    rows = run.facts.before.get("members", ())
    return frozenset(row["member"] for row in rows if row.get("role") == "web" and row.get("state") == "healthy")


def _answers(run: Evidence) -> list[Attempt]:
    """Answers that a web container made for just this request."""
    return [a for a in run.ledger.acknowledged(*PAGES) if a.value.get("served") and not is_cached(a)]


def is_cached(attempt: Attempt) -> bool:
    """Whether a cache gave the answer: what it says of its maker is old then."""
    return any("hit" in str(attempt.value.get(cache, "")).lower() for cache in ("cache", "batcache"))
