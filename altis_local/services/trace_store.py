"""Segments in SQLite, bounded by age and by size; a request's line for every root.

One writer (the receiver's thread) and readers of their own. A final document replaces the one in progress, never the
other way round: datagrams may overtake each other. Losing the file loses traces and nothing else: it is never synced,
and one that a crash of the machine left unreadable is thrown away.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from altis_local.services.segments import RequestLine, Segment, request_line
from altis_local.services.trace_filter import Wanted

RETENTION = 30 * 86400.0

log = logging.getLogger(__name__)

_HEADROOM = 1.25
"""How far the file itself may grow beyond the bound, between two looks at it."""
_KEPT_SHARE = 0.8

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS segment (
  trace_id TEXT NOT NULL, id TEXT NOT NULL, in_progress INTEGER NOT NULL, received REAL NOT NULL, body TEXT NOT NULL,
  UNIQUE (trace_id, id)
);
CREATE INDEX IF NOT EXISTS segment_received ON segment (received);
CREATE TABLE IF NOT EXISTS request (
  trace_id TEXT NOT NULL, id TEXT NOT NULL, in_progress INTEGER NOT NULL, started REAL NOT NULL, duration REAL,
  method TEXT NOT NULL, url TEXT NOT NULL, status INTEGER NOT NULL, client_ip TEXT NOT NULL,
  fault INTEGER NOT NULL, error INTEGER NOT NULL,
  UNIQUE (trace_id, id)
);
CREATE INDEX IF NOT EXISTS request_started ON request (started);
"""
_PUT_SEGMENT = """
INSERT INTO segment VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET in_progress = excluded.in_progress, received = excluded.received, body = excluded.body
WHERE in_progress >= excluded.in_progress
"""
_PUT_REQUEST = """
INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET in_progress = excluded.in_progress, started = excluded.started,
  duration = excluded.duration, method = excluded.method, url = excluded.url, status = excluded.status,
  client_ip = excluded.client_ip, fault = excluded.fault, error = excluded.error
WHERE in_progress >= excluded.in_progress
"""
_LIST = """
SELECT trace_id, id, started, duration, in_progress, method, url, status, client_ip, fault, error
FROM request WHERE started BETWEEN ? AND ? {} ORDER BY started DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One request in the list; `duration` in seconds, None while it is in progress."""

    trace_id: str
    id: str
    started: float
    duration: float | None
    line: RequestLine

    def as_dict(self) -> Mapping[str, object]:
        head = {"trace_id": self.trace_id, "id": self.id, "started": self.started, "duration": self.duration}
        return {**head, "in_progress": self.duration is None, **asdict(self.line)}


class TraceStore:
    """`add`, `prune` and `close` belong to one thread; the rest may be called from any."""

    def __init__(self, file: Path, *, largest: int, now: Callable[[], float], retention: float = RETENTION) -> None:
        self._file = file
        self._largest = largest
        self._now = now
        self._retention = retention
        self._writer = self._prepared()
        page = self._writer.execute("PRAGMA page_size").fetchone()[0]
        self._writer.execute(f"PRAGMA max_page_count = {int(largest * _HEADROOM) // page}")

    def _prepared(self) -> sqlite3.Connection:
        try:
            connection = self._open()
            connection.executescript(_SCHEMA)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            log.warning("the kept traces are not readable and go: %s", error)
            for file in self._file.parent.glob(f"{self._file.name}*"):
                file.unlink()
            connection = self._open()
            connection.executescript(_SCHEMA)
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=5, check_same_thread=False)
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY")
        return connection

    def add(self, segments: Sequence[Segment]) -> None:
        """Keep them; where the file is full, the oldest traces go first."""
        try:
            self._put(segments)
        except sqlite3.OperationalError:
            self.prune(share=_KEPT_SHARE)
            self._put(segments)

    def _put(self, segments: Sequence[Segment]) -> None:
        received = self._now()
        with self._writer:
            self._writer.executemany(
                _PUT_SEGMENT, [(one.trace_id, one.id, one.in_progress, received, one.text) for one in segments]
            )
            self._writer.executemany(_PUT_REQUEST, [_request_row(one) for one in segments if not one.parent_id])

    def prune(self, *, share: float = 1.0) -> None:
        """Remove what is too old; then, while more than `share` of the bound is used, the oldest tenth."""
        self._remove_before(self._now() - self._retention)
        if self.used() <= self._largest * share:
            return
        while self.used() > self._largest * min(share, _KEPT_SHARE):
            count = self._count(self._writer, "segment")
            if not count:
                return
            oldest = self._writer.execute(
                "SELECT received FROM segment ORDER BY received LIMIT 1 OFFSET ?", (min(count // 10 + 1, count - 1),)
            )
            self._remove_before(oldest.fetchone()[0], including=True)

    def _remove_before(self, moment: float, *, including: bool = False) -> None:
        """Whole traces, of which a part is that old."""
        before = "<=" if including else "<"
        with self._writer:
            for table in ("request", "segment"):  # segment last: it is what tells which
                self._writer.execute(
                    f"DELETE FROM {table} WHERE trace_id IN "  # noqa: S608 - nothing from outside is in it
                    f"(SELECT trace_id FROM segment WHERE received {before} ?)",
                    (moment,),
                )

    def used(self) -> int:
        """Bytes in use; pages that were freed do not count, they are used again."""
        pages, free, size = (
            self._writer.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def close(self) -> None:
        self._writer.close()

    def requests(self, wanted: Wanted) -> tuple[Row, ...]:
        """The list, newest first."""
        condition = f"AND ({wanted.condition})" if wanted.condition else ""
        with self._reader() as reader:
            found = reader.execute(
                _LIST.format(condition), (wanted.since, wanted.until, *wanted.values, wanted.limit)
            ).fetchall()
        return tuple(_row(columns) for columns in found)

    def documents(self, trace_id: str) -> tuple[str, ...]:
        """Everything that is known of a trace, as JSON texts."""
        with self._reader() as reader:
            found = reader.execute("SELECT body FROM segment WHERE trace_id = ? ORDER BY rowid", (trace_id.lower(),))
            return tuple(body for (body,) in found)

    def counts(self) -> Mapping[str, int]:
        with self._reader() as reader:
            return {f"{table}s": self._count(reader, table) for table in ("request", "segment")}

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with closing(self._open()) as connection:
            yield connection

    @staticmethod
    def _count(connection: sqlite3.Connection, table: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a fixed name


def _request_row(root: Segment) -> tuple[object, ...]:
    line = request_line(root)
    duration = None if root.ended is None else max(0.0, root.ended - root.started)
    head = (root.trace_id, root.id, root.in_progress, root.started, duration)
    return (*head, line.method, line.url, line.status, line.client_ip, line.fault, line.error)


def _row(columns: tuple[object, ...]) -> Row:
    trace_id, own_id, started, duration, in_progress, *line = columns
    method, url, status, client_ip, fault, error = line
    return Row(
        trace_id=str(trace_id),
        id=str(own_id),
        started=float(str(started)),
        duration=None if in_progress or duration is None else float(str(duration)),
        line=RequestLine(str(method), str(url), int(str(status)), str(client_ip), bool(fault), bool(error)),
    )
