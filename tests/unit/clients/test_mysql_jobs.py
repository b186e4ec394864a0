"""The site's jobs from rows as MySQL gives them: times in UTC, dates that are none, tables that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import pytest

from altis_local.clients.mysql_jobs import JobTables, Wanted
from altis_local.clients.mysql_session import MySqlError, Session
from altis_local.errors import ActionFailed

MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - so the driver gives it
ROW = {
    "id": 7, "site": 2, "hook": "do_pings", "args": "a:0:{}", "start": MOMENT, "nextrun": None, "interval": None,
    "status": "waiting", "schedule": None,
}  # fmt: skip
END = {"id": 3, "job": 9, "hook": None, "status": "failed", "timestamp": MOMENT, "content": "no"}


class Recorded:
    """Answers a statement by a word that it holds; a number is an error's code."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self.asked: list[tuple[object, ...]] = []

    def run(self, sql: str, values: Sequence[object] = (), *, limit: float) -> list[list[Any]]:
        self.asked.append(tuple(values))
        answer = next(rows for word, rows in self._answers.items() if word in sql)
        if isinstance(answer, int):
            raise MySqlError(answer, "no", member="db-1")
        return [answer]


def tables(**answers: Any) -> tuple[JobTables, Recorded]:
    session = Recorded(answers)
    return JobTables(cast("Session", session)), session


def test_a_job_and_what_is_asked_for() -> None:
    found, session = tables(cavalcade_jobs=[ROW])
    (job,) = found.jobs(Wanted(status="waiting", hook="h", limit=5))
    assert (job.id, job.site, job.hook, job.interval, job.schedule) == (7, 2, "do_pings", None, "")
    assert (job.start, job.next_run) == ("2026-01-02T03:04:05Z", "")
    assert session.asked == [("waiting", "waiting", "h", "h", 0, 0, 5)]


def test_ends_are_told_oldest_first() -> None:
    found, _ = tables(cavalcade_logs=[END, {**END, "id": 2}])
    assert [end.id for end in found.last_ends(2)] == [2, 3]
    assert [end.id for end in found.ends(0, 9)] == [3, 2]
    assert found.ends(0, 9)[0].hook == ""


def test_counts_tell_what_is_late() -> None:
    found, _ = tables(**{"COUNT(*) AS due": [{"due": 4}], "GROUP BY": [{"status": "waiting", "count": 6}]})
    assert found.counts() == {"waiting": 6, "running": 0, "completed": 0, "failed": 0, "due": 4}


def test_tables_that_are_not_there() -> None:
    found, _ = tables(cavalcade_jobs=1146, wp_blogs=1146)
    assert found.site(1) == ""
    with pytest.raises(ActionFailed, match="no table of jobs yet") as caught:
        found.jobs(Wanted())
    assert not isinstance(caught.value, MySqlError)


def test_other_errors_are_not_hidden() -> None:
    found, _ = tables(cavalcade_jobs=1045, wp_blogs=1045)
    with pytest.raises(MySqlError):
        found.jobs(Wanted())
    with pytest.raises(MySqlError):
        found.site(1)


def test_the_address_of_a_site() -> None:
    found, _ = tables(wp_blogs=[{"url": "localhost:8443/shop/"}])
    assert found.site(2) == "localhost:8443/shop/"
    assert tables(wp_blogs=[])[0].site(2) == ""
