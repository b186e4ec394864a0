"""The machine sleeps, the clock is set: nothing that is well is touched, and nothing that is ill is left alone for it.

Every case is run with the clock set hours ahead (a laptop that slept) and hours back (a clock put right).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from altis_local.decide import draining, healing, scaling, turn
from altis_local.decide.diagnosis import Finding, diagnose
from altis_local.model import actions as do
from altis_local.model.history import STEADY, Recent, Scale, advance
from altis_local.model.state import Container, Load, Phase, Protection, Snapshot
from tests.unit.decide.states import NOW, STARTED, container, db, receiver, snapshot
from tests.unit.decide.test_healing_and_routing import lbs
from tests.unit.decide.world import make_spec

HOURS = 7200.0
JUMPS = pytest.mark.parametrize("jump", [HOURS, -HOURS, 30.0, -3.0], ids=["slept", "set back", "a nap", "put right"])
SPEC = make_spec("production-ha", roles=("web", "lb"))
WELL = tuple(container(n, "web" if n.startswith("web") else "lb") for n in ("web-a1", "web-b1", "lb-a", "lb-b", "lb-c"))
NOBODY: frozenset[str] = frozenset()


@dataclass
class Watch:
    """Control as it looks on: a snapshot at each `see`, at a clock that may be set."""

    now: float = NOW
    recent: Recent = field(default_factory=Recent)

    def see(self, seen: Snapshot, *, after: float = 0.7, draining: frozenset[str] = NOBODY) -> Snapshot:
        self.now += after
        seen = replace(seen, taken_at=self.now)
        self.recent = advance(self.recent, seen, draining)
        return seen

    def healing(self, seen: Snapshot) -> list[do.Action]:
        return [a for steps in healing.decide(SPEC, seen, self.recent, NOBODY) for a in steps.actions]


@JUMPS
def test_whoever_slept_was_not_silent_all_that_time(jump: float) -> None:
    """Two probes were missed just before, and after waking everybody is slow for a moment."""
    watch, silent = Watch(), snapshot(*WELL, silent=("lb-a", "web-a1"))
    watch.see(snapshot(*WELL))
    for _ in range(2):
        watch.see(silent)
    assert watch.healing(watch.see(silent, after=jump)) == []
    assert watch.healing(watch.see(snapshot(*WELL))) == []


@JUMPS
def test_one_that_froze_in_its_sleep_is_killed_all_the_same(jump: float) -> None:
    watch, silent = Watch(), snapshot(*WELL, silent=("lb-a",))
    watch.see(snapshot(*WELL))
    seen = watch.see(silent, after=jump)
    for _ in range(3):
        assert watch.healing(seen) == []
        seen = watch.see(silent)
    (kill,) = watch.healing(seen)
    assert isinstance(kill, do.KillMember)


@JUMPS
def test_a_member_that_was_starting_gets_its_whole_grace(jump: float) -> None:
    watch, refused = Watch(), snapshot(*WELL, refused=("web-a1",))
    watch.see(refused)
    seen = watch.see(refused, after=jump)
    for _ in range(3):
        assert watch.healing(seen) == []
        seen = watch.see(refused, after=9.0)
    (kill,) = watch.healing(watch.see(refused, after=9.0))
    assert isinstance(kill, do.KillMember)


@JUMPS
def test_a_new_life_is_told_from_the_old_one(jump: float) -> None:
    """The engine's start times jump with the clock: a container that was started `later` may look older."""
    watch = Watch()
    watch.see(snapshot(*WELL))
    again = container("web-a1", "web", started_at=STARTED + jump)
    watch.see(snapshot(again, *WELL[1:], refused=("web-a1",)), after=jump)
    assert not watch.recent.has_answered(again)
    assert watch.recent.has_answered(WELL[1])


