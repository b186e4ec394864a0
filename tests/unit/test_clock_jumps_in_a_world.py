"""The real loop while the clock is set hours ahead or back, as after a laptop's sleep or a time server's word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from altis_local.clock import Deadline, SystemClock, wait_until
from tests.unit.test_loop_in_a_world import Running

HOURS = 7200.0


class SetClock(SystemClock):
    """The machine's clock, with its time of day set as one likes."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def running(tmp_path: Path, clock: SetClock) -> Iterator[Running]:
    one = Running(tmp_path, clock)
    yield one
    one.loop.close()
    one.pool.shutdown()


def lives(running: Running) -> dict[str, tuple[str, float]]:
    return {box.member: (box.id, box.started_at) for box in running.world.engine.boxes()}


@pytest.mark.parametrize("jump", [HOURS, -HOURS], ids=["slept", "set back"])
def test_nobody_is_touched_when_the_clock_jumps(running: Running, clock: SetClock, jump: float) -> None:
    running.converge()
    before, term = lives(running), running.sessions.db(running.member(running.writer())).observe().term
    for times in (1, 2, 0):
        clock.ahead = times * jump
        for _ in range(5):
            assert running.is_converged()
    assert lives(running) == before
    assert running.sessions.db(running.member(running.writer())).observe().term == term


@pytest.mark.parametrize("jump", [HOURS, -HOURS], ids=["slept", "set back"])
def test_healing_and_failover_go_on_after_it(running: Running, clock: SetClock, jump: float) -> None:
    """A start time in the future is no reason to take a frozen member for one that is still starting."""
    running.converge()
    old = running.writer()
    assert running.sessions.db(running.member(old)).write("kept")
    had = running.sessions.db(running.member(old)).executed()
    clock.ahead = jump
    running.converge()
    running.world.engine.kill(running.container(old))
    running.converge()
    assert running.writer() != old
    assert running.sessions.db(running.member(running.writer())).executed().contains(had)
    running.sessions.cache(running.member("redis-1")).write("session")
    running.converge()
    running.world.engine.pause(running.container("redis-1"))
    clock.ahead = 0.0

    def is_replaced() -> bool:
        return running.is_converged() and running.sessions.cache(running.member("redis-2")).observe().is_primary

    assert wait_until(is_replaced, Deadline.after(20, clock), every=0.02)
