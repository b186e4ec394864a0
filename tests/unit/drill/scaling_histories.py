"""Hand-written runs of load that comes and goes, and of jobs: a good one of each, and what spoils them."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Mapping
from typing import Any

from drill_histories import EPOCH, Story

from altis_local.drill.evidence import Evidence, Facts, FaultMark, Sample, StageMark
from altis_local.drill.ledger import build, parse

Line = dict[str, Any]

TWO = ("web-a1", "web-b1")
FOUR = (*TWO, "web-a2", "web-b2")
KILL = 20.0


def line(kind: str, at: float, **more: Any) -> Line:
    return {"kind": kind, "at": EPOCH + at, "text": "", **more}


def change(role: str, before: int, after: int, at: float) -> Line:
    return line("scale", at, text=f"{role} {before} → {after}: 99% of PHP workers are busy, above 60% for 3 points")


def route(at: float, *members: str, outcome: str = "ok") -> Line:
    action = f"Route({{lb-a,lb-b}}, web, {{{','.join(sorted(members))}}}, {{}})"
    return line("action", at, action=action, outcome=outcome, seconds=0.01)


def started(member: str, at: float, outcome: str = "ok") -> Line:
    return line("action", at, action=f"StartMember({member})", outcome=outcome, seconds=0.4)


def journal() -> list[Line]:
    """2 → 4 at 13 s, web-b1 dies at KILL and is back at 22 s, down to 3 at 45 s and to 2 at 62 s."""
    return [
        change("web", 2, 4, 13.0),
        started("web-a2", 13.5),
        started("web-b2", 13.6),
        route(14.5, *FOUR),
        route(KILL + 0.2, *(name for name in FOUR if name != "web-b1")),
        started("web-b1", KILL + 0.5),
        route(KILL + 2.0, *FOUR),
        change("web", 4, 3, 45.0),
        route(45.1, *FOUR[:3]),
        change("web", 3, 2, 62.0),
        route(62.1, *TWO),
    ]


def states(*members: str) -> Mapping[str, str]:
    return dict.fromkeys(members, "healthy")


STAGES = (
    StageMark("calm", EPOCH, 0.0, "web", 2, 0.2, 10.0),
    StageMark("rush", EPOCH + 10.0, 10.0, "web", 4, 15.0, 30.0),
    StageMark("ebb", EPOCH + 30.0, 30.0, "web", 2, 63.0, 72.0),
)
SAMPLES = (
    Sample(0.0, states(*TWO), {"web": 0.1}),
    Sample(15.0, states(*FOUR), {"web": 0.9}),
    Sample(KILL + 0.3, states("web-a1", "web-a2", "web-b2"), {"web": 1.2}),
    Sample(23.0, states(*FOUR), {"web": 0.8}),
    Sample(46.0, states(*FOUR[:3]), {"web": 0.4}),
    Sample(63.0, states(*TWO), {"web": 0.4}),
)


def routed(at: float) -> tuple[str, ...]:
    """Who takes traffic at a moment of the good run."""
    if at < 14.5:
        return TWO
    if KILL <= at < KILL + 2.0:
        return ("web-a1", "web-a2", "web-b2")
    return FOUR if at < 45.0 else FOUR[:3] if at < 62.0 else TWO


def pages(*, cached: bool = False, slow: float = 0.0) -> Story:
    """Ten answers a second, from each container in its turn.

    `slow`: seconds before the kill in which requests take just so long; those of the killed one are another's then.
    """
    story, turn = Story(), itertools.count()
    for n in range(720):
        at, member = n * 0.1, routed(n * 0.1)
        served = member[next(turn) % len(member)]
        is_slow = KILL - slow < at < KILL
        if is_slow and served == "web-b1":
            served = "web-a1"
        kind = ("visit", "page", "busy")[n % 3]
        value = {"status": 200, "served": served, "cache": "Hit from cloudfront" if cached else "Miss from cloudfront"}
        story.attempt(f"{kind}-{n}", f"{kind}-1", kind, at, at + (slow if is_slow else 0.09), "ok", **value)
    story.say("done", "workload", "workload", "ok", 73.0)
    return story


def lean(story: Story, *, since: float, until: float, to: str) -> Story:
    """One container gets half of the others' answers as well."""
    for n, text in enumerate(story.lines):
        if since <= (n // 2) * 0.1 < until and n % 4 == 1:
            story.lines[n] = re.sub(r'"served": "[^"]*"', f'"served": "{to}"', text)
    return story


def facts(**changes: Any) -> Facts:
    mark = FaultMark("kill", "web-b1", ("web-b1",), EPOCH + KILL, KILL, True)
    before = {"members": [{"member": name, "role": "web", "state": "healthy"} for name in TWO], "plan": "production"}
    good = Facts(
        drill="web-scale",
        environment="t",
        plan="production",
        seed=7,
        started_at=EPOCH - 1,
        planned=1,
        faults=(mark,),
        stages=STAGES,
        samples=SAMPLES,
        before=before,
        after=before,
        converged=True,
        converge_seconds=42.1,
        duration=75.0,
    )
    return dataclasses.replace(good, **changes)


def web(story: Story | None = None, events: list[Line] | None = None, **changes: Any) -> Evidence:
    """Evidence of a run of pages; without arguments, of the good one."""
    told = build(parse((story or pages()).lines))
    return Evidence(facts(**changes), told, tuple(journal() if events is None else events))


# -- jobs


CAV = ("cavalcade-a1", "cavalcade-b1")
JOBS = 20
JOB_STAGES = (
    StageMark("calm", EPOCH, 0.0, "cavalcade", 1, 0.1, 2.0),
    StageMark("burst", EPOCH + 2.0, 2.0, "cavalcade", 2, 7.0, 8.0),
    StageMark("ebb", EPOCH + 8.0, 8.0, "cavalcade", 1, 30.0, 32.0),
)


class JobStory(Story):
    """JOBS jobs, asked for at 2 s; each runs once, half a second long, in one container or the other."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[list[Any]] = []
        self.jobs: list[list[Any]] = []
        for n in range(JOBS):
            self.attempt(f"job-{n}", "job-1", "job", 2.0, 2.1, "ok")
            begin = 3.0 + n
            self.runs.append([f"job-{n}", 100 + n, CAV[n % 2], EPOCH + begin, EPOCH + begin + 0.5])
            self.jobs.append([f"job-{n}", 100 + n, "completed", 1])

    def read(self) -> None:
        self.say("done", "workload", "workload", "ok", 32.0)
        self.say("read-runs", "reader", "read-runs", "ok", 33.0, runs=self.runs, count=len(self.runs))
        self.say("read-jobs", "reader", "read-jobs", "ok", 33.0, jobs=self.jobs, count=len(self.jobs))


def job_journal() -> list[Line]:
    """1 → 2 → 1; the second container is asked to end while job-11 (begun at 14 s) is at work in it."""
    return [
        change("cavalcade", 1, 2, 5.0),
        change("cavalcade", 2, 1, 14.0),
        line("action", 14.2, action="SignalMember(cavalcade-b1, TERM)", outcome="ok", seconds=0.01),
    ]


def burst(story: JobStory | None = None, events: list[Line] | None = None, **changes: Any) -> Evidence:
    """Evidence of a run of jobs; without arguments, of the good one."""
    if story is None:
        story = JobStory()
        story.read()
    samples = (Sample(0.0, states(CAV[0])), Sample(7.0, states(*CAV)), Sample(30.0, states(CAV[0])))
    of_jobs = {"drill": "cavalcade-burst", "faults": (), "planned": 0, "stages": JOB_STAGES, "samples": samples}
    told = build(parse(story.lines))
    return Evidence(facts(**{**of_jobs, **changes}), told, tuple(job_journal() if events is None else events))
