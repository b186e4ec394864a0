"""Which stage it is: every client asks here whether it has something to do.

The stage changes on SIGUSR1, which only counts: clients go on where they are until the main thread follows.
"""

from __future__ import annotations

from altis_local.drill.workload.config import Turn

IDLE = 0.05
"""Seconds after which a client that has nothing to do asks again."""


class Gate:
    """The stages in order, and the one of now. Safe to ask from any thread."""

    def __init__(self, stages: tuple[Turn, ...]) -> None:
        self._stages = stages
        self._number = 0
        self._asked = 0

    @property
    def number(self) -> int:
        return self._number

    @property
    def stage(self) -> Turn:
        return self._stages[self._number]

    def ask(self) -> None:
        """Somebody wants the next stage."""
        self._asked += 1

    def follow(self) -> bool:
        """Go on to the next stage if it was asked for; whether it was. After the last one nothing changes."""
        if self._number >= min(self._asked, len(self._stages) - 1):
            return False
        self._number += 1
        return True

    def lets(self, kind: str, number: int) -> bool:
        """Whether the client of this number, counted from 1 for each kind, is at work in this stage."""
        return number <= self.stage.clients(kind)
