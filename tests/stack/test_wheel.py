"""The wheel, installed far from any checkout, brings up the same environment from an empty folder."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.installed import build_wheel, install
from tests.stack.world import COMMAND, World, unique

pytestmark = [pytest.mark.engine, pytest.mark.stack]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def installed(command: tuple[str, ...], tmp_path: Path) -> Iterator[World]:
    """From an empty folder."""
    world = World(unique("wheel"), tmp_path, command)
    yield world
    world.wipe()
    assert list(tmp_path.iterdir()) == []


def test_it_is_the_package_of_the_wheel(command: tuple[str, ...], tmp_path: Path) -> None:
    python = Path(command[-1]).with_name("python")
    code = (
        "import altis_local; from altis_local.environment.paths import shipped; print(altis_local.__file__, shipped())"
    )
    said = subprocess.run(
        [*command[:-1], str(python), "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True
    )
    file, shipped = said.stdout.split()
    assert Path(file).is_relative_to(python.parents[1])
    assert not Path(shipped).is_relative_to(Path(__file__).parents[2])


def test_images_are_the_very_same(installed: World) -> None:
    """Not one is built again: the hash of what they are made of is that of the checkout."""
    here = World(installed.name, installed.folder, COMMAND)
    known = json.loads(here.do("build", "--json", timeout=900.0).stdout)
    assert json.loads(installed.do("build", "--json").stdout) == known


def test_what_needs_no_engine_works_from_an_empty_folder(installed: World) -> None:
    assert installed.json("config", "validate")["valid"]
    names = {drill["name"] for drill in installed.json("drill", "list")["drills"]}
    assert "db-writer-crash" in names
    assert "db-1" in installed.do("config", "compose").stdout


@pytest.mark.slow
def test_it_brings_up_an_environment(installed: World) -> None:
    status = installed.json("start")
    assert status["converged"]
    installed.answers()
    title = secrets.token_hex(6)
    installed.do("wp", "option", "update", "blogdescription", title)
    assert installed.do("wp", "option", "get", "blogdescription").stdout.strip() == title
    installed.do("destroy", "--yes")
    assert not installed.environment.remains()
