"""The drill on real environments: the sound one survives the writer's crash, its broken twin must not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from altis_local.drill import scenario
from altis_local.environment import Environment
from altis_local.model.history import Verdict
from tests.drills.conftest import Drill, started

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

CRASH = scenario.find("db-writer-crash")


@pytest.fixture(scope="module")
def sound() -> Iterator[Environment]:
    yield from started("test-drill", "production-ha")


@pytest.fixture(scope="module")
def twin() -> Iterator[Environment]:
    yield from started("test-drill-twin", "production-ha", broken=("semi-sync",))


def test_the_writers_crash_is_survived(sound: Environment, drill: Drill) -> None:
    judged = drill(sound, CRASH, 1)
    assert judged.verdict is Verdict.OK, [c for c in judged.checked if c.finding.verdict is not Verdict.OK]
    assert judged.lost == ()


def test_the_broken_twin_fails_and_shows_what_is_lost(twin: Environment, drill: Drill) -> None:
    judged = drill(twin, CRASH, 1)
    assert judged.verdict is Verdict.FAILED
    assert judged.lost
    failed = [c.name for c in judged.checked if c.finding.verdict is Verdict.FAILED]
    assert "acknowledged-writes-kept" in failed
