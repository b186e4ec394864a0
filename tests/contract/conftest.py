"""What contract tests stand on: `lab` is a piece of a real engine, `members` real or simulated members on it.

Everything real carries one label and goes away with its module. Images are built from compose/images, which costs
nothing when nothing changed; no image is ever pulled.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from altis_local.clients.engine import Engine
from altis_local.clients.engine_values import NetworkRequest, qualified
from altis_local.errors import Conflict
from tests.contract.cdn_site import cdn, mortal, site
from tests.contract.engine_cli import build, free_prefix
from tests.contract.members import FakeMembers, Lab, Members, RealMembers

__all__ = ["cdn", "mortal", "site"]
"""Fixtures of other modules that tests get by name."""

BASE = "altis-local/base:trixie"
IMAGES = Path(__file__).parents[2] / "compose" / "images"


@cache
def image(role: str) -> str:
    """The role's image as it is now in the repository."""
    tag = f"altis-local/{role}:contract"
    build(tag, IMAGES / role)
    return tag


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A network of its own on the real engine, with an address for the host, and a sweep at the end."""
    engine, environment = Engine(), f"contract-{secrets.token_hex(3)}"
    try:
        yield Lab(engine, environment, _free_network(engine, environment, "lab"))
    finally:
        for container in engine.containers(environment):
            engine.remove(container.id, force=True)
        for network in engine.networks(environment):
            engine.remove_network(environment, network)
        for volume in engine.volumes(environment):
            engine.remove_volume(environment, volume)


def _free_network(engine: Engine, environment: str, name: str) -> str:
    """Make a network; the first three numbers of its addresses."""
    for _ in range(50):
        prefix = free_prefix()
        request = NetworkRequest(
            environment,
            name,
            subnet=f"{prefix}.0/24",
            gateway=f"{prefix}.1",
            ip_range=f"{prefix}.224/27",
            internal=False,
            host_address=True,
        )
        try:
            engine.create_network(request)
        except Conflict:
            continue
        return prefix
    pytest.fail(f"no free subnet for {qualified(environment, name)}")


@pytest.fixture(scope="module")
def real_members(lab: Lab) -> Iterator[RealMembers]:
    """Containers of the project's images."""
    real = RealMembers(lab, image)
    yield real
    real.close()


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def members(request: pytest.FixtureRequest) -> Members:
    """The same members twice: simulated and real."""
    if request.param == "fake":
        return FakeMembers()
    real: RealMembers = request.getfixturevalue("real_members")
    return real
