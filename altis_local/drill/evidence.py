"""All that a verdict may rest on: the clients' history, and the facts of the run around it.

Written by `run` into the run's folder, read back by `judge`; checks see nothing else. Values and their JSON only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from altis_local.drill.ledger import Ledger

Document = Mapping[str, Any]
"""A JSON object as control's API gives it."""

_PROMOTE = re.compile(r"Promote\((?P<member>[^,)]+), (?P<term>\d+)\)")
"""As control's journal describes the action."""


@dataclass(frozen=True, slots=True)
class FaultMark:
    """A fault as it was really applied. Moments: `at` in epoch seconds, `mono` on the monotonic clock."""

    kind: str
    target: str
    members: tuple[str, ...]
    at: float
    mono: float
    applied: bool
    healed_mono: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PhaseMark:
    """A phase of the run, on the monotonic clock."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class StageMark:
    """A stage as it went. `at` in epoch seconds, the rest on the monotonic clock."""

    name: str
    at: float
    begin: float
    role: str = ""
    """Whose number it waited for; "" for a stage that waits for none."""
    members: int = 0
    reached: float | None = None
    """When there were so many; None: never, and the drill ended there."""
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The members of the roles that stages wait for, and their states, as the status told at one moment."""

    mono: float
    members: Mapping[str, str]
    load: Mapping[str, float] = field(default_factory=dict)
    """Role -> load in units of its target."""

    def of(self, role: str) -> tuple[str, ...]:
        """Members of a role that were there and healthy."""
        return tuple(m for m, state in self.members.items() if m.rpartition("-")[0] == role and state == "healthy")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the run saw besides the clients' history. None means: not known."""

    drill: str
    environment: str
    plan: str
    seed: int
    started_at: float
    version: str = ""
    broken: tuple[str, ...] = ()
    planned: int = 0
    """How many faults the schedule has."""
    faults: tuple[FaultMark, ...] = ()
    phases: tuple[PhaseMark, ...] = ()
    stages: tuple[StageMark, ...] = ()
    samples: tuple[Sample, ...] = ()
    """One for each change, in order."""
    before: Document = field(default_factory=dict)
    after: Document = field(default_factory=dict)
    converged: bool | None = None
    converge_seconds: float | None = None
    duration: float = 0.0
    unsteady: str = ""
    """Why the environment was not in the state that the drill needs; "" when it was."""
    troubles: tuple[str, ...] = ()
    """What went wrong in the drill itself."""

    @property
    def struck(self) -> FaultMark | None:
        """The first fault that breaks something (holding a receiver only prepares)."""
        return next((mark for mark in self.faults if mark.kind != "hold-receivers"), None)

    @property
    def zero(self) -> float | None:
        """The moment from which reports count (monotonic): the fault, else the first stage; None with neither."""
        if self.struck:
            return self.struck.mono
        return self.stages[0].begin if self.stages else None

    @property
    def ahead(self) -> float:
        """Epoch seconds less monotonic ones: what leads from a journal's moment to a client's."""
        if self.struck:
            return self.struck.at - self.struck.mono
        return self.stages[0].at - self.stages[0].begin if self.stages else 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run."""

    facts: Facts
    ledger: Ledger
    journal: tuple[Document, ...] | None = None
    """Control's journal from the beginning of the run; None where it could not be read."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion that the journal tells of."""

    member: str
    term: int
    at: float


def duty_holder(status: Document, duty: str) -> str | None:
    """The member that has a duty according to a status document."""
    return next((m["member"] for m in status.get("members", ()) if m.get("duty") == duty), None)


def member_of(status: Document, name: str) -> Document | None:
    return next((m for m in status.get("members", ()) if m.get("member") == name), None)


def promotions(journal: Sequence[Document]) -> tuple[Promotion, ...]:
    """Promotions that ended well, in order."""
    found: list[Promotion] = []
    for event in journal:
        match = _PROMOTE.fullmatch(str(event.get("action", "")))
        if match and event.get("outcome") == "ok":
            found.append(Promotion(match["member"], int(match["term"]), float(event["at"])))
    return tuple(found)


def term(status: Document) -> int | None:
    """The term of the writer according to a status document."""
    return (status.get("database") or {}).get("term")


def dump(facts: Facts) -> dict[str, Any]:
    """Facts as a JSON object."""
    return asdict(facts)


def load(raw: Document) -> Facts:
    """Facts from a JSON object."""
    known = {name: raw[name] for name in Facts.__dataclass_fields__ if name in raw}
    known["faults"] = tuple(FaultMark(**{**mark, "members": tuple(mark["members"])}) for mark in raw.get("faults", ()))
    known["phases"] = tuple(PhaseMark(**mark) for mark in raw.get("phases", ()))
    known["stages"] = tuple(StageMark(**mark) for mark in raw.get("stages", ()))
    known["samples"] = tuple(Sample(**one) for one in raw.get("samples", ()))
    for name in ("broken", "troubles"):
        known[name] = tuple(raw.get(name, ()))
    return Facts(**known)
