"""One MySQL member as control sees and handles it, over kept sessions.

Observation and actions have sessions of their own, so that a long action never delays a look, and no look an action.
Every call has a time limit. It decides nothing: which member is promoted, and when, is known above.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from altis_local.clients import mysql_binlog, mysql_queries
from altis_local.clients.mysql_heartbeat import Heartbeat
from altis_local.clients.mysql_session import (
    NO_SUCH_TABLE,
    NO_SUCH_THREAD,
    NOT_SUPERVISED,
    READ_ONLY,
    MySqlError,
    Row,
    Session,
)
from altis_local.errors import ActionFailed, AltisError, Unreachable
from altis_local.model.gtid import GtidSet
from altis_local.model.state import DbNode, Jobs

LOOK = 0.5
"""Seconds for an observation or a heartbeat. Both take a few milliseconds; 0.17 s were seen on a busy machine."""
ACT = 5.0
"""Seconds for an action that only changes the server's own state."""
CLONE = 300.0


class MySqlNode:
    """Safe to share between threads."""

    def __init__(self, member: str, address: str, *, user: str, password: str, port: int = 3306) -> None:
        self.member = member
        self.address = address
        self._port = port
        self._user = user
        self._password = password
        self._eye = self._session()
        self._hand = self._session()
        self._heartbeat = Heartbeat(member, self._session)
        self._is_cloning = False
        self._has_readers = False

    @property
    def socket(self) -> socket.socket | None:
        """The kept session's socket: its end is the first sign of the server's."""
        return self._eye.socket

    def close(self) -> None:
        """Drop every session; the next call opens them anew. Calls that wait end with Unreachable."""
        self._eye.close()
        self._hand.close()
        self._heartbeat.close()

    # -- looking

    def observe(self, beat: int | None = None, *, limit: float = LOOK) -> DbNode:
        """What the member says of itself; with `beat`, also that it commits, where it is open for writes."""
        if self._is_cloning:
            return mysql_queries.cloning_node(self.member)
        try:
            node = mysql_queries.node(self.member, self._eye.run(mysql_queries.STATE, limit=limit))
        except MySqlError as error:
            if error.code in NO_SUCH_TABLE and self._says_cloning(limit):
                return mysql_queries.cloning_node(self.member)
            raise
        self._has_readers = node.semi_sync.clients >= node.semi_sync.count
        self._prepare()
        if beat is not None and not node.read_only:
            self.beat(beat, limit=limit)
        return node

    def jobs(self, *, limit: float = LOOK) -> Jobs | None:
        """Due and running jobs of the site; None where it has no such table."""
        try:
            row = self._eye.run(mysql_queries.JOBS, limit=limit)[0][0]
        except MySqlError:
            return None
        return Jobs(int(row["due"]), frozenset(json.loads(row["running"] or "[]")))

    def running_jobs(self) -> Mapping[int, str]:
        """The site's running jobs by number, with their hooks."""
        return {int(row["id"]): str(row["hook"]) for row in self._ask(mysql_queries.HOOKS)}

    def beat(self, number: int, *, limit: float = LOOK) -> None:
        """Write the heartbeat. Raises Unreachable (not refused) when it does not commit in time."""
        try:
            self._heartbeat.write(number, limit, may_add=self._has_readers)
        except MySqlError as error:
            # Closed for writes since it was looked at: no sign of illness.
            if error.code != READ_ONLY:
                raise

    def executed(self) -> GtidSet:
        """Every transaction in the member's data."""
        return GtidSet.parse(self._ask(mysql_queries.EXECUTED)[0]["executed"])

    def errant(self, gtids: GtidSet) -> str:
        """The binary-log events of these transactions, for people to read."""
        return mysql_binlog.events(lambda sql: self._ask(sql, limit=CLONE), gtids)

    # -- acting

    def promote(self, term: int, member: str) -> None:
        """Follow nobody, write the term, open for writes. Raises ActionFailed when another member has that term."""
        self._do(mysql_queries.PROMOTE, term, member, term, member)

    def repoint(self, source: str, *, user: str, password: str, acknowledge: bool) -> None:
        """Follow `source` (an address) from where the member's own data end; it is closed for writes."""
        self._do(mysql_queries.REPOINT, acknowledge, source, self._port, user, password)

    def stop_receiver(self) -> None:
        """Receive and acknowledge nothing more; what was received is still applied."""
        self._do("STOP REPLICA IO_THREAD")

    def wait_applied(self, gtids: GtidSet | None = None, *, timeout: float = 10.0) -> None:
        """Wait until these transactions are in the member's data; None means all that it has received."""
        rows = self._ask(mysql_queries.RECEIVER)
        if rows and rows[0]["Replica_SQL_Running"] == "No":
            # After a restart nothing is applied by itself, and what was acknowledged may only be in the relay log.
            self._do("START REPLICA SQL_THREAD")
        wanted = str(gtids) if gtids is not None else rows[0]["Retrieved_Gtid_Set"] if rows else ""
        (answer,) = self._ask(mysql_queries.WAIT, wanted, timeout, limit=timeout + LOOK)
        if answer["is_late"]:
            raise ActionFailed(f"has not applied {wanted} in {timeout:g} s", member=self.member)

    def demote(self) -> None:
        """Close for writes, then end every client's session. Waits for commits under way."""
        self._do("SET GLOBAL super_read_only = ON")
        self.kill_sessions()

    def kill_sessions(self) -> None:
        """End the sessions of everybody but control and the readers that replicate."""
        for row in self._ask(mysql_queries.SESSIONS, self._user):
            try:
                self._do("KILL %s", row["id"])
            except MySqlError as error:
                if error.code != NO_SUCH_THREAD:
                    raise

    def set_semi_sync(self, count: int) -> None:
        """Wait for `count` acknowledgements at each commit; 0 waits for none.

        Switching off lets waiting commits go at once, but the server answers up to 1 s later: the thread that reads
        acknowledgements ends only when its poll does.
        """
        if count:
            self._do(mysql_queries.WAIT_FOR_READERS, count)
        else:
            self._do(mysql_queries.WAIT_FOR_NOBODY)

    def set_acknowledge(self, on: bool) -> None:
        """Give acknowledgements or not, and tell the source by connecting anew."""
        self._do(mysql_queries.ACKNOWLEDGE, on)

    def mark_site(self, url: str) -> None:
        """Remember that the site is installed, and for which address."""
        self._do(mysql_queries.SITE, url)

    def clone_from(self, donor: str, *, user: str, password: str, timeout: float = CLONE) -> None:
        """Replace all data by the donor's (an address). The server ends by itself then and must be started anew."""
        session = self._session()
        self._is_cloning = True
        try:
            session.run(mysql_queries.OPEN_FOR_CLONE, (f"{donor}:{self._port}",), limit=ACT)
            session.run(mysql_queries.CLONE, (user, donor, self._port, password), limit=timeout)
        except MySqlError as error:
            if error.code != NOT_SUPERVISED:
                self._do("SET GLOBAL super_read_only = ON")
                raise
        except Unreachable as error:
            # The server may have ended before it could answer. Whether all arrived is seen when it is back.
            if not error.refused:
                raise
        finally:
            session.close()
            self.close()
            self._is_cloning = False

    # -- inside

    def _session(self) -> Session:
        return Session(self.member, (self.address, self._port), self._user, self._password)

    def _prepare(self) -> None:
        """Open the session for actions: a log-in takes 10-25 ms, which a failover should not have to pay."""
        if self._hand.socket is None:
            with suppress(AltisError):
                self._hand.run("DO 0", limit=LOOK)

    def _do(self, sql: str, *values: object) -> None:
        self._hand.run(sql, values, limit=ACT)

    def _ask(self, sql: str, *values: object, limit: float = ACT) -> list[Row]:
        return self._hand.run(sql, values, limit=limit)[0]

    def _says_cloning(self, limit: float) -> bool:
        answer: Any = self._eye.run(mysql_queries.CLONING, limit=limit)
        return bool(answer[0][0]["running"])
