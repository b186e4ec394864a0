"""Jobs that stay at work for as long as a test wants, so that nothing depends on how fast the machine is."""

from __future__ import annotations

import secrets
import threading

from altis_local.clients.engine_values import ExecResult
from tests.stack.world import World, eventually

CANARY = "hm-platform.healthcheck.cavalcade"
"""The hook whose job writes down when it ran."""
WRITTEN = "option_name = 'hm-platform.healthcheck.last_run'"


class Held:
    """Jobs of the canary's hook wait, from the lock on what they write until `let_go`. `seconds`: at most."""

    def __init__(self, world: World, seconds: int = 45) -> None:
        self._world = world
        self._seconds = seconds
        self._writer = world.duty("writer")
        self._mark = f"hold {secrets.token_hex(4)}"
        # The canary is due every ten minutes, and would wait here as well.
        self._thread = threading.Thread(target=self._hold, daemon=True)
        self._thread.start()
        eventually(lambda: bool(self._session()), "the lock", within=10)

    def _hold(self) -> ExecResult:
        lock = f"SELECT option_id FROM wordpress.wp_options WHERE {WRITTEN} FOR UPDATE"
        hold = f"BEGIN; {lock}; SELECT SLEEP({self._seconds}) /* {self._mark} */; ROLLBACK"
        return self._world.exec(self._writer, "mysql", "-uroot", "-e", hold, timeout=self._seconds + 15.0)

    def _session(self) -> list[list[str]]:
        find = (
            "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%{}%' AND id != connection_id()"
        )
        return self._world.sql(self._writer, find.format(self._mark))

    def forget(self) -> None:
        """Leave it so: the lock ends with its writer. (Who waits for the command may never be told.)"""

    def let_go(self) -> None:
        for (session,) in self._session():
            self._world.sql(self._writer, f"KILL {session}")
        self._thread.join()
