"""Bare containers: as many as an environment has, doing nothing. The baseline of starting.

Used by `start`. They carry a label of their own, so that those of a killed bench are found and removed.
"""

from __future__ import annotations

from benchmarks.commands import docker

IMAGE = "altis-local/base:trixie"
LABEL = "altis-local-benchmark=bare"
PREFIX = "altis-bench-bare"


class Bare:
    """`docker run`, `docker start`: one container after another, as by hand."""

    def __init__(self) -> None:
        self._made: tuple[str, ...] = ()

    def run(self, count: int) -> float:
        """Seconds for `docker run` of `count` new containers; they run then."""
        self.remove()
        names = tuple(f"{PREFIX}-{n}" for n in range(1, count + 1))
        self._made = names
        return sum(
            docker("run", "--detach", "--label", LABEL, "--name", name, IMAGE, "sleep", "900").seconds for name in names
        )

    def start_again(self, count: int) -> float:
        """Seconds for `docker start` of `count` stopped containers; they are stopped again then."""
        if len(self._made) != count:
            self.run(count)
            self._stop()
        seconds = sum(docker("start", name).seconds for name in self._made)
        self._stop()
        return seconds

    def kill(self, count: int) -> float:
        """Seconds for one `docker kill` of `count` running containers; they are gone then."""
        self.run(count)
        seconds = self._stop()
        self.remove()
        return seconds

    def _stop(self) -> float:
        return docker("kill", *self._made).seconds

    def remove(self) -> None:
        """Every bare container, also those of another process."""
        found = docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").output.split()
        if found:
            docker("rm", "--force", *found)
        self._made = ()
