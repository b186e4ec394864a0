"""The machine sleeps with everything on it, control included: when it wakes, nobody has failed."""

from __future__ import annotations

import secrets

import pytest

from altis_local.model.history import UNWATCHED
from tests.stack.inserting import Inserter
from tests.stack.world import CLOCK, World, docker

pytestmark = [pytest.mark.engine, pytest.mark.stack]

ASLEEP = UNWATCHED + 8.0
"""Seconds: longer than control takes for a pause between two looks, and than any time-out between members."""


def test_a_sleep_changes_nothing(ha: World) -> None:
    """Held in the engine's freezer; control is the first to sleep and the last to wake, so it sees the gap alone."""
    inserter = Inserter(ha, secrets.token_hex(4))
    before, status = ha.containers(), ha.status()
    control = before["control"].id
    others = [c.id for c in ha.engine.containers(ha.name) if c.id != control and c.is_running]
    docker("pause", control)
    docker("pause", *others)
    CLOCK.sleep(ASLEEP)
    docker("unpause", *others)
    docker("unpause", control)
    inserter.more()
    after = ha.converged()
    assert {n: (c.id, c.started_at) for n, c in ha.containers().items()} == {
        n: (c.id, c.started_at) for n, c in before.items()
    }
    assert after["database"]["term"] == status["database"]["term"]
    ha.answers()
    inserter.stop()
    assert inserter.missing(ha.duty("writer")) == set()
