"""Names what is the matter with the database. Pure: no side effects; called by database, routing, healing and status.

A failure has a name, and the name says whether we may act (after orchestrator's analysis codes and Patroni's rule that
a member which cannot be seen is not thereby dead). The writer is the member of the highest term; the protection record
is written before every promotion, so it knows the highest term there is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from altis_local.model.history import Recent
from altis_local.model.spec import Spec
from altis_local.model.state import DbNode, Phase, Reach, Snapshot
from altis_local.model.topology import address

HUNG_AFTER = 2
"""Probes in a row without an answer after which a writer counts as silent (recipes/db.md, section 3)."""


class Finding(enum.StrEnum):
    """What is the matter. Only DEAD, HUNG and CLOSED let us open a member for writes."""

    NONE = "the environment has no database yet"
    FIRST_START = "no member ever had a term"
    WAITING = "members that may hold the highest term are not seen yet"
    OK = "one writer, of the highest term"
    CLOSED = "the writer answers but is read-only (it was restarted)"
    STARTING = "the writer is starting"
    DEAD = "the writer's process is gone"
    HUNG = "the writer does not answer, and no reader receives from it"
    UNREACHABLE = "only control cannot reach the writer: nothing is done"
    TWO_WRITERS = "two members are writable"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A finding, the writer it is about, and the highest term known."""

    finding: Finding
    writer: str = ""
    term: int = 0
    detail: str = ""

    @property
    def may_replace(self) -> bool:
        """Whether another member may become the writer."""
        return self.finding in (Finding.DEAD, Finding.HUNG)


def highest_term(snapshot: Snapshot) -> tuple[int, str]:
    """The highest term known, by the record or any member's own data, and whose it is; (0, "") when none."""
    known = [(node.term, node.term_member) for node in snapshot.db.values()]
    if snapshot.protection:
        known.append((snapshot.protection.term, snapshot.protection.writer))
    return max(known, default=(0, ""))


def store_address(spec: Spec, name: str) -> str:
    """The address at which db and redis members reach each other."""
    found = next(m for role in ("db", "redis") for m in spec.slots(role) if m.name == name)
    return address(spec.block, "store", found)


def follows(spec: Spec, node: DbNode, source: str) -> bool:
    """Whether the member is set up to receive from `source`."""
    return node.receiver is not None and node.receiver.source == store_address(spec, source)


def diagnose(spec: Spec, snapshot: Snapshot, recent: Recent) -> Diagnosis:
    """What is the matter with the database. Purely computational."""
    members = [m.name for m in spec.members("db")] if "db" in spec.services else []
    if not members:
        return Diagnosis(Finding.NONE)
    term, writer = highest_term(snapshot)
    unseen = [name for name in members if name not in snapshot.db]
    if not writer:
        if unseen:
            return Diagnosis(Finding.WAITING, detail=f"not seen yet: {', '.join(unseen)}")
        return Diagnosis(Finding.FIRST_START, members[0])
    intruders = [n.member for n in snapshot.db.values() if not n.read_only and n.member != writer]
    if intruders:
        return Diagnosis(Finding.TWO_WRITERS, writer, term, f"writable without the term: {', '.join(intruders)}")
    node = snapshot.db.get(writer)
    if node is None:
        return _absent(spec, snapshot, recent, Diagnosis(Finding.DEAD, writer, term))
    if node.read_only or node.term < term:
        if snapshot.protection is None and unseen:
            return Diagnosis(Finding.WAITING, writer, term, f"no record, and not seen: {', '.join(unseen)}")
        return Diagnosis(Finding.CLOSED, writer, term)
    return Diagnosis(Finding.OK, writer, term)


def _absent(spec: Spec, snapshot: Snapshot, recent: Recent, dead: Diagnosis) -> Diagnosis:
    """The writer did not answer: dead, hung, starting, or out of control's sight only."""

    def found(finding: Finding, detail: str = "") -> Diagnosis:
        return Diagnosis(finding, dead.writer, dead.term, detail)

    container = snapshot.container(dead.writer)
    if container is None or container.phase in (Phase.EXITED, Phase.CREATED, Phase.REMOVING):
        return dead
    if container.phase is Phase.PAUSED:
        return found(Finding.HUNG, "the engine says paused")
    reach = snapshot.reach(dead.writer)
    if reach is Reach.REFUSED:
        return found(Finding.DEAD, "nothing listens") if recent.has_answered(container) else found(Finding.STARTING)
    if reach is not Reach.SILENT:
        return found(Finding.WAITING, f"the writer {dead.writer} is not seen")
    if not recent.has_answered(container):
        return found(Finding.STARTING)
    receiving = [
        n.member
        for n in snapshot.db.values()
        if n.receiver and n.receiver.is_receiving and follows(spec, n, dead.writer)
    ]
    if recent.missed(dead.writer) < HUNG_AFTER or receiving:
        return found(Finding.UNREACHABLE, f"still receiving from it: {', '.join(receiving) or 'not known yet'}")
    return found(Finding.HUNG)
