"""Metadata: one row per bucket, object version, multipart upload and part, in SQLite with a write-ahead log.

`commit` returns only when its rows are on disk. One thread writes for all (group commit), and reads each row's content
from memory at that moment: so no row is ever older than what another, earlier commit has seen. A commit that fails
leaves memory ahead of the disk, which cannot be mended from here: the process has to end (`on_failure`).
Knows nothing of S3 or LocalStack.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

FORMAT = "1"
"""Of the rows and tables. State of another format is refused, never touched."""

BATCH = 256
_CACHE_PAGES = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows(
    kind TEXT, bucket TEXT, name TEXT, part TEXT, position INTEGER, content BLOB,
    PRIMARY KEY(kind, bucket, name, part)
) WITHOUT ROWID;
"""


class ForeignState(Exception):
    """The volume holds state that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a row is about. `name`, `part`: key and version of an object, id and number of an upload's part."""

    kind: str
    bucket: str
    name: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a row says. `position`: rows of a kind are read in its order (the order of an object's versions)."""

    data: bytes
    position: int = 0


_CASCADE = {
    "bucket": "DELETE FROM rows WHERE kind IN ('object', 'upload', 'part') AND bucket = ?",
    "upload": "DELETE FROM rows WHERE kind = 'part' AND bucket = ? AND name = ?",
}
"""Nothing outlives what it belongs to."""


@dataclass(slots=True)
class _Request:
    rows: tuple[Row, ...]
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Journal:
    """`read` gives a row's present content, None when it is gone; it is called in the writing thread."""

    def __init__(
        self, path: Path, read: Callable[[Row], Content | None], on_failure: Callable[[BaseException], None]
    ) -> None:
        self._read, self._on_failure = read, on_failure
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._run, daemon=True, name="s3-journal")
        self._database = _open(path)

    def rows(self, kind: str) -> Iterator[tuple[Row, bytes]]:
        """Every row of a kind, in order. Before `start` only."""
        select = "SELECT bucket, name, part, content FROM rows WHERE kind = ? ORDER BY position, bucket, name, part"
        for bucket, name, part, content in self._database.execute(select, (kind,)):
            yield Row(kind, bucket, name, part), content

    def last_position(self) -> int:
        return int(self._database.execute("SELECT coalesce(max(position), 0) FROM rows").fetchone()[0])

    def start(self) -> None:
        self._writer.start()

    def commit(self, rows: Iterable[Row]) -> None:
        """Write what the rows are now; returns when that is on disk."""
        request = _Request(tuple(rows))
        self._queue.put(request)
        request.done.wait()
        if request.error is not None:
            raise request.error

    def close(self) -> None:
        """For tests: a container is simply killed."""
        self._queue.put(None)
        if self._writer.ident:
            self._writer.join()
        self._database.close()

    def _run(self) -> None:
        while batch := self._next_batch():
            error: BaseException | None = None
            try:
                self._write(dict.fromkeys(row for request in batch for row in request.rows))
            except BaseException as problem:  # whatever it was, memory is now ahead of the disk
                error = problem
                self._on_failure(problem)
            for request in batch:
                request.error = error
                request.done.set()

    def _next_batch(self) -> list[_Request]:
        """At least one request, and those that came meanwhile; empty at the end."""
        first = self._queue.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < BATCH and not self._queue.empty():
            if (request := self._queue.get()) is None:
                self._queue.put(None)
                break
            batch.append(request)
        return batch

    def _write(self, rows: Iterable[Row]) -> None:
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            for row in rows:
                identity = (row.kind, row.bucket, row.name, row.part)
                if (content := self._read(row)) is not None:
                    database.execute(
                        "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?)",
                        (*identity, content.position, content.data),
                    )
                    continue
                database.execute("DELETE FROM rows WHERE kind = ? AND bucket = ? AND name = ? AND part = ?", identity)
                if row.kind in _CASCADE:
                    database.execute(_CASCADE[row.kind], (row.bucket, row.name)[: _CASCADE[row.kind].count("?")])
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


def _open(path: Path) -> sqlite3.Connection:
    """Open and claim the database. A second process on the same volume fails here, before it can do harm."""
    is_new = not path.exists()
    database = sqlite3.connect(path, timeout=2, isolation_level=None, check_same_thread=False)
    try:
        # Without a shared-memory file: one process only, and nothing to write before the first commit.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        if is_new:  # it writes, and a volume that is full must still be opened
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA wal_autocheckpoint = {_CACHE_PAGES}")
        database.execute(f"PRAGMA journal_size_limit = {_CACHE_PAGES * 4096}")
        _check_format(database)
        _compact(database)
    except sqlite3.OperationalError as error:
        database.close()
        raise ForeignState(f"{path}: {error} (is another container using this volume?)") from error
    except sqlite3.DatabaseError as error:
        database.close()
        raise ForeignState(f"{path} is not the journal that it was: {error}") from error
    except BaseException:
        database.close()
        raise
    return database


def _check_format(database: sqlite3.Connection) -> None:
    known = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0]
    if not known:
        database.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.strip().split(";\n"):
            database.execute(statement)
        database.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))
        database.execute("COMMIT")
    found = database.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    if not found or found[0] != FORMAT:
        raise ForeignState(f"its format is {found[0] if found else 'unknown'}, this version reads {FORMAT}")


def _compact(database: sqlite3.Connection) -> None:
    """Give space of deleted rows back to the volume once it is more than half of the file."""
    free = database.execute("PRAGMA freelist_count").fetchone()[0]
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    if free > _CACHE_PAGES and free * 2 > pages:
        # As a script, which runs a statement to its end: `execute` would free one page only.
        database.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
