"""What is cut short anywhere is finished by the next: start, its control plane, and destroy; and two starts at once."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from altis_local.clock import Deadline, wait_until
from altis_local.errors import AltisError
from altis_local.model.topology import NETWORKS
from tests.stack.world import CLOCK, World, docker

pytestmark = [pytest.mark.engine, pytest.mark.stack]

MakeWorld = Callable[[str], World]
Moment = Callable[[World], bool]
PLAN = ("start", "--plan", "local")
INTERRUPTED = 130


def control_runs(world: World) -> bool:
    return world.containers()["control"].is_running


def networks_are_made(world: World) -> bool:
    return len(world.engine.networks(world.name)) == len(NETWORKS)


def members_are_made(world: World) -> bool:
    return "db-1" in world.containers()


def database_is_open(world: World) -> bool:
    return int(world.sql("db-1", "SELECT COUNT(*) FROM altis_control.term")[0][0]) > 0


def site_is_half_installed(world: World) -> bool:
    return bool(world.sql("db-1", "SHOW TABLES FROM wordpress"))


STARTING: tuple[Moment, ...] = (
    control_runs,
    networks_are_made,
    members_are_made,
    database_is_open,
    site_is_half_installed,
)


class Command:
    """A command that runs, and what it has said so far."""

    def __init__(self, world: World, *words: str) -> None:
        self._world = world
        with tempfile.NamedTemporaryFile(dir=world.folder, delete=False) as said:
            self._said = Path(said.name)
            self._process = world.spawn(*words, stdout=said, stderr=said)

    def reached(self, moment: Moment) -> bool:
        """Wait for a moment of it; False when it has ended before."""

        def is_now() -> bool:
            if self._process.poll() is not None:
                return True
            try:
                return moment(self._world)
            except (AltisError, AssertionError, KeyError, IndexError):
                return False  # nothing there yet that could be asked

        assert wait_until(is_now, Deadline.after(90.0, CLOCK), every=0.1), f"the moment never came: {self.said()}"
        return self._process.poll() is None

    def said(self) -> str:
        return self._said.read_text()

    def end(self, sign: signal.Signals) -> None:
        """The signal that its whole group gets from a terminal, or from who kills it."""
        os.killpg(self._process.pid, sign)

    def ended(self, within: float = 180.0) -> tuple[int, str]:
        return self._process.wait(timeout=within), self.said()


def is_well(world: World) -> None:
    world.converged()
    world.answers()


def test_start_goes_on_when_control_is_killed_again_and_again(make_world: MakeWorld) -> None:
    """A shape with a reader: it is seeded from the writer meanwhile."""
    world = make_world("killed")
    start = Command(world, "start", "--plan", "production", "--readers", "1")
    killed = []
    for number, moment in enumerate(STARTING):
        if not start.reached(moment):
            break
        control = world.environment.standing().control
        assert control is not None
        if number % 2:
            # Its process alone: the engine starts it again. Else the start itself must.
            shown = docker("inspect", "--format", "{{.State.Pid}}", control.id)
            if int(shown):
                os.kill(int(shown), signal.SIGKILL)
        else:
            # Unless it is just being started again by the engine, after the kill before this one.
            subprocess.run(["docker", "kill", control.id], capture_output=True, check=False)
        killed.append(moment.__name__)
    code, said = start.ended()
    assert code == 0, said
    assert len(killed) >= 4, killed
    is_well(world)


def test_start_is_interrupted_and_run_again(make_world: MakeWorld) -> None:
    cut_and_run_again(make_world("cut"), signal.SIGINT)


def test_start_and_then_destroy_are_killed_and_run_again(make_world: MakeWorld) -> None:
    world = make_world("cut")
    cut_and_run_again(world, signal.SIGKILL)
    kill_destroy_again_and_again(world)


def cut_and_run_again(world: World, sign: signal.Signals) -> None:
    """A start for each moment, cut there; the last one is let go on."""
    cut = 0
    for moment in STARTING:
        start = Command(world, *PLAN)
        # What it says first tells that Python's own start is over, which answers to Ctrl-C as Python does.
        if start.reached(lambda w, s=start, m=moment: bool(s.said()) and m(w)):
            start.end(sign)
            code, said = start.ended(within=20.0)
            assert "Traceback" not in said
            # A start that had just ended is no cut one.
            if code != 0 or "is up" not in said:
                assert code == (INTERRUPTED if sign is signal.SIGINT else -sign), said
                cut += 1
    assert cut >= 3
    world.do("start")
    is_well(world)


def kill_destroy_again_and_again(world: World) -> None:
    everything = len(world.containers())
    moments: tuple[Moment, ...] = (
        lambda w: not w.containers()["control"].is_running,
        lambda w: len(w.containers()) < everything,
        lambda w: len(w.containers()) <= 1,
        lambda w: not w.containers() and len(w.engine.networks(w.name)) < len(NETWORKS),
        lambda w: not w.engine.networks(w.name),
    )
    for moment in moments:
        destroy = Command(world, "destroy", "--yes")
        if destroy.reached(moment):
            destroy.end(signal.SIGKILL)
        destroy.ended(within=60.0)
    world.do("destroy", "--yes")
    assert not world.environment.remains()
    assert remains(world) == []
    assert world.do("destroy", "--yes").stdout.strip() == f"there is nothing of {world.name}"


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(control_runs, marks=pytest.mark.slow),
        members_are_made,
        pytest.param(site_is_half_installed, marks=pytest.mark.slow),
    ],
)
def test_destroy_of_a_start_cut_short_leaves_nothing(make_world: MakeWorld, moment: Moment) -> None:
    """Control is at work on it meanwhile."""
    world = make_world("half")
    start = Command(world, *PLAN)
    assert start.reached(moment)
    start.end(signal.SIGKILL)
    start.ended()
    world.do("destroy", "--yes")
    assert not world.environment.remains()
    assert remains(world) == []


def remains(world: World) -> list[str]:
    """By label and by name, as the engine's own client sees it."""
    found = []
    for what in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        for by in (f"label=altis-local.environment={world.name}", f"name=altis-{world.name}-"):
            found += docker(*what, "--quiet", "--filter", by).split()
    return found


def test_three_starts_at_once_of_two_environments(make_world: MakeWorld) -> None:
    one, other = make_world("one"), make_world("two")
    starts = [Command(world, *PLAN) for world in (one, other, one)]
    for start in starts:
        code, said = start.ended()
        assert code == 0, said
    is_well(one)
    is_well(other)
    assert one.url != other.url
