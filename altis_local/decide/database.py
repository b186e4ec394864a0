"""Decides what to do about the database: first start, reopening, failover, switchover, rejoining.

Pure: no side effects; called by turn. Invariants, tested by cutting the Steps after every action: never two writable
members; never a route to a read-only member; no promotion before the old writer is fenced; no acknowledged write lost.

Failover: Hold → Fence → StopReceivers → WaitApplied → WriteRecord → Promote → Repoint → SetSemiSync → Route. Once the
receivers of all voters that are seen have stopped and fewer than k are unseen, the old writer can acknowledge nothing
(it waits for k of them without a time limit): that, with the dead process, is the fence.
"""

from __future__ import annotations

from collections.abc import Iterable

from altis_local.decide import protection
from altis_local.decide.diagnosis import Diagnosis, Finding, diagnose, follows
from altis_local.model import actions as do
from altis_local.model.actions import Action, Steps
from altis_local.model.history import Recent
from altis_local.model.spec import Spec
from altis_local.model.state import DbNode, Phase, Protection, Snapshot
from altis_local.model.topology import READER_ENDPOINT

KEY = "db"
WRITER_BACKEND = "db-writer"
READER_BACKEND = READER_ENDPOINT


def decide(spec: Spec, snapshot: Snapshot, recent: Recent) -> tuple[Steps, ...]:
    """Steps for the database as it is; empty when nothing is to be done or nothing may be done."""
    found = diagnose(spec, snapshot, recent)
    match found.finding:
        case Finding.FIRST_START:
            return (_open(spec, snapshot, found, "first start: no member ever had a term"),)
        case Finding.CLOSED:
            return (_open(spec, snapshot, found, f"{found.writer} holds the highest term {found.term}"),)
        case Finding.TWO_WRITERS:
            return tuple(
                Steps(KEY, f"{n.member} is writable without the highest term", (do.KillMember(n.member, "fenced"),))
                for n in snapshot.db.values()
                if not n.read_only and n.member != found.writer
            )[:1]
        case Finding.DEAD | Finding.HUNG:
            return _replace_writer(spec, snapshot, found)
        case Finding.OK:
            return _tend(spec, snapshot, found)
        case _:
            return ()


def _open(spec: Spec, snapshot: Snapshot, found: Diagnosis, reason: str) -> Steps:
    """Open the member that holds the highest term, under a new term of its own."""
    term = found.term + 1
    opened = (
        do.WriteRecord(Protection(term, found.writer)),
        do.Promote(found.writer, term),
        route_writer(snapshot, found.writer),
    )
    return Steps(KEY, reason, opened)


def _replace_writer(spec: Spec, snapshot: Snapshot, found: Diagnosis) -> tuple[Steps, ...]:
    """Fail over where it is proven safe; else leave the writer to be restarted."""
    candidates = electable(spec, snapshot, found.writer)
    if not candidates:
        if found.finding is Finding.HUNG:
            kill = do.KillMember(found.writer, "hung, and not protected: it is restarted")
            return (Steps(KEY, f"{found.writer} is hung and no reader may take over", (kill,)),)
        return ()
    reason = f"{found.writer}: {found.finding.value}"
    fencing: tuple[Action, ...] = (
        do.Hold(WRITER_BACKEND, running_proxies(snapshot, "endpoints")),
        fence(snapshot, found.writer),
        do.StopReceivers(tuple(n.member for n in candidates)),
    )
    if len(candidates) > 1 and any(n.receiver and n.receiver.io != "No" for n in candidates):
        # Which of them is furthest is known for certain only when nothing arrives any more: the next turn chooses.
        return (Steps(KEY, f"{reason}; fencing before a choice", fencing),)
    best = furthest(spec, candidates)
    if best is None:
        return ()
    rest = _handover(spec, snapshot, best.member, found.term + 1)
    return (Steps(KEY, f"{reason}; {best.member} holds all that was acknowledged", (*fencing, *rest)),)


def electable(spec: Spec, snapshot: Snapshot, writer: str) -> tuple[DbNode, ...]:
    """The voters of whom one surely holds every acknowledged write; empty where that is not proven."""
    record = snapshot.protection
    if record is None or record.writer != writer or not record.is_protected:
        return ()
    seen = tuple(
        n for name, n in sorted(snapshot.db.items()) if name in record.voters and not n.cloning and name != writer
    )
    return seen if len(record.voters) - len(seen) < record.k else ()


def furthest(spec: Spec, candidates: Iterable[DbNode]) -> DbNode | None:
    """The candidate that holds all that any of them holds; the first in order of members on a tie."""
    order = [m.name for m in spec.slots("db")]
    ranked = sorted(candidates, key=lambda n: order.index(n.member))
    return next((n for n in ranked if all(n.has.contains(other.has) for other in ranked)), None)


