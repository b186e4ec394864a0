"""Frequent commands: `wp` and `exec` beside a bare `docker exec`, `status` and `list` beside `docker ps`.

Each run is a pair, and every other pair the other way round: what warms one up warms the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from altis_local.cli.fast import SITE_FOLDER, SITE_USER
from altis_local.clients.engine_values import qualified
from benchmarks.commands import Timed, docker
from benchmarks.stage import Stage, Subject
from benchmarks.values import Aim, Figure, Line, Sample

PLAN = "production-ha"
MEMBER = "web-a1"
OVERHEAD_AIM = Aim("median", 0.15)
STATUS_AIM = Aim("median", 0.3)
_turn = count()


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="wp_overhead",
            runs=20,
            lines=(
                Line("value", "`wp option get siteurl`, over the bare exec", "s", OVERHEAD_AIM),
                Line("whole", "`wp option get siteurl`, whole", "s"),
            ),
            measure=_overhead(("wp", "option", "get", "siteurl"), _bare_wp),
            prepare=_warmed(("wp", "option", "get", "siteurl")),
            baseline="the same `wp` by `docker exec`",
            compared="whole",
        ),
        Figure(
            name="exec_overhead",
            runs=20,
            lines=(
                Line("value", "`exec web-a1 -- true`, over the bare exec", "s", OVERHEAD_AIM),
                Line("whole", "`exec web-a1 -- true`, whole", "s"),
            ),
            measure=_overhead(("exec", MEMBER, "--", "true"), lambda _, container: (container, "true")),
            prepare=_warmed(("exec", MEMBER, "--", "true")),
            baseline="the same by `docker exec`",
            compared="whole",
        ),
        Figure(
            name="status_time",
            runs=20,
            lines=(Line("value", f"`status`, {PLAN}", "s", STATUS_AIM),),
            measure=_beside_ps("status"),
            prepare=_warmed(("status",)),
            baseline="`docker ps`",
        ),
        Figure(
            name="list_time",
            runs=20,
            lines=(Line("value", "`list`", "s"),),
            measure=_beside_ps("list"),
            prepare=_warmed(("list",)),
            baseline="`docker ps`",
            note="`list` asks the control plane of every environment on the engine; `environments` says how many",
        ),
    )


Bare = Callable[[Subject, str], Sequence[str]]
"""Subject and container -> the arguments of `docker exec`."""


def _bare_wp(subject: Subject, container: str) -> tuple[str, ...]:
    """Just what the fast path hands over, with the answers that it looks up already known."""
    url = f"--url={subject.world.standing().site_url}"
    return ("--user", SITE_USER, "--workdir", SITE_FOLDER, container, "wp", url, "option", "get", "siteurl")


def _warmed(words: Sequence[str]) -> Callable[[Stage], object]:
    return lambda stage: stage.up(PLAN).cli(*words)


def _pair(ours: Callable[[], Timed], bare: Callable[[], Timed]) -> tuple[Timed, Timed]:
    """Both, ours first and last in turn."""
    if next(_turn) % 2:
        second = bare()
        return ours(), second
    return ours(), bare()


def _overhead(words: Sequence[str], bare: Bare) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.up(PLAN)
        arguments = ("exec", "--interactive", *bare(subject, qualified(subject.name, MEMBER)))
        ours, theirs = _pair(lambda: subject.cli(*words), lambda: docker(*arguments))
        over = round(ours.seconds - theirs.seconds, 4)
        return Sample(over, round(theirs.seconds, 4), {"whole": round(ours.seconds, 4)})

    return measure


def _beside_ps(verb: str) -> Callable[[Stage], Sample]:
    def measure(stage: Stage) -> Sample:
        subject = stage.up(PLAN)
        ours, theirs = _pair(lambda: subject.cli(verb, "--json"), lambda: docker("ps"))
        environments = len({found.environment for found in subject.world.reader.containers()})
        return Sample(round(ours.seconds, 4), round(theirs.seconds, 4), {"environments": environments})

    return measure
