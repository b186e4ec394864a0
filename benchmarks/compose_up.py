"""`start` beside Compose: the same environment from the file of `config compose`, by `docker compose up --wait`.

Both begin on nothing and end when all is well. Compose's file has no control plane: its writer, primary and servers
are fixed, so that nobody observes, decides or heals. The two are never there at the same time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from altis_local.clients.host import free_port
from altis_local.errors import ActionFailed
from benchmarks.commands import ALTIS_LOCAL, Timed, timed
from benchmarks.first_answer import FirstAnswer
from benchmarks.stage import SITE_WITHIN, Stage
from benchmarks.values import Figure, Line, Sample

PLAN = "local"
NAME = "bench-file"
_GRACE = "2"
"""Seconds that members get to end; their data go with them."""


def figures() -> tuple[Figure, ...]:
    return (
        Figure(
            name="start_compose_local",
            runs=3,
            lines=(
                Line("value", f"`start`, {PLAN}, on nothing, in turn with Compose: converged", "s"),
                Line("site", f"`start`, {PLAN}, on nothing, in turn with Compose: site answers", "s"),
                Line("compose_site", "`docker compose up --wait`: site answers", "s"),
            ),
            measure=measure,
            baseline="`docker compose up --wait` of the file that `config compose` writes, to its end",
        ),
    )


def measure(stage: Stage) -> Sample:
    subject = stage.subject(PLAN)
    subject.destroy()
    # What changed since is built now: Compose would ask a registry for it.
    stage.images()
    with _rendered(stage.folder / NAME) as (file, port):
        compose, compose_site = _up(file, port)
    done, site = subject.start_watched()
    more = {"site": round(site, 4), "compose_site": round(compose_site, 4)}
    return Sample(round(done.seconds, 4), round(compose.seconds, 4), more)


@contextlib.contextmanager
def _rendered(folder: Path) -> Iterator[tuple[Path, int]]:
    """The file and the site's port; whatever came of it is removed, also of an earlier bench."""
    port, file = free_port(), folder / "rendered.yml"
    folder.mkdir(exist_ok=True)
    (folder / "altis-local.yml").write_text(f"plan: {PLAN}\nport: {port}\n", encoding="utf-8")
    file.write_text(timed((ALTIS_LOCAL, "-p", NAME, "config", "compose"), folder=folder).output, encoding="utf-8")
    try:
        _compose(file, "down", "--volumes", "--timeout", _GRACE)
        yield file, port
    finally:
        _compose(file, "down", "--volumes", "--timeout", _GRACE)


def _up(file: Path, port: int) -> tuple[Timed, float]:
    with FirstAnswer(port) as first:
        done = _compose(file, "up", "--wait")
        seconds = first.seconds(SITE_WITHIN)
    if seconds is None:
        raise ActionFailed(f"Compose's site did not answer within {SITE_WITHIN:g} s of its end")
    return done, seconds


def _compose(file: Path, *words: str) -> Timed:
    return timed(("docker", "compose", "--progress", "quiet", "--file", str(file), *words))
