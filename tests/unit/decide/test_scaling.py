"""Target tracking as a table of load curves: out after three points, in after fifteen, never over the plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from altis_local.decide import scaling
from altis_local.model.history import Recent, Scale, advance
from altis_local.model.spec import Spec
from altis_local.model.state import Jobs, Load, Runner, Snapshot
from tests.unit.decide.states import NOW, container, db, snapshot
from tests.unit.decide.world import make_spec

AUTO = make_spec("production-ha", roles=("web", "db", "cavalcade"))


def seen(at: float, *, web: int, busy: float | None, jobs: int | None = None) -> Snapshot:
    members = [m.name for m in AUTO.slots("web")[:web]]
    base = snapshot(
        *(container(name, "web") for name in members),
        nodes=(db("db-1", writable=True, jobs=None if jobs is None else Jobs(jobs - 1, frozenset({1}))),),
    )
    load = {} if busy is None else {name: Load(round(busy * 100), 100) for name in members}
    return replace(base, taken_at=NOW + at, load=load)


def run(curve: list[float | None], spec: Spec = AUTO, jobs: int | None = None) -> list[int]:
    """The number of web containers after each second of a load curve, were they there at once."""
    recent, counts, count = Recent(), [], 2
    for second, busy in enumerate(curve):
        recent = replace(recent, scales=scaling.decide(spec, seen(second, web=count, busy=busy, jobs=jobs), recent))
        count = recent.scales["web"].count
        counts.append(count)
    return counts


@pytest.mark.parametrize(
    ("curve", "last"),
    [
        ([0.9] * 2, 2),
        ([0.9] * 3, 3),
        ([0.9, 0.9, 0.5, 0.9, 0.9], 2),
        ([1.8] * 3, 6),
        ([3.0] * 3, 6),
        ([0.9, None, 0.9, 0.9], 2),
        ([0.9] * 3 + [0.1] * 14, 3),
        ([0.9] * 3 + [0.1] * 25, 2),
        ([0.9] * 3 + [0.5] * 60, 3),
        ([0.1] * 60, 2),
    ],
    ids=[
        "too short",
        "three points",
        "a dip between",
        "proportional",
        "capped by the plan",
        "unknown starts the count anew",
        "not yet in",
        "in, one by one",
        "would be too few",
        "never below the least",
    ],
)
def test_web_by_load(curve: list[float | None], last: int) -> None:
    assert run(curve)[-1] == last


@pytest.mark.parametrize("every", [0.1, 0.8, 0.95, 1.0, 1.05, 1.2])
def test_turns_that_are_early_or_late_change_no_pace(every: float) -> None:
    """Out after three points of a second, in after fifteen, give or take a turn."""
    out, back = seconds_until_change(every, 0.9, 2), seconds_until_change(every, 0.1, 3)
    assert 1.5 <= out <= 2.0 * 1.25 + every
    assert 13 <= back <= 14 * 1.25 + every


def seconds_until_change(every: float, busy: float, web: int) -> float:
    recent, turn = Recent(), 0
    while (scale := recent.scales.get("web")) is None or scale.count == web:
        now = seen(turn * every, web=web, busy=busy)
        recent = replace(recent, scales=scaling.decide(AUTO, now, recent))
        turn += 1
        assert turn < 300
    return (turn - 1) * every


def test_a_change_cools_down() -> None:
    counts = run([0.9] * 30)
    changes = [second for second in range(1, 30) if counts[second] != counts[second - 1]]
    assert all(b - a >= 5 for a, b in pairwise(changes))


def test_cavalcade_by_backlog() -> None:
    recent = Recent()
    for second in range(4):
        recent = replace(recent, scales=scaling.decide(AUTO, seen(second, web=2, busy=0.1, jobs=300), recent))
    assert recent.scales["cavalcade"].count == 6
    assert "300 jobs are due or running" in recent.scales["cavalcade"].reason


def test_a_number_that_was_asked_for_is_left_alone() -> None:
    manual = make_spec("production-ha", roles=("web", "db"), web=3)
    assert not scaling.is_automatic(manual, "web")
    assert scaling.decide(manual, seen(0, web=3, busy=0.9), Recent()) == {}
    assert scaling.applied(manual, Recent()).count("web") == 3


def test_local_has_nothing_to_scale() -> None:
    assert scaling.decide(make_spec("local", roles=("web", "cavalcade")), seen(0, web=1, busy=1.0), Recent()) == {}


def test_a_restarted_control_goes_on_from_what_runs() -> None:
    scales = scaling.decide(AUTO, seen(0, web=4, busy=0.5), Recent())
    assert scales["web"].count == 4


def looks(running: set[int], runners: dict[str, set[int]], seconds: int, before: Recent | None = None) -> Recent:
    """What is known after so many looks, one a second, at two runners."""
    recent = before or Recent()
    two = (container("cavalcade-a1", "cavalcade"), container("cavalcade-b1", "cavalcade"))
    for _ in range(seconds):
        node = db("db-1", writable=True, jobs=Jobs(3, frozenset(running)))
        at_work = {name: Runner(frozenset(jobs)) for name, jobs in runners.items()}
        now = (recent.taken_at or NOW) + 1
        recent = advance(recent, replace(snapshot(*two, nodes=(node,)), taken_at=now, runners=at_work), frozenset())
    return recent


EIGHT = set(range(1, 9))
IDLE: dict[str, set[int]] = {"cavalcade-a1": set(), "cavalcade-b1": set()}


@pytest.mark.parametrize(
    ("running", "runners", "seconds", "left"),
    [
        (EIGHT, IDLE, 14, EIGHT),
        (EIGHT, IDLE, 10, set()),
        (EIGHT, {"cavalcade-a1": {1, 2}, "cavalcade-b1": {3}}, 14, {4, 5, 6, 7, 8}),
        (EIGHT, {"cavalcade-a1": set()}, 14, set()),
        (EIGHT, {}, 14, set()),
        (set(), IDLE, 14, set()),
    ],
    ids=["killed runners", "too early to tell", "others are at work", "one was not asked", "nobody was", "no job"],
)
def test_jobs_of_killed_runners_are_told_apart(
    running: set[int], runners: dict[str, set[int]], seconds: int, left: set[int]
) -> None:
    assert looks(running, runners, seconds).left_behind == left


def test_who_is_at_work_again_or_has_ended_is_not_left_behind() -> None:
    before = looks(EIGHT, IDLE, 14)
    assert looks(EIGHT, {**IDLE, "cavalcade-a1": {5}}, 1, before).left_behind == EIGHT - {5}
    assert looks({1, 2}, IDLE, 1, before).left_behind == {1, 2}
    assert looks(EIGHT, {"cavalcade-a1": set()}, 1, before).left_behind == EIGHT, "what is known stays known"


def test_a_clock_that_jumps_leaves_no_job_behind() -> None:
    before = looks(EIGHT, IDLE, 5)
    late = replace(snapshot(), taken_at=before.taken_at + 7200)
    assert advance(before, late, frozenset()).left_behind == frozenset()


def test_jobs_of_killed_runners_are_no_load() -> None:
    """Eight of them would keep two containers for ever."""
    node = db("db-1", writable=True, jobs=Jobs(3, frozenset(EIGHT | {9})))
    now = snapshot(nodes=(node,))
    assert scaling.load(AUTO, now, Recent(), "cavalcade") == 12
    assert scaling.load(AUTO, now, looks(EIGHT, IDLE, 14), "cavalcade") == 4


@pytest.mark.parametrize(
    ("plan", "before", "count"), [("production", 1, 2), ("enterprise", 2, 3), ("staging", 4, 2), ("production", 3, 3)]
)
def test_another_plan_has_other_bounds(plan: str, before: int, count: int) -> None:
    spec = make_spec(plan, roles=("web",))
    past = Recent(scales={"web": Scale(before, NOW - 100, "", ())})
    assert scaling.decide(spec, snapshot(), past)["web"].count == count
