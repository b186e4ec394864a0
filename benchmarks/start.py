"""Figures of `start` and `stop`: on nothing, after `stop`, when already running. Baseline: as many bare containers."""

from __future__ import annotations

import json
from collections.abc import Callable

from altis_local.clock import Deadline, wait_until
from benchmarks.commands import Timed, docker
from benchmarks.stage import Stage, Subject
from benchmarks.values import Aim, Figure, Line, Sample

SITE_AIM = Aim("median", 8.0)
"""Of a single site, on nothing and after `stop`."""
FRESH_AIM = {"local": Aim("median", 15.0), "production-ha": Aim("median", 40.0)}
"""Of a plan that has converged."""
AFTER_STOP_AIM = {"local": Aim("median", 15.0), "production-ha": Aim("median", 25.0)}
RUNNING_AIM = Aim("median", 1.0)
STOP_AIM = Aim("median", 5.0)
CALM_WITHIN = 60.0
"""Seconds after a start until the site has done its first jobs."""
_STOPS = {"local": 5, "production-ha": 3}
_SHORT = {"local": "local", "production-ha": "ha"}


def figures(plan: str) -> tuple[Figure, ...]:
    """The figures of one plan."""
    short = _SHORT[plan]
    return (
        Figure(
            name=f"start_{short}_fresh",
            runs=5,
            lines=_lines(plan, "on nothing (images built)", FRESH_AIM[plan]),
            measure=_fresh(plan),
            baseline="`docker run` of as many bare containers, one after another",
            note="`start` makes networks, volumes and secrets, seeds the database and installs WordPress, too",
        ),
        Figure(
            name=f"start_{short}_after_stop",
            runs=5,
            lines=_lines(plan, "after `stop`", AFTER_STOP_AIM[plan]),
            measure=_after_stop(plan),
            prepare=lambda stage: stage.up(plan),
            baseline="`docker start` of as many bare containers, one after another",
        ),
        Figure(
            name=f"start_{short}_running",
            runs=10,
            lines=(Line("value", f"`start`, {plan}, already running", "s", RUNNING_AIM),),
            measure=_running(plan),
            prepare=lambda stage: stage.up(plan),
            baseline="`docker ps`",
        ),
        Figure(
            name=f"stop_{short}",
            runs=_STOPS[plan],
            lines=(Line("value", f"`stop`, {plan}, no job running", "s", STOP_AIM),),
            measure=_stop(plan),
            prepare=lambda stage: stage.up(plan),
            baseline="one `docker kill` of as many bare containers",
        ),
    )


def _lines(plan: str, when: str, aim: Aim) -> tuple[Line, ...]:
    """What the aim is about comes first: a single site is there to be seen, a whole plan to have converged."""
    site, converged = f"`start`, {plan}, {when}: site answers", f"`start`, {plan}, {when}: converged"
    if plan == "local":
        return Line("value", site, "s", SITE_AIM), Line("converged", converged, "s", aim)
    return Line("value", converged, "s", aim), Line("site", site, "s")


def _sample(plan: str, *, done: Timed, site: float, bare: float) -> Sample:
    seconds = {"site": round(site, 4), "converged": round(done.seconds, 4)}
    value = seconds["site" if plan == "local" else "converged"]
    return Sample(value, round(bare, 4), {**seconds, "phases": _phases(done)})


def _phases(done: Timed) -> dict[str, float]:
    """As `start` itself tells: an image that had to be built in between is seen here."""
    return {row["phase"]: row["seconds"] for row in json.loads(done.output)["phases"]}


def _fresh(plan: str) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.subject(plan)
        subject.destroy()
        bare = stage.bare.run(subject.containers)
        stage.bare.remove()
        done, site = subject.start_watched()
        return _sample(plan, done=done, site=site, bare=bare)

    return measure


def _after_stop(plan: str) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.up(plan)
        if jobs := _jobs_left(stage, subject):
            return Sample(0.0, void=jobs)
        subject.stop()
        bare = stage.bare.start_again(subject.containers)
        done, site = subject.start_watched()
        return _sample(plan, done=done, site=site, bare=bare)

    return measure


def _running(plan: str) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        bare = docker("ps").seconds
        done = stage.up(plan).start()
        return Sample(round(done.seconds, 4), round(bare, 4), {"phases": _phases(done)})

    return measure


def _stop(plan: str) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.up(plan)
        if jobs := _jobs_left(stage, subject):
            return Sample(0.0, void=jobs)
        done = subject.stop()
        bare = stage.bare.kill(subject.containers)
        return Sample(round(done.seconds, 4), round(bare, 4))

    return measure


def _jobs_left(stage: Stage, subject: Subject) -> str:
    """Wait until the site's first jobs are done: `stop` would wait for them, and one that it cuts stays `running`.

    "" or what is left.
    """
    calm = wait_until(lambda: not _jobs(subject), Deadline.after(CALM_WITHIN, stage.clock), every=0.25)
    return "" if calm else f"{_jobs(subject)} jobs are running or due all the time"


def _jobs(subject: Subject) -> int:
    found = subject.await_converged().get("jobs") or {}
    return int(found.get("running", 0)) + int(found.get("due", 0))
