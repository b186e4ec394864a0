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
from altis_local.drill.workload.journal import Journal
from altis_local.drill.workload.site import Author
from altis_local.errors import Unreachable

TRIES = 10.0
"""Seconds to get a session."""
PART = 200
"""Items in one line of the history."""
BATCH = 25
"""The most that WordPress takes in one batch request."""


def read(config: Config, journal: Journal) -> None:
    """Journal every surviving row and post, then remove the posts."""
    session = _session(config)
    try:
        rows = session.ask(
            f"SELECT id, client, seq, server_id, UNIX_TIMESTAMP(at) FROM {TABLE} WHERE id LIKE %s ORDER BY at",  # noqa: S608
            (f"{config.run}-%",),
        )
        _tell(journal, "read-rows", "rows", [[r[0], r[1], int(r[2]), int(r[3]), float(r[4])] for r in rows])
        if config.site is None:
            return
        posts = session.ask(
            f"SELECT ID, post_title FROM {config.database.posts_table} WHERE post_title LIKE %s AND post_type = 'post'",  # noqa: S608
            (f"{config.run}-%",),
        )
        _tell(journal, "read-posts", "titles", [str(title) for _, title in posts])
    finally:
        session.close()
    _remove(config, journal, [int(number) for number, _ in posts])


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
