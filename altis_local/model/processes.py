"""What the processes of a container tell of it: whether they are held, and which jobs a runner is at. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_JOB = re.compile(r"\bcavalcade run (\d+)\b")
"""How Cavalcade's runner calls WP-CLI, this runner and the original alike; what WP-CLI itself is differs."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its state as `ps` has it (T: stopped), and its command line."""

    state: str
    command: str


def are_held(processes: Iterable[Process]) -> bool:
    """Whether they are stopped (SIGSTOP), all but the container's init, which takes no such signal."""
    states = [process.state for process in processes]
    stopped = sum(state.startswith("T") for state in states)
    return 0 < stopped >= len(states) - 1


def jobs(processes: Iterable[Process]) -> frozenset[int]:
    """Numbers of the scheduled jobs that they run."""
    found = (_JOB.search(process.command) for process in processes)
    return frozenset(int(match[1]) for match in found if match)


def workers(processes: Iterable[Process]) -> int:
    """Processes of a runner's container beside its init and the runner itself, whatever it calls to do a job."""
    return max(0, len(list(processes)) - 2)
