"""A client that schedules jobs, as WordPress does through Cavalcade: rows in the table of jobs, due at once.

The job itself is the site's: it writes down that it ran, in which container and when, into a table of the drill's.
"""

from __future__ import annotations

import random
import threading
import time

import pymysql

from altis_local.drill.workload.config import Database, Turn
from altis_local.drill.workload.direct import NOT_DONE, Session, brief
from altis_local.drill.workload.gate import IDLE, Gate
from altis_local.drill.workload.journal import Journal
from altis_local.errors import Unreachable

HOOK = "altis_drill.job"
BATCH = 50
"""Jobs in one statement, which makes them due at the same moment."""
RUNS = "altis_drill.runs"
_TABLE = f"""\
CREATE TABLE {RUNS} (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, job VARCHAR(96) NOT NULL,
 number BIGINT UNSIGNED NOT NULL, member VARCHAR(64) NOT NULL, begun TIMESTAMP(6) NOT NULL, ended TIMESTAMP(6) NULL,
 KEY job (job))"""
# A job is due strictly before now, by whole seconds.
_DUE = "UTC_TIMESTAMP() - INTERVAL 2 SECOND"


LOOK = 0.5
"""Seconds between two looks at how many are under way."""
_OPEN = "SELECT COUNT(*) FROM"
_OF_OURS = "WHERE hook = %s AND status IN ('waiting', 'running')"


def prepare(where: Database) -> None:
    """An empty table for this run."""
    session = Session(where)
    try:
        session.ask(f"DROP TABLE IF EXISTS {RUNS}")
        session.ask(_TABLE)
    finally:
        session.close()


def serialized(name: str, seconds: float) -> str:
    """The job's arguments as PHP serialises them."""
    return f'a:2:{{i:0;s:{len(name)}:"{name}";i:1;d:{seconds:g};}}'


class Scheduler:
    """Schedules the jobs of each stage: those of its beginning at once, then enough to keep so many under way."""

    def __init__(self, name: str, where: Database, journal: Journal, gate: Gate, *, seed: int) -> None:
        self.name = name
        self._where = where
        self._journal = journal
        self._gate = gate
        self._dice = random.Random(f"{seed}-{name}")  # noqa: S311  repeatable on purpose, guards nothing
        self._session: Session | None = None
        self._number = 0
        self._stage = -1
        self._next = 0.0

    def work(self, stop: threading.Event) -> None:
        while not stop.wait(IDLE):
            turn = self._gate.stage
            if self._gate.number != self._stage:
                self._stage = self._gate.number
                for begin in range(0, turn.jobs, BATCH):
                    self._schedule(turn, min(BATCH, turn.jobs - begin))
            if turn.jobs_kept and time.monotonic() >= self._next:
                self._schedule(turn, turn.jobs_kept - self._open(turn.jobs_kept))
                self._next = time.monotonic() + LOOK
        self._drop()

    def _schedule(self, turn: Turn, count: int) -> None:
        ops = []
        for _ in range(count):
            self._number += 1
            if (op := self._journal.begin(self.name, self._number, "job")) is not None:
                ops.append(op)
        if not ops:
            return
        outcome, error = self._insert(turn, ops)
        for op in ops:
            self._journal.end(op, self.name, "job", outcome, **error)

    def _open(self, unknown: int) -> int:
        """Jobs that are due or running; `unknown` where the database does not say."""
        try:
            session = self._session = self._session or Session(self._where)
            return int(session.ask(f"{_OPEN} {self._where.jobs_table} {_OF_OURS}", (HOOK,))[0][0])
        except (Unreachable, OSError, pymysql.MySQLError):
            self._drop()
            return unknown

    def _drop(self) -> None:
        if self._session:
            self._session.close()
            self._session = None

    def _insert(self, turn: Turn, ops: list[str]) -> tuple[str, dict[str, str]]:
        values = [v for op in ops for v in (HOOK, serialized(op, turn.job_s * self._dice.uniform(0.5, 1.0)))]
        rows = ", ".join([f"(1, %s, %s, {_DUE}, {_DUE})"] * len(ops))
        try:
            session = self._session = self._session or Session(self._where)
        except Unreachable as exc:
            return "fail", {"error": str(exc)}
        try:
            session.ask(
                f"INSERT INTO {self._where.jobs_table} (site, hook, args, start, nextrun) VALUES {rows}",  # noqa: S608
                tuple(values),
            )
        except (OSError, pymysql.MySQLError) as exc:
            self._drop()
            code = exc.args[0] if exc.args else None
            return "fail" if code in NOT_DONE else "info", {"error": brief(exc)}
        return "ok", {}
