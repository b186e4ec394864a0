"""One kept session to a MySQL server, with a time limit on every call.

MySqlNode keeps a few of them, each used by one thread at a time. A call that runs late drops the session, so that a
frozen server can never hold its caller; a session found ended is opened anew before anything is sent.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymysql
from pymysql.constants import CLIENT, COMMAND

from altis_local.clients.tcp import has_ended, is_readable, unreachable
from altis_local.errors import ActionFailed, Unreachable

CONNECT = 0.5
"""Seconds to open a session, its log-in included."""
AGAIN = 0.15
"""Seconds to reach a server again that ended a session: a living one accepts at once, a dead one's address is gone."""

Row = dict[str, Any]


READ_ONLY = 1290
NO_SUCH_TABLE = (1049, 1146)
NO_SUCH_THREAD = 1094
NOT_SUPERVISED = 3707


class MySqlError(ActionFailed):
    """The server refused; `code` is its own number of the reason."""

    def __init__(self, code: int, text: str, *, member: str) -> None:
        super().__init__(f"MySQL error {code}: {text}", member=member)
        self.code = code


class Session:
    """Opened at the first call."""

    def __init__(self, member: str, address: tuple[str, int], user: str, password: str) -> None:
        self._member = member
        self._address = address
        self._user = user
        self._password = password
        self._lock = threading.Lock()
        self._connection: Any = None
        self._has_lost = False

    @property
    def socket(self) -> socket.socket | None:
        """The open session's socket, to watch for its end; None when there is none."""
        connection = self._connection
        return connection._sock if connection is not None else None

    def run(self, sql: str, values: Sequence[object] = (), *, limit: float) -> list[list[Row]]:
        """Run one or more statements in one round trip; the rows of each."""
        with self._held(limit) as connection:
            connection._read_timeout = connection._write_timeout = limit
            with connection.cursor() as cursor:
                cursor.execute(sql, values or None)
                found = [_rows(cursor)]
                while cursor.nextset():
                    found.append(_rows(cursor))
            return found

    def send(self, sql: str, values: Sequence[object], *, limit: float) -> None:
        """Send a statement and leave its answer to `answered`."""
        with self._held(limit) as connection:
            connection._write_timeout = limit
            with connection.cursor() as cursor:
                connection._execute_command(COMMAND.COM_QUERY, cursor.mogrify(sql, values))

    def answered(self, limit: float) -> bool:
        """Whether the statement sent has been answered; it stays under way when not."""
        with self._held(limit, is_idle=False) as connection:
            if not is_readable(connection._sock, limit):
                return False
            connection._read_timeout = limit
            connection._read_query_result()
            return True

    def close(self) -> None:
        """Drop the session. Any thread may: who waits for an answer is woken by it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, AttributeError):
                connection._sock.shutdown(socket.SHUT_RDWR)
            with suppress(OSError, AttributeError):
                connection._force_close()

    @contextmanager
    def _held(self, limit: float, *, is_idle: bool = True) -> Iterator[Any]:
        if not self._lock.acquire(timeout=limit):
            raise Unreachable(f"its session has been busy for {limit:g} s", member=self._member)
        try:
            with self._translated():
                yield self._opened() if is_idle else self._connection
        finally:
            self._lock.release()

    def _opened(self) -> Any:
        if self._connection is not None and has_ended(self._connection._sock):
            self.close()
            self._has_lost = True
        if self._connection is None:
            limit = AGAIN if self._has_lost else CONNECT
            self._connection = pymysql.connect(
                host=self._address[0],
                port=self._address[1],
                user=self._user,
                password=self._password,
                autocommit=True,
                client_flag=CLIENT.MULTI_STATEMENTS,
                connect_timeout=limit,
                read_timeout=CONNECT,
                write_timeout=CONNECT,
            )
            self._has_lost = False
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except pymysql.err.Error as error:
            code, text = (error.args[0], str(error.args[-1])) if error.args else (0, "")
            if isinstance(code, int) and (1000 <= code < 2000 or code >= 3000):
                raise MySqlError(code, text, member=self._member) from error
            self.close()
            raise self._unreachable(error, text) from error
        except (OSError, AttributeError) as error:
            # AttributeError: `close` took the session or its socket away under a waiting call.
            self.close()
            raise self._unreachable(error, str(error)) from error

    def _unreachable(self, error: Exception, text: str) -> Unreachable:
        # The driver wraps the system's error, in more than one way, and sometimes only tells of it.
        cause = getattr(error, "original_exception", None) or error.__context__ or error
        found = unreachable(TimeoutError() if "timed out" in text else cause, self._member)
        if self._has_lost and not found.refused:
            # The other side ended our session, and at its address is nobody any more: its process is gone.
            return Unreachable("its session ended and nobody answers", member=self._member, refused=True)
        self._has_lost = found.refused
        return found


def _rows(cursor: Any) -> list[Row]:
    if not cursor.description:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
