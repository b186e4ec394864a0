"""One operation at a time on an environment, on this machine: a lock file that the kernel frees when we die.

Called by the façade around start, stop, restart, destroy. The file itself stays: removing it would let two in.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from altis_local.clock import Clock, Deadline, wait_until
from altis_local.environment.progress import Progress
from altis_local.errors import Conflict

PATIENCE = 300.0
"""Seconds that a second operation waits for the first."""


@contextmanager
def exclusive(file: Path, doing: str, progress: Progress, clock: Clock, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock. A second holder says whom it waits for; Conflict when that takes too long."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as lock:
        if not _take(lock.fileno()):
            lock.seek(0)
            holder = lock.read().strip() or "another altis-local"
            progress.detail(f"waiting for {holder} to end")
            if not wait_until(lambda: _take(lock.fileno()), Deadline.after(patience, clock), every=0.1):
                raise Conflict(f"{holder} is still at work on this environment", hint="wait for it, or end it")
        lock.truncate(0)
        lock.write(f"`{doing}` (pid {os.getpid()})")
        lock.flush()
        yield


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
