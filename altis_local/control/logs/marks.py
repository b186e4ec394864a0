"""How far a container's log has been taken over, by group. Pure values; kept by shipping, found again at the streams.

A mark is the time of the last line that arrived, in whole milliseconds, and how many lines of that very millisecond
did: a log that is read again from there gives every line once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """`at`: milliseconds since the epoch; 0 before the first line."""

    at: int = 0
    count: int = 0


class Marks:
    """The marks of one container. Not safe for many threads: its follower's alone."""

    def __init__(self, known: Mapping[str, Mark]) -> None:
        self._taken = dict(known)
        self._again: dict[str, int] = {}

    def rewind(self) -> float:
        """The log is read again: from which time on (seconds since the epoch), by the group that is furthest behind."""
        self._again = {group: mark.count for group, mark in self._taken.items()}
        return min((mark.at for mark in self._taken.values()), default=0) / 1000

    def is_new(self, group: str, at: int) -> bool:
        """Whether a line was not taken over yet; it counts as taken from now on."""
        known = self._taken.get(group, Mark())
        left = self._again.get(group)
        if left is not None:
            if at < known.at:
                return False
            if at == known.at and left > 0:
                self._again[group] -= 1
                return False
            # From here on everything is new, also when the clock is set back.
            del self._again[group]
        at = max(at, known.at)
        self._taken[group] = Mark(at, known.count + 1 if at == known.at else 1)
        return True
