"""Lines on their way to one log stream: a bounded tail, given out in batches that CloudWatch Logs takes.

Filled by a container's follower and emptied by the sender. When it is full the oldest lines go, and the next batch
says how many.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

MOST_LINES = 5000
MOST_BYTES = 512 * 1024
"""Of one tail. There is one for each container and group: an unreachable service must not cost control its memory."""

BATCH_EVENTS = 10_000
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD = 26
BATCH_SPAN = 24 * 3600 * 1000
"""Limits of PutLogEvents (AWS, API reference): events, bytes with 26 more for each event, and milliseconds between the
first and the last."""
LONGEST = 64_000
"""Characters of one event, of up to four bytes each; AWS takes 256 KB."""
LONGEST_NOTE = 128
"""Bytes that the note of dropped lines may take."""


@dataclass(frozen=True, slots=True)
class Line:
    """`at`: milliseconds since the epoch."""

    at: int
    text: str

    @property
    def size(self) -> int:
        return len(self.text.encode(errors="replace")) + EVENT_OVERHEAD


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that one request takes, and how many were dropped in front of them."""

    lines: tuple[Line, ...]
    missing: int = 0

    @property
    def events(self) -> tuple[Line, ...]:
        """What is sent: the lines, after a note of those that are missing."""
        if not self.missing:
            return self.lines
        return (Line(self.lines[0].at, f"altis-local: {self.missing} lines are missing here"), *self.lines)


class Tail:
    """Safe for many threads; lines come out in the order of their times."""

    def __init__(self, lines: int = MOST_LINES, size: int = MOST_BYTES) -> None:
        self._most_lines = lines
        self._most_bytes = size
        self._lock = threading.Lock()
        self._lines: deque[Line] = deque()
        self._size = 0
        self._dropped = 0
        self._last = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, at: int, text: str) -> None:
        """One more line. A clock that was set back does not bring lines out of order."""
        with self._lock:
            self._last = max(self._last, at)
            # An event must have a text.
            line = Line(self._last, text[:LONGEST] or " ")
            self._lines.append(line)
            self._size += line.size
            self._fit()

    def batch(self) -> Batch:
        """The oldest lines, as many as one request takes; they stay until `sent`."""
        with self._lock:
            chosen: list[Line] = []
            room = BATCH_BYTES - LONGEST_NOTE
            for line in self._lines:
                room -= line.size
                if room < 0 or len(chosen) >= BATCH_EVENTS - 1 or line.at - self._lines[0].at >= BATCH_SPAN:
                    break
                chosen.append(line)
            return Batch(tuple(chosen), self._dropped if chosen else 0)

    def sent(self, batch: Batch) -> None:
        """These are at their place."""
        with self._lock:
            self._dropped -= batch.missing
            for line in batch.lines:
                if self._lines and self._lines[0] is line:
                    self._size -= self._lines.popleft().size
                else:
                    self._dropped -= 1  # it was dropped while it was on its way, and has arrived

    def _fit(self) -> None:
        while len(self._lines) > self._most_lines or (self._size > self._most_bytes and len(self._lines) > 1):
            self._size -= self._lines.popleft().size
            self._dropped += 1
