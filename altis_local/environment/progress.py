"""What long operations tell while they run: phases with times, and details inside a phase.

`environment` reports to a Progress; the command line shows it. Recorded is enough for tests and for --json.
"""

from __future__ import annotations

from typing import Protocol

from altis_local.clock import Clock


class Progress(Protocol):
    """Where an operation reports to."""

    def phase(self, name: str) -> None:
        """A phase begins; the one before has ended."""

    def detail(self, text: str) -> None:
        """Something worth saying inside the phase."""

    def end(self) -> None:
        """The last phase has ended."""

    def close(self) -> None:
        """Nothing more comes, be it after an error in the middle of a phase."""


class Recorded:
    """Keeps phases and their seconds; base of those that also show them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._current = ""
        self._since = 0.0
        self.phases: list[tuple[str, float]] = []

    def phase(self, name: str) -> None:
        self.end()
        self._current, self._since = name, self._clock.monotonic()
        self.on_begin(name)

    def detail(self, text: str) -> None:
        """Shown by subclasses."""

    def end(self) -> None:
        if self._current:
            seconds = self._clock.monotonic() - self._since
            self.phases.append((self._current, seconds))
            self.on_end(self._current, seconds)
            self._current = ""

    def close(self) -> None:
        """Shown by subclasses."""

    def on_begin(self, name: str) -> None:
        """Shown by subclasses."""

    def on_end(self, name: str, seconds: float) -> None:
        """Shown by subclasses."""
