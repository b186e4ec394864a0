"""Time is passed in. Everything that waits or measures takes a Clock; nothing below `control` reads one by itself.

`wait_until` is the only waiting loop of the package.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Seconds: `now` since the epoch, `monotonic` for durations."""

    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: TID251 - the one place that may


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        return cls(clock.monotonic() + seconds, clock)

    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    def passed(self) -> bool:
        return self.left() == 0.0


def wait_until(check: Callable[[], bool], deadline: Deadline, every: float = 0.05) -> bool:
    """Ask `check` every `every` seconds until it is true; False when the deadline passed first."""
    while not check():
        if deadline.passed():
            return False
        deadline.clock.sleep(min(every, deadline.left()))
    return True
