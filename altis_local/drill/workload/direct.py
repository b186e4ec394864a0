"""Clients that write rows through an endpoint's name, as WordPress' database layer does.

A connection is given at most a second; when it cannot be had, nothing was sent and the operation failed. When it
breaks after a statement was sent, nobody knows whether it was done.
"""

from __future__ import annotations

import random
import socket
import threading
from typing import Any

import pymysql

from altis_local.drill.workload.config import Database
from altis_local.drill.workload.journal import Journal
from altis_local.errors import Unreachable

CONNECT_TIMEOUT = 1.0
"""Seconds for one address; the next address of the name is tried then (design.md section 5)."""
ANSWER_TIMEOUT = 6.0
"""Seconds for an answer. A held connection waits inside this; only a frozen server exceeds it."""
NOT_DONE = frozenset({1040, 1044, 1045, 1049, 1062, 1142, 1146, 1203, 1226, 1290, 1836})
"""MySQL error codes after which the statement certainly changed nothing (too many connections, refused, read-only)."""
RETRY = 0.005
"""Seconds at most until a client that was not acknowledged tries again."""
TABLE = "altis_drill.inserts"


class Session:
    """A connection through the endpoint to one server, whose id is asked once: a session never changes its server.

    Raises Unreachable when it cannot be had; nothing was sent then.
    """

    def __init__(self, where: Database) -> None:
        try:
            sock = socket.create_connection((where.host, where.port), CONNECT_TIMEOUT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._db = pymysql.connect(
                host=where.host,
                user=where.user,
                password=where.password,
                autocommit=True,
                read_timeout=ANSWER_TIMEOUT,
                write_timeout=ANSWER_TIMEOUT,
                init_command="SET time_zone = '+00:00'",
                ssl_disabled=True,
                defer_connect=True,
            )
            self._db.connect(sock)
            self.server = int(self.ask("SELECT @@server_id")[0][0])
        except (OSError, pymysql.MySQLError) as exc:
            raise Unreachable(brief(exc)) from exc

    def ask(self, sql: str, values: tuple[Any, ...] = ()) -> tuple[tuple[Any, ...], ...]:
        with self._db.cursor() as cursor:
            cursor.execute(sql, values)
            return tuple(cursor.fetchall())

    def insert(self, op: str, client: str, seq: int) -> None:
        self.ask(
            f"INSERT INTO {TABLE} (id, client, seq, server_id, at) VALUES (%s, %s, %s, @@server_id, NOW(6))",  # noqa: S608
            (op, client, seq),
        )

    def close(self) -> None:
        if self._db.open:
            self._db.close()


def brief(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"[:200]


def prepare(where: Database) -> None:
    """An empty table for this run."""
    session = Session(where)
    try:
        session.ask(f"DROP TABLE IF EXISTS {TABLE}")
        session.ask(
            f"CREATE TABLE {TABLE} (id VARCHAR(96) PRIMARY KEY, client VARCHAR(32) NOT NULL, seq INT NOT NULL,"
            " server_id BIGINT UNSIGNED NOT NULL, at TIMESTAMP(6) NOT NULL)"
        )
    finally:
        session.close()


class Writer:
    """One client. Each operation is a new row; after an error it tries again within RETRY."""

    def __init__(self, name: str, where: Database, journal: Journal, *, pause: float, seed: int) -> None:
        self.name = name
        self._where = where
        self._journal = journal
        self._pause = pause
        self._dice = random.Random(f"{seed}-{name}")  # noqa: S311  repeatable on purpose, guards nothing
        self._session: Session | None = None

    def work(self, stop: threading.Event) -> None:
        number, pause = 0, self._pause
        while not stop.wait(pause * self._dice.uniform(0.5, 1.0)):
            number += 1
            op = self._journal.begin(self.name, number, "insert", seq=number)
            if op is None:
                break
            outcome, value = self._insert(op, number)
            self._journal.end(op, self.name, "insert", outcome, **value)
            pause = self._pause if outcome == "ok" else min(self._pause, RETRY)
        self._drop()

    def _insert(self, op: str, number: int) -> tuple[str, dict[str, Any]]:
        try:
            session = self._session = self._session or Session(self._where)
        except Unreachable as exc:
            return "fail", {"error": str(exc)}
        try:
            session.insert(op, self.name, number)
        except (OSError, pymysql.MySQLError) as exc:
            self._drop()
            code = exc.args[0] if exc.args else None
            return "fail" if code in NOT_DONE else "info", {"error": brief(exc), "server": session.server}
        return "ok", {"server": session.server}

    def _drop(self) -> None:
        if self._session:
            self._session.close()
            self._session = None
