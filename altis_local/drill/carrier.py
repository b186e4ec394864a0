"""Carries the workload: starts its container, keeps its history in a file as it comes, ends and removes it.

Used by `run`. The history is on disk line by line, so it survives whatever ends the drill.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from altis_local.clients.engine_values import ContainerRequest
from altis_local.errors import ActionFailed, AltisError

Follow = Callable[[str], Iterable[bytes]]
"""Gives a container's lines until its end."""

_DRAIN = 10.0


class Hands(Protocol):
    """What carrying needs of the engine."""

    def create(self, request: ContainerRequest) -> str: ...
    def start(self, container: str) -> None: ...
    def kill(self, container: str, signal: str = "KILL") -> None: ...
    def remove(self, container: str, *, force: bool = False) -> None: ...
    def logs(self, container: str, tail: int = 20) -> tuple[str, ...]: ...


class Carrier:
    """One workload container and its history."""

    def __init__(self, hands: Hands, follow: Follow, history: Path) -> None:
        self._hands = hands
        self._follow = follow
        self._history = history
        self._id = ""
        self._at_work = threading.Event()
        self._ended = threading.Event()
        self._is_done = False
        self.problem = ""

    def start(self, request: ContainerRequest) -> None:
        self._id = self._hands.create(request)
        self._hands.start(self._id)
        threading.Thread(target=self._keep, name="history", daemon=True).start()

    def wait_at_work(self, seconds: float) -> None:
        """Until every client was acknowledged once. Raises ActionFailed when they never were."""
        if not self._at_work.wait(seconds) or (self._ended.is_set() and not self._is_done):
            said = self._hands.logs(self._id, 5) if self._id else ()
            raise ActionFailed("the clients of the drill did not get to work", log=said, hint=self.problem or None)

    def wait_ended(self, seconds: float) -> bool:
        """Whether the clients ended, and said so, within `seconds`."""
        return self._ended.wait(seconds) and self._is_done

    def next_stage(self) -> None:
        """Tell the clients that the next stage begins."""
        if self._id:
            self._hands.kill(self._id, "USR1")

    def stop(self) -> None:
        """Ask the clients to end now."""
        if self._id and not self._ended.is_set():
            self._hands.kill(self._id, "TERM")

    def remove(self) -> None:
        """End them if need be; the history stays."""
        if self._id:
            self._hands.remove(self._id, force=True)
            self._ended.wait(_DRAIN)
            self._id = ""

    def _keep(self) -> None:
        try:
            with self._history.open("ab") as file:
                for line in self._follow(self._id):
                    file.write(line + b"\n")
                    file.flush()
                    self._notice(line)
        except (AltisError, OSError) as exc:
            self.problem = str(exc)
        finally:
            self._ended.set()
            self._at_work.set()

    def _notice(self, line: bytes) -> None:
        if b'"kind":"workload"' not in line:
            return
        if b'"op":"at-work"' in line:
            self._at_work.set()
        elif b'"op":"done"' in line:
            self._is_done = True
        elif b'"op":"broken"' in line:
            self.problem = line.decode(errors="replace")
