"""A redis member, simulated and real: boots refusing, is promoted, followed, frozen and killed."""

from __future__ import annotations

import time

import pytest

from altis_local.errors import ActionFailed, Unreachable
from tests.contract.members import Members, eventually

ALL = ("redis-1", "redis-2")


@pytest.fixture
def pair(members: Members) -> Members:
    """Both as after their start, so that no test leaves a role to the next."""
    for name in ALL:
        members.renew(name)
    return members


def test_it_boots_as_the_replica_of_nowhere(pair: Members) -> None:
    seen = pair.cache("redis-1").observe()
    assert (seen.member, seen.is_primary, seen.link_up, seen.source) == ("redis-1", False, False, "127.0.0.1")


def test_a_promoted_member_takes_writes_and_a_standby_copies_them(pair: Members) -> None:
    pair.cache("redis-1").promote()
    pair.cache("redis-2").follow(pair.address("redis-1"))
    pair.set_key("redis-1", "session")
    assert pair.cache("redis-1").observe().is_primary
    assert eventually(lambda: pair.cache("redis-2").observe().keys == 1)
    standby = pair.cache("redis-2").observe()
    assert (standby.is_primary, standby.link_up, standby.source) == (False, True, pair.address("redis-1"))
    assert eventually(lambda: pair.cache("redis-1").observe().replicas == 1)


def test_it_forgets_all_but_what_is_to_be_kept(pair: Members) -> None:
    pair.cache("redis-1").promote()
    pair.cache("redis-2").follow(pair.address("redis-1"))
    names = [f"posts:{n}" for n in range(2500)] + ["sessions:1", "sessions:2"]
    pair.set_keys("redis-1", names)
    assert eventually(lambda: pair.cache("redis-2").observe().keys == len(names))
    with pytest.raises(ActionFailed, match="read only replica"):
        pair.cache("redis-2").forget(("sessions:",))
    assert pair.cache("redis-1").forget(("sessions:",)) == 2500
    assert pair.cache("redis-1").observe().keys == 2
    assert pair.cache("redis-1").forget(("sessions:",)) == 0
    assert eventually(lambda: pair.cache("redis-2").observe().keys == 2)


def test_its_report(pair: Members) -> None:
    pair.cache("redis-1").promote()
    pair.set_keys("redis-1", ["a", "b"])
    seen = pair.cache("redis-1").report()
    assert (seen.member, seen.duty, seen.keys) == ("redis-1", "primary", 2)
    assert (seen.limit, seen.policy) == (48 << 20, "allkeys-lfu")
    assert 0 < seen.used < seen.limit
    assert pair.cache("redis-2").report().duty == "standby"


def test_a_standby_keeps_the_data_of_a_dead_primary(pair: Members) -> None:
    pair.cache("redis-1").promote()
    pair.cache("redis-2").follow(pair.address("redis-1"))
    pair.set_key("redis-1", "session")
    assert eventually(lambda: pair.cache("redis-2").observe().keys == 1)
    pair.kill("redis-1")
    assert eventually(lambda: not pair.cache("redis-2").observe().link_up)
    pair.cache("redis-2").promote()
    seen = pair.cache("redis-2").observe()
    assert (seen.is_primary, seen.keys) == (True, 1)


def test_a_restarted_member_is_empty_and_no_primary(pair: Members) -> None:
    pair.cache("redis-1").promote()
    pair.set_key("redis-1", "session")
    pair.kill("redis-1")
    pair.start("redis-1")
    assert eventually(lambda: pair.cache("redis-1").observe().keys == 0)
    assert not pair.cache("redis-1").observe().is_primary


def test_a_frozen_member_is_silent_in_time_and_answers_when_it_thaws(pair: Members) -> None:
    pair.cache("redis-1").observe()
    pair.pause("redis-1")
    begin = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        pair.cache("redis-1").observe()
    assert time.monotonic() - begin < 1
    assert not caught.value.refused
    pair.unpause("redis-1")
    assert pair.cache("redis-1").observe().member == "redis-1"


def test_a_dead_member_is_unreachable(pair: Members) -> None:
    pair.kill("redis-1")
    with pytest.raises(Unreachable):
        pair.cache("redis-1").observe()


def test_ending_clients_keeps_the_own_session(pair: Members) -> None:
    pair.cache("redis-1").kill_clients()
    assert not pair.cache("redis-1").observe().is_primary
