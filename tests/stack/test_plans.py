"""The other plans on real containers: each in its shape, healed, and one grown into the next with its data."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable

import pytest

from altis_local.model.plans import PLANS, bounds
from tests.stack.world import World, docker

pytestmark = [pytest.mark.engine, pytest.mark.stack, pytest.mark.slow]

COUNTED = ("web", "cavalcade", "db", "redis", "search")


def check_shape(world: World, plan: str, **more: int) -> None:
    """As many members as the plan has at least, over its zones; well, protected where it has readers, site up."""
    status, shape = world.converged(), PLANS[plan]
    held = Counter(m["role"] for m in status["members"])
    assert {role: held[role] for role in COUNTED} == {role: bounds(shape, role).least for role in COUNTED} | more
    assert {m["zone"] for m in status["members"]} - {None} == set(shape.zones)
    assert {m["state"] for m in status["members"]} == {"healthy"}
    assert status["plan"] == plan
    assert status["protected"] is (True if held["db"] > 1 else None)
    world.answers()


@pytest.mark.parametrize("plan", ["staging", "enterprise"])
def test_a_plan_stands_in_its_shape_and_is_healed(plan: str, make_world: Callable[[str], World]) -> None:
    world = make_world(plan)
    world.do("start", "--plan", plan, timeout=600.0)
    check_shape(world, plan)
    kept = secrets.token_hex(6)
    world.wp("sandbox", "option", "update", "blogdescription", kept)
    before = {name: c.id for name, c in world.containers().items() if c.role in ("web", "lb", "redis")}
    lost = [world.containers()[name].id for name in ("web-a1", "lb-a", "redis-1", world.duty("writer"))]
    docker("kill", *lost)
    check_shape(world, plan)
    assert world.wp("sandbox", "option", "get", "blogdescription") == kept
    assert not set(lost) & {c.id for c in world.containers().values()}
    assert before.keys() <= world.containers().keys()


def test_staging_grows_into_production_with_its_data(make_world: Callable[[str], World]) -> None:
    world = make_world("grows")
    world.do("start", "--plan", "staging", timeout=600.0)
    kept, writer = secrets.token_hex(6), world.duty("writer")
    world.wp("sandbox", "option", "update", "blogdescription", kept)
    world.do("start", "--plan", "production", "--readers", "1", timeout=600.0)
    check_shape(world, "production", db=2)
    assert world.duty("writer") == writer
    assert world.wp("sandbox", "option", "get", "blogdescription") == kept
    refused = world.run("start", "--plan", "staging")
    assert refused.returncode == 2, "its readers are more than staging has"
    assert "staging" in refused.stderr
