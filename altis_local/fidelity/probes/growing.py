"""Scaling: by load, by tasks, without loss, and by the book. Disruptive but for the last."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from altis_local.decide import scaling
from altis_local.fidelity.asking import members, order, poll
from altis_local.fidelity.finding import Finding, NotHere, claims
from altis_local.fidelity.probes.jobs import SOON, Jobs
from altis_local.fidelity.probes.moving import count, members_of, now, settle
from altis_local.fidelity.world import Answer, Ask, World
from altis_local.model.history import Recent
from altis_local.model.plans import PLANS
from altis_local.model.spec import Secrets, Service, Spec
from altis_local.model.state import Load, Snapshot
from altis_local.model.timing import SCALING

CALM = 120.0
"""Seconds until a role has shrunk again: its points, its cool-down, and draining."""


def _ask(world: World, seconds: float, number: int) -> tuple[Answer, ...]:
    """Requests that each keep a PHP worker busy, past the CDN, all at once."""
    return world.ask(*(Ask("lb", order(world, world.token(), sleep=seconds), timeout=60.0) for _ in range(number)))


@contextmanager
def _visited(world: World, seconds: float, number: int) -> Iterator[list[Answer]]:
    """Visitors who come again and again until the block ends; their answers."""
    answers: list[Answer] = []
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            answers.extend(_ask(world, seconds, number))

    visitor = threading.Thread(target=visit, daemon=True)
    visitor.start()
    try:
        yield answers
    finally:
        over.set()
        visitor.join(60)


def _follows(world: World, role: str) -> tuple[int, int]:
    """The least and the most members of a role that follows its load. Raises NotHere for one that does not."""
    now_is = now(world)["scaling"][role]
    if not now_is["automatic"]:
        raise NotHere(f"plan {world.status['plan']} has just so many {role}")
    return int(now_is["least"]), int(now_is["most"])


def web_by_load(world: World) -> Finding:
    """SCALE-01."""
    least, most = _follows(world, "web")
    highest = least
    # Long enough for three looks in a row: between two waves there is a moment without load.
    with _visited(world, 5.0, 8 * least) as answers:

        def look() -> bool:
            nonlocal highest
            highest = max(highest, count(world, "web"))
            return highest > least

        poll(world, look, SOON)
    fell = poll(world, lambda: count(world, "web") == least, CALM)
    settle(world)
    statuses = Counter(answer.status for answer in answers)
    return claims(
        (least < highest <= most, f"{least} → {highest} (at most {most}) under {8 * least} requests at once"),
        (fell, f"and back to {count(world, 'web')}"),
        (set(statuses) == {200}, f"answers {dict(statuses)}"),
    )


def cavalcade_by_tasks(world: World) -> Finding:
    """CAV-02, SCALE-05: each job once, while runners come and go."""
    least, most = _follows(world, "cavalcade")
    highest, number = least, 24 * least
    with Jobs(world) as jobs:
        ids = [jobs.add(sleep=2) for _ in range(number)]

        def look() -> bool:
            nonlocal highest
            highest = max(highest, count(world, "cavalcade"))
            return set(jobs.states()) == {"completed"}

        done = poll(world, look, CALM)
        runs = len(jobs.logs(ids))
        fell = poll(world, lambda: count(world, "cavalcade") == least, CALM)
    settle(world)
    return claims(
        (done and runs == number, f"{runs} runs of {number} jobs"),
        (least < highest <= most, f"{least} → {highest} (at most {most})"),
        (fell, f"and back to {count(world, 'cavalcade')}"),
    )


def without_loss(world: World) -> Finding:
    """SCALE-09, LB-02: out and in again under steady requests."""
    usual = len(members(world, "web"))
    with _visited(world, 0.2, 4) as answers, members_of(world, "web", usual + 1) as scale:
        scale(usual)
        shrunk = poll(world, lambda: count(world, "web") == usual, CALM)
        world.wait(1.0)
    statuses = Counter(answer.status for answer in answers)
    return claims(
        (shrunk, f"and in again: {shrunk}"),
        (set(statuses) == {200} and len(answers) > 20, f"{usual} → {usual + 1} → {usual}: {dict(statuses)}"),
    )


def drained(world: World) -> Finding:
    """LB-07: a request that is under way on a container that goes is answered."""
    usual = len(members(world, "web"))
    with members_of(world, "web", usual + 1) as scale:
        before = {m["member"] for m in now(world)["members"] if m["role"] == "web"}
        found: list[Answer] = []
        asking = threading.Thread(target=lambda: found.extend(_ask(world, 6.0, 4 * (usual + 1))))
        asking.start()
        world.wait(1.5)
        scale(usual)
        asking.join(60)
        left = {m["member"] for m in now(world)["members"] if m["role"] == "web" and m["state"] != "draining"}
    by = Counter(answer.header("x-served-by") for answer in found)
    gone = before - left
    return claims(
        (len(gone) == 1, f"went: {', '.join(gone) or 'nobody'}"),
        (any(by[name] for name in gone), f"served by {dict(by)}"),
        ({answer.status for answer in found} == {200}, f"answers {dict(Counter(a.status for a in found))}"),
    )


def target_tracking(world: World) -> Finding:
    """SCALE-03: the decision itself, fed with series of points a minute apart, on the cloud's timing."""
    times = SCALING[str(world.status["timing"])]
    hot, calm = scaling.TARGET["web"] * 1.5, scaling.TARGET["web"] * 0.3
    out, long, pause = times.out_points, times.in_points, int(times.cooldown / times.point)
    none: list[float | None] = [None]
    calm_again: list[float | None] = [*[hot] * out, *[calm] * (long + pause)]
    cases: dict[str, tuple[list[float | None], int]] = {
        f"{out - 1} points above": ([hot] * (out - 1), 2),
        f"{out} points above": ([hot] * out, 3),
        "far above: in proportion": ([*[hot / 1.5 * 2.5] * out], 5),
        "with a gap": ([*[hot] * (out - 1), None, *[hot] * (out - 1)], 2),
        f"then {long} points below: one less": (calm_again, 2),
        "then nothing is known: none less": ([*[hot] * out, *none * (2 * long + pause)], 3),
    }
    found = {name: _counts(world, curve, times.point)[-1] for name, (curve, _) in cases.items()}
    wrong = {name: count for name, count in found.items() if count != cases[name][1]}
    return claims((not wrong, f"of two, {json.dumps(wrong or found)}"))


def _counts(world: World, curve: list[float | None], every: float) -> list[int]:
    """The number of web containers after each point, were they there at once."""
    del world
    spec = Spec("fidelity", "production-ha", "10.208.0.0/20", 8443, {"web": Service("web", "x")}, _NOBODY)
    recent, counts, at = Recent(), [], 1000.0
    number = PLANS["production-ha"].web.least
    for busy in curve:
        at += every
        load = {} if busy is None else {m.name: Load(round(busy * 100), 100) for m in spec.slots("web")[:number]}
        recent = replace(recent, scales=scaling.decide(spec, Snapshot(at, load=load), recent))
        number = recent.scales["web"].count
        counts.append(number)
    return counts


_NOBODY = Secrets("", "", "", "", "", "", "")
