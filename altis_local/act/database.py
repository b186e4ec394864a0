"""Carries out what was decided about the database. One function for each action; called by the executor.

Every step can be repeated. Whatever fails raises, which ends the Steps; the next turn plans again from the truth.
"""

from __future__ import annotations

from altis_local.act.containers import kill_member
from altis_local.act.context import Context, DbWriter
from altis_local.clock import Deadline, wait_until
from altis_local.errors import ActionFailed, AltisError
from altis_local.model import actions as do
from altis_local.model.gtid import GtidSet
from altis_local.model.topology import address

FENCE_LIMIT = 15.0
"""Seconds to see a killed process gone."""
APPLY_LIMIT = 60.0
"""Seconds for a candidate to apply what it has received."""
RECEIVE_LIMIT = 5.0
"""Seconds for readers to receive what the writer has; the next turn tries again."""
CONNECT_LIMIT = 1.0
DONOR_LOOK = 0.5
"""Seconds between looks at a CLONE's donor."""
STOP_LIMIT = 30.0
"""Seconds for a server to stop by itself after CLONE; 3-5 s were measured (recipes/db.md, section 5)."""
REPLICA_USER = "altis_replica"


def node(context: Context, name: str) -> DbWriter:
    """The kept session to a db member."""
    return context.sessions.db(context.member(name))


def fence(context: Context, action: do.Fence) -> None:
    """SIGKILL, and wait for proof: the engine says it does not run, or nothing listens at its address any more.

    A frozen process still has its listening socket, so only a dead one refuses. The kill itself is not waited for: the
    engine answers it 0.2-0.35 s after the process has gone (recipes/db.md, section 2).
    """
    if not action.container:
        return
    member = context.member(action.member)
    killed = context.pool.submit(context.engine.kill, action.container)

    def is_gone() -> bool:
        return context.sessions.is_refused(member) or (
            killed.done() and not _is_alive(context, action, action.container)
        )

    if not wait_until(is_gone, Deadline.after(FENCE_LIMIT, context.clock), every=0.01):
        raise ActionFailed(f"could not be fenced within {FENCE_LIMIT:.0f} s", member=action.member)
    if killed.done():
        killed.result()


def _is_alive(context: Context, fenced: do.Fence | do.Seed, container: str = "") -> bool:
    """Whether the engine still has the member's container, or just that one, as running or frozen."""
    found = context.container(fenced.member)
    return found is not None and container in ("", found.id) and found.phase in ("running", "paused")


def stop_receivers(context: Context, action: do.StopReceivers) -> None:
    """On all of them at once; every one must confirm, since the fence rests on it."""
    list(context.pool.map(lambda name: node(context, name).stop_receiver(), action.members))


def demote(context: Context, action: do.Demote) -> None:
    """Read-only, and no session of a client survives."""
    node(context, action.member).demote()


def wait_applied(context: Context, action: do.WaitApplied) -> None:
    """All that it received; and all that another member executed, where one is named."""
    beyond = node(context, action.beyond).executed() if action.beyond else None
    node(context, action.member).wait_applied(beyond, timeout=APPLY_LIMIT)


def write_record(context: Context, action: do.WriteRecord) -> None:
    """Fsynced before it returns."""
    context.save_record(action.record)


def promote(context: Context, action: do.Promote) -> None:
    """Open for writes; the first transaction carries the term."""
    node(context, action.member).promote(action.term, action.member)


def repoint(context: Context, action: do.Repoint) -> None:
    """Follow the writer by GTID, after applying what was received before.

    A new source discards the relay log. Acknowledged writes may be there alone, and the record counts on them.
    """
    node(context, action.member).wait_applied(timeout=APPLY_LIMIT)
    source = address(context.spec.block, "store", context.member(action.source))
    node(context, action.member).repoint(
        source, user=REPLICA_USER, password=context.spec.secrets.db_replica, acknowledge=action.acknowledge
    )


def set_acknowledge(context: Context, action: do.SetAcknowledge) -> None:
    """Takes effect with the reconnected receiver."""
    node(context, action.member).set_acknowledge(action.on)


def set_semi_sync(context: Context, action: do.SetSemiSync) -> None:
    """Left out in the broken twin, which is what breaks it."""
    if "semi-sync" not in context.spec.broken:
        node(context, action.member).set_semi_sync(action.count)


def await_connected(context: Context, action: do.AwaitConnected) -> None:
    """Short of it is no error: the next turn lowers the count."""
    if "semi-sync" in context.spec.broken:
        return
    writer = node(context, action.member)
    deadline = Deadline.after(CONNECT_LIMIT, context.clock)
    wait_until(lambda: writer.observe().semi_sync.clients >= action.count, deadline, every=0.01)


def await_received(context: Context, action: do.AwaitReceived) -> None:
    """Proof that `count` of the voters hold all that the writer had executed when this began."""
    target = node(context, action.writer).executed()

    def holds(name: str) -> bool:
        try:
            have = node(context, name).observe().has
        except AltisError:
            return False
        return have.contains(target)

    def enough() -> bool:
        return sum(context.pool.map(holds, action.voters)) >= action.count

    if not wait_until(enough, Deadline.after(RECEIVE_LIMIT, context.clock), every=0.02):
        raise ActionFailed(f"fewer than {action.count} of {', '.join(action.voters)} hold every write yet")


def set_aside(context: Context, action: do.SetAside) -> None:
    """Keep the errant transactions' events readable before the data is rebuilt."""
    text = node(context, action.member).errant(GtidSet.parse(action.gtids))
    where = context.save_aside(action.member, f"# errant transactions of {action.member}: {action.gtids}\n{text}")
    context.note(f"errant transactions {action.gtids} of {action.member} are kept in {where}", ())


def seed(context: Context, action: do.Seed) -> None:
    """CLONE; the server stops by itself afterwards, which is waited for, and healing starts it.

    When the donor dies, the recipient would wait for it for minutes: it is killed, and starts empty.
    """
    donor = address(context.spec.block, "store", context.member(action.donor))
    secret = context.spec.secrets.db_replica
    cloning = context.pool.submit(node(context, action.member).clone_from, donor, user=REPLICA_USER, password=secret)
    while not wait_until(cloning.done, Deadline.after(DONOR_LOOK, context.clock)):
        source = context.container(action.donor)
        if source is None or not source.is_running:
            kill_member(context, do.KillMember(action.member, "its donor died"))
            raise ActionFailed(f"its donor {action.donor} died during CLONE", member=action.member)
    cloning.result()
    if not wait_until(lambda: not _is_alive(context, action), Deadline.after(STOP_LIMIT, context.clock), every=0.1):
        raise ActionFailed("still runs after its data were cloned", member=action.member)
