"""A client that inserts rows through an endpoint's name, in a container of its own, and says which were acknowledged.

It behaves as WordPress' database layer: when a statement fails, it connects anew and tries once more. A row is failed
only when that was refused, too.
"""

from __future__ import annotations

from altis_local.clock import Deadline, wait_until
from tests.stack.world import CLOCK, TABLE, World

_CLIENT = """
import itertools, os, signal, sys, threading
import pymysql
from altis_local.signals import on_signals

stop = threading.Event()
on_signals({signal.SIGTERM: stop.set})
tag, table = sys.argv[1:3]


def connect():
    return pymysql.connect(
        host="db-writer", user="wordpress", password=os.environ["DB_PASSWORD"], autocommit=True,
        connect_timeout=5, read_timeout=15, write_timeout=15,
    )


db = connect()
with db.cursor() as cursor:
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} (id VARCHAR(64) PRIMARY KEY)")
for number in itertools.count():
    if stop.is_set():
        break
    row, problem = f"{tag}-{number}", ""
    for _ in range(2):
        try:
            db = db or connect()
            with db.cursor() as cursor:
                cursor.execute(f"INSERT INTO {table} VALUES (%s) ON DUPLICATE KEY UPDATE id = id", (row,))
            print("ok", row, flush=True)
            break
        except (OSError, pymysql.MySQLError) as error:
            problem, db = f"{problem} {error}", None
    else:
        print("failed", row, problem, flush=True)
    stop.wait(0.01)
"""


class Inserter:
    """One such client at work, until `stop`."""

    def __init__(self, world: World, tag: str) -> None:
        self._world = world
        self._tag = tag
        self._id = world.helper(_CLIENT, tag, TABLE)
        self._last: list[str] = []
        self.more()

    def more(self, rows: int = 20, within: float = 60.0) -> None:
        """Wait until it was acknowledged so many rows more."""
        enough = len(self.acknowledged()) + rows
        done = wait_until(lambda: len(self.acknowledged()) >= enough, Deadline.after(within, CLOCK))
        assert done, f"fewer than {enough} rows within {within:.0f} s: {self._lines()[-3:]}"

    def acknowledged(self) -> list[str]:
        return [line.split()[1] for line in self._lines() if line.startswith("ok ")]

    def failed(self) -> list[str]:
        return [line for line in self._lines() if not line.startswith("ok ")]

    def stop(self) -> None:
        """End it; what it said stays."""
        self._world.engine.kill(self._id, "TERM")
        self._last = self._world.finish(self._id)
        self._id = ""

    def missing(self, member: str) -> set[str]:
        """Rows that were acknowledged and that the member does not have."""
        have = {row for (row,) in self._world.sql(member, f"SELECT id FROM {TABLE} WHERE id LIKE '{self._tag}-%'")}
        return set(self.acknowledged()) - have

    def _lines(self) -> list[str]:
        return list(self._world.engine.logs(self._id, 1_000_000)) if self._id else self._last
