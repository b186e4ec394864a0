"""The site's scheduled jobs as the database holds them, read over a session of its own that is closed again.

Called by control for `jobs`. It reads the tables and not WP-CLI's view of them: that needs a site whose code is well,
which is just what is in doubt when jobs do not run. It never writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from altis_local.clients.mysql_session import NO_SUCH_TABLE, MySqlError, Row, Session
from altis_local.errors import ActionFailed
from altis_local.model.reports import JOB_STATUSES, Job, JobEnd

LIMIT = 5.0
"""Seconds for a question: the log of a busy site has millions of rows, and not every question has an index."""
_JOBS = "wordpress.wp_cavalcade_jobs"
_LOGS = "wordpress.wp_cavalcade_logs"

_LIST = f"""\
SELECT id, site, hook, args, start, nextrun, `interval`, status, schedule FROM {_JOBS}
WHERE (%s = '' OR status = %s) AND (%s = '' OR hook = %s) AND (%s = 0 OR id = %s)
ORDER BY status <> 'running', status <> 'waiting', nextrun, id LIMIT %s"""  # noqa: S608 - constants
_COUNTS = f"SELECT status, COUNT(*) AS count FROM {_JOBS} GROUP BY status"  # noqa: S608
_DUE = f"SELECT COUNT(*) AS due FROM {_JOBS} WHERE status = 'waiting' AND nextrun < UTC_TIMESTAMP()"  # noqa: S608
_ENDS = f"""\
SELECT l.id, l.job, j.hook, l.status, l.timestamp, l.content FROM {_LOGS} AS l LEFT JOIN {_JOBS} AS j ON j.id = l.job
WHERE l.id > %s ORDER BY l.id LIMIT %s"""  # noqa: S608
_LAST_ENDS = f"""\
SELECT l.id, l.job, j.hook, l.status, l.timestamp, l.content FROM {_LOGS} AS l LEFT JOIN {_JOBS} AS j ON j.id = l.job
ORDER BY l.id DESC LIMIT %s"""  # noqa: S608
_SITE = "SELECT CONCAT(domain, path) AS url FROM wordpress.wp_blogs WHERE blog_id = %s"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs: all that every given value fits. "" and 0 fit any."""

    status: str = ""
    hook: str = ""
    id: int = 0
    limit: int = 100


class JobTables:
    """Questions to one db member."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def jobs(self, wanted: Wanted) -> tuple[Job, ...]:
        """Running ones first, then by the time at which they are due."""
        values = (wanted.status, wanted.status, wanted.hook, wanted.hook, wanted.id, wanted.id, wanted.limit)
        return tuple(_job(row) for row in self._ask(_LIST, *values))

    def counts(self) -> Mapping[str, int]:
        """Jobs by status, none left out, and `due`: those that wait although their time has come."""
        found = {row["status"]: int(row["count"]) for row in self._ask(_COUNTS)}
        return {**dict.fromkeys(JOB_STATUSES, 0), **found, "due": int(self._ask(_DUE)[0]["due"])}

    def ends(self, after: int, limit: int) -> tuple[JobEnd, ...]:
        """Runs that ended after the one of this number, oldest first."""
        return tuple(_end(row) for row in self._ask(_ENDS, after, limit))

    def last_ends(self, limit: int) -> tuple[JobEnd, ...]:
        """The newest ends, oldest first."""
        return tuple(_end(row) for row in reversed(self._ask(_LAST_ENDS, limit)))

    def site(self, number: int) -> str:
        """The address of a site of the network, without the scheme; "" where there is no network."""
        try:
            rows = self._session.run(_SITE, (number,), limit=LIMIT)[0]
        except MySqlError as error:
            if error.code in NO_SUCH_TABLE:
                return ""
            raise
        return str(rows[0]["url"]) if rows else ""

    def _ask(self, sql: str, *values: object) -> list[Row]:
        try:
            return self._session.run(sql, values, limit=LIMIT)[0]
        except MySqlError as error:
            if error.code in NO_SUCH_TABLE:
                raise ActionFailed(
                    "the site has no table of jobs yet", hint="it is made when the site's first job is scheduled"
                ) from error
            raise


@contextmanager
def job_tables(member: str, address: str, user: str, password: str) -> Iterator[JobTables]:
    """Jobs as a db member has them."""
    session = Session(member, (address, 3306), user, password)
    try:
        yield JobTables(session)
    finally:
        session.close()


def _job(row: Row) -> Job:
    return Job(
        id=int(row["id"]),
        site=int(row["site"]),
        hook=row["hook"],
        args=row["args"],
        start=_time(row["start"]),
        next_run=_time(row["nextrun"]),
        interval=row["interval"],
        status=row["status"],
        schedule=row["schedule"] or "",
    )


def _end(row: Row) -> JobEnd:
    return JobEnd(
        id=int(row["id"]),
        job=int(row["job"]),
        hook=row["hook"] or "",
        status=row["status"],
        at=_time(row["timestamp"]),
        content=row["content"],
    )


def _time(value: Any) -> str:
    """Cavalcade writes UTC without saying so; a date that is none (0000-00-00) comes as text or nothing."""
    return value.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else ""