@JUMPS
def test_back_off_waits_no_longer_than_it_says(jump: float) -> None:
    watch = Watch()
    for life in range(4):
        watch.see(snapshot(container("web-a1", "web", started_at=STARTED + life), *WELL[1:]))
    again = container("web-a1", "web", Phase.EXITED, started_at=STARTED + 3)
    dead = snapshot(again, *WELL[1:])
    assert watch.healing(watch.see(dead)) == []
    assert watch.healing(watch.see(dead, after=jump)) == []
    assert watch.healing(watch.see(dead, after=healing.BACKOFF[4])) == [do.StartMember("web-a1")]


def test_one_that_was_well_for_a_while_is_started_again_at_once() -> None:
    """Somebody kills it again and again. As in the cloud, only what never comes up is throttled."""
    watch = Watch()
    for life in range(9):
        started = container("web-a1", "web", started_at=STARTED + life)
        watch.see(snapshot(started, *WELL[1:]))
        watch.see(snapshot(started, *WELL[1:]), after=STEADY)
        dead = snapshot(container("web-a1", "web", Phase.EXITED, started_at=STARTED + life), *WELL[1:])
        assert watch.healing(watch.see(dead)) == [do.StartMember("web-a1")]


@JUMPS
def test_what_drains_is_neither_cut_short_nor_kept_for_hours(jump: float) -> None:
    surplus = {"web-c1"}
    watch = Watch()
    busy = snapshot(*WELL, container("web-c1", "web"), nodes=lbs("drain", 2))
    watch.see(busy, draining=frozenset(surplus))
    seen = watch.see(busy, after=jump, draining=frozenset(surplus))
    assert watch.healing(seen) == []
    for _ in range(34):
        seen = watch.see(busy, after=9.0, draining=frozenset(surplus))
    assert watch.healing(seen) == [do.StopMember("web-c1", remove=True, limit=draining.STOP_WITHIN)]


@JUMPS
def test_a_cool_down_is_as_long_as_it_says(jump: float) -> None:
    spec = make_spec("production-ha", roles=("web",))
    members = [container(name, "web") for name in ("web-a1", "web-b1", "web-c1")]
    hot = replace(snapshot(*members), load={c.member: Load(95, 100) for c in members})
    watch = Watch()
    watch.see(hot)
    watch.recent = replace(watch.recent, scales={"web": Scale(3, watch.now, "", ())})

    def count(after: float) -> int:
        seen = watch.see(hot, after=after)
        watch.recent = replace(watch.recent, scales=scaling.decide(spec, seen, watch.recent))
        return watch.recent.scales["web"].count

    counts = [count(jump)] + [count(1.0) for _ in range(8)]
    assert counts[:4] == [3, 3, 3, 3]
    assert counts[-1] > 3


@JUMPS
def test_a_dead_writer_is_replaced_and_a_sleepy_one_is_not(jump: float) -> None:
    spec = make_spec("production-ha", roles=("db",), db=2)
    record = Protection(1, "db-1", frozenset({"db-2"}), 1)
    both = (container("db-1", "db"), container("db-2", "db"))
    follower = db("db-2", receiver=receiver(spec, "db-1"))
    cut_off = db("db-2", receiver=receiver(spec, "db-1", io="Connecting"))
    watch = Watch()
    watch.see(snapshot(*both, nodes=(db("db-1", writable=True), follower), record=record))

    def finding(seen: Snapshot, after: float) -> Finding:
        return diagnose(spec, watch.see(seen, after=after), watch.recent).finding

    silent = snapshot(*both, nodes=(cut_off,), silent=("db-1",), record=record)
    assert finding(silent, 0.7) is Finding.UNREACHABLE
    assert finding(silent, jump) is Finding.UNREACHABLE
    assert finding(silent, 0.7) is Finding.HUNG
    gone: tuple[Container, ...] = (container("db-1", "db", Phase.EXITED), both[1])
    seen = watch.see(snapshot(*gone, nodes=(cut_off,), record=record), after=jump)
    steps = turn.decide(spec, seen, watch.recent)
    assert any(isinstance(a, do.Promote) and a.term == 2 for s in steps for a in s.actions)
