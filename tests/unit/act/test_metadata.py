"""The helper that makes ways to the metadata: used while it is young, replaced before it ends in the middle of one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from altis_local.act.context import Context
from altis_local.act.metadata import FRESH, link_metadata
from altis_local.clients.engine_values import ContainerRequest, ExecResult, labels, qualified
from altis_local.model.actions import LinkMetadata
from tests.fakes.engine import FakeEngine
from tests.fakes.world import FakeSessions, World
from tests.unit.test_loop_in_a_world import make_spec
from tests.unit.test_observing_runners import Time


class Helping(FakeEngine):
    """Links whatever it is asked to; remembers where."""

    def __init__(self, clock: Time) -> None:
        super().__init__(clock)
        self.used: list[str] = []

    def pid(self, container: str) -> int:
        return 7

    def exec(self, container: str, argv: tuple[str, ...], **_: Any) -> ExecResult:
        self.used.append(container)
        return ExecResult(0, "".join(f"linked {word.partition(':')[0]}\n" for word in argv[6:]))


def context(engine: Helping, clock: Time, linked: dict[str, float]) -> Context:
    base = make_spec("local", ("web", "standins"))
    engine.images |= {service.image for service in base.services.values()}

    def refuse(*_: object) -> Any:
        raise AssertionError

    return Context(
        spec=base,
        engine=engine,
        sessions=FakeSessions(World(clock), base),
        clock=clock,
        pool=ThreadPoolExecutor(1),
        save_record=refuse,
        save_aside=refuse,
        joined=refuse,
        linked=linked.__setitem__,
        own_container="",
        note=refuse,
        cut=refuse,
    )


@pytest.mark.parametrize(
    ("later", "helpers"),
    [(0.0, 1), (FRESH - 1, 1), (FRESH + 1, 2), (-3600.0, 2)],
    ids=["at once", "young", "old", "jump"],
)
def test_a_helper_that_will_end_soon_is_not_used(later: float, helpers: int) -> None:
    clock = Time()
    engine, linked = Helping(clock), dict[str, float]()
    world = context(engine, clock, linked)
    given = labels("t", "member", role="web", member="web-a1")
    image = world.spec.services["web"].image
    made = engine.create(ContainerRequest(name=qualified("t", "web-a1"), image=image, labels=given, networks=()))
    engine.start(made)
    for _ in range(2):
        link_metadata(world, LinkMetadata(("web-a1",)))
        clock.at += later
    assert len(engine.used) == 2
    assert len(set(engine.used)) == helpers
    (life,) = linked
    assert life.startswith(made)
