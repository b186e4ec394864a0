"""The drill on real environments: the sound one survives the writer's crash, its broken twin must not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from altis_local.clients.log_stream import follow
from altis_local.drill import report, scenario, store
from altis_local.drill.judge import Judgement, judge
from altis_local.drill.run import Drilling, Tools
from altis_local.environment import Environment
from altis_local.model.history import Verdict

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

CRASH = scenario.find("db-writer-crash")


def started(name: str, *, broken: tuple[str, ...] = ()) -> Iterator[Environment]:
    made = Environment(name, flags={"plan": "production-ha"})
    try:
        made.start(broken=broken)
        yield made
    finally:
        made.destroy()


@pytest.fixture(scope="module")
def sound() -> Iterator[Environment]:
    yield from started("test-drill")


@pytest.fixture(scope="module")
def twin() -> Iterator[Environment]:
    yield from started("test-drill-twin", broken=("semi-sync",))


def drilled(environment: Environment, folder: Path, seed: int) -> Judgement:
    tools = Tools(environment, environment.engine, environment.reader, follow, environment.clock, environment.progress)
    run = store.create(folder, CRASH.name, environment.clock.now())
    Drilling(tools, CRASH, run, seed=seed).carry_out()
    judged = judge(*run.load())
    report.write(run, judged)
    return judged


def leftovers(environment: Environment) -> list[str]:
    return [c.name for c in environment.reader.containers(environment.name) if c.kind in ("workload", "fault")]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_writers_crash_is_survived(sound: Environment, tmp_path: Path, seed: int) -> None:
    judged = drilled(sound, tmp_path, seed)
    assert judged.verdict is Verdict.OK, [c for c in judged.checked if c.finding.verdict is not Verdict.OK]
    assert judged.lost == ()
    assert leftovers(sound) == []


def test_the_broken_twin_fails_and_shows_what_is_lost(twin: Environment, tmp_path: Path) -> None:
    judged = drilled(twin, tmp_path, 1)
    assert judged.verdict is Verdict.FAILED
    assert judged.lost
    failed = [c.name for c in judged.checked if c.finding.verdict is Verdict.FAILED]
    assert "acknowledged-writes-kept" in failed
    assert leftovers(twin) == []
