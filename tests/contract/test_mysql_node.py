"""A db member, simulated and real: who writes, who follows, and what an acknowledgement is worth.

The tests share two members and run in this order: each leaves db-1 writing and db-2 following, and says so by `pair`.
"""

from __future__ import annotations

import time

import pytest

from altis_local.errors import ActionFailed, Unreachable
from altis_local.model.state import DbNode
from tests.contract.members import REPLICA, Members, eventually

WRITER, READER = "db-1", "db-2"


@pytest.fixture
def pair(members: Members) -> Members:
    """db-1 is open for writes and waits for nobody; db-2 follows it and acknowledges."""
    for name in (WRITER, READER):
        if not members.is_running(name):
            members.start(name)
        assert eventually(lambda name=name: bool(members.db(name).observe()), 30)  # type: ignore[misc]
    writer = members.db(WRITER)
    seen = writer.observe()
    if seen.read_only:
        writer.promote(seen.term + 1, WRITER)
    if writer.observe().semi_sync.source:
        writer.set_semi_sync(0)
    if not follows(members):
        # The last test's connection must be gone: the writer would count it for the new one.
        members.db(READER).stop_receiver()
        assert eventually(lambda: writer.observe().semi_sync.clients == 0)
        members.db(READER).repoint(members.address(WRITER), **REPLICA, acknowledge=True)
        assert eventually(lambda: follows(members))
    members.db(READER).wait_applied(writer.executed())
    return members


def follows(members: Members) -> bool:
    seen = observe(members, READER)
    is_running = seen.receiver is not None and seen.receiver.is_running
    return is_running and seen.semi_sync.replica and observe(members, WRITER).semi_sync.clients == 1


def observe(members: Members, name: str) -> DbNode:
    return members.db(name).observe()


def test_a_new_member_is_empty_closed_and_follows_nobody(members: Members) -> None:
    for name in (WRITER, READER):
        members.start(name)
    assert eventually(lambda: all(observe(members, name) for name in (WRITER, READER)), 30)
    first, second = (observe(members, name) for name in (WRITER, READER))
    assert first.member == WRITER
    assert first.read_only
    assert not first.executed
    assert (first.term, first.term_member, first.site_url, first.receiver) == (0, "", "", None)
    assert not first.semi_sync.source
    assert first.server_id != second.server_id
    assert first.server_uuid != second.server_uuid


def test_the_term_is_the_first_transaction_and_promoting_again_changes_nothing(members: Members) -> None:
    node = members.db(WRITER)
    node.promote(1, WRITER)
    node.promote(1, WRITER)
    seen = node.observe()
    assert (seen.read_only, seen.term, seen.term_member) == (False, 1, WRITER)
    assert seen.executed.count() == 1


def test_a_term_that_another_member_has_is_refused(pair: Members) -> None:
    term = observe(pair, WRITER).term
    with pytest.raises(ActionFailed):
        pair.db(READER).promote(term, READER)
    pair.db(READER).repoint(pair.address(WRITER), **REPLICA, acknowledge=True)
    assert observe(pair, READER).read_only


def test_a_reader_receives_what_the_writer_writes(pair: Members) -> None:
    pair.db(WRITER).mark_site("https://localhost:8443")
    pair.db(READER).wait_applied(pair.db(WRITER).executed())
    seen = observe(pair, READER)
    assert seen.site_url == observe(pair, WRITER).site_url == "https://localhost:8443"
    assert seen.term == observe(pair, WRITER).term
    assert seen.receiver is not None
    assert seen.receiver.is_running
    assert seen.receiver.source == pair.address(WRITER)
    assert seen.has.contains(observe(pair, WRITER).executed)


def test_an_acknowledged_write_is_at_the_reader(pair: Members) -> None:
    pair.db(WRITER).set_semi_sync(1)
    for beat in range(5):
        pair.db(WRITER).observe(beat)
        written = pair.db(WRITER).executed()
        assert observe(pair, READER).has.contains(written)
    assert observe(pair, WRITER).semi_sync.source


