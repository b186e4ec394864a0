"""What one turn leaves to Steps that are under way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altis_local.decide import turn
from altis_local.model import actions as do
from altis_local.model.history import Recent
from altis_local.model.state import Protection
from tests.unit.decide.states import container, db, receiver, snapshot
from tests.unit.decide.test_diagnosis import SPEC
from tests.unit.decide.world import make_spec


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


EDGE = make_spec("production-ha", roles=("lb", "cdn"))
LBS = tuple(container(f"lb-{zone}", "lb") for zone in "abc")


@pytest.mark.parametrize(
    ("edge", "missing"),
    [({"lb-a", "lb-b", "lb-c"}, set()), ({"lb-a"}, {"lb-b"}), (set(), {"lb-a", "lb-b"}), (None, set())],
    ids=["all seen", "one not yet", "none yet", "it does not say"],
)
def test_the_edge_has_to_see_the_balancers_that_are_well(edge: set[str] | None, missing: set[str]) -> None:
    """Else `start` ends, and the first page is an error of the CDN. (lb-c is ill: that one is not waited for.)"""
    seen = replace(
        snapshot(*LBS, container("cdn", "cdn"), silent=("lb-c",)), edge=None if edge is None else frozenset(edge)
    )
    assert turn.unseen(EDGE, seen) == missing
