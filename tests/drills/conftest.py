"""Environments for drills: a sound production and one that is broken in two ways, each shared by all that use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from altis_local.clients.log_stream import follow
from altis_local.drill import report, store
from altis_local.drill.judge import Judgement, judge
from altis_local.drill.run import Drilling, Tools
from altis_local.drill.scenario import Scenario
from altis_local.environment import Environment
from altis_local.errors import UndoIncomplete

Drill = Callable[[Environment, Scenario, int], Judgement]

# Parameters of one fixture: an environment is gone before the next one comes.
SOUND = pytest.mark.parametrize("production", [()], indirect=True, ids=["sound"])
TWIN = pytest.mark.parametrize("production", [("drain", "job-lock")], indirect=True, ids=["twin"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the twin come last, together: else each of them would make an environment of its own."""
    items.sort(key=lambda item: "[twin]" in item.nodeid)


def started(name: str, plan: str, *, broken: tuple[str, ...] = ()) -> Iterator[Environment]:
    made = Environment(name, flags={"plan": plan})
    try:
        made.start(broken=broken, timeout=300.0)
        yield made
    finally:
        try:
            made.destroy()
        except UndoIncomplete as error:
            assert error.unheld, error


@pytest.fixture(scope="session")
def production(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """One after the other: the sound one for all that use it, then the twin. Neither drill touches what only the other
    one's twin has broken. Web and Cavalcade may have four containers each."""
    name = "test-drill-production" + ("-twin" if request.param else "")
    yield from started(name, "production", broken=request.param)


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    """Runs a drill, judges it, writes its reports; nothing of it may be left on the engine."""

    def run(environment: Environment, scenario: Scenario, seed: int) -> Judgement:
        progress, clock = environment.progress, environment.clock
        tools = Tools(environment, environment.engine, environment.reader, follow, clock, progress)
        folder = store.create(tmp_path, scenario.name, clock.now())
        Drilling(tools, scenario, folder, seed=seed).carry_out()
        judged = judge(*folder.load())
        report.write(folder, judged)
        left = [c.name for c in environment.reader.containers(environment.name) if c.kind in ("workload", "fault")]
        assert left == []
        return judged

    return run
