"""What wakes the loop: the engine's events, and the end of a kept session to a member (the fastest sign of a crash).

Sessions of members whose container was replaced are dropped here too, so that nobody talks to an old address's ghost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from altis_local.clients.engine import Engine
from altis_local.clients.watch import SessionWatcher
from altis_local.clock import SystemClock
from altis_local.control.sessions import LiveSessions
from altis_local.errors import AltisError
from altis_local.model.state import Snapshot

RETRY = 0.5
"""Seconds before the engine's event stream is opened again."""

log = logging.getLogger(__name__)


class Waking:
    """Threads that only ever call `wake`."""

    def __init__(
        self, engine: Engine, sessions: LiveSessions, watcher: SessionWatcher, wake: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._watcher = watcher
        self._wake = wake
        self._clock = SystemClock()
        self._closed = threading.Event()
        self._lives: dict[str, str] = {}

    @property
    def sessions(self) -> LiveSessions:
        return self._sessions

    def start(self, environment: str) -> None:
        threading.Thread(target=self._follow, args=(environment,), name="events", daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._watcher.close()
        self._sessions.close()

    def _follow(self, environment: str) -> None:
        while not self._closed.is_set():
            try:
                for _ in self._engine.events(environment):
                    self._wake()
            except AltisError as error:
                log.warning("engine events: %s", error)
            self._closed.wait(RETRY)

    def after_snapshot(self, snapshot: Snapshot) -> None:
        """Watch new sessions; drop those of replaced containers."""
        lives = {c.member: c.life for c in snapshot.containers if c.kind == "member" and c.is_running}
        for name, life in self._lives.items():
            if lives.get(name, life) != life:
                self._sessions.drop(name)
        self._lives = {**self._lives, **lives}
        for session in self._sessions.kept().values():
            self._watch(session)

    def _watch(self, session: object) -> None:
        raw = getattr(session, "socket", None)
        if raw is not None:
            self._watcher.watch(raw, self._wake)
