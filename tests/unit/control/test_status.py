"""Who has which duty, in the words of `status --json`."""

from __future__ import annotations

import pytest

from altis_local.control import status
from altis_local.decide.diagnosis import diagnose
from altis_local.model.state import Snapshot
from tests.unit.decide.states import container, db, receiver, recent, snapshot
from tests.unit.decide.world import make_spec

SPEC = make_spec("production-ha", roles=("db",), db=3)
NAMES = ("db-1", "db-2", "db-3")


def seen(*nodes: object) -> Snapshot:
    return snapshot(*(container(name, "db") for name in NAMES), nodes=nodes)  # type: ignore[arg-type]


WRITER = db("db-1", writable=True)
FOLLOWS, LOST = db("db-2", receiver=receiver(SPEC, "db-1")), db("db-3")


@pytest.mark.parametrize(
    ("snap", "duties"),
    [
        (seen(WRITER, FOLLOWS, LOST), ["writer", "reader", None]),
        (seen(WRITER, db("db-2", writable=True, term=2, of="db-2")), [None, None, None]),
        (seen(db("db-1"), FOLLOWS), [None, "reader", None]),
        (seen(), [None, None, None]),
    ],
    ids=["one follows nobody", "two writers", "closed", "nobody answers"],
)
def test_duties_of_the_database(snap: Snapshot, duties: list[str | None]) -> None:
    found = diagnose(SPEC, snap, recent())
    assert [status.duty(SPEC, snap, found, name, "db") for name in NAMES] == duties
