"""A write that shows that a member still commits, without ever waiting for it longer than asked.

A commit that hangs (no reader acknowledges, a full disk) cannot be taken back, not even by KILL: its session stays, and
its row stays locked. So hung beats are kept few, each with a row of its own. Called by MySqlNode alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from altis_local.clients.mysql_queries import BEAT
from altis_local.clients.mysql_session import Session
from altis_local.errors import AltisError, Unreachable

ROWS = 8
"""Most beats that may hang at once. The server has 30 sessions that clients cannot take."""


@dataclass(frozen=True, slots=True)
class _Pending:
    session: Session
    row: int
    sent_at: float


class Heartbeat:
    """Used by one thread at a time; `close` by any."""

    def __init__(self, member: str, connect: Callable[[], Session]) -> None:
        self._member = member
        self._connect = connect
        self._idle = connect()
        self._pending: tuple[_Pending, ...] = ()

    def write(self, beat: int, limit: float, *, may_add: bool) -> None:
        """Write a beat. Raises Unreachable when it does not commit in time.

        While one hangs, another is written only when it may pass. It must be written then: readers that had received
        the hung one before they reconnected acknowledge nothing older than the next write.
        """
        self._pending = tuple(one for one in self._pending if not _has_ended(one))
        if not self._pending or (may_add and len(self._pending) < ROWS):
            self._send(beat, limit)
        newest, oldest = self._pending[-1], self._pending[0]
        try:
            is_answered = newest.session.answered(limit)
        except AltisError:
            self._pending = self._pending[:-1]
            raise
        if not is_answered:
            hung = time.monotonic() - oldest.sent_at
            raise Unreachable(f"does not commit: a write has hung for {hung:.1f} s", member=self._member)
        self._pending = self._pending[:-1]
        self._keep(newest.session)

    def close(self) -> None:
        for session in (self._idle, *(one.session for one in self._pending)):
            session.close()
        self._pending = ()

    def _send(self, beat: int, limit: float) -> None:
        session, self._idle = self._idle, self._connect()
        row = min(set(range(1, ROWS + 1)) - {one.row for one in self._pending})
        session.send(BEAT, (row, beat), limit=limit)
        self._pending = (*self._pending, _Pending(session, row, time.monotonic()))

    def _keep(self, session: Session) -> None:
        self._idle.close()
        self._idle = session


def _has_ended(one: _Pending) -> bool:
    """Whether a hung beat has been answered meanwhile, in whatever way."""
    try:
        is_answered = one.session.answered(0)
    except AltisError:
        is_answered = True
    if is_answered:
        one.session.close()
    return is_answered
