"""Faults on real processes: two throw-away containers made by hand, no environment."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from altis_local.clients.engine import Engine
from altis_local.clients.engine_reader import EngineReader, Found
from altis_local.clients.engine_values import ContainerRequest, labels, qualified
from altis_local.clock import Deadline, SystemClock, wait_until
from altis_local.drill.faults import Faults
from altis_local.drill.targets import resolve
from altis_local.errors import Conflict, UsageError

pytestmark = pytest.mark.engine

IMAGE = "altis-local/base:trixie"
# The child does the work, so that the init is spared as in our members.
WORK = "sh -c 'while :; do date +%s%N >/tmp/beat; sleep 0.02; done'; exit 7"


class Scene:
    """One member and something with control's label, in an environment of their own."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.engine, self.reader, self.clock = Engine(), EngineReader(), SystemClock()
        self.faults = Faults(environment, self.engine, self.reader, self.clock)
        self.ids = [self._add("control", "control", "control"), self._add("db-1", "member", "db")]

    def _add(self, member: str, kind: str, role: str) -> str:
        request = ContainerRequest(
            name=qualified(self.environment, member),
            image=IMAGE,
            labels=labels(self.environment, kind, member=member, role=role),
            command=("sh", "-c", WORK),
            network_mode="none",
            memory=64 << 20,
            cap_drop=("ALL",),
            user="999",
        )
        made = self.engine.create(request)
        self.engine.start(made)
        return made

    def target(self, name: str = "db-1") -> tuple[Found, ...]:
        return resolve(name, self.reader.containers(self.environment), {})

    def beats(self) -> bool:
        """Whether the member's process does something."""

        def beat() -> str:
            return self.engine.exec(self.ids[1], ("cat", "/tmp/beat")).output

        first = beat()
        return wait_until(lambda: beat() != first, Deadline.after(0.7, self.clock))

    def is_running(self) -> bool:
        return next(c for c in self.reader.containers(self.environment) if c.member == "db-1").is_running

    def helpers(self) -> list[str]:
        return [c.name for c in self.reader.containers(self.environment) if c.kind == "fault"]

    def close(self) -> None:
        self.faults.clear()
        for made in self.ids:
            self.engine.remove(made, force=True)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(f"t-drill-{os.getpid()}")
    yield made
    made.close()


def test_kill_ends_the_member(scene: Scene) -> None:
    before = scene.clock.now()
    moment = scene.faults.kill(scene.target())
    assert before <= moment <= scene.clock.now()
    assert wait_until(lambda: not scene.is_running(), Deadline.after(5, scene.clock))


def test_pause_holds_and_lets_go_by_itself(scene: Scene) -> None:
    (fault,) = scene.faults.pause(scene.target(), 2.5)
    assert not scene.beats()
    assert scene.faults.active() == (fault,)
    assert fault.expires_at is not None
    assert wait_until(lambda: not scene.helpers(), Deadline.after(8, scene.clock))
    assert scene.beats()
    assert scene.faults.active() == ()


def test_clear_heals_at_once_and_twice_is_harmless(scene: Scene) -> None:
    (fault,) = scene.faults.pause(scene.target("db"), 600)
    with pytest.raises(Conflict, match="db-1 is paused already"):
        scene.faults.pause(scene.target(), 600)
    assert scene.faults.clear("another") == ()
    assert scene.faults.clear(fault.id) == (fault,)
    assert scene.beats()
    assert scene.faults.clear() == ()
    assert scene.helpers() == []


def test_a_killed_target_takes_its_helper_along(scene: Scene) -> None:
    scene.faults.pause(scene.target(), 600)
    scene.engine.kill(scene.ids[1])
    assert wait_until(lambda: not scene.helpers(), Deadline.after(8, scene.clock))
    assert scene.faults.active() == ()


def test_an_unknown_target_names_the_others(scene: Scene) -> None:
    with pytest.raises(UsageError) as caught:
        scene.target("db-9")
    assert "db-1" in (caught.value.hint or "")