def test_a_write_without_acknowledgement_hangs_and_looking_does_not(pair: Members) -> None:
    writer, reader = pair.db(WRITER), pair.db(READER)
    reader.set_acknowledge(False)
    assert eventually(lambda: writer.observe().semi_sync.clients == 0)
    writer.set_semi_sync(1)
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(Unreachable, match="does not commit") as caught:
            writer.observe(1, limit=0.2)
        assert time.monotonic() - begin < 1
        assert not caught.value.refused
    assert writer.observe().semi_sync.clients == 0
    reader.set_acknowledge(True)
    assert eventually(lambda: bool(writer.observe(2, limit=0.2)))
    writer.observe(3)


def test_waiting_for_nobody_lets_a_hung_write_go(pair: Members) -> None:
    writer = pair.db(WRITER)
    pair.db(READER).stop_receiver()
    assert eventually(lambda: writer.observe().semi_sync.clients == 0)
    writer.set_semi_sync(1)
    with pytest.raises(Unreachable):
        writer.observe(1, limit=0.1)
    writer.set_semi_sync(0)
    assert eventually(lambda: bool(writer.observe(2, limit=0.2)))


def test_a_stopped_receiver_receives_nothing_more(pair: Members) -> None:
    writer, reader = pair.db(WRITER), pair.db(READER)
    reader.stop_receiver()
    reader.stop_receiver()
    had = reader.executed()
    writer.observe(1)
    seen = reader.observe()
    assert seen.receiver is not None
    assert not seen.receiver.is_receiving
    reader.wait_applied()
    reader.wait_applied(had, timeout=0.1)
    with pytest.raises(ActionFailed):
        reader.wait_applied(writer.executed(), timeout=0.1)
    assert not reader.executed().contains(writer.executed())


def test_a_demoted_member_takes_no_writes_and_the_other_can_be_promoted(pair: Members) -> None:
    old, new = pair.db(WRITER), pair.db(READER)
    old.demote()
    assert old.observe(1).read_only
    new.wait_applied(old.executed())
    term = old.observe().term + 1
    new.promote(term, READER)
    old.repoint(pair.address(READER), **REPLICA, acknowledge=True)
    old.wait_applied(new.executed())
    assert (old.observe().term, old.observe().term_member) == (term, READER)
    new.demote()


def test_errant_transactions_can_be_read(pair: Members) -> None:
    writer, reader = pair.db(WRITER), pair.db(READER)
    reader.stop_receiver()
    before = writer.executed()
    writer.mark_site("https://errant")
    errant = writer.executed().minus(before)
    text = writer.errant(errant)
    assert str(errant) in text
    assert "site" in text
    assert str(before.minus(errant)) not in text


def test_a_restarted_reader_is_closed_and_receives_nothing_by_itself(pair: Members) -> None:
    pair.kill(READER)
    with pytest.raises(Unreachable):
        pair.db(READER).observe()
    pair.start(READER)
    assert eventually(lambda: bool(observe(pair, READER)), 30)
    seen = observe(pair, READER)
    assert seen.read_only
    assert seen.receiver is not None
    assert (seen.receiver.io, seen.receiver.sql) == ("No", "No")
    pair.db(READER).wait_applied()
    assert observe(pair, READER).has.contains(seen.has)


def test_a_frozen_member_is_silent_in_time_and_answers_when_it_thaws(pair: Members) -> None:
    pair.pause(WRITER)
    begin = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        pair.db(WRITER).observe(1)
    assert time.monotonic() - begin < 1
    assert not caught.value.refused
    pair.unpause(WRITER)
    assert eventually(lambda: bool(pair.db(WRITER).observe(2)))


def test_clone_replaces_the_data_and_ends_the_server(pair: Members) -> None:
    writer, reader = pair.db(WRITER), pair.db(READER)
    reader.repoint(pair.address(WRITER), **REPLICA, acknowledge=False)
    reader.wait_applied(writer.executed())
    reader.demote()
    reader.promote(observe(pair, WRITER).term + 7, READER)
    errant = reader.executed().minus(writer.executed())
    assert errant
    own = reader.observe().server_uuid
    reader.clone_from(pair.address(WRITER), user=REPLICA["user"], password=REPLICA["password"])
    assert eventually(lambda: not pair.is_running(READER), 30)
    pair.start(READER)
    assert eventually(lambda: bool(observe(pair, READER)), 30)
    seen = observe(pair, READER)
    assert seen.read_only
    assert seen.executed.minus(errant) == seen.executed
    assert writer.executed().contains(seen.executed)
    assert seen.server_uuid == own
