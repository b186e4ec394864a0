"""Figures of `start`: on nothing, after `stop`, and when already running. Baseline: as many bare containers."""

from __future__ import annotations

import json
from collections.abc import Callable

from benchmarks.commands import Timed, docker
from benchmarks.stage import Stage
from benchmarks.values import Aim, Figure, Line, Sample

SITE_AIM = Aim("median", 6.0)
CONVERGED_AIM = Aim("median", 15.0)
RUNNING_AIM = Aim("median", 1.0)
_SHORT = {"local": "local", "production-ha": "ha"}


def figures(plan: str) -> tuple[Figure, ...]:
    """The three figures of one plan."""
    short = _SHORT[plan]
    return (
        Figure(
            name=f"start_{short}_fresh",
            runs=10,
            lines=_lines(plan, "on nothing (images built)"),
            measure=_fresh(plan),
            baseline="`docker run` of as many bare containers, one after another",
            note="`start` makes networks, volumes and secrets, seeds the database and installs WordPress, too",
        ),
        Figure(
            name=f"start_{short}_after_stop",
            runs=10,
            lines=_lines(plan, "after `stop`"),
            measure=_after_stop(plan),
            prepare=lambda stage: stage.up(plan),
            baseline="`docker start` of as many bare containers, one after another",
        ),
        Figure(
            name=f"start_{short}_running",
            runs=20,
            lines=(Line("value", f"`start`, {plan}, already running", "s", RUNNING_AIM),),
            measure=_running(plan),
            prepare=lambda stage: stage.up(plan),
            baseline="`docker ps`",
        ),
    )


def _lines(plan: str, when: str) -> tuple[Line, ...]:
    """What the aim is about comes first: a single site is there to be seen, a whole plan to have converged."""
    site, converged = f"`start`, {plan}, {when}: site answers", f"`start`, {plan}, {when}: converged"
    if plan == "local":
        return Line("value", site, "s", SITE_AIM), Line("converged", converged, "s")
    return Line("value", converged, "s", CONVERGED_AIM), Line("site", site, "s")


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
