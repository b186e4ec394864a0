"""Locking, waiting and destroying, each with small fakes."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Mapping
from pathlib import Path

import pytest

from altis_local.clients.control_api import ControlApi
from altis_local.clock import Deadline, SystemClock
from altis_local.environment.destroying import destroy
from altis_local.environment.locking import exclusive
from altis_local.environment.progress import Recorded
from altis_local.environment.waiting import Wait, await_settled, is_down, is_up
from altis_local.errors import ActionFailed, Conflict, NotReady, UndoIncomplete
from altis_local.model.state import Container, Phase
from tests.fakes.http_server import HttpFake

CLOCK = SystemClock()


def events(*rows: dict[str, object]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


class Told(Recorded):
    def __init__(self) -> None:
        super().__init__(CLOCK)
        self.details: list[str] = []

    def detail(self, text: str) -> None:
        self.details.append(text)


def _hold(file: Path, ready: multiprocessing.synchronize.Event, end: multiprocessing.synchronize.Event) -> None:
    with exclusive(file, "start", Recorded(CLOCK), CLOCK):
        ready.set()
        end.wait(10)


def test_second_holder_says_whom_it_waits_for(tmp_path: Path) -> None:
    """And gets the lock as soon as the first is gone."""
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    first = context.Process(target=_hold, args=(tmp_path / "lock", ready, end))
    first.start()
    assert ready.wait(10)
    told = Told()
    with (
        pytest.raises(Conflict, match=f"pid {first.pid}"),
        exclusive(tmp_path / "lock", "stop", told, CLOCK, patience=0.1),
    ):
        pytest.fail("it was held")
    assert told.details == [f"waiting for `start` (pid {first.pid}) to end"]
    first.kill()
    first.join()
    with exclusive(tmp_path / "lock", "stop", told, CLOCK, patience=1.0):
        pass


def test_waits_for_convergence_and_shows_what_happens() -> None:
    told = Told()
    stream = events(
        {"kind": "action", "text": "start db-1", "sequence": 4}, {"kind": "converged", "text": "ok", "sequence": 5}
    )
    with HttpFake({"GET /events": stream, "GET /status": {"converged": True}}) as control:
        api = ControlApi(control.port, "t")
        found = await_settled(api, Wait(3, is_up, Deadline.after(5, CLOCK), lambda: api), told)
    assert found["converged"]
    assert told.details == ["start db-1"]


def test_lagging_members_are_named() -> None:
    missing = [{"member": "db-1", "why": "starting", "log": ["disk full"]}]
    answers = {"GET /events": b"", "GET /status": {"settled": False, "missing": missing}}
    with HttpFake(answers) as control:
        api = ControlApi(control.port, "t")
        with pytest.raises(NotReady, match="not ready in time: db-1") as caught:
            await_settled(api, Wait(0, is_up, Deadline.after(0.2, CLOCK), lambda: api), Recorded(CLOCK))
    assert caught.value.log == ("db-1: starting",), "it is well, or nobody knows it"


@pytest.mark.parametrize(("now", "said"), [((), "disk full"), (("no permission",), "no permission")])
def test_who_is_not_well_is_shown_with_its_last_lines(now: tuple[str, ...], said: str) -> None:
    """Those of its container as it is now; where that is gone, the ones that were kept of it."""
    rows = [
        {"member": "db-1", "why": "starting", "log": ["disk full"]},
        {"member": "web-a1", "why": "old", "log": ["x"]},
    ]
    members = [{"member": "db-1", "state": "starting"}, {"member": "web-a1", "state": "healthy"}]
    answers = {"GET /events": b"", "GET /status": {"settled": False, "missing": rows, "members": members}}
    with HttpFake(answers) as control:
        api = ControlApi(control.port, "t")
        wait = Wait(0, is_up, Deadline.after(0.2, CLOCK), lambda: api, lambda name: now)
        with pytest.raises(NotReady, match="not ready in time: db-1, web-a1") as caught:
            await_settled(api, wait, Recorded(CLOCK))
    assert caught.value.log == ("db-1: starting", f"    {said}", "web-a1: old")


def test_control_that_went_away_is_started_anew() -> None:
    """The stream is taken up again where control answers next."""
    stream = events({"kind": "converged", "sequence": 1})
    with HttpFake({"GET /events": stream, "GET /status": {"settled": True, "state": "stopped"}}) as control:
        revived: list[ControlApi] = []

        def revive() -> ControlApi:
            revived.append(ControlApi(control.port, "t"))
            return revived[-1]

        wait = Wait(0, is_down, Deadline.after(5, CLOCK), revive)
        assert await_settled(ControlApi(1, "t"), wait, Recorded(CLOCK))["settled"]
        assert len(revived) == 1


def test_a_status_from_before_does_not_count() -> None:
    """Asked to stop, a settled running environment is not yet what is waited for; and the other way round."""
    assert not is_down({"state": "running", "settled": True, "converged": True})
    assert not is_up({"state": "stopped", "settled": True, "converged": False})


class FakeEngine:
    """As much engine as destroy needs.

    `late`: a member that control makes while it is being ended. `held`: network -> who is there, as far as is known.
    """

    def __init__(self, late: str = "", held: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.have = {"control": "control", "db-1": "member", "workload": "workload"}
        self.late = late
        self.held = held or {}
        self.nets, self.vols, self.done = {"api", "store"}, {"control", "db-1"}, list[str]()

    def containers(self, environment: str) -> tuple[Container, ...]:
        return tuple(
            Container(m, m, k, "", m, "", "", "", Phase.EXITED if f"kill {m}" in self.done else Phase.RUNNING)
            for m, k in self.have.items()
        )

    def update_restart(self, container: str, policy: str) -> None:
        self.done.append(f"policy {container} {policy}")

    def kill(self, container: str) -> None:
        self.done.append(f"kill {container}")
        if self.late:
            self.have[self.late] = "member"

    def remove(self, container: str, *, force: bool) -> None:
        self.done.append(f"remove {container}")
        self.have.pop(container, None)

    def networks(self, environment: str) -> frozenset[str]:
        return frozenset(self.nets)

    def remove_network(self, environment: str, name: str) -> None:
        assert not self.have
        if name in self.held:
            raise ActionFailed(f"remove network {name}: it has active endpoints")
        self.nets.discard(name)

    def attached(self, environment: str, name: str) -> tuple[str, ...]:
        return self.held[name]

    def volumes(self, environment: str) -> frozenset[str]:
        return frozenset(self.vols)

    def remove_volume(self, environment: str, name: str) -> None:
        self.vols.discard(name)


@pytest.mark.parametrize("late", ["", "web-a1"])
def test_destroy_leaves_nothing_and_ends_control_first(late: str) -> None:
    engine = FakeEngine(late)
    destroy(engine, "x", Recorded(CLOCK))  # type: ignore[arg-type]
    assert not (engine.have or engine.nets or engine.vols)
    assert engine.done[:2] == ["policy control no", "kill control"]
    assert engine.done[-1] == "remove control", "its labels say what is left, so it goes last"


@pytest.mark.parametrize(
    ("holders", "why", "hint"),
    [((), "miscounted", "altis-local prune"), (("guest",), "in use by guest", "disconnect altis-x-store guest")],
    ids=["nobody", "somebody"],
)
def test_a_network_that_the_engine_keeps_is_all_that_stays(holders: tuple[str, ...], why: str, hint: str) -> None:
    engine = FakeEngine(held={"store": holders})
    with pytest.raises(UndoIncomplete, match=why) as caught:
        destroy(engine, "x", Recorded(CLOCK))  # type: ignore[arg-type]
    assert caught.value.exit_code == 7
    assert caught.value.unheld is not bool(holders)
    assert hint in (caught.value.hint or "")
    assert not (engine.have or engine.vols)
    assert engine.nets == {"store"}
