"""What is the matter with the database: one row for each name of a failure."""

from __future__ import annotations

import pytest

from altis_local.decide import database
from altis_local.decide.diagnosis import Finding, diagnose
from altis_local.model import actions as do
from altis_local.model.history import Recent
from altis_local.model.state import Phase, Protection, Snapshot
from tests.unit.decide.states import container, db, receiver, recent, snapshot
from tests.unit.decide.world import make_spec

SPEC = make_spec("production-ha", db=2)
ONE, TWO = container("db-1", "db"), container("db-2", "db")
WRITER = db("db-1", writable=True)
READER = db("db-2", receiver=receiver(SPEC, "db-1"))
CUT_OFF = db("db-2", receiver=receiver(SPEC, "db-1", io="Connecting"))
FRESH = {"term": 0, "of": "", "gtids": ""}
RECORD = Protection(1, "db-1", frozenset({"db-2"}), 1)

CASES: list[tuple[str, Snapshot, Recent, Finding]] = [
    ("all fresh", snapshot(ONE, TWO, nodes=(db("db-1", **FRESH), db("db-2", **FRESH))), recent(), Finding.FIRST_START),
    ("one not seen yet", snapshot(ONE, TWO, nodes=(db("db-1", **FRESH),), refused=("db-2",)), recent(), Finding.WAITING),
    ("well", snapshot(ONE, TWO, nodes=(WRITER, READER), record=RECORD), recent(), Finding.OK),
    ("restarted", snapshot(ONE, TWO, nodes=(db("db-1"), READER), record=RECORD), recent(), Finding.CLOSED),
    ("restarted, no record, one unseen", snapshot(ONE, nodes=(db("db-1"),)), recent(), Finding.WAITING),
    ("promotion cut before its term", snapshot(ONE, TWO, nodes=(WRITER, READER), record=Protection(2, "db-1")), recent(), Finding.CLOSED),
    ("exited", snapshot(container("db-1", "db", Phase.EXITED), TWO, nodes=(READER,), record=RECORD), recent(), Finding.DEAD),
    ("gone", snapshot(TWO, nodes=(READER,), record=RECORD), recent(), Finding.DEAD),
    ("process gone, engine not aware", snapshot(ONE, TWO, nodes=(READER,), refused=("db-1",), record=RECORD), recent(answered=("db-1",)), Finding.DEAD),
    ("still starting", snapshot(ONE, TWO, nodes=(READER,), refused=("db-1",), record=RECORD), recent(), Finding.STARTING),
    ("paused", snapshot(container("db-1", "db", Phase.PAUSED), TWO, nodes=(READER,), record=RECORD), recent(), Finding.HUNG),
    ("silent once", snapshot(ONE, TWO, nodes=(CUT_OFF,), silent=("db-1",), record=RECORD), recent(answered=("db-1",), missed={"db-1": 1}), Finding.UNREACHABLE),
    ("silent to control only", snapshot(ONE, TWO, nodes=(READER,), silent=("db-1",), record=RECORD), recent(answered=("db-1",), missed={"db-1": 9}), Finding.UNREACHABLE),
    ("silent to all", snapshot(ONE, TWO, nodes=(CUT_OFF,), silent=("db-1",), record=RECORD), recent(answered=("db-1",), missed={"db-1": 2}), Finding.HUNG),
    ("two writers", snapshot(ONE, TWO, nodes=(WRITER, db("db-2", writable=True)), record=RECORD), recent(), Finding.TWO_WRITERS),
    ("old writer is back", snapshot(ONE, TWO, nodes=(db("db-1"), db("db-2", term=2, of="db-2", writable=True)), record=Protection(2, "db-2")), recent(), Finding.OK),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "past", "finding"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_findings(seen: Snapshot, past: Recent, finding: Finding) -> None:
    assert diagnose(SPEC, seen, past).finding is finding


def test_no_database_yet() -> None:
    assert diagnose(make_spec(roles=("lb",)), snapshot(), recent()).finding is Finding.NONE


@pytest.mark.parametrize(
    ("busy", "killed"), [(frozenset(), True), (frozenset({"member:db-2"}), False)], ids=["left", "waited for"]
)
def test_a_clone_that_nobody_waits_for_is_ended(busy: frozenset[str], killed: bool) -> None:
    seen = snapshot(ONE, TWO, nodes=(WRITER, db("db-2", cloning=True)), record=Protection(1, "db-1"), busy=busy)
    actions = [a for s in database.decide(SPEC, seen, recent()) for a in s.actions]
    assert (do.KillMember("db-2", "left in a CLONE") in actions) == killed
