"""The final read: what is really there, when all is quiet again. Then the drill's posts are taken away.

Both kinds are read from the writer by SQL: what the site shows could come from a cache.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from altis_local.drill.workload.config import Config
from altis_local.drill.workload.direct import TABLE, Session
from altis_local.drill.workload.jobs import HOOK, RUNS
from altis_local.drill.workload.journal import Journal
from altis_local.drill.workload.site import Author
from altis_local.errors import Unreachable

TRIES = 10.0
"""Seconds to get a session."""
PART = 200
"""Items in one line of the history."""
JOBS_END = 30.0
"""Seconds for the last jobs to end."""
_OURS = "hook = %s AND args LIKE %s"
BATCH = 25
"""The most that WordPress takes in one batch request."""


def read(config: Config, journal: Journal) -> None:
    """Journal every surviving row and post and every run of a job, then remove posts and jobs."""
    session = _session(config)
    posts: list[int] = []
    try:
        if config.writers:
            _tell(journal, "read-rows", "rows", _rows(session, config.run))
        if config.most("job"):
            _await_jobs(session, config)
            _tell(journal, "read-runs", "runs", _runs(session, config.run))
            _tell(journal, "read-jobs", "jobs", _jobs(session, config))
            _remove_jobs(session, config)
        if config.site is not None and config.authors:
            found = session.ask(
                f"SELECT ID, post_title FROM {config.database.posts_table}"  # noqa: S608
                " WHERE post_title LIKE %s AND post_type = 'post'",
                (f"{config.run}-%",),
            )
            posts = [int(number) for number, _ in found]
            _tell(journal, "read-posts", "titles", [str(title) for _, title in found])
    finally:
        session.close()
    _remove(config, journal, posts)


def _rows(session: Session, run: str) -> list[Any]:
    found = session.ask(
        f"SELECT id, client, seq, server_id, UNIX_TIMESTAMP(at) FROM {TABLE} WHERE id LIKE %s ORDER BY at",  # noqa: S608
        (f"{run}-%",),
    )
    return [[r[0], r[1], int(r[2]), int(r[3]), float(r[4])] for r in found]


def _await_jobs(session: Session, config: Config) -> None:
    """Until every job has ended, or nothing more comes: those of a killed container stay `running`."""
    open_jobs = f"SELECT COUNT(*) FROM {config.database.jobs_table} WHERE {_OURS} AND status IN ('waiting', 'running')"  # noqa: S608
    end = time.monotonic() + JOBS_END
    while int(session.ask(open_jobs, (HOOK, _pattern(config)))[0][0]) and time.monotonic() < end:
        threading.Event().wait(0.5)


def _runs(session: Session, run: str) -> list[Any]:
    found = session.ask(
        f"SELECT job, number, member, UNIX_TIMESTAMP(begun), UNIX_TIMESTAMP(ended) FROM {RUNS}"  # noqa: S608
        " WHERE job LIKE %s ORDER BY begun",
        (f"{run}-%",),
    )
    return [[r[0], int(r[1]), r[2], float(r[3]), None if r[4] is None else float(r[4])] for r in found]


def _jobs(session: Session, config: Config) -> list[Any]:
    found = session.ask(
        f"SELECT args, id, status, (SELECT COUNT(*) FROM {config.database.logs_table} AS l WHERE l.job = j.id)"  # noqa: S608
        f" FROM {config.database.jobs_table} AS j WHERE {_OURS} ORDER BY id",
        (HOOK, _pattern(config)),
    )
    return [[str(args).split('"')[1], int(number), status, int(logged)] for args, number, status, logged in found]


def _remove_jobs(session: Session, config: Config) -> None:
    """With what the runners logged of them: the site's own lists are as they were."""
    ours = (HOOK, _pattern(config))
    of_ours = f"job IN (SELECT id FROM {config.database.jobs_table} WHERE {_OURS})"  # noqa: S608
    session.ask(f"DELETE FROM {config.database.logs_table} WHERE {of_ours}", ours)  # noqa: S608
    session.ask(f"DELETE FROM {config.database.jobs_table} WHERE {_OURS}", ours)  # noqa: S608


def _pattern(config: Config) -> str:
    return f'%"{config.run}-%'


def _session(config: Config) -> Session:
    end = time.monotonic() + TRIES
    while True:
        try:
            return Session(config.database)
        except Unreachable:
            if time.monotonic() > end:
                raise
            threading.Event().wait(0.2)


def _tell(journal: Journal, kind: str, key: str, items: list[Any]) -> None:
    for start in range(0, len(items), PART):
        journal.say(kind, "reader", kind, "ok", {key: items[start : start + PART]})
    journal.say(kind, "reader", kind, "ok", {key: [], "count": len(items)})


def _remove(config: Config, journal: Journal, posts: list[int]) -> None:
    """Best effort: a post that stays is a draft."""
    if not posts or config.site is None:
        return
    author = Author(config.site)
    try:
        problem = author.log_in()
        for start in range(0, len(posts), BATCH):
            paths = [f"/wp/v2/posts/{number}?force=true" for number in posts[start : start + BATCH]]
            body = json.dumps({"requests": [{"method": "DELETE", "path": path} for path in paths]})
            author.rest("POST", "/wp-json/batch/v1", body.encode())
    except Exception as exc:  # the edge of a best effort; the history is complete already
        problem = f"{type(exc).__name__}: {exc}"
    journal.say("clean-up", "reader", "workload", "info" if problem else "ok", {"posts": len(posts), "error": problem})
