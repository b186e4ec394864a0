"""Keeps the protection record true: who of the voters holds every acknowledged write.

Pure: no side effects; called by database. The record's promise is: every acknowledged transaction of the term is held
by at least k of the voters. So a voter joins the record *before* its acknowledgements count, k is lowered *before* the
writer waits for fewer, a voter is struck only when k of the others hold all there is, and k is raised only *after*
that many hold all there is (the order rule of Patroni's quorum transitions).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from altis_local.decide.diagnosis import follows
from altis_local.model import actions as do
from altis_local.model.actions import Steps
from altis_local.model.spec import Spec
from altis_local.model.state import DbNode, Protection, Snapshot

KEY = "db"
JOIN_WITHIN = 1000
"""Transactions that a reader may lack when it becomes a voter; further behind, acknowledging only delays."""


def wanted_count(spec: Spec, writer: str, voters: Iterable[str]) -> int:
    """For how many acknowledgements to wait: one more than the voters in the writer's own zone, if so many vote."""
    voters = set(voters)
    zones = {m.name: m.zone for m in spec.slots("db")}
    beside = sum(1 for name in voters if zones.get(name) == zones.get(writer))
    return min(1 + beside, len(voters))


def is_protected(snapshot: Snapshot, writer: str) -> bool:
    """Whether the loss of the writer now would lose no acknowledged write."""
    record, node = snapshot.protection, snapshot.db.get(writer)
    if record is None or node is None or record.writer != writer or not record.is_protected:
        return False
    return node.semi_sync.source and node.semi_sync.count >= record.k


def decide(spec: Spec, snapshot: Snapshot, writer: DbNode) -> list[Steps]:
    """The next single change that makes the record stronger, or weaker where the truth is; [] when all is well."""
    record = snapshot.protection
    if record is None or record.writer != writer.member or record.term != writer.term:
        fresh = Protection(writer.term, writer.member)
        return [Steps(KEY, "no record of this term: not protected", (do.WriteRecord(fresh),))]
    followers = {
        name: node
        for name, node in snapshot.db.items()
        if name != writer.member and follows(spec, node, writer.member) and node.receiver and node.receiver.is_running
    }
    connected = frozenset(name for name, node in followers.items() if node.semi_sync.replica) & record.voters
    return (
        _relieve(spec, record, writer, connected)
        or _strike(snapshot, record, writer, connected)
        or _join(record, writer, followers)
        or _strengthen(spec, record, writer, connected)
    )


def _relieve(spec: Spec, record: Protection, writer: DbNode, connected: frozenset[str]) -> list[Steps]:
    """SemiSyncStarved: the writer waits for readers that are not there. Lower k; a starved writer is never fenced."""
    semi_sync = writer.semi_sync
    wanted = min(wanted_count(spec, writer.member, connected), max(semi_sync.clients, 0))
    if not semi_sync.source or (semi_sync.clients >= semi_sync.count and semi_sync.count <= max(wanted, 1)):
        return []
    weaker = replace(record, k=min(record.k, wanted))
    reason = f"{semi_sync.clients} of {semi_sync.count} acknowledging readers are connected"
    return [Steps(KEY, reason, (do.WriteRecord(weaker), do.SetSemiSync(writer.member, wanted)))]


def _strike(snapshot: Snapshot, record: Protection, writer: DbNode, connected: frozenset[str]) -> list[Steps]:
    """Strike a voter that is gone, once the others are proven to hold everything."""
    # One that runs but is out of control's sight may still acknowledge: striking it would break the promise.
    gone = sorted(name for name in record.voters - connected if not snapshot.is_running(name))
    if not gone:
        return []
    left = record.voters - {gone[0]}
    struck = do.WriteRecord(replace(record, voters=left))
    reason = f"{gone[0]} is gone and votes no longer"
    if record.k == 0:
        return [Steps(KEY, reason, (struck,))]
    if len(connected & left) < record.k:
        return []
    proof = do.AwaitReceived(writer.member, tuple(sorted(connected & left)), record.k)
    return [Steps(KEY, reason, (proof, struck))]


def _join(record: Protection, writer: DbNode, followers: dict[str, DbNode]) -> list[Steps]:
    """A reader that has caught up becomes a voter, first in the record, then by acknowledging."""
    for name, node in sorted(followers.items()):
        if name in record.voters and node.semi_sync.replica:
            continue
        if writer.executed.minus(node.has).count() > JOIN_WITHIN:
            continue
        joined = do.WriteRecord(replace(record, voters=record.voters | {name}))
        return [Steps(KEY, f"{name} has caught up and votes", (joined, do.SetAcknowledge(name, True)))]
    return []


def _strengthen(spec: Spec, record: Protection, writer: DbNode, connected: frozenset[str]) -> list[Steps]:
    """Wait for as many acknowledgements as the zones ask for; say so once that many hold everything."""
    wanted = min(wanted_count(spec, writer.member, record.voters), len(connected))
    semi_sync = writer.semi_sync
    if wanted == 0:
        return []
    if not semi_sync.source or semi_sync.count < wanted:
        return [Steps(KEY, f"wait for {wanted} of the readers", (do.SetSemiSync(writer.member, wanted),))]
    if record.k < semi_sync.count and semi_sync.clients >= semi_sync.count:
        proof = do.AwaitReceived(writer.member, tuple(sorted(connected)), semi_sync.count)
        stronger = do.WriteRecord(replace(record, k=semi_sync.count))
        return [Steps(KEY, "the readers hold every write: protected", (proof, stronger))]
    return []
