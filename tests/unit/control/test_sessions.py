"""Sessions to members: kept until they are dropped, and none to a member that is being stopped."""

from __future__ import annotations

import pytest

from altis_local.control.sessions import LiveSessions
from altis_local.errors import Unreachable
from tests.unit.decide.world import make_spec

DB, OTHER = make_spec().members("db")[:2]


def test_a_session_is_kept_until_it_is_dropped() -> None:
    sessions = LiveSessions(make_spec)
    first = sessions.db(DB)
    assert sessions.db(DB) is first
    sessions.drop(DB.name)
    assert sessions.db(DB) is not first


def test_there_is_none_to_a_member_that_is_being_stopped() -> None:
    sessions = LiveSessions(make_spec)
    before = sessions.db(DB)
    with sessions.without(DB.name):
        assert sessions.kept() == {}
        with pytest.raises(Unreachable, match="is being stopped"):
            sessions.db(DB)
        assert sessions.db(OTHER)
    assert sessions.db(DB) is not before
