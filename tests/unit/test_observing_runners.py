"""A runner listens to nobody: the engine is asked, seldom, whether its processes are held, and again while they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

from altis_local.clients.engine_values import ContainerRequest, labels, qualified
from altis_local.model.processes import Process
from altis_local.model.spec import Service
from altis_local.model.state import Health, Reach, Runner, Snapshot
from altis_local.observe.observer import ASKED_EVERY, Observer
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

    def processes(self, container: str) -> tuple[Process, ...]:
        self.asked += 1
        return super().processes(container)


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

    engine.workers.append("php /usr/local/bin/wp cavalcade run 12 --url=https://x/")
    assert take().reach("cavalcade-a1") is Reach.OK
    assert take().runners == {"cavalcade-a1": Runner(frozenset({12}), 1)}
    engine.held.add(made)
    assert take().reach("cavalcade-a1") is Reach.OK, "not asked again so soon"
    engine.workers.clear()
    assert take().runners == {"cavalcade-a1": Runner(frozenset({12}), 1)}, "as it was"
    clock.at += ASKED_EVERY
    assert take().reach("cavalcade-a1") is Reach.SILENT
    assert take().reach("cavalcade-a1") is Reach.SILENT
    assert engine.asked == 3
    engine.held.clear()
    assert take().reach("cavalcade-a1") is Reach.OK
    assert take().runners == {"cavalcade-a1": Runner(frozenset())}
    pool.shutdown()


class Stuck(FakeSessions):
    """Pages answer when they are let."""

    let = Event()

    def http(self, url: str, host: str) -> Health:
        self.let.wait()
        return Health(Reach.OK)


def test_who_could_not_be_asked_is_not_silent() -> None:
    """On a machine too busy for control's own threads nothing is known of the member."""
    clock, engine, pool = Time(), FakeEngine(), ThreadPoolExecutor(1)
    spec = make_spec("local")
    for role, name in (("web", "web-a1"), ("cdn", "cdn")):
        image = spec.services[role].image
        engine.images.add(image)
        given = labels("t", "member", role=role, member=name)
        engine.start(engine.create(ContainerRequest(name=qualified("t", name), image=image, labels=given, networks=())))
    sessions = Stuck(World(clock), spec)
    observer = Observer(engine, sessions, clock, pool)
    seen = observer.take(spec, joined=frozenset(), record=None, in_flight=frozenset())
    assert [seen.reach(c.member) for c in seen.containers] == [Reach.SILENT, Reach.UNKNOWN]
    sessions.let.set()
    pool.shutdown()