def _handover(spec: Spec, snapshot: Snapshot, to: str, term: int) -> tuple[Action, ...]:
    """From fenced to routed: the new writer, the others behind it, and traffic."""
    others = tuple(
        n.member for n in sorted(snapshot.db.values(), key=lambda n: n.member) if n.read_only and n.member != to
    )
    record = snapshot.protection
    voters = frozenset(others) & (record.voters if record else frozenset())
    wait = protection.wanted_count(spec, to, voters)
    semi_sync: tuple[Action, ...] = (do.SetSemiSync(to, wait), do.AwaitConnected(to, wait)) if wait else ()
    return (
        do.WaitApplied(to),
        do.WriteRecord(Protection(term, to, voters)),
        do.Promote(to, term),
        *(do.Repoint(name, to, name in voters) for name in others if name in voters),
        *semi_sync,
        route_writer(snapshot, to),
    )


def route_writer(snapshot: Snapshot, writer: str) -> do.Route:
    """All writes to this member, in every endpoints container that runs."""
    return do.Route(running_proxies(snapshot, "endpoints"), WRITER_BACKEND, frozenset({writer}))


def fence(snapshot: Snapshot, name: str) -> do.Fence:
    """Fence the member as it was seen: one that the engine says has ended needs no more than that."""
    container = snapshot.container(name)
    alive = container is not None and container.phase in (Phase.RUNNING, Phase.PAUSED)
    return do.Fence(name, container.id if container and alive else "")


def running_proxies(snapshot: Snapshot, role: str) -> tuple[str, ...]:
    """The role's running containers."""
    return tuple(
        sorted(c.member for c in snapshot.containers if c.role == role and c.kind == "member" and c.is_running)
    )


def switchover(spec: Spec, snapshot: Snapshot, recent: Recent, to: str = "") -> Steps | str:
    """Steps of a graceful change of writer, or the reason why it is refused.

    If it is cut after Demote, the old writer still holds the highest term and is opened again: no write is lost.
    """
    found = diagnose(spec, snapshot, recent)
    if found.finding is not Finding.OK:
        return f"the database is not well: {found.finding.value}"
    ready = [
        n
        for name, n in sorted(snapshot.db.items())
        if name != found.writer and follows(spec, n, found.writer) and n.receiver and n.receiver.is_running
    ]
    chosen = next((n.member for n in ready if not to or n.member == to), None)
    if chosen is None:
        return f"{to} is no reader that follows {found.writer}" if to else "there is no reader to take over"
    gentle: tuple[Action, ...] = (
        do.Hold(WRITER_BACKEND, running_proxies(snapshot, "endpoints")),
        do.Demote(found.writer),
        do.WaitApplied(chosen, beyond=found.writer),
        do.StopReceivers((chosen,)),
    )
    rest = _handover(spec, snapshot, chosen, found.term + 1)
    after = (do.Repoint(found.writer, chosen, False),)
    return Steps(KEY, f"asked to change the writer from {found.writer} to {chosen}", (*gentle, *rest, *after))


def _tend(spec: Spec, snapshot: Snapshot, found: Diagnosis) -> tuple[Steps, ...]:
    """A good writer: let everybody else follow it, and keep the promise of the record true."""
    steps: list[Steps] = []
    writer = snapshot.db[found.writer]
    for name, node in sorted(snapshot.db.items()):
        if name != found.writer:
            steps += _left_cloning(snapshot, node) if node.cloning else _rejoin(spec, snapshot, writer, node)
    if not any(s.key == KEY for s in steps):
        steps += protection.decide(spec, snapshot, writer)
    return tuple(steps)


def _left_cloning(snapshot: Snapshot, node: DbNode) -> list[Steps]:
    """A CLONE that no Steps of this control wait for: control was restarted, or gave up. It would hang for minutes when
    its donor died, and its data are gone in any case; killed, the member starts empty."""
    key = f"member:{node.member}"
    if key in snapshot.in_flight:
        return []
    return [Steps(key, f"{node.member} was left in a CLONE", (do.KillMember(node.member, "left in a CLONE"),))]


def _rejoin(spec: Spec, snapshot: Snapshot, writer: DbNode, node: DbNode) -> list[Steps]:
    """What a member needs that should follow the writer; nothing when it does.

    A stopped member's transactions stand still while the writer's only grow, so what it has beyond the writer now is
    errant for good. A member that follows may be ahead of a snapshot by a moment: it is not compared.
    """
    receiver = node.receiver
    following = follows(spec, node, writer.member)
    if receiver and following and (receiver.is_running or (receiver.io == "Connecting" and receiver.sql == "Yes")):
        return []
    key = f"member:{node.member}"
    if receiver and following and receiver.error:
        return [Steps(key, f"{node.member} is broken: {receiver.error}", (do.Seed(node.member, writer.member),))]
    errant = node.has.minus(writer.executed)
    if errant:
        return [
            Steps(
                key,
                f"{node.member} holds {errant.count()} transactions that the writer lacks",
                (do.SetAside(node.member, str(errant)), do.Seed(node.member, writer.member)),
            )
        ]
    record = snapshot.protection
    votes = record is not None and record.writer == writer.member and node.member in record.voters
    return [
        Steps(KEY, f"{node.member} does not follow {writer.member}", (do.Repoint(node.member, writer.member, votes),))
    ]
