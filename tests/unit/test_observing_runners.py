"""A runner listens to nobody: the engine is asked, seldom, whether its processes are held, and again while they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from altis_local.clients.engine_values import ContainerRequest, labels, qualified
from altis_local.model.spec import Service
from altis_local.model.state import Reach, Snapshot
from altis_local.observe.observer import HELD_EVERY, Observer
from tests.fakes.engine import FakeEngine
from tests.fakes.world import FakeSessions, World
from tests.unit.test_loop_in_a_world import make_spec


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Asked(FakeEngine):
    """Counts the questions."""

    asked = 0

    def is_held(self, container: str) -> bool:
        self.asked += 1
        return super().is_held(container)


def test_a_held_runner_is_silent_until_it_is_let_go() -> None:
    clock, engine, pool = Time(), Asked(), ThreadPoolExecutor(4)
    base = make_spec("local")
    service = Service("cavalcade", "altis-local/web:1", {}, memory=1)
    spec = replace(base, services={**base.services, "cavalcade": service})
    engine.images.add(service.image)
    made = engine.create(
        ContainerRequest(
            name=qualified("t", "cavalcade-a1"),
            image=service.image,
            labels=labels("t", "member", role="cavalcade", member="cavalcade-a1"),
            networks=(),
        )
    )
    engine.start(made)
    observer = Observer(engine, FakeSessions(World(clock), spec), clock, pool)

    def take() -> Snapshot:
        return observer.take(spec, joined=frozenset(), record=None, in_flight=frozenset())

    assert take().reach("cavalcade-a1") is Reach.OK
    engine.held.add(made)
    assert take().reach("cavalcade-a1") is Reach.OK, "not asked again so soon"
    clock.at += HELD_EVERY
    assert take().reach("cavalcade-a1") is Reach.SILENT
    assert take().reach("cavalcade-a1") is Reach.SILENT
    assert engine.asked == 3
    engine.held.clear()
    assert take().reach("cavalcade-a1") is Reach.OK
    pool.shutdown()
