"""Environments for stack tests: one production-ha shared by all that leave it converged, and own ones on demand.

The shared one comes from our own pytest plugin: `--altis-reuse NAME` takes one that is up already, to work on a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from altis_local.containers import AltisEnvironment
from tests.stack.world import World, unique


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without a configuration, to call commands from."""
    return tmp_path_factory.mktemp("project")


def started(what: str, plan: str, folder: Path) -> Iterator[World]:
    """An environment of this plan, removed in the end."""
    world = World(unique(what), folder)
    try:
        world.do("start", "--plan", plan, timeout=600.0)
        yield world
    finally:
        world.wipe()


def pytest_configure(config: pytest.Config) -> None:
    config.option.altis_plan = config.option.altis_plan or "production-ha"


@pytest.fixture(scope="session")
def shared(altis_stack: AltisEnvironment, folder: Path) -> World:
    return World(altis_stack.name, folder)


@pytest.fixture
def ha(shared: World) -> Iterator[World]:
    """The shared environment, converged; a test must leave it so that it converges again by itself."""
    if shared.status()["state"] == "stopped":
        shared.environment.start()  # a test before this one failed between its stop and its start
    shared.converged()
    yield shared
    shared.converged()


@pytest.fixture(scope="session")
def neighbour(shared: World, folder: Path) -> Iterator[World]:
    """A single site beside the shared environment, which tests leave as it is."""
    yield from started("neighbour", "local", folder)


@pytest.fixture
def make_world(folder: Path) -> Iterator[Callable[[str], World]]:
    """Names for environments of the test's own. Whatever is made of them is removed."""
    made: list[World] = []

    def make(what: str) -> World:
        made.append(World(unique(what), folder))
        return made[-1]

    yield make
    for world in made:
        world.wipe()
