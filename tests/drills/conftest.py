"""Environments for drills: a sound production and one that is broken in two ways, each shared by all that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from altis_local.containers import AltisEnvironment
from altis_local.drill import store
from altis_local.drill.judge import Judgement, document, judge
from altis_local.drill.scenario import Scenario
from altis_local.environment import Environment

Drill = Callable[[Environment, Scenario, int], Judgement]

# Parameters of one fixture: an environment is gone before the next one comes.
SOUND = pytest.mark.parametrize("production", [()], indirect=True, ids=["sound"])
TWIN = pytest.mark.parametrize("production", [("drain", "job-lock")], indirect=True, ids=["twin"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the twin come last, together: else each of them would make an environment of its own."""
    items.sort(key=lambda item: "[twin]" in item.nodeid)


def started(name: str, plan: str, *, broken: tuple[str, ...] = ()) -> Iterator[Environment]:
    with AltisEnvironment(name).with_plan(plan).with_broken(*broken) as altis:
        yield altis.environment


@pytest.fixture(scope="session")
def production(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """One after the other: the sound one for all that use it, then the twin. Neither drill touches what only the other
    one's twin has broken. Web and Cavalcade may have four containers each."""
    name = "test-drill-production" + ("-twin" if request.param else "")
    yield from started(name, "production", broken=request.param)


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    """Runs a drill as a user does, by its file; nothing of it may be left on the engine."""

    def run(environment: Environment, scenario: Scenario, seed: int) -> Judgement:
        file, junit = tmp_path / "drill.yaml", tmp_path / "junit.xml"
        file.write_text(yaml.safe_dump(scenario.model_dump(mode="json")))
        words = (
            "-p",
            environment.name,
            "drill",
            "run",
            str(file),
            "--seed",
            str(seed),
            "--junit",
            str(junit),
            "--json",
        )
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ALTIS_LOCAL_")}
        command = (sys.executable, "-m", "altis_local.cli.main", *words)
        ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert ended.stdout, ended.stderr
        told = json.loads(ended.stdout)
        judged = judge(*store.find(tmp_path, "last").load())
        assert told == {"schema": 1, **json.loads(json.dumps(document(judged, told["report"])))}
        assert ended.returncode == {"ok": 0, "failed": 1, "unknown": 3}[judged.verdict], ended.stderr
        assert Path(told["report"]).stat().st_size > 10_000
        assert len(ElementTree.parse(junit).getroot().findall("testcase")) == len(judged.checked)
        left = [c.name for c in environment.reader.containers(environment.name) if c.kind in ("workload", "fault")]
        assert left == []
        return judged

    return run
