"""Running commands as a user would, with a stop-watch. Used by everything here that measures or prepares."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from altis_local.errors import ActionFailed

ALTIS_LOCAL = str(Path(sys.executable).parent / "altis-local")
LIMIT = 300.0


@dataclass(frozen=True, slots=True)
class Timed:
    """A command that ended well: from the fork to its end, and what it printed."""

    seconds: float
    output: str


def timed(argv: Sequence[str], *, folder: Path | None = None, limit: float = LIMIT) -> Timed:
    """Run a command and wait for its end. Raises ActionFailed when it fails or does not end in time."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=folder, timeout=limit, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ActionFailed(f"{' '.join(argv[:4])} …: {exc}") from exc
    seconds = time.perf_counter() - begin
    if done.returncode:
        said = tuple((done.stderr or done.stdout).splitlines()[-8:])
        raise ActionFailed(f"`{' '.join(argv)}` ended with {done.returncode}", log=said)
    return Timed(seconds, done.stdout)


def docker(*arguments: str) -> Timed:
    """The engine's own client: the baseline of most figures."""
    return timed(("docker", *arguments))
