"""The journal: every action with its reason and outcome, for people, checks and the event stream.

Kept in memory (bounded) and appended to a file in control's volume. Nothing is ever decided from it.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from altis_local import wire
from altis_local.errors import UsageError
from altis_local.model.history import Event

KEPT = 5000
"""Events in memory; the file keeps FILE_LIMIT bytes and one older generation."""
FILE_LIMIT = 8 * 2**20


class Journal:
    """Append and read; safe for many threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._sequence = self._resume()
        self._closed = False

    def _resume(self) -> int:
        """Go on counting where an earlier control ended, and keep its last events readable."""
        if self._path is None or not self._path.exists():
            return 0
        for line in self._path.read_text(errors="replace").splitlines()[-KEPT:]:
            try:
                self._events.append(wire.load(Event, json.loads(line)))
            except (ValueError, UsageError):
                continue  # the last line of a killed control may be torn
        return self._events[-1].sequence if self._events else 0

    def add(self, event: Event) -> None:
        """Number the event, keep it, and wake whoever follows."""
        with self._changed:
            self._sequence += 1
            event = replace(event, sequence=self._sequence)
            self._events.append(event)
            self._append(event)
            self._changed.notify_all()

    def _append(self, event: Event) -> None:
        if self._path is None:
            return
        with self._path.open("a") as file:
            file.write(json.dumps(wire.dump(event)) + "\n")
        if self._path.stat().st_size > FILE_LIMIT:
            self._path.replace(self._path.with_suffix(".old"))

    def after(self, sequence: int, limit: int = KEPT) -> tuple[Event, ...]:
        """Events with a higher number, oldest first."""
        with self._changed:
            return tuple(e for e in self._events if e.sequence > sequence)[:limit]

    @property
    def last(self) -> int:
        """The number of the newest event; 0 when there is none."""
        with self._changed:
            return self._sequence

    def follow(self, sequence: int, idle: float = 5.0) -> Iterator[Event | None]:
        """Events as they come; None after each `idle` seconds without one (so that a gone reader is noticed)."""
        while True:
            with self._changed:
                if self._sequence <= sequence and not self._closed:
                    self._changed.wait(idle)
                if self._closed:
                    return
            fresh = self.after(sequence)
            if not fresh:
                yield None
            for event in fresh:
                sequence = event.sequence
                yield event

    def close(self) -> None:
        """End every `follow`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
