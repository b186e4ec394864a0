"""What one turn leaves to Steps that are under way."""

from __future__ import annotations

import pytest

from altis_local.decide import turn
from altis_local.model import actions as do
from altis_local.model.history import Recent
from altis_local.model.state import Protection
from tests.unit.decide.states import container, db, receiver, snapshot
from tests.unit.decide.test_diagnosis import SPEC


@pytest.mark.parametrize(("busy", "rebuilt"), [(frozenset(), True), (frozenset({"db"}), False)])
def test_a_member_that_is_just_being_pointed_elsewhere_is_not_rebuilt(busy: frozenset[str], rebuilt: bool) -> None:
    """Between STOP and START of its replication it looks broken; a look may fall just there."""
    pointed = db("db-2", receiver=receiver(SPEC, "db-1", io="No", sql="No", error="relay log read failure"))
    seen = snapshot(
        container("db-1", "db"),
        container("db-2", "db"),
        nodes=(db("db-1", writable=True), pointed),
        record=Protection(1, "db-1", frozenset({"db-2"})),
        busy=busy,
    )
    actions = [action for steps in turn.decide(SPEC, seen, Recent()) for action in steps.actions]
    assert (do.Seed("db-2", "db-1") in actions) == rebuilt
