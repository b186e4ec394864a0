"""How the command line shows things: progress on stderr, results on stdout, JSON alone on stdout with --json.

Called by every command that is not a fast one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from altis_local.clock import SystemClock
from altis_local.environment.facade import Environment
from altis_local.environment.progress import Recorded
from altis_local.naming import environment_name


def environment(flags: Mapping[str, object] | None = None) -> Environment:
    """The environment that is meant, reporting its progress to this terminal."""
    return Environment(environment_name(), flags=flags, progress=progress())


def progress() -> Recorded:
    """Lively on a terminal, plain lines without one."""
    return LivelyProgress() if sys.stderr.isatty() else PlainProgress()


def print_json(document: Mapping[str, Any]) -> None:
    print(json.dumps({"schema": 1, **document}))


class PlainProgress(Recorded):
    """One line for each phase as it ends, and one for each new detail."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self._last = ""

    def detail(self, text: str) -> None:
        if text != self._last:
            self._last = text
            print(f"    {text}", file=sys.stderr, flush=True)

    def on_end(self, name: str, seconds: float) -> None:
        print(f"  {name:<12} {seconds:6.1f} s", file=sys.stderr, flush=True)


class LivelyProgress(Recorded):
    """A spinner with the phase, its seconds and the newest detail; a ticked line when the phase ends."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        from rich.console import Console  # noqa: PLC0415 - only terminals pay for it
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._console = Console(stderr=True, highlight=False)
        self._columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._make = Progress
        self._running: Progress | None = None

    def on_begin(self, name: str) -> None:
        self._running = self._make(*self._columns, console=self._console, transient=True)
        self._running.add_task(f"{name:<12}", total=None)
        self._running.start()

    def detail(self, text: str) -> None:
        if self._running:
            task = self._running.tasks[0]
            width = max(20, self._console.width - 30)
            self._running.update(task.id, description=f"{self._current:<12} {text}"[:width])

    def on_end(self, name: str, seconds: float) -> None:
        self.close()
        self._console.print(f"[green]✓[/green] {name:<12} {seconds:6.1f} s")

    def close(self) -> None:
        """Give the terminal back, also after an error."""
        if self._running:
            with suppress(Exception):
                self._running.stop()
            self._running = None
